//! One definition before and after.

use super::generic::{self, is_empty};
use super::merge::differing;
use super::shape::Shape;
use super::sink::{Pair, Sink};
use super::text::quote;
use super::{annotations, prompt, prose, schema};
use crate::finding::codes::{self, CodeInfo};
use crate::json::{Value, pointer};
use crate::surface::Kind;

/// Compares two definitions of one kind. Where it was renamed, `renamed` leaves the name to the caller.
pub(super) fn compare(sink: &mut Sink<'_>, kind: Kind, before: &Value<'_>, after: &Value<'_>, renamed: bool) {
    if let (Some(b), Some(a)) = (before.as_object(), after.as_object()) {
        for (key, before, after) in differing(b, a) {
            let at = pointer::join("", key);
            if renamed && key == kind.id_field() {
                sink.claim(&at);
            } else {
                member(sink, kind, key, &at, Pair::new(before, after));
            }
        }
    }
    let shape = if kind == Kind::Tool { Shape::Tool } else { Shape::Plain };
    sink.cover(shape, before, after, codes::MEMBER_CHANGED);
}

fn member(sink: &mut Sink<'_>, kind: Kind, key: &str, at: &str, pair: Pair<'_, '_>) {
    let subject = sink.subject();
    match (kind, key) {
        (_, "description") => {
            prose::compare(sink, at, pair, &prose::DESCRIPTION, &format!("the description of {subject}"));
        }
        (_, "title") => prose::compare(sink, at, pair, &prose::TITLE, &format!("the title of {subject}")),
        (Kind::Resource | Kind::ResourceTemplate, "name") => {
            let message = format!("the name of {subject} {}", pair.sentence());
            sink.add(codes::NAME_CHANGED, pair.direction(), at, pair, message);
        }
        (Kind::Resource | Kind::ResourceTemplate, "mimeType") => {
            let message = format!("the media type of {subject} {}", pair.sentence());
            sink.add(codes::MIME_TYPE_CHANGED, pair.direction(), at, pair, message);
        }
        (_, "icons") => list(sink, at, pair, codes::ICONS_CHANGED),
        (_, "_meta") => generic::walk(sink, at, pair, codes::META_CHANGED),
        (Kind::Tool, "annotations") => annotations::compare(sink, at, pair),
        (Kind::Resource | Kind::ResourceTemplate, "annotations") => {
            generic::walk(sink, at, pair, codes::ANNOTATION_CHANGED);
        }
        (Kind::Tool, "execution") => execution(sink, at, pair),
        (Kind::Tool, "inputSchema") => schema::compare(sink, at, pair, schema::Side::Input),
        (Kind::Tool, "outputSchema") => schema::compare(sink, at, pair, schema::Side::Output),
        (Kind::Prompt, "arguments") => prompt::compare(sink, at, pair),
        _ => generic::walk(sink, at, pair, codes::MEMBER_CHANGED),
    }
}

/// A list that means nothing while it is empty.
fn list(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, code: &'static CodeInfo) {
    if pair.says_nothing(is_empty) {
        let message = format!("the list at {} of {} {}", quote(at), sink.subject(), generic::empty(pair));
        return sink.same_meaning(at, pair, message);
    }
    generic::walk(sink, at, pair, code);
}

/// An absent `taskSupport` means `forbidden` (tool execution, specification 2025-11-25).
fn execution(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    let is_default = |value: &Value<'_>| {
        value.as_object().is_some_and(|members| members.iter().all(|(k, v)| says_forbidden(k, v)))
    };
    if pair.says_nothing(is_default) {
        let message =
            format!("execution of {} is written differently: absent means \"forbidden\"", sink.subject());
        return sink.same_meaning(at, pair, message);
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (pair.before, pair.after) {
        for (key, before, after) in differing(before, after) {
            let (at, pair) = (pointer::join(at, key), Pair::new(before, after));
            if pair.says_nothing(|value| says_forbidden(key, value)) {
                let message =
                    format!("{key} of {} is written differently: absent means \"forbidden\"", sink.subject());
                sink.same_meaning(&at, pair, message);
            } else {
                generic::walk(sink, &at, pair, codes::EXECUTION_CHANGED);
            }
        }
        return;
    }
    generic::walk(sink, at, pair, codes::EXECUTION_CHANGED);
}

fn says_forbidden(key: &str, value: &Value<'_>) -> bool {
    key == "taskSupport" && value.as_str() == Some("forbidden")
}
