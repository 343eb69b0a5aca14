//! What holds for any definition.

use mcptrust::drift::compare_surfaces;
use mcptrust::finding::Finding;
use mcptrust::json::{Json, Object, Value, canonical, pointer};
use mcptrust::surface::{Kind, Surface};
use proptest::prelude::*;
use proptest::sample::Index;

fn surface(kind: Kind, definition: &Json) -> Surface<'static> {
    let mut surface = Surface::default();
    surface.definitions_mut(kind).insert("x".into(), definition.clone());
    surface
}

fn drift(kind: Kind, before: &Json, after: &Json) -> Vec<Finding> {
    compare_surfaces("acme", &surface(kind, before), &surface(kind, after))
}

/// Words that mean something somewhere, and some that mean nothing anywhere.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "name",
            "title",
            "description",
            "annotations",
            "readOnlyHint",
            "destructiveHint",
            "icons",
            "_meta",
            "execution",
            "taskSupport",
            "arguments",
            "required",
            "type",
            "enum",
            "properties",
            "items",
            "a",
            "b",
            "a/b",
            "~",
            "",
            "é",
            "$ref",
            "$defs",
            "x-mcp-header",
            "default",
            "not",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}",
    ]
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        (0u64..5).prop_map(Value::from),
        "[a-z ]{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["string", "object", "#/$defs/a", "#", "forbidden"]).prop_map(Value::from),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn schema() -> impl Strategy<Value = Json> {
    let word =
        prop::sample::select(vec!["string", "number", "integer", "boolean", "object", "array", "null"]);
    let leaf = prop_oneof![
        Just(Value::Bool(true)),
        Just(Value::Bool(false)),
        word.clone().prop_map(|w| object([("type", Value::from(w))])),
        prop::sample::select(vec!["#/$defs/a", "#/$defs/b", "#", "#/properties/a", "other.json"])
            .prop_map(|r| object([("$ref", Value::from(r))])),
    ];
    leaf.prop_recursive(3, 24, 3, move |inner| {
        let map = prop::collection::btree_map("[ab]", inner.clone(), 0..3)
            .prop_map(|m| Value::Object(m.into_iter().collect::<Object<'static>>()));
        let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array);
        let names = prop::collection::vec("[abc]", 0..3)
            .prop_map(|names| Value::Array(names.into_iter().map(Value::from).collect()));
        let number = (0u64..9).prop_map(Value::from);
        let member = prop_oneof![
            (prop::sample::select(vec!["properties", "$defs", "definitions", "patternProperties"]), map),
            (prop::sample::select(vec!["anyOf", "oneOf", "allOf", "prefixItems"]), list),
            (
                prop::sample::select(vec![
                    "items",
                    "not",
                    "if",
                    "then",
                    "additionalProperties",
                    "contains",
                    "propertyNames"
                ]),
                inner
            ),
            (Just("required"), names.clone()),
            (Just("enum"), prop::collection::vec(scalar(), 0..3).prop_map(Value::Array)),
            (Just("type"), prop_oneof![word.clone().prop_map(Value::from), names]),
            (prop::sample::select(vec!["minimum", "maximum", "minLength", "multipleOf", "maxItems"]), number),
            (
                prop::sample::select(vec!["description", "title", "pattern", "format", "x-mcp-header"]),
                scalar()
            ),
            (prop::sample::select(vec!["default", "const", "examples", "x-other", "uniqueItems"]), scalar()),
        ];
        prop::collection::vec(member, 0..5).prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn object<const N: usize>(members: [(&'static str, Json); N]) -> Json {
    Value::Object(members.into_iter().collect())
}

fn definition(kind: Kind) -> BoxedStrategy<Json> {
    let members = prop::collection::vec((key(), json()), 0..5);
    let schemas = (prop::option::of(schema()), prop::option::of(schema()));
    let hints = prop::option::of(prop::collection::vec(
        (prop::sample::select(vec!["readOnlyHint", "destructiveHint", "openWorldHint", "title"]), scalar()),
        0..3,
    ));
    let arguments = prop::option::of(prop::collection::vec(
        ("[ab]{1,2}", any::<bool>()).prop_map(|(name, required)| {
            object([("name", Value::from(name)), ("required", Value::Bool(required))])
        }),
        0..4,
    ));
    (members, schemas, hints, arguments)
        .prop_map(move |(members, (input, output), hints, arguments)| {
            let mut out: Object<'static> = members.into_iter().collect();
            let known = [
                ("inputSchema", input),
                ("outputSchema", output),
                ("annotations", hints.map(|hints| Value::Object(hints.into_iter().collect()))),
                ("arguments", arguments.map(Value::Array)),
            ];
            for (key, value) in known {
                if let Some(value) = value {
                    out.insert(key, value);
                }
            }
            out.insert(kind.id_field(), "x");
            Value::Object(out)
        })
        .boxed()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn any_definition() -> impl Strategy<Value = (Kind, Json)> {
    kinds().prop_flat_map(|kind| (Just(kind), definition(kind)))
}

/// All places of a value, itself included.
fn places(value: &Json, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &pointer::join(at, &index.to_string()), out);
            }
        }
        Value::Object(members) => members.iter().for_each(|(k, v)| places(v, &pointer::join(at, k), out)),
        _ => {}
    }
}

fn at_mut<'v>(value: &'v mut Json, at: &str) -> &'v mut Json {
    pointer::split(at).unwrap().iter().fold(value, |value, token| match value {
        Value::Array(items) => &mut items[token.parse::<usize>().unwrap()],
        Value::Object(members) => members.get_mut(token).unwrap(),
        _ => unreachable!(),
    })
}

