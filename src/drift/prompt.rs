//! Arguments of a prompt: an array on the wire, matched by name.

use std::collections::BTreeMap;

use super::generic::{self, is_empty};
use super::merge::{differing, merge};
use super::prose;
use super::sink::{Pair, Sink};
use super::text::quote;
use crate::finding::codes;
use crate::finding::{Direction, Severity};
use crate::json::{Value, pointer};

type ByName<'v, 'a> = BTreeMap<&'v str, (usize, &'v Value<'a>)>;

/// Compares the arguments of a prompt; either side may be absent.
pub(super) fn compare(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    if pair.says_nothing(is_empty) {
        let message = format!("the list of arguments of {} {}", sink.subject(), generic::empty(pair));
        return sink.same_meaning(at, pair, message);
    }
    let (Some(before), Some(after)) = (by_name(pair.before), by_name(pair.after)) else {
        return generic::walk(sink, at, pair, codes::MEMBER_CHANGED);
    };
    let entries = merge(&before, &after, |b, a| b.cmp(a));
    for (name, before, after) in entries {
        let index = after.or(before).map_or(0, |(index, _)| *index);
        let at = pointer::join(at, &index.to_string());
        let one = Pair::new(before.map(|(_, value)| *value), after.map(|(_, value)| *value));
        argument(sink, &at, name, one);
    }
    let order = |names: &ByName<'_, '_>, others: &ByName<'_, '_>| {
        let mut common: Vec<_> = names.iter().filter(|(name, _)| others.contains_key(*name)).collect();
        common.sort_by_key(|(_, (index, _))| *index);
        common.into_iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<String>>()
    };
    if order(&before, &after) != order(&after, &before) {
        let message = format!("the arguments of {} stand in another order", sink.subject());
        sink.add(codes::PROMPT_ARGUMENTS_REORDERED, Direction::Changed, at, pair, message);
    }
}

/// Nothing where a name is missing or stands twice: then the arguments cannot be matched.
fn by_name<'v, 'a>(value: Option<&'v Value<'a>>) -> Option<ByName<'v, 'a>> {
    let Some(value) = value else { return Some(ByName::new()) };
    let mut out = ByName::new();
    for (index, item) in value.as_array()?.iter().enumerate() {
        if out.insert(item.get("name")?.as_str()?, (index, item)).is_some() {
            return None;
        }
    }
    Some(out)
}

fn argument(sink: &mut Sink<'_>, at: &str, name: &str, pair: Pair<'_, '_>) {
    let subject = sink.subject();
    let name = quote(name);
    let required = |value: Option<&Value<'_>>| value.and_then(|v| v.get("required")).and_then(Value::as_bool);
    match (pair.before, pair.after) {
        (Some(before), Some(after)) => changed(sink, at, &name, before, after),
        (None, _) => {
            let (severity, word) = match required(pair.after) {
                Some(true) => (Severity::High, "required"),
                _ => (codes::PROMPT_ARGUMENT_ADDED.severity, "optional"),
            };
            let message = format!("{word} argument {name} was added to {subject}");
            sink.add_as(codes::PROMPT_ARGUMENT_ADDED, severity, Direction::Added, at, pair, message);
        }
        (_, None) => {
            let message = format!("argument {name} was removed from {subject}");
            sink.add(codes::PROMPT_ARGUMENT_REMOVED, Direction::Removed, at, pair, message);
        }
    }
}

fn changed(sink: &mut Sink<'_>, at: &str, name: &str, before: &Value<'_>, after: &Value<'_>) {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return };
    let subject = sink.subject();
    for (key, before, after) in differing(before, after) {
        let at = pointer::join(at, key);
        let pair = Pair::new(before, after);
        match key {
            "description" => {
                let what = format!("the description of argument {name} of {subject}");
                prose::compare(sink, &at, pair, &prose::DESCRIPTION, &what);
            }
            "title" => {
                let what = format!("the title of argument {name} of {subject}");
                prose::compare(sink, &at, pair, &prose::TITLE, &what);
            }
            "required" => required(sink, &at, name, pair),
            "_meta" => generic::walk(sink, &at, pair, codes::META_CHANGED),
            _ => generic::walk(sink, &at, pair, codes::MEMBER_CHANGED),
        }
    }
}

fn required(sink: &mut Sink<'_>, at: &str, name: &str, pair: Pair<'_, '_>) {
    let meaning = |value: Option<&Value<'_>>| value.map_or(Some(false), Value::as_bool);
    let subject = sink.subject();
    match (meaning(pair.before), meaning(pair.after)) {
        (Some(false), Some(true)) => {
            let message = format!("argument {name} of {subject} is now required");
            sink.add(codes::PROMPT_ARGUMENT_NOW_REQUIRED, Direction::Narrowed, at, pair, message);
        }
        (Some(true), Some(false)) => {
            let message = format!("argument {name} of {subject} is now optional");
            sink.add(codes::PROMPT_ARGUMENT_NOW_OPTIONAL, Direction::Widened, at, pair, message);
        }
        (Some(_), Some(_)) => {
            let message =
                format!("argument {name} of {subject} is still optional: an absent \"required\" means false");
            sink.same_meaning(at, pair, message);
        }
        _ => generic::leaf(sink, at, pair, codes::MEMBER_CHANGED),
    }
}
