//! What no specialised walk knows: every difference is a change at its own pointer.

use super::merge::differing;
use super::sink::{Pair, Sink};
use super::text::quote;
use crate::finding::codes::CodeInfo;
use crate::json::{Value, pointer};

/// Adds a change for every member and element that differs.
pub(super) fn walk(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, code: &'static CodeInfo) {
    match (pair.before, pair.after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for (key, before, after) in differing(before, after) {
                walk(sink, &pointer::join(at, key), Pair::new(before, after), code);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                walk(sink, &pointer::join(at, &index.to_string()), Pair::both(before, after), code);
            }
        }
        _ => leaf(sink, at, pair, code),
    }
}

/// Adds one change for the whole value, told apart from an empty object that came or went.
pub(super) fn leaf(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, code: &'static CodeInfo) {
    if pair.says_nothing(is_empty_object) {
        let message = format!("{} of {} {}", member(at), sink.subject(), empty(pair));
        return sink.same_meaning(at, pair, message);
    }
    let message = format!("{} of {} {}", member(at), sink.subject(), pair.sentence());
    sink.add(code, pair.direction(), at, pair, message);
}

pub(super) fn is_empty_object(value: &Value<'_>) -> bool {
    value.as_object().is_some_and(|members| members.is_empty())
}

pub(super) fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// How an empty value that came or went is told.
pub(super) fn empty(pair: Pair<'_, '_>) -> &'static str {
    if pair.before.is_none() { "was added, and is empty" } else { "was removed, and was empty" }
}

fn member(at: &str) -> String {
    if at.is_empty() { "the whole".to_owned() } else { format!("member {}", quote(at)) }
}
