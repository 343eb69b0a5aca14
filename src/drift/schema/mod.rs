//! JSON Schema (2020-12 and draft-07), keyword by keyword.

mod combine;
mod keywords;
mod properties;
mod reference;

use std::collections::{BTreeMap, BTreeSet};

use super::generic;
use super::merge::differing;
use super::prose;
use super::shape::Shape;
use super::sink::{Pair, Sink, excerpt};
use super::text::quote;
use crate::finding::codes::{self, CodeInfo};
use crate::finding::{Direction, Severity};
use crate::json::{Object, Value, pointer};

/// Which schema of a tool it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What a model fills in.
    Input,
    /// What the tool returns.
    Output,
}

/// Compares the input or the output schema of a tool; either side may be absent.
pub(super) fn compare(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>, side: Side) {
    let word = if side == Side::Input { "input" } else { "output" };
    let scope = format!("the {word} of {}", sink.subject());
    let null = Value::Null;
    let mut walker = Walker {
        sink,
        roots: (pair.before.unwrap_or(&null), pair.after.unwrap_or(&null)),
        side,
        conditional: false,
        following: Vec::new(),
        followed: BTreeMap::new(),
        copied: 0,
        holds_documents: [pair.before, pair.after].into_iter().flatten().any(reference::holds_documents),
        moved: BTreeSet::new(),
    };
    let at = At { pointer: at.to_owned(), path: String::new(), scope };
    match (pair.before, pair.after) {
        (Some(before), Some(after)) => walker.schema(&at, before, after),
        (None, _) => {
            let message = format!("a schema for {} was added: {}", at.label(), what(pair.after));
            walker.emit(codes::SCHEMA_ADDED, Direction::Narrowed, &at.pointer, pair, message);
        }
        (_, None) => {
            let message = format!("the schema for {} was removed: anything goes there", at.label());
            walker.emit(codes::SCHEMA_REMOVED, Direction::Widened, &at.pointer, pair, message);
        }
    }
}

fn what(schema: Option<&Value<'_>>) -> String {
    let properties = schema.and_then(|s| s.get("properties")).and_then(Value::as_object);
    match properties.map(Object::len) {
        Some(1) => "1 property".to_owned(),
        Some(n) => format!("{n} properties"),
        None => schema.map(excerpt).unwrap_or_default(),
    }
}

/// A place in a schema.
#[derive(Clone, Debug)]
struct At {
    /// From the definition's root.
    pointer: String,
    /// Property names from the scope down, joined by dots; `[]` for items.
    path: String,
    /// What the path starts from, for example `the input of tool "read_file"`.
    scope: String,
}

impl At {
    /// A place that a keyword leads to, for a reader the same place.
    fn keyword(&self, key: &str) -> At {
        At { pointer: pointer::join(&self.pointer, key), ..self.clone() }
    }

    fn property(&self, name: &str) -> At {
        let dot = if self.path.is_empty() { "" } else { "." };
        let pointer = pointer::join(&pointer::join(&self.pointer, "properties"), name);
        At { pointer, path: format!("{}{dot}{name}", self.path), scope: self.scope.clone() }
    }

    fn items(&self, pointer: String) -> At {
        At { pointer, path: format!("{}[]", self.path), scope: self.scope.clone() }
    }

    /// A place that is told by words, for example `alternative 2`.
    fn named(&self, pointer: String, words: &str) -> At {
        At { pointer, path: String::new(), scope: format!("{words} of {}", self.label()) }
    }

    /// The place in words.
    fn label(&self) -> String {
        match self.path.as_str() {
            "" => self.scope.clone(),
            path => format!("property {} of {}", quote(path), self.scope),
        }
    }
}

struct Walker<'s, 'p, 'v, 'a> {
    sink: &'s mut Sink<'p>,
    /// The schemas before and after from which references are followed.
    roots: (&'v Value<'a>, &'v Value<'a>),
    side: Side,
    /// Inside `not` or `if`, where to accept more can mean to accept less.
    conditional: bool,
    /// Pairs of references that are being followed, to end at a cycle.
    following: Vec<(String, String)>,
    /// Pairs of references that were followed, and whether they lead to the same.
    followed: BTreeMap<(String, String), bool>,
    /// Whether a schema holds others with an `$id` of their own.
    holds_documents: bool,
    /// How many values were copied by following references.
    copied: usize,
    /// References whose target was found to be what stood there before.
    moved: BTreeSet<String>,
}

