//! A JSON value as an indented tree: short values beside their keys, long texts as lines under them.

use std::io;

use super::count;
use super::evidence::{Gutter, flat_within};
use crate::json::{Object, Value};
use crate::report::escape;
use crate::report::paint::{Ink, Reading, Sheet, Text};

/// Lines of one tree, and of one text in it.
const LINES: usize = 40;
const TEXT_LINES: usize = 12;
/// Levels that are indented; what lies deeper stands on one line.
const LEVELS: usize = 6;
/// Members that come first at every level: what a model reads, what a client trusts, what is run.
const FIRST: [&str; 6] = ["description", "title", "annotations", "source", "command", "instructions"];

/// Writes the members of `object` behind the gutter, except a member `name` that only repeats `own_name`.
pub(super) fn show<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    gutter: &mut Gutter,
    object: &Object<'_>,
    own_name: Option<&str>,
) -> io::Result<()> {
    let columns = sheet.style.columns().saturating_sub(gutter.width());
    let mut tree = Tree { sheet, gutter, columns, lines: 0, left_out: 0 };
    tree.lines = tree.sheet.at_most(LINES);
    let repeats =
        |key: &str, value: &Value<'_>| key == "name" && own_name.is_some() && value.as_str() == own_name;
    for (key, value) in ordered(object).filter(|(key, value)| !repeats(key, value)) {
        tree.member(key, value, 0)?;
    }
    let left_out = tree.left_out;
    if left_out > 0 {
        sheet.was_cut();
        gutter.note(sheet, &format!("{}, not shown here", count(left_out, "more field")))?;
    }
    Ok(())
}

struct Tree<'t, 's, W> {
    sheet: &'t mut Sheet<'s, W>,
    gutter: &'t mut Gutter,
    columns: usize,
    lines: usize,
    left_out: usize,
}

impl<W: io::Write> Tree<'_, '_, W> {
    fn member(&mut self, key: &str, value: &Value<'_>, level: usize) -> io::Result<()> {
        let key = escape::name(key, self.sheet.style.charset());
        let key = escape::shorten(&key, self.columns / 2, self.sheet.style.charset());
        self.value(&Text::default().own(&key, Ink::Bold), value, level)
    }

    fn value(&mut self, key: &Text, value: &Value<'_>, level: usize) -> io::Result<()> {
        if self.lines == 0 {
            self.left_out += 1;
            return Ok(());
        }
        let style = self.sheet.style;
        let indent = "  ".repeat(level);
        let title = Text::default().own(&indent, Ink::Plain).join(key.clone());
        if let Some(flat) = flat_within(value, self.columns) {
            let line = title.clone().own(": ", Ink::Plain).foreign(&flat, Ink::Plain, style);
            if line.width() <= self.columns {
                return self.line(&line);
            }
        }
        self.line(&title)?;
        match value {
            Value::Object(members) if level < LEVELS => {
                ordered(members).try_for_each(|(key, value)| self.member(key, value, level + 1))
            }
            Value::Array(items) if level < LEVELS => items.iter().enumerate().try_for_each(|(at, item)| {
                self.value(&Text::default().own(&format!("[{at}]"), Ink::Dim), item, level + 1)
            }),
            Value::String(text) => self.text(text, Reading::Lines, level),
            other => {
                let most = self.sheet.at_most(self.columns * TEXT_LINES);
                match flat_within(other, most) {
                    Some(flat) => self.text(&flat, Reading::Line, level),
                    None => {
                        self.left_out += 1;
                        Ok(())
                    }
                }
            }
        }
    }

    fn line(&mut self, line: &Text) -> io::Result<()> {
        self.lines = self.lines.saturating_sub(1);
        self.gutter.write(self.sheet, line, 1).map(drop)
    }

    /// Writes a text under its key, indented more than the key, so that no line of it can pass for a member.
    fn text(&mut self, text: &str, reading: Reading, level: usize) -> io::Result<()> {
        let most = self.sheet.at_most(self.columns * TEXT_LINES);
        let (head, left) = super::evidence::head(text, most);
        let mut shown = Text::default();
        shown.push_foreign(head, Ink::Plain, reading, self.sheet.style);
        self.lines = self.lines.saturating_sub(TEXT_LINES.min(1 + shown.width() / self.columns.max(1)));
        let more =
            self.gutter.write_indented(self.sheet, &shown, level * 2 + 2, self.sheet.at_most(TEXT_LINES))?;
        self.gutter.cut(self.sheet, more + left)
    }
}

fn ordered<'o, 'a>(object: &'o Object<'a>) -> impl Iterator<Item = (&'o str, &'o Value<'a>)> {
    let first = FIRST.iter().filter_map(|&key| object.get(key).map(|value| (key, value)));
    first.chain(object.iter().filter(|(key, _)| !FIRST.contains(key)))
}
