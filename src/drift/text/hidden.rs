//! What a text holds that a reader does not see, or takes for something else.
//!
//! What is used in writing is let through: joiners inside emoji and inside Arabic and Indic words, variation
//! selectors behind the characters that have variants, direction marks in right-to-left text, flags.

mod letters;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::json::{Value, pointer};

/// What sort of thing is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Characters without width.
    ZeroWidth,
    /// Controls that change the direction, and so the order, in which text is shown.
    Bidi,
    /// Unicode tags: invisible letters.
    Tags,
    /// Terminal escape sequences.
    Escape,
    /// Other control characters.
    Control,
    /// Letters of another script that look like Latin ones.
    Lookalike,
    /// A long run of blanks that pushes what follows out of view.
    Padding,
}

impl What {
    /// A few words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            What::ZeroWidth => "zero-width characters",
            What::Bidi => "bidirectional controls",
            What::Tags => "Unicode tags",
            What::Escape => "a terminal escape sequence",
            What::Control => "control characters",
            What::Lookalike => "look-alike letters",
            What::Padding => "a long run of blanks",
        }
    }
}

/// One hidden thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What it is.
    pub what: What,
    /// Where it stands: bytes of the text.
    pub range: Range<usize>,
    /// What exactly: code points, the text that tags spell, or the word with look-alike letters. It may
    /// hold text from a server: escape it where it is shown.
    pub detail: String,
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what.as_str(), self.detail)
    }
}

/// This many blanks in a row, or line ends in a row, push the rest out of view.
const MAX_BLANKS: usize = 100;
const MAX_LINES: usize = 20;

/// All that is hidden in a text, in the order in which it stands there.
pub fn hidden(text: &str) -> Vec<Hidden> {
    if is_plain(text) {
        return Vec::new();
    }
    let mut out = characters(text);
    padding(text, &mut out);
    letters::lookalikes(text, &mut out);
    out.sort_by_key(|hidden| (hidden.range.start, hidden.what));
    out
}

/// Most texts: printable ASCII without long runs of blanks.
fn is_plain(text: &str) -> bool {
    let mut run = 0;
    text.bytes().all(|b| {
        run = if matches!(b, b' ' | b'\n' | b'\t') { run + 1 } else { 0 };
        (matches!(b, b' '..=b'~') || matches!(b, b'\n' | b'\t')) && run < MAX_LINES
    })
}

/// Characters that are hidden in themselves; neighbours of one sort are one finding.
fn characters(text: &str) -> Vec<Hidden> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let right_to_left = chars.iter().any(|(_, c)| is_right_to_left(*c));
    let mut out: Vec<Hidden> = Vec::new();
    let mut group: Vec<char> = Vec::new();
    let mut at = 0;
    while let Some(&(start, c)) = chars.get(at) {
        let before = at.checked_sub(1).and_then(|i| chars.get(i)).map(|(_, c)| *c);
        let after = chars.get(at + 1).map(|(_, c)| *c);
        let flag = if c == '\u{1F3F4}' { flag_length(chars.get(at + 1..).unwrap_or_default()) } else { 0 };
        if flag > 0 {
            at += 1 + flag;
            continue;
        }
        at += 1;
        let Some(what) = classify(before, c, after, right_to_left) else { continue };
        let mut end = start + c.len_utf8();
        let joins = out.last().is_some_and(|last| last.what == what && last.range.end == start);
        if !joins || what == What::Escape {
            group.clear();
        }
        group.push(c);
        if what == What::Escape {
            while let Some(&(_, next)) = chars.get(at) {
                let sequence = group.len() > 1 || next == '[' || next == ']' || next.is_ascii_graphic();
                if !sequence || group.len() >= 32 {
                    break;
                }
                group.push(next);
                end += next.len_utf8();
                at += 1;
                if group.len() > 2 && (next.is_ascii_alphabetic() || next == '\u{7}') {
                    break;
                }
            }
        }
        let detail = detail(what, &group);
        match out.last_mut() {
            Some(last) if joins && what != What::Escape => {
                last.range.end = end;
                last.detail = detail;
            }
            _ => out.push(Hidden { what, range: start..end, detail }),
        }
    }
    out
}

fn classify(before: Option<char>, c: char, after: Option<char>, right_to_left: bool) -> Option<What> {
    match c {
        '\t' | '\n' => None,
        '\r' if after == Some('\n') => None,
        '\u{1B}' | '\u{9B}' => Some(What::Escape),
        '\u{2028}' | '\u{2029}' => Some(What::Control),
        c if c.is_control() => Some(What::Control),
        '\u{200E}' | '\u{200F}' | '\u{61C}' => (!right_to_left).then_some(What::Bidi),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => Some(What::Bidi),
        '\u{E0000}'..='\u{E007F}' => Some(What::Tags),
        '\u{200C}' | '\u{200D}' => (!joins(before, c, after)).then_some(What::ZeroWidth),
        '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
            (!has_variant(before, c, after)).then_some(What::ZeroWidth)
        }
        '\u{180B}'..='\u{180F}' => (!before.is_some_and(is_mongolian)).then_some(What::ZeroWidth),
        '\u{2800}' => {
            let braille = |c: char| ('\u{2801}'..='\u{28FF}').contains(&c);
            (!before.is_some_and(braille) && !after.is_some_and(braille)).then_some(What::ZeroWidth)
        }
        '\u{AD}'
        | '\u{34F}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{200B}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0080}'..='\u{E00FF}'
        | '\u{E01F0}'..='\u{E0FFF}' => Some(What::ZeroWidth),
        _ => None,
    }
}