impl Walker<'_, '_, '_, '_> {
    /// Adds a change. Inside a condition it becomes neutral; in an output schema it weighs less.
    fn emit(
        &mut self,
        code: &'static CodeInfo,
        direction: Direction,
        at: &str,
        pair: Pair<'_, '_>,
        message: String,
    ) {
        let property =
            [codes::OPTIONAL_PROPERTY_ADDED, codes::REQUIRED_PROPERTY_ADDED, codes::PROPERTY_REMOVED];
        let turned =
            matches!(direction, Direction::Widened | Direction::Narrowed) || property.contains(&code);
        if self.conditional && turned {
            let message = format!("inside a condition: {message}");
            self.sink.add(codes::CONDITION_CHANGED, Direction::Changed, at, pair, message);
        } else {
            let severity = match (self.side, code.severity) {
                (Side::Output, _) if code == codes::DEFAULT_CHANGED => Severity::Low,
                (Side::Output, Severity::High) => Severity::Moderate,
                (_, usual) => usual,
            };
            self.sink.add_as(code, severity, direction, at, pair, message);
        }
        if let (None, Some(after)) = (pair.before, pair.after) {
            self.headers(at, after);
        }
    }

    /// Compares two schemas that are both there.
    fn schema(&mut self, at: &At, before: &Value<'_>, after: &Value<'_>) {
        if Shape::Schema.equal(before, after) {
            return;
        }
        let pair = Pair::both(before, after);
        match (before, after) {
            (Value::Object(b), Value::Object(a)) => {
                let (b_ref, a_ref) = (b.get("$ref"), a.get("$ref"));
                if b_ref != a_ref && self.reference(at, before, after) {
                    return;
                }
                self.object(at, b, a);
            }
            _ if is_open(before) && is_open(after) => {
                let message = format!(
                    "the schema of {} is written differently: true and {{}} both allow anything",
                    at.label()
                );
                self.sink.same_meaning(&at.pointer, pair, message);
            }
            _ => {
                let direction = match (before, after) {
                    (Value::Bool(false), _) => Direction::Widened,
                    (_, Value::Bool(false)) => Direction::Narrowed,
                    _ if is_open(before) => Direction::Narrowed,
                    _ if is_open(after) => Direction::Widened,
                    _ => Direction::Changed,
                };
                let message = format!("the schema of {} {}", at.label(), pair.sentence());
                self.emit(codes::SCHEMA_KEYWORD_CHANGED, direction, &at.pointer, pair, message);
            }
        }
    }

    fn object(&mut self, at: &At, before: &Object<'_>, after: &Object<'_>) {
        self.properties(at, before, after);
        for (key, b, a) in differing(before, after) {
            if !matches!(key, "properties" | "required" | "$defs" | "definitions") {
                self.keyword(&at.keyword(key), key, Pair::new(b, a));
            }
        }
        // Last, because by now it is known which entries hold what stood elsewhere before.
        for (key, b, a) in differing(before, after) {
            if matches!(key, "$defs" | "definitions") {
                self.definitions(&at.keyword(key), key, Pair::new(b, a));
            }
        }
    }

    fn keyword(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        match key {
            "description" | "$comment" | "markdownDescription" => {
                let word = if key == "$comment" { "comment" } else { "description" };
                let what = format!("the {word} of {}", at.label());
                prose::compare(self.sink, &at.pointer, pair, &prose::DESCRIPTION, &what);
            }
            "title" => {
                let what = format!("the title of {}", at.label());
                prose::compare(self.sink, &at.pointer, pair, &prose::TITLE, &what);
            }
            "type" => self.types(at, pair),
            "enum" => self.choice(at, pair),
            "const" => self.constant(at, pair),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "minLength" | "maxLength"
            | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains" | "maxContains"
            | "multipleOf" | "uniqueItems" => self.bounds(at, key, pair),
            "pattern" => self.pattern(at, pair),
            "format" | "contentEncoding" | "contentMediaType" => self.format(at, key, pair),
            "default" => self.default_value(at, pair),
            "examples" | "example" => {
                let message = format!("the examples of {} {}", at.label(), verb(pair));
                self.emit(codes::EXAMPLES_CHANGED, pair.direction(), &at.pointer, pair, message);
            }
            "additionalProperties" | "unevaluatedProperties" => self.openness(at, key, pair),
            "allOf" | "anyOf" | "oneOf" => self.alternatives(at, key, pair),
            "prefixItems" => self.tuple(at, pair),
            "items" if is_list(pair) => self.tuple(at, pair),
            "items" | "additionalItems" | "unevaluatedItems" | "contains" => {
                let inner = at.items(at.pointer.clone());
                self.subschema(&inner, key, pair);
            }
            "propertyNames" | "contentSchema" | "not" | "if" | "then" | "else" => {
                self.subschema(at, key, pair)
            }
            "patternProperties" | "dependentSchemas" | "dependencies" => self.map(at, key, pair),
            "x-mcp-header" => self.header(at, pair),
            "$schema" => self.dialect(at, pair),
            "$ref" => {
                let message = format!("the reference of {} {}", at.label(), pair.sentence());
                self.emit(codes::REFERENCE_CHANGED, pair.direction(), &at.pointer, pair, message);
            }
            _ => self.unknown(at, key, pair),
        }
    }