/// One edit at a place that is not the whole: what was edited, where, and whether array elements moved.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Index, Json),
    Add(Index, String, Json),
    Remove(Index),
    Swap(Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), json()).prop_map(|(at, value)| Edit::Replace(at, value)),
        (any::<Index>(), key(), json()).prop_map(|(at, key, value)| Edit::Add(at, key, value)),
        any::<Index>().prop_map(Edit::Remove),
        any::<(Index, Index, Index)>().prop_map(|(at, one, other)| Edit::Swap(at, one, other)),
    ]
}

/// The place of the edit. Adding to or removing from an array is an edit of the array.
fn apply(value: &mut Json, edit: &Edit) -> String {
    let mut all = Vec::new();
    places(value, "", &mut all);
    match edit {
        Edit::Replace(index, new) => {
            let at = index.get(&all).clone();
            // Even a replaced definition is an object: that is what the reader guarantees.
            let at = if at.is_empty() { all.last().unwrap().clone() } else { at };
            if at.is_empty() {
                return at;
            }
            *at_mut(value, &at) = new.clone();
            at
        }
        Edit::Add(index, key, new) => {
            let containers: Vec<String> = all
                .into_iter()
                .filter(|at| matches!(value.pointer(at), Some(Value::Array(_) | Value::Object(_))))
                .collect();
            let at = index.get(&containers).clone();
            match at_mut(value, &at) {
                Value::Array(items) => {
                    items.push(new.clone());
                    at
                }
                Value::Object(members) => {
                    members.insert(key.clone(), new.clone());
                    pointer::join(&at, key)
                }
                _ => unreachable!(),
            }
        }
        Edit::Swap(index, one, other) => {
            let is_list =
                |at: &String| value.pointer(at).and_then(Value::as_array).is_some_and(|l| l.len() > 1);
            let lists: Vec<String> = all.into_iter().filter(is_list).collect();
            if lists.is_empty() {
                return String::new();
            }
            let at = index.get(&lists).clone();
            let Value::Array(items) = at_mut(value, &at) else { unreachable!() };
            let (one, other) = (one.index(items.len()), other.index(items.len()));
            items.swap(one, other);
            at
        }
        Edit::Remove(index) => {
            let inner: Vec<&String> = all.iter().filter(|at| !at.is_empty()).collect();
            if inner.is_empty() {
                return String::new();
            }
            let at = (*index.get(&inner)).clone();
            let parent = at.get(..at.rfind('/').unwrap()).unwrap().to_owned();
            let token = pointer::split(&at).unwrap().pop().unwrap();
            match at_mut(value, &parent) {
                Value::Array(items) => {
                    items.remove(token.parse::<usize>().unwrap());
                    parent
                }
                Value::Object(members) => {
                    members.remove(&token);
                    at
                }
                _ => unreachable!(),
            }
        }
    }
}

