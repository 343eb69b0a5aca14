//! Lines for a terminal: styled text, wrapped at a width behind a prefix, written to any writer.

use std::io;

use unicode_width::UnicodeWidthChar as _;

use super::Style;
use super::escape::{self, Charset, Piece};
use crate::finding::Severity;

/// What a stretch of text is, and so its colour. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Removed,
    Added,
    Hidden,
    Of(Severity),
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Removed => "31",
            Self::Added => "32",
            Self::Hidden => "1;97;45",
            Self::Of(Severity::Critical) => "1;97;41",
            Self::Of(Severity::High) => "1;31",
            Self::Of(Severity::Moderate) => "1;33",
            Self::Of(Severity::Low) => "36",
            Self::Of(Severity::Info) => "34",
        }
    }
}

/// How the layout treats an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Solid,
    Space,
    Break,
}

/// The smallest part of a text that is never split: a character with its marks, or one escape.
#[derive(Debug, Clone, Copy)]
struct Atom {
    end: usize,
    width: usize,
    ink: Ink,
    role: Role,
}

/// Styled text without a layout. Everything in it is already safe to show.
#[derive(Debug, Default, Clone)]
pub(super) struct Text {
    buffer: String,
    atoms: Vec<Atom>,
}

/// Runs up to these lengths are written out.
const MAX_HIDDEN: usize = 8;
const MAX_SPACES: usize = 24;
const MAX_BREAKS: usize = 3;

/// One character, as often as it follows itself.
struct Run {
    c: char,
    hidden: bool,
    length: usize,
}

fn runs(text: &str, charset: Charset) -> impl Iterator<Item = Run> + '_ {
    let characters = escape::pieces(text, charset).flat_map(|piece| {
        let (plain, hidden) = match piece {
            Piece::Plain(plain) => (plain, None),
            Piece::Hidden(c) => ("", Some(c)),
        };
        plain.chars().map(|c| (c, false)).chain(hidden.map(|c| (c, true)))
    });
    let mut characters = characters.peekable();
    std::iter::from_fn(move || {
        let (c, hidden) = characters.next()?;
        let mut length = 1;
        while characters.next_if_eq(&(c, hidden)).is_some() {
            length += 1;
        }
        Some(Run { c, hidden, length })
    })
}

/// How [`Text::foreign`] reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// On one line: a line feed is a hidden character like others.
    Line,
    /// Line feeds end lines.
    Lines,
    /// Like `Lines`, in a passage with `[-removed-]` and `{+added+}` marks: marks that the text spells itself are
    /// escaped.
    Marked,
    /// Like `Marked`, inside a mark.
    Changed,
}

impl Text {
    /// Text that is safe to show; see [`Text::push_own`].
    pub(super) fn own(mut self, text: &str, ink: Ink) -> Self {
        self.push_own(text, ink);
        self
    }

    /// Text from outside; see [`Text::push_foreign`].
    pub(super) fn foreign(mut self, text: &str, ink: Ink, style: &Style) -> Self {
        self.push_foreign(text, ink, Reading::Line, style);
        self
    }

    /// This text and then `more`.
    pub(super) fn join(mut self, more: Self) -> Self {
        self.append(more);
        self
    }

    pub(super) fn append(&mut self, more: Self) {
        let offset = self.buffer.len();
        self.buffer.push_str(&more.buffer);
        self.atoms.extend(more.atoms.into_iter().map(|atom| Atom { end: atom.end + offset, ..atom }));
    }

    /// Adds text that is safe to show: our own words, and what [`escape`] made of others'. Its escapes are kept
    /// whole and stand out.
    pub(super) fn push_own(&mut self, text: &str, ink: Ink) {
        let mut rest = text;
        while let Some(at) = rest.find("\\u{") {
            let (plain, escaped) = rest.split_at(at);
            plain.chars().for_each(|c| self.push_char(c, ink));
            let end = escaped.find('}').map_or(escaped.len(), |end| end + 1);
            let (escape, tail) = escaped.split_at(end);
            self.push_whole(escape);
            rest = tail;
        }
        rest.chars().for_each(|c| self.push_char(c, ink));
    }

