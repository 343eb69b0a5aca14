//! Schemas made of schemas.

use std::collections::{BTreeMap, BTreeSet};

use super::super::generic::is_empty_object;
use super::super::merge::merge;
use super::super::shape::Shape;
use super::super::sink::{Pair, excerpt};
use super::super::text::quote;
use super::properties::members;
use super::{At, Walker, is_open};
use crate::finding::codes;
use crate::finding::{Direction, Severity};
use crate::json::{Object, Value, canonical, pointer, utf16_order};

impl Walker<'_, '_, '_, '_> {
    /// A keyword that holds one schema.
    pub(super) fn subschema(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let conditional = matches!(key, "not" | "if");
        let outer = self.conditional;
        self.conditional |= conditional;
        self.one_schema(at, key, pair, conditional);
        self.conditional = outer;
    }

    fn one_schema(&mut self, at: &At, key: &str, pair: Pair<'_, '_>, conditional: bool) {
        let inner = match key {
            "items" | "additionalItems" | "unevaluatedItems" => at.clone(),
            _ => at.named(at.pointer.clone(), &format!("the part in {}", quote(key))),
        };
        let (code, direction, told) = match (pair.before, pair.after) {
            (Some(before), Some(after)) => return self.schema(&inner, before, after),
            // `{"not": {}}` refuses everything, and `if` without a `then` is said elsewhere.
            _ if !conditional && key != "contains" && pair.says_nothing(is_open) => {
                let message = format!(
                    "{} is written differently: it allows anything, as if it were absent",
                    inner.label()
                );
                return self.sink.same_meaning(&at.pointer, pair, message);
            }
            (None, _) => (codes::SCHEMA_ADDED, Direction::Narrowed, "has a schema now"),
            (_, None) => (codes::SCHEMA_REMOVED, Direction::Widened, "no longer has a schema"),
        };
        let value = pair.after.or(pair.before).map(excerpt).unwrap_or_default();
        self.emit(code, direction, &at.pointer, pair, format!("{} {told}: {value}", inner.label()));
    }

    /// `prefixItems`, and `items` as a list (draft-07): position by position.
    pub(super) fn tuple(&mut self, at: &At, pair: Pair<'_, '_>) {
        let list = |value: Option<&Value<'_>>| value.is_none_or(|value| value.as_array().is_some());
        if !list(pair.before) || !list(pair.after) {
            return self.unknown(at, "prefixItems", pair);
        }
        let items = |value: Option<&'_ Value<'_>>| value.and_then(Value::as_array).map_or(0, <[_]>::len);
        if items(pair.before) == 0 && items(pair.after) == 0 {
            let message =
                format!("the list of item schemas of {} is written differently: it is empty", at.label());
            return self.sink.same_meaning(&at.pointer, pair, message);
        }
        let before = pair.before.and_then(Value::as_array).unwrap_or_default();
        let after = pair.after.and_then(Value::as_array).unwrap_or_default();
        for index in 0..before.len().max(after.len()) {
            let place =
                at.named(pointer::join(&at.pointer, &index.to_string()), &format!("item {}", index + 1));
            let one = Pair::new(before.get(index), after.get(index));
            match (one.before, one.after) {
                (Some(before), Some(after)) => self.schema(&place, before, after),
                (None, _) => {
                    let message = format!("{} has a schema now", place.label());
                    self.emit(codes::SCHEMA_ADDED, Direction::Narrowed, &place.pointer, one, message);
                }
                (_, None) => {
                    let message = format!("{} no longer has a schema", place.label());
                    self.emit(codes::SCHEMA_REMOVED, Direction::Widened, &place.pointer, one, message);
                }
            }
        }
    }

    /// `anyOf`, `oneOf` and `allOf`: equal schemas are matched first, then what is left, in order.
    pub(super) fn alternatives(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let (before, after) = match (pair.before, pair.after) {
            (Some(Value::Array(before)), Some(Value::Array(after))) => (before, after),
            (None, Some(Value::Array(after))) => {
                let message = format!("{} has to match {key} of {} schemas now", at.label(), after.len());
                return self.emit(codes::SCHEMA_ADDED, Direction::Narrowed, &at.pointer, pair, message);
            }
            (Some(Value::Array(before)), None) => {
                let message =
                    format!("{} no longer has to match {key} of {} schemas", at.label(), before.len());
                return self.emit(codes::SCHEMA_REMOVED, Direction::Widened, &at.pointer, pair, message);
            }
            _ => return self.unknown(at, key, pair),
        };
        let matched = match_equal(before, after);
        let word = if key == "allOf" { "condition" } else { "alternative" };
        let (used_before, used_after): (BTreeSet<usize>, BTreeSet<usize>) = matched.iter().copied().unzip();
        let left: Vec<usize> = (0..before.len()).filter(|i| !used_before.contains(i)).collect();
        let right: Vec<usize> = (0..after.len()).filter(|i| !used_after.contains(i)).collect();
        if matched.windows(2).any(|w| matches!(w, [(_, first), (_, second)] if first > second)) {
            let message = format!("the {word}s of {} stand in another order", at.label());
            self.emit(codes::ALTERNATIVES_REORDERED, Direction::Changed, &at.pointer, pair, message);
        }
        let paired = left.len() == right.len();
        for (place, index) in left.iter().enumerate() {
            let Some(schema) = before.get(*index) else { continue };
            if let Some((after, index)) =
                right.get(place).filter(|_| paired).and_then(|i| Some((after.get(*i)?, i)))
            {
                let inner = at
                    .named(pointer::join(&at.pointer, &index.to_string()), &format!("{word} {}", index + 1));
                self.schema(&inner, schema, after);
                continue;
            }
            let here = pointer::join(&at.pointer, &index.to_string());
            let message = format!("{word} {} of {} was removed: {}", index + 1, at.label(), excerpt(schema));
            let (code, direction) = match key {
                "allOf" => (codes::CONDITION_REMOVED, Direction::Widened),
                _ => (codes::ALTERNATIVE_REMOVED, Direction::Narrowed),
            };
            self.emit(code, direction, &here, Pair::new(Some(schema), None), message);
        }
        for index in right.iter().filter(|_| !paired) {
            let Some(schema) = after.get(*index) else { continue };
            let here = pointer::join(&at.pointer, &index.to_string());
            let message = format!("{word} {} was added to {}: {}", index + 1, at.label(), excerpt(schema));
            let (code, direction) = match key {
                "allOf" => (codes::CONDITION_ADDED, Direction::Narrowed),
                _ => (codes::ALTERNATIVE_ADDED, Direction::Widened),
            };
            self.emit(code, direction, &here, Pair::new(None, Some(schema)), message);
        }
    }