fn is_under(at: &str, above: &str) -> bool {
    at.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same value but for the order of keys and of sets in schemas.
fn shuffled(value: &Json, schema: bool, seed: &mut u64) -> Json {
    let mut next = |n: usize| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*seed >> 33).unwrap() % n.max(1)
    };
    let Value::Object(members) = value else { return value.clone() };
    let mut members: Vec<(String, Json)> = members.iter().map(|(k, v)| (k.to_owned(), v.clone())).collect();
    for i in (1..members.len()).rev() {
        members.swap(i, next(i + 1));
    }
    for (key, value) in &mut members {
        let set = schema && matches!(key.as_str(), "required" | "enum" | "type");
        let inner = match key.as_str() {
            "items" | "not" | "if" | "then" | "additionalProperties" | "contains" | "propertyNames" => schema,
            "inputSchema" | "outputSchema" => true,
            _ => false,
        };
        let map =
            schema && matches!(key.as_str(), "properties" | "$defs" | "definitions" | "patternProperties");
        match value {
            Value::Array(items) if set => {
                for i in (1..items.len()).rev() {
                    let j = usize::try_from(*seed >> 40).unwrap() % (i + 1);
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7);
                    items.swap(i, j);
                }
            }
            Value::Object(inner) if map => {
                let parts = inner.iter().map(|(k, v)| (k.to_owned(), shuffled(v, true, seed)));
                *value = Value::Object(parts.collect::<Vec<_>>().into_iter().rev().collect());
            }
            _ => *value = shuffled(value, inner, seed),
        }
    }
    Value::Object(members.into_iter().collect())
}

/// What a value is, told apart independently of the engine.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Tool,
    Schema,
    Schemas,
    Plain,
}

impl Shape {
    fn of(kind: Kind) -> Shape {
        if kind == Kind::Tool { Shape::Tool } else { Shape::Plain }
    }

    fn member(self, key: &str) -> Shape {
        const ONE: [&str; 7] =
            ["items", "not", "if", "then", "additionalProperties", "contains", "propertyNames"];
        const MANY: [&str; 8] = [
            "properties",
            "$defs",
            "definitions",
            "patternProperties",
            "anyOf",
            "oneOf",
            "allOf",
            "prefixItems",
        ];
        match self {
            Shape::Tool if key == "inputSchema" || key == "outputSchema" => Shape::Schema,
            Shape::Schema if ONE.contains(&key) => Shape::Schema,
            Shape::Schema if MANY.contains(&key) => Shape::Schemas,
            Shape::Schemas => Shape::Schema,
            _ => Shape::Plain,
        }
    }
}

/// The same value with every set in one order.
fn sorted(value: &Json, shape: Shape) -> Json {
    match value {
        Value::Object(members) => {
            let member = |(key, value): (&str, &Json)| {
                let set = shape == Shape::Schema && matches!(key, "required" | "enum" | "type");
                let value = match value {
                    Value::Array(items) if set => {
                        let mut items = items.clone();
                        items.sort_by_cached_key(canonical);
                        Value::Array(items)
                    }
                    value => sorted(value, shape.member(key)),
                };
                (key.to_owned(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) if shape == Shape::Schemas || shape == Shape::Schema => {
            Value::Array(items.iter().map(|item| sorted(item, Shape::Schema)).collect())
        }
        value => value.clone(),
    }
}

/// Pointers of everything that differs, arrays as a whole.
fn differences(before: Option<&Json>, after: Option<&Json>, at: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(b)), Some(Value::Object(a))) => {
            let keys: std::collections::BTreeSet<&str> = b.keys().chain(a.keys()).collect();
            for key in keys {
                differences(b.get(key), a.get(key), &pointer::join(at, key), out);
            }
        }
        _ => out.push(at.to_owned()),
    }
}

