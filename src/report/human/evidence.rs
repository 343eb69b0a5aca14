//! What a change was and is now: values, definitions, and long texts as a word-level difference.

use std::io;

use super::tree;
use crate::drift::text::{self, Span};
use crate::finding::Finding;
use crate::json::{Json, Value};
use crate::report::paint::{Ink, Reading, Sheet, Text};
use crate::report::{Style, escape};

/// Lines of one text, and of one value, that are shown.
const TEXT_LINES: usize = 30;
const VALUE_LINES: usize = 6;
/// Characters of one value that are considered at all.
const VALUE_CHARS: usize = 4_000;
/// Unchanged characters that stay on each side of a change.
const CONTEXT: usize = 120;
/// Characters of one stretch of removed and of added text that are shown.
const REMOVED_CHARS: usize = 600;
const ADDED_CHARS: usize = 2_400;
/// Texts up to this many characters are shown one above the other.
const SHORT: usize = 40;

/// Writes what `finding` has as evidence, behind `indent` spaces.
pub(super) fn show<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    finding: &Finding,
    indent: usize,
) -> io::Result<()> {
    let spans = match (&finding.before, &finding.after) {
        (Some(Value::String(before)), Some(Value::String(after))) => {
            let short = |text: &str| text.chars().nth(SHORT).is_none() && !text.contains('\n');
            if short(before) && short(after) { None } else { worded(before, after, usize::min) }
        }
        (Some(before), Some(after)) => {
            let (before, after) = (flat(before), flat(after));
            let short = |text: &str| text.chars().nth(2 * SHORT).is_none();
            if short(&before) && short(&after) { None } else { worded(&before, &after, usize::max) }
        }
        _ => None,
    };
    if let Some(spans) = spans {
        return difference(sheet, &spans, indent);
    }
    side(sheet, Side::Was, finding.before.as_ref(), finding, indent)?;
    side(sheet, Side::Now, finding.after.as_ref(), finding, indent)
}

/// The spans of a word-level difference, where at least half of one side is the same; with less in common, the
/// two are easier to read one after the other. `of` picks that side: the shorter one of texts, so that a long
/// addition is shown as one; the longer one of values, which share their syntax anyway.
fn worded(before: &str, after: &str, of: fn(usize, usize) -> usize) -> Option<Vec<Span>> {
    let spans = text::words(before, after);
    let same: usize =
        spans.iter().filter(|span| matches!(span, Span::Same(_))).map(|span| span_text(span).len()).sum();
    (same * 2 >= of(before.len(), after.len())).then_some(spans)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Was,
    Now,
}

impl Side {
    fn label(self) -> &'static str {
        match self {
            Self::Was => "was ",
            Self::Now => "now ",
        }
    }

    fn ink(self) -> Ink {
        match self {
            Self::Was => Ink::Removed,
            Self::Now => Ink::Added,
        }
    }
}

/// The bars before lines from outside and before notes of ours.
pub(super) struct Gutter {
    first: Text,
    rest: Text,
    note: Text,
}

impl Gutter {
    fn new(label: &str, ink: Ink, indent: usize, style: &Style) -> Self {
        let blank = " ".repeat(indent);
        let under = " ".repeat(label.len());
        let start = || Text::default().own(&blank, Ink::Plain);
        Self {
            first: start().own(label, ink).own(style.gutter(), Ink::Dim),
            rest: start().own(&under, Ink::Plain).own(style.gutter(), Ink::Dim),
            note: start().own(&under, Ink::Plain).own(style.note_gutter(), Ink::Dim),
        }
    }

    /// Columns that it takes.
    pub(super) fn width(&self) -> usize {
        self.rest.width()
    }

    /// Writes at most `lines` lines of `text`, and returns how many characters are left.
    pub(super) fn write<W: io::Write>(
        &mut self,
        sheet: &mut Sheet<'_, W>,
        text: &Text,
        lines: usize,
    ) -> io::Result<usize> {
        let left = sheet.flow(&self.first, &self.rest, text, lines)?;
        self.first = self.rest.clone();
        Ok(left)
    }