    /// Adds text from outside, escaped; what was hidden in it stands out.
    ///
    /// A long run of one blank or hidden character is written once with its length, as in `\u{20*500}`, so that
    /// it cannot push what follows out of view.
    pub(super) fn push_foreign(&mut self, text: &str, ink: Ink, reading: Reading, style: &Style) {
        let mut before = None;
        let mut runs = runs(text, style.charset()).peekable();
        while let Some(Run { c, hidden, length }) = runs.next() {
            let next = runs.peek().map(|run| run.c);
            if c == '\n' && reading != Reading::Line {
                if length > MAX_BREAKS {
                    self.push_escape(c, length);
                    self.push_break();
                } else {
                    (0..length).for_each(|_| self.push_break());
                }
            } else if (hidden && length > MAX_HIDDEN) || (c == ' ' && length > MAX_SPACES) {
                self.push_escape(c, length);
            } else if hidden || reading.is_mark(before, c, next) {
                (0..length).for_each(|_| self.push_escape(c, 1));
            } else {
                (0..length).for_each(|_| self.push_char(c, ink));
            }
            before = Some(c);
        }
    }

    /// Adds every character of `text` as an escape: for changes in white space alone.
    pub(super) fn push_escaped(&mut self, text: &str) {
        for c in text.chars() {
            self.push_escape(c, 1);
        }
    }

    pub(super) fn push_break(&mut self) {
        self.atoms.push(Atom { end: self.buffer.len(), width: 0, ink: Ink::Plain, role: Role::Break });
    }

    fn push_escape(&mut self, c: char, times: usize) {
        let mut escape = escape::escape(c);
        if times > 1 {
            escape = format!("{}*{times}}}", escape.trim_end_matches('}'));
        }
        self.push_whole(&escape);
    }

    /// Adds an escape as one atom.
    fn push_whole(&mut self, escape: &str) {
        self.buffer.push_str(escape);
        self.atoms.push(Atom {
            end: self.buffer.len(),
            width: escape.len(),
            ink: Ink::Hidden,
            role: Role::Solid,
        });
    }

    fn push_char(&mut self, c: char, ink: Ink) {
        self.buffer.push(c);
        let end = self.buffer.len();
        let width = c.width().unwrap_or(0);
        if let (0, Some(last)) = (width, self.atoms.last_mut()) {
            last.end = end;
            return;
        }
        let role = if c == ' ' { Role::Space } else { Role::Solid };
        self.atoms.push(Atom { end, width, ink, role });
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).and_then(|before| self.atoms.get(before)).map_or(0, |atom| atom.end)
    }

    /// Columns of the whole text on one line; line breaks count nothing.
    pub(super) fn width(&self) -> usize {
        self.atoms.iter().map(|atom| atom.width).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    /// The ranges of atoms that make the lines of this text at `width` columns.
    fn lines(&self, width: usize) -> Vec<(usize, usize)> {
        let mut lines = Vec::new();
        let (mut start, mut used) = (0, 0);
        let mut space = None;
        let mut wrapped_at_end = false;
        for (at, atom) in self.atoms.iter().enumerate() {
            if atom.role == Role::Break {
                // A space that was wrapped away at the very end of a line has ended that line already.
                if !(wrapped_at_end && start == at) {
                    lines.push((start, at));
                }
                (start, used, space, wrapped_at_end) = (at + 1, 0, None, false);
                continue;
            }
            if used + atom.width > width && at > start {
                // A space that would begin a line is left out: the break stands for it.
                let (end, next) = match (atom.role, space) {
                    (Role::Space, _) => (at, at + 1),
                    (_, Some(space)) => (space, space + 1),
                    _ => (at, at),
                };
                lines.push((start, end));
                (start, space) = (next, None);
                used = self.atoms.get(start..at).unwrap_or_default().iter().map(|atom| atom.width).sum();
                wrapped_at_end = atom.role == Role::Space;
                if wrapped_at_end {
                    continue;
                }
            }
            used += atom.width;
            if atom.role == Role::Space && at > start {
                space = Some(at);
            }
        }
        lines.push((start, self.atoms.len()));
        lines
    }
}

