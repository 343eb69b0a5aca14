//! A validator for the part of JSON Schema 2020-12 that `docs/report.schema.json` uses.
//!
//! Stricter than the standard in one point: a member that the schema does not name is a problem, so that the
//! schema cannot fall behind what is written.

use regex::Regex;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../docs/report.schema.json");
const KEYWORDS: [&str; 18] = [
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "pattern",
    "minimum",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "items",
    "anyOf",
    "oneOf",
];

/// Where `document` does not follow the schema, and how.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut problems = Vec::new();
    check(&schema, &schema, document, "", &mut problems);
    problems
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    let schema = schema.as_object().unwrap();
    let unknown: Vec<&String> = schema.keys().filter(|key| !KEYWORDS.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "the validator does not know the keywords {unknown:?}");
    let mut wrong = |what: String| problems.push(format!("{at}: {what}"));
    if let Some(expected) = schema.get("type").and_then(Value::as_str) {
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if is != expected {
            return wrong(format!("is {is}, not {expected}"));
        }
    }
    if schema.get("enum").is_some_and(|allowed| !allowed.as_array().unwrap().contains(value)) {
        wrong(format!("{value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|constant| constant != value) {
        wrong(format!("{value} is not {}", schema["const"]));
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern"), value.as_str()) {
        let pattern = pattern.as_str().unwrap();
        if !Regex::new(pattern).unwrap().is_match(text) {
            wrong(format!("{text:?} does not match {pattern}"));
        }
    }
    let minimum = schema.get("minimum").and_then(Value::as_f64);
    if minimum.zip(value.as_f64()).is_some_and(|(minimum, number)| number < minimum) {
        wrong(format!("{value} is below {}", schema["minimum"]));
    }
    for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            wrong(format!("lacks {required}"));
        }
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        check(root, root.pointer(reference.trim_start_matches('#')).unwrap(), value, at, problems);
    }
    for (keyword, exactly_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(choices) = schema.get(keyword).and_then(Value::as_array) else { continue };
        let tried: Vec<Vec<String>> = choices
            .iter()
            .map(|choice| {
                let mut problems = Vec::new();
                check(root, choice, value, at, &mut problems);
                problems
            })
            .collect();
        let fitting = tried.iter().filter(|problems| problems.is_empty()).count();
        if fitting == 0 {
            problems.extend(tried.into_iter().min_by_key(Vec::len).unwrap_or_default());
        } else if exactly_one && fitting > 1 {
            problems.push(format!("{at}: fits {fitting} choices of oneOf"));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties");
    for (key, member) in value.as_object().into_iter().flatten() {
        let inner = format!("{at}/{key}");
        if let Some(names) = schema.get("propertyNames") {
            check(root, names, &Value::from(key.as_str()), &inner, problems);
        }
        match (properties.and_then(|properties| properties.get(key)), additional) {
            (Some(schema), _) | (None, Some(schema)) => check(root, schema, member, &inner, problems),
            (None, None) if properties.is_some() => problems.push(format!("{inner}: is not in the schema")),
            (None, None) => {}
        }
    }
    if let (Some(items), Some(members)) = (schema.get("items"), value.as_array()) {
        for (index, member) in members.iter().enumerate() {
            check(root, items, member, &format!("{at}/{index}"), problems);
        }
    }
}