    /// [`Gutter::write`], with spaces between the bar and the text.
    pub(super) fn write_indented<W: io::Write>(
        &mut self,
        sheet: &mut Sheet<'_, W>,
        text: &Text,
        indent: usize,
        lines: usize,
    ) -> io::Result<usize> {
        let inner = self.rest.clone().own(&" ".repeat(indent), Ink::Plain);
        sheet.flow(&inner, &inner, text, lines)
    }

    pub(super) fn note<W: io::Write>(&self, sheet: &mut Sheet<'_, W>, note: &str) -> io::Result<()> {
        let text = Text::default().own(note, Ink::Dim);
        sheet.flow(&self.note, &self.note, &text, usize::MAX).map(drop)
    }

    pub(super) fn cut<W: io::Write>(&self, sheet: &mut Sheet<'_, W>, left: usize) -> io::Result<()> {
        if left == 0 {
            return Ok(());
        }
        sheet.was_cut();
        self.note(sheet, &format!("{}, not shown here", super::count(left, "more character")))
    }
}

fn side<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    side: Side,
    value: Option<&Json>,
    finding: &Finding,
    indent: usize,
) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let mut gutter = Gutter::new(side.label(), side.ink(), indent, sheet.style);
    let columns = sheet.style.columns().saturating_sub(gutter.width());
    let flat = flat_within(value, sheet.at_most(columns * VALUE_LINES));
    let on_one_line = flat.as_ref().filter(|flat| escape::width(flat) <= columns);
    match (value, on_one_line) {
        (Value::String(text), None) => {
            let (head, left) = head(text, sheet.at_most(ADDED_CHARS));
            let mut shown = Text::default();
            shown.push_foreign(head, Ink::Plain, Reading::Lines, sheet.style);
            let more = gutter.write(sheet, &shown, sheet.at_most(TEXT_LINES))?;
            gutter.cut(sheet, more + left)
        }
        (Value::Object(members), _) if finding.pointer.is_empty() && !members.is_empty() => {
            tree::show(sheet, &mut gutter, members, finding.name.as_deref())
        }
        (Value::Object(members), None) => tree::show(sheet, &mut gutter, members, None),
        _ => {
            let flat = flat.unwrap_or_else(|| self::flat(value));
            let (head, left) = head(&flat, sheet.at_most(VALUE_CHARS));
            let shown = Text::default().foreign(head, Ink::Plain, sheet.style);
            let more = gutter.write(sheet, &shown, sheet.at_most(VALUE_LINES))?;
            gutter.cut(sheet, more + left)
        }
    }
}

/// Writes a word-level difference.
fn difference<W: io::Write>(sheet: &mut Sheet<'_, W>, spans: &[Span], indent: usize) -> io::Result<()> {
    let mut gutter = Gutter::new("", Ink::Plain, indent, sheet.style);
    let mut text = Text::default();
    let end = sheet.at_most(sheet.lines().saturating_add(TEXT_LINES));
    let last = spans.len().saturating_sub(1);
    for (at, span) in spans.iter().enumerate() {
        let (content, change, keep_head, keep_tail) = match span {
            Span::Same(same) if steps(same).nth(3 * CONTEXT).is_some() => {
                let head = if at == 0 { 0 } else { CONTEXT };
                let tail = if at == last { 0 } else { CONTEXT };
                (same, Change::None, head, tail)
            }
            Span::Same(same) => (same, Change::None, usize::MAX, 0),
            Span::Removed(removed) => {
                (removed, Change::Removed, sheet.at_most(REMOVED_CHARS), REMOVED_CHARS / 2)
            }
            Span::Added(added) => (added, Change::Added, sheet.at_most(ADDED_CHARS), ADDED_CHARS / 2),
        };
        let Some((head, left, tail)) = middle(content, keep_head, keep_tail) else {
            change.push(&mut text, content, sheet.style);
            continue;
        };
        change.push(&mut text, head, sheet.style);
        let room = end.saturating_sub(sheet.lines());
        let more = if text.is_empty() { 0 } else { gutter.write(sheet, &text, room)? };
        if more > 0 || sheet.lines() >= end {
            let later: usize = spans.iter().skip(at + 1).map(|span| span_text(span).chars().count()).sum();
            return gutter.cut(sheet, more + left + tail.chars().count() + later);
        }
        if change != Change::None {
            sheet.was_cut();
        }
        gutter.note(sheet, &format!("{}{}", super::count(left, change.noun()), change.suffix()))?;
        text = Text::default();
        change.push(&mut text, tail, sheet.style);
    }
    if text.is_empty() {
        return Ok(());
    }
    let room = end.saturating_sub(sheet.lines());
    let more = gutter.write(sheet, &text, room)?;
    gutter.cut(sheet, more)
}