impl Reading {
    /// Whether `c` would read as part of a mark: `[-`, `-]`, `{+`, `+}`, spelled by the text or made together
    /// with the mark around it.
    fn is_mark(self, before: Option<char>, c: char, next: Option<char>) -> bool {
        let spelled = matches!(
            (c, next, before),
            ('-', Some(']'), _) | ('+', Some('}'), _) | ('-', _, Some('[')) | ('+', _, Some('{'))
        );
        match self {
            Self::Line | Self::Lines => false,
            Self::Marked => spelled,
            Self::Changed => {
                spelled
                    || (before.is_none() && matches!(c, ']' | '}'))
                    || (next.is_none() && matches!(c, '[' | '{'))
            }
        }
    }
}

/// A writer of lines in one style.
pub(super) struct Sheet<'a, W> {
    out: &'a mut W,
    pub(super) style: &'a Style,
    /// Whether long values are written whole.
    full: bool,
    /// Whether a value was cut.
    cut: bool,
    /// Lines written so far.
    lines: usize,
}

impl<'a, W: io::Write> Sheet<'a, W> {
    pub(super) fn new(out: &'a mut W, style: &'a Style) -> Self {
        Self { out, style, full: false, cut: false, lines: 0 }
    }

    /// Without the bounds on single values.
    pub(super) fn full(self, full: bool) -> Self {
        Self { full, ..self }
    }

    /// The bound that holds here: `lines` or characters, or none at all.
    pub(super) fn at_most(&self, bound: usize) -> usize {
        if self.full { usize::MAX } else { bound }
    }

    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Remembers that a value was cut.
    pub(super) fn was_cut(&mut self) {
        self.cut = true;
    }

    /// Whether a value was cut.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.lines += 1;
        self.out.write_all(b"\n")
    }

    /// Writes a text of our own as a paragraph at the left edge.
    pub(super) fn say(&mut self, text: &Text) -> io::Result<()> {
        self.flow(&Text::default(), &Text::default(), text, usize::MAX).map(drop)
    }

    /// Writes `text` wrapped, `first` before its first line and `rest` before the others, at most `max_lines`
    /// lines. Returns how many characters were left out.
    pub(super) fn flow(
        &mut self,
        first: &Text,
        rest: &Text,
        text: &Text,
        max_lines: usize,
    ) -> io::Result<usize> {
        let indent = first.width().max(rest.width());
        let lines = text.lines(self.style.columns().saturating_sub(indent).max(16));
        let cut = lines.len() > max_lines;
        for (number, &(start, end)) in lines.iter().take(max_lines).enumerate() {
            let prefix = if number == 0 { first } else { rest };
            self.row(&[(prefix, 0, prefix.atoms.len()), (text, start, end)])?;
        }
        let left = lines.get(max_lines).filter(|_| cut).map(|&(start, _)| start);
        Ok(left.map_or(0, |start| text.atoms.len().saturating_sub(start)))
    }

    /// Writes `text` on one line, however long: for what is copied, such as a command.
    pub(super) fn unwrapped(&mut self, text: &Text) -> io::Result<()> {
        self.row(&[(text, 0, text.atoms.len())])
    }

    fn row(&mut self, parts: &[(&Text, usize, usize)]) -> io::Result<()> {
        let mut line = String::new();
        let mut ink = Ink::Plain;
        for &(text, start, end) in parts {
            let mut begin = text.start(start);
            for atom in text.atoms.get(start..end).unwrap_or_default() {
                let content = text.buffer.get(begin..atom.end).unwrap_or_default();
                begin = atom.end;
                if self.style.color && atom.ink != ink {
                    if !ink.code().is_empty() {
                        line.push_str("\x1b[0m");
                    }
                    if !atom.ink.code().is_empty() {
                        line.push_str(&format!("\x1b[{}m", atom.ink.code()));
                    }
                    ink = atom.ink;
                }
                line.push_str(content);
            }
        }
        if self.style.color && !ink.code().is_empty() {
            line.push_str("\x1b[0m");
        }
        let end = if self.style.color { line.len() } else { line.trim_end_matches(' ').len() };
        self.lines += 1;
        self.out.write_all(line.get(..end).unwrap_or_default().as_bytes())?;
        self.out.write_all(b"\n")
    }
}

