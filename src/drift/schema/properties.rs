//! Properties, and which of them are required.

use std::collections::BTreeSet;

use super::super::generic::{self, is_empty_object};
use super::super::merge::merge;
use super::super::sink::{Pair, excerpt};
use super::super::text::quote;
use super::{At, Walker, is_open};
use crate::finding::Direction;
use crate::finding::codes;
use crate::json::{Object, Value, pointer, utf16_order};

impl Walker<'_, '_, '_, '_> {
    pub(super) fn properties(&mut self, at: &At, before: &Object<'_>, after: &Object<'_>) {
        let here = at.keyword("properties");
        let pair = Pair::new(before.get("properties"), after.get("properties"));
        let required = (names(before.get("required")), names(after.get("required")));
        let none = Object::new();
        let (b, a) = match (members(pair.before, &none), members(pair.after, &none)) {
            (Some(b), Some(a)) => (b, a),
            _ => {
                if pair.before != pair.after {
                    self.unknown(&here, "properties", pair);
                }
                return self.required(at, before, after, &none, &none);
            }
        };
        if pair.says_nothing(is_empty_object) {
            let message = format!("the list of properties of {} {}", at.label(), generic::empty(pair));
            self.sink.same_meaning(&here.pointer, pair, message);
        }
        for (name, before, after) in merge(b.iter(), a.iter(), |b: &&str, a: &&str| utf16_order(b, a)) {
            let place = at.property(name);
            match (before, after) {
                (Some(before), Some(after)) => self.schema(&place, before, after),
                (None, Some(schema)) => {
                    let required = required.1.as_ref().is_some_and(|names| names.contains(name));
                    self.added(at, &place, schema, required);
                }
                (Some(schema), None) => {
                    let message = format!("property {} was removed from {}", quote(&place.path), at.scope);
                    let pair = Pair::new(Some(schema), None);
                    self.emit(codes::PROPERTY_REMOVED, Direction::Removed, &place.pointer, pair, message);
                }
                (None, None) => {}
            }
        }
        self.required(at, before, after, b, a);
    }

    fn added(&mut self, at: &At, place: &At, schema: &Value<'_>, required: bool) {
        let (code, word) = if required {
            (codes::REQUIRED_PROPERTY_ADDED, "required")
        } else {
            (codes::OPTIONAL_PROPERTY_ADDED, "optional")
        };
        let effect = match (self.side, required) {
            _ if self.conditional => "",
            (super::Side::Output, _) => ": the tool now returns it",
            (super::Side::Input, true) => ": a model now has to fill it in",
            (super::Side::Input, false) => ": a model may now fill it in",
        };
        let text = schema.get("description").map(|d| format!(" ({})", excerpt(d))).unwrap_or_default();
        let message =
            format!("{word} property {} was added to {}{effect}{text}", quote(&place.path), at.scope);
        let pair = Pair::new(None, Some(schema));
        self.emit(code, Direction::Added, &place.pointer, pair, message);
    }

    /// What `required` says beyond the properties that were added or removed.
    fn required(
        &mut self,
        at: &At,
        before: &Object<'_>,
        after: &Object<'_>,
        properties_before: &Object<'_>,
        properties_after: &Object<'_>,
    ) {
        let pair = Pair::new(before.get("required"), after.get("required"));
        if pair.before == pair.after {
            return;
        }
        let here = at.keyword("required");
        let (Some(b), Some(a)) = (names(pair.before), names(pair.after)) else {
            return self.unknown(&here, "required", pair);
        };
        let mark = self.sink.mark();
        let came =
            |name: &&&str| properties_after.contains_key(name) && !properties_before.contains_key(name);
        let went =
            |name: &&&str| properties_before.contains_key(name) && !properties_after.contains_key(name);
        let more: Vec<String> =
            a.difference(&b).filter(|name| !came(name)).map(|name| at.property(name).path).collect();
        let less: Vec<String> =
            b.difference(&a).filter(|name| !went(name)).map(|name| at.property(name).path).collect();
        if !more.is_empty() {
            let message = told(&more, &at.scope, "required");
            self.emit(codes::PROPERTY_NOW_REQUIRED, Direction::Narrowed, &here.pointer, pair, message);
        }
        if !less.is_empty() {
            let message = told(&less, &at.scope, "optional");
            self.emit(codes::PROPERTY_NOW_OPTIONAL, Direction::Widened, &here.pointer, pair, message);
        }
        let respelled = a == b && {
            let count = |value: Option<&Value<'_>>| value.and_then(Value::as_array).map(<[_]>::len);
            count(pair.before) != count(pair.after)
        };
        if respelled {
            let message = format!("the list of required properties of {} is written differently", at.label());
            self.sink.same_meaning(&here.pointer, pair, message);
        } else if self.sink.mark() == mark {
            // Either another order, or told by the properties that came and went.
            self.sink.claim(&here.pointer);
        }
    }

