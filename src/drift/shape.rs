//! What stands where in a definition, as far as equality depends on it: only the arrays `required`, `enum`
//! and `type` of a schema are sets, every other array is ordered.

use std::collections::BTreeMap;

use crate::json::{Value, canonical};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Plain JSON.
    Plain,
    /// A tool: plain but for its two schemas.
    Tool,
    /// A JSON Schema.
    Schema,
    /// An object whose members are schemas.
    SchemaMap,
    /// An array of schemas.
    SchemaList,
    /// An array without an order.
    Set,
}

impl Shape {
    /// What the member `key` of such an object is.
    pub(super) fn member(self, key: &str, value: &Value<'_>) -> Shape {
        match (self, key) {
            (Shape::Tool, "inputSchema" | "outputSchema") | (Shape::SchemaMap, _) => Shape::Schema,
            (Shape::Schema, "required" | "enum" | "type") => Shape::Set,
            (
                Shape::Schema,
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
            ) => Shape::SchemaMap,
            (Shape::Schema, "allOf" | "anyOf" | "oneOf" | "prefixItems") => Shape::SchemaList,
            (Shape::Schema, "items") if value.as_array().is_some() => Shape::SchemaList,
            (
                Shape::Schema,
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "contains"
                | "contentSchema"
                | "else"
                | "if"
                | "not"
                | "propertyNames"
                | "then"
                | "unevaluatedItems"
                | "unevaluatedProperties",
            ) => Shape::Schema,
            // In draft-07 an entry is a schema or a list of names.
            (Shape::Schema, "dependencies") => Shape::SchemaMap,
            _ => Shape::Plain,
        }
    }

    /// Whether two values are the same but for the order of sets.
    pub(super) fn equal(self, before: &Value<'_>, after: &Value<'_>) -> bool {
        if before == after {
            return true;
        }
        match (self, before, after) {
            (Shape::Plain, _, _) => false,
            (Shape::Set, Value::Array(b), Value::Array(a)) => same_set(b, a),
            (Shape::SchemaList, Value::Array(b), Value::Array(a)) => {
                b.len() == a.len() && b.iter().zip(a).all(|(b, a)| Shape::Schema.equal(b, a))
            }
            (_, Value::Object(b), Value::Object(a)) => {
                let mut pairs = b.iter().zip(a.iter());
                b.len() == a.len()
                    && pairs.all(|((bk, b), (ak, a))| bk == ak && self.member(bk, b).equal(b, a))
            }
            _ => false,
        }
    }
}

/// Whether two arrays hold the same elements equally often.
fn same_set(before: &[Value<'_>], after: &[Value<'_>]) -> bool {
    if before.len() != after.len() {
        return false;
    }
    let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for value in before {
        *counts.entry(canonical(value)).or_default() += 1;
    }
    after.iter().all(|value| match counts.get_mut(&canonical(value)) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    })
}

/// What one array has and the other has not, duplicates left aside: removed, then added.
pub(super) fn set_difference<'v, 'a>(
    before: &'v [Value<'a>],
    after: &'v [Value<'a>],
) -> (Vec<&'v Value<'a>>, Vec<&'v Value<'a>>) {
    let index = |values: &'v [Value<'a>]| -> BTreeMap<Vec<u8>, &'v Value<'a>> {
        values.iter().map(|value| (canonical(value), value)).collect()
    };
    let (b, a) = (index(before), index(after));
    let removed = b.iter().filter(|(key, _)| !a.contains_key(*key)).map(|(_, value)| *value).collect();
    let added = a.iter().filter(|(key, _)| !b.contains_key(*key)).map(|(_, value)| *value).collect();
    (removed, added)
}