    /// A keyword without a code of its own is a change of its own.
    fn unknown(&mut self, at: &At, key: &str, pair: Pair<'_, '_>) {
        let flag = matches!(key, "deprecated" | "readOnly" | "writeOnly" | "nullable");
        let neutral =
            |value: &Value<'_>| generic::is_empty_object(value) || (flag && *value == Value::Bool(false));
        if pair.says_nothing(neutral) {
            let message =
                format!("keyword {} of {} came or went without saying anything", quote(key), at.label());
            return self.sink.same_meaning(&at.pointer, pair, message);
        }
        let message = format!("keyword {} of {} {}", quote(key), at.label(), pair.sentence());
        self.emit(codes::SCHEMA_KEYWORD_CHANGED, pair.direction(), &at.pointer, pair, message);
    }

    fn header(&mut self, at: &At, pair: Pair<'_, '_>) {
        let (code, told) = match (pair.before, pair.after) {
            (None, Some(after)) => {
                (codes::X_MCP_HEADER_ADDED, format!("is now sent out as the HTTP header {}", excerpt(after)))
            }
            (Some(before), None) => (
                codes::X_MCP_HEADER_REMOVED,
                format!("is no longer sent out as the HTTP header {}", excerpt(before)),
            ),
            _ => (
                codes::X_MCP_HEADER_CHANGED,
                format!("is sent out as another HTTP header: it {}", pair.sentence()),
            ),
        };
        self.sink.add(code, pair.direction(), &at.pointer, pair, format!("{} {told}", at.label()));
    }

    /// Headers inside something that was added as a whole.
    fn headers(&mut self, at: &str, added: &Value<'_>) {
        let Value::Object(members) = added else { return };
        for (key, value) in members.iter() {
            let at = pointer::join(at, key);
            if key == "x-mcp-header" && value.as_object().is_none() {
                let message = format!(
                    "{} sends an argument out as the HTTP header {}",
                    self.sink.subject(),
                    excerpt(value)
                );
                let pair = Pair::new(None, Some(value));
                self.sink.add(codes::X_MCP_HEADER_ADDED, Direction::Added, &at, pair, message);
            } else {
                self.headers(&at, value);
            }
        }
    }

    /// MCP reads a schema without `$schema` as 2020-12 (specification 2025-11-25, basic protocol).
    fn dialect(&mut self, at: &At, pair: Pair<'_, '_>) {
        let is_default = |value: &Value<'_>| {
            let dialect = value.as_str().map(|text| text.trim_end_matches('#'));
            dialect == Some("https://json-schema.org/draft/2020-12/schema")
        };
        if pair.says_nothing(is_default) {
            let message =
                format!("the dialect of {} is written differently: absent means 2020-12", at.label());
            return self.sink.same_meaning(&at.pointer, pair, message);
        }
        let message = format!("the schema dialect of {} {}", at.label(), pair.sentence());
        self.emit(codes::SCHEMA_DIALECT_CHANGED, pair.direction(), &at.pointer, pair, message);
    }
}

/// A schema that allows anything.
fn is_open(schema: &Value<'_>) -> bool {
    *schema == Value::Bool(true) || generic::is_empty_object(schema)
}

fn is_list(pair: Pair<'_, '_>) -> bool {
    let list = |value: Option<&Value<'_>>| value.is_none_or(|value| value.as_array().is_some());
    list(pair.before) && list(pair.after)
}

fn verb(pair: Pair<'_, '_>) -> String {
    match pair.direction() {
        Direction::Added => "were added".to_owned(),
        Direction::Removed => "were removed".to_owned(),
        _ => "changed".to_owned(),
    }
}