fn span_text(span: &Span) -> &str {
    let (Span::Same(text) | Span::Removed(text) | Span::Added(text)) = span;
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Removed,
    Added,
}

impl Change {
    fn push(self, text: &mut Text, content: &str, style: &Style) {
        if content.is_empty() {
            return;
        }
        let (open, close, ink) = match self {
            Self::None => return text.push_foreign(content, Ink::Plain, Reading::Marked, style),
            Self::Removed => ("[-", "-]", Ink::Removed),
            Self::Added => ("{+", "+}", Ink::Added),
        };
        if content.chars().all(char::is_whitespace) {
            text.push_own(open, ink);
            text.push_escaped(content);
            text.push_own(close, ink);
            return;
        }
        // Each line has its own marks: in the middle of a long passage the eye does not search for them.
        let mut lines = content.split('\n').peekable();
        while let Some(line) = lines.next() {
            if !line.is_empty() {
                text.push_own(open, ink);
                text.push_foreign(line, ink, Reading::Changed, style);
                text.push_own(close, ink);
            }
            if lines.peek().is_some() {
                text.push_break();
            }
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::None => "unchanged character",
            Self::Removed => "removed character",
            Self::Added => "added character",
        }
    }

    fn suffix(self) -> &'static str {
        if self == Self::None { "" } else { ", not shown here" }
    }
}

/// Byte offsets of the characters that count towards a length: of a long run of one character only the start
/// counts, so that a run does not use up the room of what follows.
fn steps(text: &str) -> impl Iterator<Item = usize> + '_ {
    const RUN: usize = 24;
    let mut previous = None;
    let mut length = 0;
    text.char_indices().filter_map(move |(at, c)| {
        length = if previous == Some(c) { length + 1 } else { 0 };
        previous = Some(c);
        (length < RUN).then_some(at)
    })
}

/// The start of a text, `chars` characters long, and how many are left.
pub(super) fn head(text: &str, chars: usize) -> (&str, usize) {
    match steps(text).nth(chars) {
        None => (text, 0),
        Some(at) => {
            let (head, rest) = text.split_at(at);
            (head, rest.chars().count())
        }
    }
}

/// Start and end of a long text, cut between words where one is near, and how many characters lie between.
fn middle(text: &str, head_chars: usize, tail_chars: usize) -> Option<(&str, usize, &str)> {
    let total = steps(text).count();
    if total <= head_chars.saturating_add(tail_chars) {
        return None;
    }
    let (head, _) = head(text, head_chars);
    let head = head.rfind([' ', '\n']).map_or(head, |at| head.get(..=at).unwrap_or(head));
    let tail = steps(text).nth(total - tail_chars).and_then(|at| text.get(at..)).unwrap_or_default();
    let tail = tail.find([' ', '\n']).map_or(tail, |at| tail.get(at + 1..).unwrap_or(tail));
    let left = text.chars().count().saturating_sub(head.chars().count() + tail.chars().count());
    Some((head, left, tail))
}

/// A value as JSON on one line, with spaces to break at.
fn flat(value: &Json) -> String {
    flat_within(value, usize::MAX).unwrap_or_default()
}

/// [`flat`], or nothing where it is longer than `limit` bytes.
pub(super) fn flat_within(value: &Value<'_>, limit: usize) -> Option<String> {
    let mut out = String::new();
    write_flat(value, limit, &mut out);
    (out.len() <= limit).then_some(out)
}

fn write_flat(value: &Value<'_>, limit: usize, out: &mut String) {
    if out.len() > limit {
        return;
    }
    match value {
        Value::String(text) => write_string(text, limit, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_flat(item, limit, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_string(key, limit, out);
                out.push_str(": ");
                write_flat(member, limit, out);
            }
            out.push('}');
        }
        other => out.push_str(&crate::json::compact(other)),
    }
}

fn write_string(text: &str, limit: usize, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if out.len() > limit {
            return;
        }
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            _ => out.push(c),
        }
    }
    out.push('"');
}
