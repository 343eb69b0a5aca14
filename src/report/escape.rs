//! Escaping of hostile text, one function per output format.
//!
//! Text from servers, lockfiles and certificates reaches people through a terminal. What a terminal would
//! interpret, reorder or not show at all is written as a visible `\u{..}` escape. Escapes are unambiguous: text
//! that spells an escape itself has its backslash escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Which characters the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// All visible characters of Unicode.
    Unicode,
    /// ASCII only; every other character is escaped.
    Ascii,
}

/// A stretch of text on its way to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that shows as itself.
    Plain(&'a str),
    /// A character that must be shown as an escape; see [`escape`].
    Hidden(char),
}

/// Nonspacing marks in a row that are shown; more of them climb over the neighbouring lines.
const MAX_MARKS: usize = 5;

/// Splits `text` into what can be shown and what must be escaped.
pub fn pieces(text: &str, charset: Charset) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut context = Context::default();
    std::iter::from_fn(move || {
        let mut plain = 0;
        for (at, c) in rest.char_indices() {
            let after = rest.get(at + c.len_utf8()..).unwrap_or_default();
            let shown = context.shows(c, after, charset);
            if shown {
                context.push(c);
                plain = at + c.len_utf8();
                continue;
            }
            if at > 0 {
                break;
            }
            context = Context::default();
            rest = after;
            return Some(Piece::Hidden(c));
        }
        if plain == 0 {
            return None;
        }
        let (head, tail) = rest.split_at(plain);
        rest = tail;
        Some(Piece::Plain(head))
    })
}

/// The characters before the one at hand that decide whether it can be seen.
#[derive(Default)]
struct Context {
    previous: Option<char>,
    marks: usize,
}

impl Context {
    fn shows(&self, c: char, after: &str, charset: Charset) -> bool {
        match c {
            '\\' => !after.starts_with("u{"),
            ' '..='~' => true,
            _ if charset == Charset::Ascii => false,
            '\u{fe0e}' | '\u{fe0f}' => self.styles_emoji(after),
            _ if is_blank(c) => false,
            _ => match get_general_category(c) {
                Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::PrivateUse
                | Category::Unassigned
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::SpaceSeparator => false,
                Category::NonspacingMark | Category::EnclosingMark => {
                    self.previous.is_some() && self.marks < MAX_MARKS
                }
                Category::SpacingMark => self.previous.is_some(),
                _ => true,
            },
        }
    }

    fn push(&mut self, c: char) {
        let mark = matches!(get_general_category(c), Category::NonspacingMark | Category::EnclosingMark);
        self.marks = if mark { self.marks + 1 } else { 0 };
        self.previous = Some(c);
    }

    /// Whether a variation selector here chooses between the text and the emoji form of a symbol, its only use
    /// that can be seen; elsewhere selectors carry hidden bytes.
    fn styles_emoji(&self, after: &str) -> bool {
        match self.previous {
            Some('0'..='9' | '#' | '*') => after.starts_with('\u{20e3}'),
            Some(c) if !c.is_ascii() => matches!(
                get_general_category(c),
                Category::OtherSymbol | Category::MathSymbol | Category::ModifierSymbol
            ),
            _ => false,
        }
    }
}

/// Letters, marks and symbols that occupy a cell or none and show nothing.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{ffa0}'
        | '\u{13441}'..='\u{13442}' | '\u{1d159}' | '\u{e0000}'..='\u{e0fff}')
}

/// The visible form of a hidden character, such as `\u{200b}`.
pub fn escape(c: char) -> String {
    format!("\\u{{{:x}}}", u32::from(c))
}

/// `text` as it may be written to a terminal that shows Unicode: on one line, nothing hidden, nothing obeyed.
pub fn terminal(text: &str) -> Cow<'_, str> {
    terminal_in(text, Charset::Unicode)
}

/// [`terminal`], for a terminal that may show ASCII only.
pub fn terminal_in(text: &str, charset: Charset) -> Cow<'_, str> {
    let mut pieces = pieces(text, charset);
    match (pieces.next(), pieces.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(Piece::Plain(all)), None) => Cow::Borrowed(all),
        (first, second) => {
            let mut out = String::with_capacity(text.len() + 16);
            for piece in first.into_iter().chain(second).chain(pieces) {
                match piece {
                    Piece::Plain(plain) => out.push_str(plain),
                    Piece::Hidden(c) => {
                        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                    }
                }
            }
            Cow::Owned(out)
        }
    }
}

/// A name as it may stand in a sentence or heading: bare where it is a plain word, else escaped and in double
/// quotes, so that a name cannot pass for the text around it.
pub fn name(text: &str, charset: Charset) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@#$?=&%+~{}".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let escaped = terminal_in(text, charset).replace('"', "\\u{22}");
    Cow::Owned(format!("\"{escaped}\""))
}