    /// `$defs` and `definitions`, by name.
    pub(super) fn definitions(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let none = Object::new();
        let (Some(b), Some(a)) = (members(pair.before, &none), members(pair.after, &none)) else {
            return self.unknown(at, key, pair);
        };
        if pair.says_nothing(is_empty_object) {
            return self.unknown(at, key, pair);
        }
        for (name, before, after) in merge(b.iter(), a.iter(), |b: &&str, a: &&str| utf16_order(b, a)) {
            let here = pointer::join(&at.pointer, name);
            let inner = at.named(here, &format!("shared part {}", quote(name)));
            let one = Pair::new(before, after);
            match (before, after) {
                (Some(before), Some(after)) => self.schema(&inner, before, after),
                _ => self.definition(at, &inner, name, one),
            }
        }
    }

    fn definition(&mut self, at: &At, inner: &At, name: &str, pair: Pair<'_, '_>) {
        // A name reads as text to a model, so only a plain one goes unnoticed.
        let plain =
            name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if plain && self.moved.contains(&inner.pointer) {
            let told =
                if pair.before.is_none() { "holds what stood elsewhere" } else { "stands elsewhere now" };
            let message = format!("shared part {} of {} {told}", quote(name), at.label());
            return self.sink.same_meaning(&inner.pointer, pair, message);
        }
        if pair.before.is_none() {
            let message = format!("shared part {} was added to {}", quote(name), at.label());
            let code = codes::SCHEMA_DEFINITION_ADDED;
            if pair.after.is_some_and(holds_text) {
                let message = format!("{message}, with text that a model reads");
                self.sink.add_as(code, Severity::High, Direction::Added, &inner.pointer, pair, message);
            } else {
                self.emit(code, Direction::Added, &inner.pointer, pair, message);
            }
        } else {
            let message = format!("shared part {} was removed from {}", quote(name), at.label());
            self.emit(codes::SCHEMA_DEFINITION_REMOVED, Direction::Removed, &inner.pointer, pair, message);
        }
    }

    /// Adds a change of a reference; low where what it leads to was compared.
    pub(super) fn reference_changed(&mut self, at: &At, pair: Pair<'_, '_>, followed: bool) {
        let message = match (pair.before, pair.after) {
            (Some(before), Some(after)) => {
                format!("{} now refers to {} instead of {}", at.label(), excerpt(after), excerpt(before))
            }
            (None, Some(after)) => format!("{} now refers to {}", at.label(), excerpt(after)),
            (Some(before), None) => format!("{} no longer refers to {}", at.label(), excerpt(before)),
            (None, None) => return,
        };
        let severity = if followed { Severity::Low } else { codes::REFERENCE_CHANGED.severity };
        let here = pointer::join(&at.pointer, "$ref");
        self.sink.add_as(codes::REFERENCE_CHANGED, severity, pair.direction(), &here, pair, message);
    }
}

/// Whether there is text anywhere in a schema that is written for a reader.
fn holds_text(schema: &Value<'_>) -> bool {
    let prose = ["description", "title", "$comment", "markdownDescription", "examples", "default"];
    match schema {
        Value::Array(items) => items.iter().any(holds_text),
        Value::Object(members) => {
            members.iter().any(|(key, value)| prose.contains(&key) || holds_text(value))
        }
        _ => false,
    }
}

/// Pairs of indices of equal schemas, each used once, in the order of the first.
fn match_equal(before: &[Value<'_>], after: &[Value<'_>]) -> Vec<(usize, usize)> {
    let mut index: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (at, schema) in after.iter().enumerate().rev() {
        index.entry(sorted(schema)).or_default().push(at);
    }
    let partner = |(at, schema): (usize, &Value<'_>)| Some((at, index.get_mut(&sorted(schema))?.pop()?));
    before.iter().enumerate().filter_map(partner).collect()
}

/// The canonical form with sets in one order, so that it is equal where the schemas are.
fn sorted(schema: &Value<'_>) -> Vec<u8> {
    canonical(&normal(Shape::Schema, schema))
}

fn normal<'a>(shape: Shape, value: &Value<'a>) -> Value<'a> {
    match (shape, value) {
        (Shape::Plain, _) => value.clone(),
        (Shape::Set, Value::Array(items)) => {
            let mut items = items.clone();
            items.sort_by_cached_key(canonical);
            Value::Array(items)
        }
        (Shape::SchemaList, Value::Array(items)) => {
            Value::Array(items.iter().map(|item| normal(Shape::Schema, item)).collect())
        }
        (_, Value::Object(members)) => Value::Object(
            members.iter().map(|(k, v)| (k.to_owned(), normal(shape.member(k, v), v))).collect(),
        ),
        _ => value.clone(),
    }
}
