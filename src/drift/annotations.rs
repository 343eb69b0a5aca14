//! Annotations of a tool: hints with defaults, and the promises in them.

use super::generic::{self, is_empty_object};
use super::merge::differing;
use super::prose;
use super::sink::{Pair, Sink};
use crate::finding::Direction;
use crate::finding::codes;
use crate::json::{Object, Value, pointer};

/// A hint: its name, what it means when absent, which value is the promise, and the promise in words.
struct Hint {
    name: &'static str,
    default: bool,
    promise: bool,
    words: &'static str,
}

const HINTS: [Hint; 4] = [
    Hint { name: "readOnlyHint", default: false, promise: true, words: "to be read-only" },
    Hint { name: "destructiveHint", default: true, promise: false, words: "to destroy nothing" },
    Hint {
        name: "idempotentHint",
        default: false,
        promise: true,
        words: "to do no more when it is called again",
    },
    Hint { name: "openWorldHint", default: true, promise: false, words: "to stay within a closed world" },
];

/// Compares the annotations of a tool; either side may be absent.
pub(super) fn compare(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    if pair.says_nothing(is_empty_object) {
        return generic::leaf(sink, at, pair, codes::ANNOTATION_CHANGED);
    }
    let none = Object::new();
    let (Some(before), Some(after)) = (members(pair.before, &none), members(pair.after, &none)) else {
        return generic::walk(sink, at, pair, codes::ANNOTATION_CHANGED);
    };
    for (key, before, after) in differing(before, after) {
        let at = pointer::join(at, key);
        let pair = Pair::new(before, after);
        match HINTS.iter().find(|hint| hint.name == key) {
            Some(hint) => compare_hint(sink, &at, pair, hint),
            None if key == "title" => {
                let what = format!("the title in the annotations of {}", sink.subject());
                prose::compare(sink, &at, pair, &prose::TITLE, &what);
            }
            None => generic::walk(sink, &at, pair, codes::ANNOTATION_CHANGED),
        }
    }
}

fn members<'v, 'a>(value: Option<&'v Value<'a>>, none: &'v Object<'a>) -> Option<&'v Object<'a>> {
    match value {
        None => Some(none),
        Some(value) => value.as_object(),
    }
}

fn compare_hint(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, hint: &Hint) {
    let meaning = |value: Option<&Value<'_>>| value.map_or(Some(hint.default), Value::as_bool);
    let (Some(before), Some(after)) = (meaning(pair.before), meaning(pair.after)) else {
        return generic::leaf(sink, at, pair, codes::ANNOTATION_CHANGED);
    };
    let (subject, name, words) = (sink.subject(), hint.name, hint.words);
    let spelled = match (pair.before, pair.after) {
        (None, _) => format!("was added: {after}"),
        (_, None) => format!("is gone, which means {after}"),
        _ => format!("is now {after}"),
    };
    if before == after {
        let message = format!("{name} of {subject} {spelled}, and an absent {name} means {}", hint.default);
        sink.same_meaning(at, pair, message);
    } else if before == hint.promise {
        let message = format!("{subject} no longer promises {words}: {name} {spelled}");
        sink.add(codes::ANNOTATION_WEAKENED, Direction::Widened, at, pair, message);
    } else {
        let message = format!(
            "{subject} now promises {words}: {name} {spelled}; a client that trusts it may stop asking"
        );
        sink.add(codes::ANNOTATION_TIGHTENED, Direction::Narrowed, at, pair, message);
    }
}
