//! Types, choices, bounds, patterns and defaults.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::super::shape::set_difference;
use super::super::sink::{Pair, excerpt};
use super::{At, Walker};
use crate::finding::Direction;
use crate::finding::codes;
use crate::json::{Number, Value};

impl Walker<'_, '_, '_, '_> {
    pub(super) fn types(&mut self, at: &At, pair: Pair<'_, '_>) {
        let (before, after) = (pair.before.map(type_set), pair.after.map(type_set));
        let label = at.label();
        let (code, direction, told) = match (before, after) {
            (Some(None), _) | (_, Some(None)) => return self.unknown(at, "type", pair),
            (None, Some(Some(after))) => (
                codes::TYPE_NARROWED,
                Direction::Narrowed,
                format!("has to be {} now: it could be of any type", list(&after)),
            ),
            (Some(Some(before)), None) => (
                codes::TYPE_WIDENED,
                Direction::Widened,
                format!("may be of any type now: it had to be {}", list(&before)),
            ),
            (Some(Some(before)), Some(Some(after))) => {
                let widens = before.iter().all(|word| covers(&after, word));
                let narrows = after.iter().all(|word| covers(&before, word));
                let told = format!("has to be {} now: it was {}", list(&after), list(&before));
                match (widens, narrows) {
                    (true, true) => {
                        let message = format!(
                            "the type of {label} is written differently: it is still {}",
                            list(&after)
                        );
                        return self.sink.same_meaning(&at.pointer, pair, message);
                    }
                    (true, false) => (codes::TYPE_WIDENED, Direction::Widened, told),
                    (false, true) => (codes::TYPE_NARROWED, Direction::Narrowed, told),
                    (false, false) => (codes::TYPE_CHANGED, Direction::Changed, told),
                }
            }
            (None, None) => return,
        };
        self.emit(code, direction, &at.pointer, pair, format!("{label} {told}"));
    }

    pub(super) fn choice(&mut self, at: &At, pair: Pair<'_, '_>) {
        let label = at.label();
        let (before, after) = (pair.before.map(Value::as_array), pair.after.map(Value::as_array));
        let (code, direction, told) = match (before, after) {
            (Some(None), _) | (_, Some(None)) => return self.unknown(at, "enum", pair),
            (None, Some(Some(after))) => {
                let told =
                    format!("has to be one of {} now: it was free", some(&after.iter().collect::<Vec<_>>()));
                (codes::ENUM_NARROWED, Direction::Narrowed, told)
            }
            (Some(Some(before)), None) => {
                let told =
                    format!("is free now: it had to be one of {}", some(&before.iter().collect::<Vec<_>>()));
                (codes::ENUM_WIDENED, Direction::Widened, told)
            }
            (Some(Some(before)), Some(Some(after))) => {
                let (removed, added) = set_difference(before, after);
                match (removed.is_empty(), added.is_empty()) {
                    (true, true) => {
                        let message = format!(
                            "the choice of {label} is written differently: a value stands there more than once"
                        );
                        return self.sink.same_meaning(&at.pointer, pair, message);
                    }
                    (true, false) => (
                        codes::ENUM_WIDENED,
                        Direction::Widened,
                        format!("may be {} now as well", some(&added)),
                    ),
                    (false, true) => (
                        codes::ENUM_NARROWED,
                        Direction::Narrowed,
                        format!("may no longer be {}", some(&removed)),
                    ),
                    (false, false) => (
                        codes::ENUM_CHANGED,
                        Direction::Changed,
                        format!("may be {} now, and no longer {}", some(&added), some(&removed)),
                    ),
                }
            }
            (None, None) => return,
        };
        self.emit(code, direction, &at.pointer, pair, format!("{label} {told}"));
    }

    pub(super) fn constant(&mut self, at: &At, pair: Pair<'_, '_>) {
        let (direction, told) = match (pair.before, pair.after) {
            (None, Some(after)) => (Direction::Narrowed, format!("has to be {} now", excerpt(after))),
            (Some(before), None) => (Direction::Widened, format!("no longer has to be {}", excerpt(before))),
            (Some(before), Some(after)) => {
                (Direction::Changed, format!("has to be {} now: it was {}", excerpt(after), excerpt(before)))
            }
            (None, None) => return,
        };
        self.emit(codes::CONST_CHANGED, direction, &at.pointer, pair, format!("{} {told}", at.label()));
    }