/// Whether a joiner or non-joiner stands where writing needs one.
fn joins(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let emoji = joiner == '\u{200D}'
        && (is_pictograph(before) || before == '\u{FE0F}' || ('\u{1F3FB}'..='\u{1F3FF}').contains(&before))
        && is_pictograph(after);
    emoji || (is_joining_script(before) && is_joining_script(after))
}

/// Whether a variation selector stands behind a character that has variants.
fn has_variant(before: Option<char>, selector: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match selector {
        '\u{FE0E}' | '\u{FE0F}' => {
            is_pictograph(before) || (matches!(before, '0'..='9' | '#' | '*') && after == Some('\u{20E3}'))
        }
        '\u{FE00}'..='\u{FE0D}' => {
            is_ideograph(before)
                || matches!(before, '\u{2200}'..='\u{22FF}' | '\u{2A00}'..='\u{2AFF}' | '\u{1000}'..='\u{109F}')
        }
        _ => is_ideograph(before),
    }
}

/// How many characters behind a black flag belong to the flag of a region, its end tag included.
fn flag_length(rest: &[(usize, char)]) -> usize {
    let region = rest
        .iter()
        .take(7)
        .take_while(|(_, c)| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}'));
    let count = region.count();
    let ended = rest.get(count).is_some_and(|(_, c)| *c == '\u{E007F}');
    if ended && (3..=6).contains(&count) { count + 1 } else { 0 }
}

fn is_pictograph(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21FF}'
        | '\u{2300}'..='\u{23FF}' | '\u{24C2}' | '\u{25A0}'..='\u{27BF}' | '\u{2900}'..='\u{297F}'
        | '\u{2B00}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{1F000}'..='\u{1FAFF}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1820}'..='\u{18AA}')
}

/// Arabic, Syriac, the Indic scripts, Myanmar, Khmer and Mongolian.
fn is_joining_script(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{60B}' | '\u{620}'..='\u{86F}' | '\u{8A0}'..='\u{DFF}' | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17B3}' | '\u{17B6}'..='\u{17FF}' | '\u{1820}'..='\u{18AA}' | '\u{FB50}'..='\u{FDFF}')
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{5D0}'..='\u{5F2}' | '\u{620}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
        && c.is_alphabetic()
}

fn detail(what: What, chars: &[char]) -> String {
    match what {
        What::Tags => {
            let letters = chars.iter().filter_map(|c| {
                let code = u32::from(*c).checked_sub(0xE0000)?;
                u8::try_from(code).ok().filter(|b| (b' '..=b'~').contains(b)).map(char::from)
            });
            format!("they spell {}", super::quote(&letters.collect::<String>()))
        }
        _ => {
            let mut counts: BTreeMap<char, usize> = BTreeMap::new();
            let shown = if what == What::Escape { chars.get(..1).unwrap_or_default() } else { chars };
            for c in shown {
                *counts.entry(*c).or_default() += 1;
            }
            let mut names: Vec<String> = counts.iter().take(4).map(|(c, count)| name(*c, *count)).collect();
            if counts.len() > names.len() {
                names.push(format!("and {} more", counts.len() - names.len()));
            }
            names.join(", ")
        }
    }
}

fn name(c: char, count: usize) -> String {
    let times = if count > 1 { format!(" {count} times") } else { String::new() };
    format!("U+{:04X}{times}", u32::from(c))
}

/// Runs of blanks with something behind them.
fn padding(text: &str, out: &mut Vec<Hidden>) {
    let mut start = None;
    let (mut blanks, mut lines) = (0, 0);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            start.get_or_insert(at);
            blanks += 1;
            lines += usize::from(c == '\n');
            continue;
        }
        if let Some(start) = start.take()
            && (blanks >= MAX_BLANKS || lines >= MAX_LINES)
        {
            let detail = format!("{blanks} blanks, {lines} of them line ends");
            out.push(Hidden { what: What::Padding, range: start..at, detail });
        }
        (blanks, lines) = (0, 0);
    }
}

/// What is hidden in the strings and keys of `after`, more often than in those of `before`, each with the
/// pointer to its string.
pub(in crate::drift) fn appeared(
    before: Option<&Value<'_>>,
    after: &Value<'_>,
    at: &str,
) -> Vec<(String, Hidden)> {
    let mut found = Vec::new();
    collect(after, &mut at.to_owned(), &mut |pointer, hidden| found.push((pointer.to_owned(), hidden)));
    if found.is_empty() {
        return found;
    }
    let mut known: BTreeMap<(What, String), usize> = BTreeMap::new();
    if let Some(before) = before {
        collect(before, &mut String::new(), &mut |_, hidden| {
            *known.entry((hidden.what, hidden.detail)).or_default() += 1;
        });
    }
    found.retain(|(_, hidden)| match known.get_mut(&(hidden.what, hidden.detail.clone())) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    });
    found
}

fn collect(value: &Value<'_>, at: &mut String, found: &mut impl FnMut(&str, Hidden)) {
    match value {
        Value::String(text) => hidden(text).into_iter().for_each(|hidden| found(at, hidden)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inside(at, &index.to_string(), |at| collect(item, at, found));
            }
        }
        Value::Object(members) => {
            for (key, member) in members.iter() {
                inside(at, key, |at| {
                    hidden(key).into_iter().for_each(|hidden| found(at, hidden));
                    collect(member, at, found);
                });
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn inside(at: &mut String, token: &str, walk: impl FnOnce(&mut String)) {
    let length = at.len();
    pointer::push(at, token);
    walk(at);
    at.truncate(length);
}

#[cfg(test)]
mod tests;