    /// `additionalProperties` and `unevaluatedProperties`.
    pub(super) fn openness(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let schema = |value: Option<&Value<'_>>| {
            value.is_none_or(|v| v.as_bool().is_some() || v.as_object().is_some())
        };
        if !schema(pair.before) || !schema(pair.after) {
            return self.unknown(at, key, pair);
        }
        let label = at.label();
        let open = |value: Option<&Value<'_>>| value.is_none_or(is_open);
        let closed = |value: Option<&Value<'_>>| value == Some(&Value::Bool(false));
        let (code, direction, told) = match (pair.before, pair.after) {
            (b, a) if open(b) && open(a) => {
                let message = format!("{key} of {label} is written differently: anything is still accepted");
                return self.sink.same_meaning(&at.pointer, pair, message);
            }
            (_, a) if open(a) => (
                codes::ADDITIONAL_PROPERTIES_OPENED,
                Direction::Widened,
                "accepts properties of any name and value now",
            ),
            (b, _) if closed(b) => (
                codes::ADDITIONAL_PROPERTIES_OPENED,
                Direction::Widened,
                "accepts properties that it does not declare now, if they match a schema",
            ),
            (_, a) if closed(a) => (
                codes::ADDITIONAL_PROPERTIES_CLOSED,
                Direction::Narrowed,
                "accepts only declared properties now",
            ),
            (b, _) if open(b) => (
                codes::ADDITIONAL_PROPERTIES_CLOSED,
                Direction::Narrowed,
                "accepts properties that it does not declare only if they match a schema now",
            ),
            (Some(before), Some(after)) => {
                let inner = at.named(at.pointer.clone(), "a property without a declaration");
                return self.schema(&inner, before, after);
            }
            _ => return self.unknown(at, key, pair),
        };
        self.emit(code, direction, &at.pointer, pair, format!("{label} {told} ({key})"));
    }

    /// `patternProperties`, `dependentSchemas` and `dependencies`.
    pub(super) fn map(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let none = Object::new();
        let (Some(b), Some(a)) = (members(pair.before, &none), members(pair.after, &none)) else {
            return self.unknown(at, key, pair);
        };
        if pair.says_nothing(is_empty_object) {
            return self.unknown(at, key, pair);
        }
        for (name, before, after) in merge(b.iter(), a.iter(), |b: &&str, a: &&str| utf16_order(b, a)) {
            let words = format!("the part for {} in {key}", quote(name));
            let inner = at.named(pointer::join(&at.pointer, name), &words);
            match (before, after) {
                (Some(before), Some(after)) if before == after => {}
                (
                    Some(before @ (Value::Object(_) | Value::Bool(_))),
                    Some(after @ (Value::Object(_) | Value::Bool(_))),
                ) => {
                    self.schema(&inner, before, after);
                }
                _ => {
                    let pair = Pair::new(before, after);
                    let message = format!("{} {}", inner.label(), pair.sentence());
                    let direction = pair.direction();
                    self.emit(codes::SCHEMA_KEYWORD_CHANGED, direction, &inner.pointer, pair, message);
                }
            }
        }
    }
}

/// Names a few of the properties that changed together.
fn told(paths: &[String], scope: &str, word: &str) -> String {
    let shown: Vec<String> = paths.iter().take(4).map(|path| quote(path)).collect();
    match (paths.len(), paths.len() - shown.len()) {
        (1, _) => format!("property {} of {scope} is now {word}", shown.concat()),
        (_, 0) => format!("properties {} of {scope} are now {word}", shown.join(", ")),
        (_, more) => format!("properties {} and {more} more of {scope} are now {word}", shown.join(", ")),
    }
}

/// The members of an object, none where it is absent; nothing where it is no object.
pub(super) fn members<'v, 'a>(value: Option<&'v Value<'a>>, none: &'v Object<'a>) -> Option<&'v Object<'a>> {
    match value {
        None => Some(none),
        Some(value) => value.as_object(),
    }
}

/// The names in `required`, none where it is absent; nothing where it is no list of names.
fn names<'v>(value: Option<&'v Value<'_>>) -> Option<BTreeSet<&'v str>> {
    match value {
        None => Some(BTreeSet::new()),
        Some(value) => value.as_array()?.iter().map(Value::as_str).collect(),
    }
}