    pub(super) fn bounds(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let neutral: Option<Value<'_>> = match key {
            "minLength" | "minItems" | "minProperties" => Some(Value::from(0u64)),
            "minContains" => Some(Value::from(1u64)),
            "uniqueItems" => Some(Value::Bool(false)),
            _ => None,
        };
        if pair.says_nothing(|value| neutral.as_ref() == Some(value)) {
            let message = format!("{key} of {} is written differently: its default came or went", at.label());
            return self.sink.same_meaning(&at.pointer, pair, message);
        }
        let fits = |value: Option<&Value<'_>>| match value {
            None => true,
            Some(Value::Bool(_)) => key == "uniqueItems",
            Some(Value::Number(_)) => key != "uniqueItems",
            _ => false,
        };
        if !fits(pair.before) || !fits(pair.after) {
            return self.unknown(at, key, pair);
        }
        let before = pair.before.or(neutral.as_ref());
        let after = pair.after.or(neutral.as_ref());
        let order = match (before, after) {
            (None, _) => Some(Ordering::Less),
            (_, None) => Some(Ordering::Greater),
            (Some(before), Some(after)) => tighter(key, before, after),
        };
        let (code, direction) = match order {
            Some(Ordering::Less) => (codes::BOUNDS_NARROWED, Direction::Narrowed),
            Some(_) => (codes::BOUNDS_WIDENED, Direction::Widened),
            None => (codes::BOUNDS_CHANGED, Direction::Changed),
        };
        let message = format!("{key} of {} {}", at.label(), pair.sentence());
        self.emit(code, direction, &at.pointer, pair, message);
    }

    pub(super) fn pattern(&mut self, at: &At, pair: Pair<'_, '_>) {
        let label = at.label();
        let (code, direction, told) = match (pair.before, pair.after) {
            (None, Some(after)) => (
                codes::PATTERN_ADDED,
                Direction::Narrowed,
                format!("has to match the pattern {} now", excerpt(after)),
            ),
            (Some(before), None) => (
                codes::PATTERN_REMOVED,
                Direction::Widened,
                format!("no longer has to match the pattern {}", excerpt(before)),
            ),
            (Some(before), Some(after)) => (
                codes::PATTERN_CHANGED,
                Direction::Changed,
                format!("has to match the pattern {} now: it was {}", excerpt(after), excerpt(before)),
            ),
            (None, None) => return,
        };
        self.emit(code, direction, &at.pointer, pair, format!("{label} {told}"));
    }

    pub(super) fn format(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let direction = match pair.direction() {
            Direction::Added => Direction::Narrowed,
            Direction::Removed => Direction::Widened,
            other => other,
        };
        let message = format!("{key} of {} {}", at.label(), pair.sentence());
        self.emit(codes::FORMAT_CHANGED, direction, &at.pointer, pair, message);
    }

    pub(super) fn default_value(&mut self, at: &At, pair: Pair<'_, '_>) {
        let told = match (pair.before, pair.after) {
            (None, Some(after)) => format!("now defaults to {}", excerpt(after)),
            (Some(before), None) => format!("no longer defaults to {}", excerpt(before)),
            (Some(before), Some(after)) => {
                format!("now defaults to {}: it was {}", excerpt(after), excerpt(before))
            }
            (None, None) => return,
        };
        let message = format!("{} {told}", at.label());
        self.emit(codes::DEFAULT_CHANGED, pair.direction(), &at.pointer, pair, message);
    }
}

/// Less where `after` accepts less than `before`, greater where it accepts more; nothing where it is neither.
fn tighter(key: &str, before: &Value<'_>, after: &Value<'_>) -> Option<Ordering> {
    match (before, after) {
        (Value::Bool(before), Value::Bool(after)) => Some(before.cmp(after)),
        (Value::Number(before), Value::Number(after)) if key == "multipleOf" => multiples(before, after),
        (Value::Number(before), Value::Number(after)) => {
            let order = after.cmp(before);
            let lower = key.starts_with("min") || key == "exclusiveMinimum";
            Some(if lower { order.reverse() } else { order })
        }
        _ => None,
    }
}

fn multiples(before: &Number<'_>, after: &Number<'_>) -> Option<Ordering> {
    let (before, after) = (before.as_u64().filter(|n| *n > 0)?, after.as_u64().filter(|n| *n > 0)?);
    if after % before == 0 {
        Some(Ordering::Less)
    } else if before % after == 0 {
        Some(Ordering::Greater)
    } else {
        None
    }
}

/// The words of a `type`; nothing where it is no word and no list of words.
fn type_set<'v>(value: &'v Value<'_>) -> Option<BTreeSet<&'v str>> {
    match value {
        Value::String(word) => Some(BTreeSet::from([word.as_ref()])),
        Value::Array(words) => words.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Every integer is a number.
fn covers(types: &BTreeSet<&str>, word: &str) -> bool {
    types.contains(word) || (word == "integer" && types.contains("number"))
}

fn list(words: &BTreeSet<&str>) -> String {
    let words: Vec<String> = words.iter().take(8).map(|word| excerpt(&Value::from(*word))).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// A few of several values.
fn some(values: &[&Value<'_>]) -> String {
    let shown: Vec<String> = values.iter().take(4).map(|value| excerpt(value)).collect();
    match values.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