/// Columns that an escaped text takes.
pub fn width(escaped: &str) -> usize {
    escaped.width()
}

/// An escaped text cut to at most `columns`, with a mark at the cut. Escapes are not cut in two.
pub fn shorten(escaped: &str, columns: usize, charset: Charset) -> Cow<'_, str> {
    if width(escaped) <= columns {
        return Cow::Borrowed(escaped);
    }
    let mark = ellipsis(charset);
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let mut end = 0;
    let mut open = None;
    for (at, c) in escaped.char_indices() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        if c == '\\' && escaped.get(at..).is_some_and(|rest| rest.starts_with("\\u{")) {
            open = Some(at);
        }
        if c == '}' {
            open = None;
        }
        end = at + c.len_utf8();
    }
    let kept = escaped.get(..open.unwrap_or(end)).unwrap_or_default();
    Cow::Owned(format!("{kept}{mark}"))
}

/// The mark of a cut.
pub fn ellipsis(charset: Charset) -> &'static str {
    match charset {
        Charset::Unicode => "…",
        Charset::Ascii => "...",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(text: &str, expected: &str) {
        assert_eq!(terminal(text), expected);
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in
            ["", "read_file", "C:\\new\\table", "naïve café", "日本語", "שלום", "[/]x", "a\u{301}", "#1 * 2"]
        {
            shows(text, text);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        shows("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m");
        shows("\u{9b}31m", "\\u{9b}31m");
        shows("a\nb\r\tc\u{7}\u{8}\u{7f}", "a\\u{a}b\\u{d}\\u{9}c\\u{7}\\u{8}\\u{7f}");
        shows("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}");
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2063}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{a0}',
            '\u{2003}',
            '\u{3000}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e000}',
            '\u{fffe}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e01ef}',
            '\u{f0000}',
            '\u{10fffd}',
        ] {
            shows(&format!("a{c}b"), &format!("a{}b", escape(c)));
        }
    }

    #[test]
    fn variation_selectors_are_shown_unless_they_choose_an_emoji_form() {
        shows("❤\u{fe0f}", "❤\u{fe0f}");
        shows("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}");
        shows("1\u{fe0f}", "1\\u{fe0f}");
        shows("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}\\u{fe0f}");
        shows("\u{fe0f}", "\\u{fe0f}");
    }

    #[test]
    fn marks_cannot_join_the_text_before_or_pile_up() {
        shows("\u{301}a", "\\u{301}a");
        shows("\u{200b}\u{301}", "\\u{200b}\\u{301}");
        let pile = "a".to_owned() + &"\u{301}".repeat(7);
        assert_eq!(terminal(&pile), "a".to_owned() + &"\u{301}".repeat(5) + "\\u{301}\\u{301}");
    }

    #[test]
    fn an_escape_spelled_by_the_text_is_not_mistaken_for_one() {
        shows("\\u{200b}", "\\u{5c}u{200b}");
        shows("\\\\u{", "\\\\u{5c}u{");
        assert_ne!(terminal("\\u{200b}"), terminal("\u{200b}"));
    }

    #[test]
    fn ascii_terminals_get_ascii() {
        assert_eq!(terminal_in("é日", Charset::Ascii), "\\u{e9}\\u{65e5}");
        assert!(terminal_in("naïve ❤\u{fe0f}", Charset::Ascii).is_ascii());
    }

    #[test]
    fn names_that_are_not_plain_words_are_quoted() {
        let named = |text| name(text, Charset::Unicode).into_owned();
        assert_eq!(named("read_file"), "read_file");
        assert_eq!(named("file:///{path}"), "file:///{path}");
        assert_eq!(named(""), "\"\"");
        assert_eq!(named("[/]x"), "\"[/]x\"");
        assert_eq!(named("a\" (reviewed"), "\"a\\u{22} (reviewed\"");
        assert_eq!(named("a\u{202e}"), "\"a\\u{202e}\"");
    }

    #[test]
    fn shortening_counts_columns_and_keeps_escapes_whole() {
        let short = |text: &str, columns| shorten(text, columns, Charset::Unicode).into_owned();
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("abcdefg", 6), "abcde…");
        assert_eq!(short("日本語日本語", 6), "日本…");
        assert_eq!(short("ab\\u{200b}cd", 8), "ab…");
        assert_eq!(short("ab\\u{200b}cd", 11), "ab\\u{200b}…");
        assert_eq!(shorten("abcdefg", 6, Charset::Ascii), "abc...");
        assert_eq!(short("abc", 0), "…");
    }
}