/// A finding stands at the pointer, above or below it; or the two places where one change is told by another.
fn is_told(at: &str, findings: &[Finding]) -> bool {
    let related =
        |f: &Finding| f.code != "hidden-text" && (is_under(at, &f.pointer) || is_under(&f.pointer, at));
    if findings.iter().any(related) {
        return true;
    }
    // A property that came or went says what `required` says.
    if let Some(schema) = at.strip_suffix("/required") {
        let property = format!("{schema}/properties");
        return findings.iter().any(|f| is_under(&f.pointer, &property));
    }
    // What stands beside a reference that changed was compared with what the reference leads to.
    findings.iter().filter_map(|f| f.pointer.strip_suffix("/$ref")).any(|schema| is_under(at, schema))
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn any_single_edit_is_drift_at_its_place((kind, before) in any_definition(), edit in edit()) {
        let mut after = before.clone();
        let at = apply(&mut after, &edit);
        let findings = drift(kind, &before, &after);
        if sorted(&before, Shape::of(kind)) == sorted(&after, Shape::of(kind)) {
            prop_assert_eq!(findings, []);
            return Ok(());
        }
        let met = findings.iter().any(|f| is_under(&at, &f.pointer) || is_under(&f.pointer, &at));
        prop_assert!(met, "edit at {at:?}, found {findings:#?}");
        // A single value in place of another one is told at its place or above it.
        let scalar = |value: Option<&Json>| value.is_none_or(|v| v.as_array().is_none() && v.as_object().is_none());
        if scalar(before.pointer(&at)) && scalar(after.pointer(&at)) {
            prop_assert!(findings.iter().any(|f| is_under(&at, &f.pointer)), "edit at {at:?}, found {findings:#?}");
        }
    }

    #[test]
    fn every_difference_between_two_definitions_is_covered(
        (kind, before) in any_definition(),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        let mut after = before.clone();
        for edit in &edits {
            apply(&mut after, edit);
        }
        let findings = drift(kind, &before, &after);
        prop_assert_eq!(findings.is_empty(), drift(kind, &after, &before).is_empty());
        let (b, a) = (sorted(&before, Shape::of(kind)), sorted(&after, Shape::of(kind)));
        let mut differing = Vec::new();
        differences(Some(&b), Some(&a), "", &mut differing);
        prop_assert_eq!(findings.is_empty(), differing.is_empty());
        for at in differing {
            prop_assert!(is_told(&at, &findings), "{at} differs, found {findings:#?}");
        }
    }

    #[test]
    fn definitions_without_anything_in_common_are_covered(
        (kind, before) in any_definition(),
        (_, after) in any_definition(),
    ) {
        let findings = drift(kind, &before, &after);
        let (b, a) = (sorted(&before, Shape::of(kind)), sorted(&after, Shape::of(kind)));
        let mut differing = Vec::new();
        differences(Some(&b), Some(&a), "", &mut differing);
        prop_assert_eq!(findings.is_empty(), differing.is_empty());
        for at in differing {
            prop_assert!(is_told(&at, &findings), "{at} differs, found {findings:#?}");
        }
    }

    #[test]
    fn a_definition_has_no_drift_against_itself((kind, definition) in any_definition()) {
        prop_assert_eq!(drift(kind, &definition, &definition), []);
    }

    #[test]
    fn order_of_keys_and_sets_is_no_drift(definition in definition(Kind::Tool), seed in any::<u64>()) {
        let mut seed = seed;
        let other = shuffled(&definition, false, &mut seed);
        prop_assert_eq!(drift(Kind::Tool, &definition, &other), []);
    }

    #[test]
    fn what_is_reported_stood_there(before in definition(Kind::Resource), after in definition(Kind::Resource)) {
        for finding in drift(Kind::Resource, &before, &after) {
            prop_assert_eq!(finding.after.as_ref(), after.pointer(&finding.pointer), "{:?}", finding);
            if finding.code != "hidden-text" {
                prop_assert_eq!(finding.before.as_ref(), before.pointer(&finding.pointer), "{:?}", finding);
            }
        }
    }
}
