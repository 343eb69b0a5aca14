//! Descriptions, titles and instructions: text that models and people read.

use super::generic;
use super::sink::{Pair, Sink};
use super::text::{Span, quote, words};
use crate::finding::codes::{self, CodeInfo};
use crate::json::Value;

/// The codes of one sort of text.
pub(super) struct Codes {
    pub(super) added: &'static CodeInfo,
    pub(super) changed: &'static CodeInfo,
    pub(super) removed: &'static CodeInfo,
}

pub(super) const DESCRIPTION: Codes = Codes {
    added: codes::DESCRIPTION_ADDED,
    changed: codes::DESCRIPTION_CHANGED,
    removed: codes::DESCRIPTION_REMOVED,
};

pub(super) const INSTRUCTIONS: Codes = Codes {
    added: codes::INSTRUCTIONS_ADDED,
    changed: codes::INSTRUCTIONS_CHANGED,
    removed: codes::INSTRUCTIONS_REMOVED,
};

pub(super) const TITLE: Codes =
    Codes { added: codes::TITLE_CHANGED, changed: codes::TITLE_CHANGED, removed: codes::TITLE_CHANGED };

/// Compares a text; `what` names it, for example `the description of tool "read_file"`.
pub(super) fn compare(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, codes: &Codes, what: &str) {
    if pair.says_nothing(|value| value.as_str() == Some("")) {
        return sink.same_meaning(at, pair, format!("{what} {}", generic::empty(pair)));
    }
    let is_text = |value: Option<&Value<'_>>| value.is_none_or(|value| value.as_str().is_some());
    if !is_text(pair.before) || !is_text(pair.after) {
        return sink.add(codes.changed, pair.direction(), at, pair, format!("{what} {}", pair.sentence()));
    }
    let (code, told) = match (pair.before.and_then(Value::as_str), pair.after.and_then(Value::as_str)) {
        (Some(before), Some(after)) => (codes.changed, edit(before, after)),
        (None, _) => (codes.added, pair.sentence()),
        (_, None) => (codes.removed, pair.sentence()),
    };
    sink.add(code, pair.direction(), at, pair, format!("{what} {told}"));
}

/// Tells the first piece that differs, and how many more there are.
fn edit(before: &str, after: &str) -> String {
    let spans = words(before, after);
    let mut places = 0;
    let mut last_was_change = false;
    let (mut removed, mut added) = (None, None);
    for span in &spans {
        let change = !matches!(span, Span::Same(_));
        places += usize::from(change && !last_was_change);
        last_was_change = change;
        match span {
            Span::Removed(text) if places == 1 => removed = Some(text),
            Span::Added(text) if places == 1 => added = Some(text),
            _ => {}
        }
    }
    let first = match (removed, added) {
        (Some(removed), Some(added)) if is_blank(removed) && is_blank(added) => "blanks".to_owned(),
        (Some(removed), Some(added)) => format!("{} became {}", quote(removed), quote(added)),
        (None, Some(added)) if is_blank(added) => "blanks were added".to_owned(),
        (Some(removed), None) if is_blank(removed) => "blanks were removed".to_owned(),
        (None, Some(added)) => format!("{} was added", quote(added)),
        (Some(removed), None) => format!("{} was removed", quote(removed)),
        (None, None) => return "changed".to_owned(),
    };
    match places {
        1 => format!("changed: {first}"),
        2 => format!("changed: {first}, and 1 more place"),
        n => format!("changed: {first}, and {} more places", n - 1),
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}