impl Style {
    pub(super) fn charset(&self) -> Charset {
        if self.unicode { Charset::Unicode } else { Charset::Ascii }
    }

    /// Columns that lines may take: long lines are hard to read, and in very narrow ones nothing fits.
    pub(super) fn columns(&self) -> usize {
        self.width.clamp(40, 110)
    }

    /// The bar before text from outside.
    pub(super) fn gutter(&self) -> &'static str {
        if self.unicode { "│ " } else { "| " }
    }

    /// The bar before a note of ours between lines from outside.
    pub(super) fn note_gutter(&self) -> &'static str {
        if self.unicode { "┆ " } else { ": " }
    }

    pub(super) fn rule(&self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { color: false, width: 40, unicode: true };

    fn laid(text: &str, width: usize) -> Vec<String> {
        let mut styled = Text::default();
        styled.push_foreign(text, Ink::Plain, Reading::Lines, &STYLE);
        let line = |&(start, end): &(usize, usize)| {
            let from = styled.start(start);
            styled.buffer[from..styled.start(end).max(from)].to_owned()
        };
        styled.lines(width).iter().map(line).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_within_words_only_where_they_must() {
        assert_eq!(laid("", 8), [""]);
        assert_eq!(laid("one two three", 8), ["one two", "three"]);
        assert_eq!(laid("one two", 7), ["one two"]);
        assert_eq!(laid("aaaabbbbcc d", 4), ["aaaa", "bbbb", "cc d"]);
        assert_eq!(laid("日本語日本語", 5), ["日本", "語日", "本語"]);
    }

    #[test]
    fn line_feeds_are_kept_and_none_are_added() {
        assert_eq!(laid("a\n\nb\n", 8), ["a", "", "b", ""]);
        assert_eq!(laid("  indented\nfour \nx", 10), ["  indented", "four ", "x"]);
        assert_eq!(laid("four \nx", 4), ["four", "x"]);
    }

    #[test]
    fn escapes_and_characters_with_marks_stay_whole() {
        assert_eq!(laid("ab\u{200b}cd", 9), ["ab", "\\u{200b}c", "d"]);
        assert_eq!(laid("aaa\u{301}b", 3), ["aaa\u{301}", "b"]);
    }

    #[test]
    fn long_runs_are_counted() {
        let shown = |text: &str| laid(text, 80).join("/");
        assert_eq!(shown(&"\u{200b}".repeat(8)), "\\u{200b}".repeat(8));
        assert_eq!(shown(&"\u{200b}".repeat(9)), "\\u{200b*9}");
        assert_eq!(shown(&format!("a{}b", " ".repeat(25))), "a\\u{20*25}b");
        assert_eq!(shown(&format!("a{}b", "\n".repeat(3))), "a///b");
        assert_eq!(shown(&format!("a{}b", "\n".repeat(4))), "a\\u{a*4}/b");
    }

    #[test]
    fn a_text_cannot_spell_a_mark() {
        let shown = |text: &str, reading| {
            let mut styled = Text::default();
            styled.push_foreign(text, Ink::Plain, reading, &STYLE);
            styled.buffer
        };
        assert_eq!(shown("[-a-] {+b+}", Reading::Lines), "[-a-] {+b+}");
        assert_eq!(shown("[-a-] {+b+}", Reading::Marked), "[\\u{2d}a\\u{2d}] {\\u{2b}b\\u{2b}}");
        assert_eq!(shown("a[i] - {b} + c", Reading::Marked), "a[i] - {b} + c");
        assert_eq!(shown("]a[", Reading::Changed), "\\u{5d}a\\u{5b}");
        assert_eq!(shown("]a[", Reading::Marked), "]a[");
    }
}
