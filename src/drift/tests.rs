//! What the walks rest on: nothing is lost, sets have no order, volatile pointers cover what they name.

use super::shape::Shape;
use super::sink::{Pair, Sink, excerpt};
use super::*;
use crate::finding::Severity;
use crate::json::{Json, Limits, parse};

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &Limits::default()).unwrap().into_owned()
}

fn sink(volatile: &[String]) -> Sink<'_> {
    Sink::definition("acme", Subject::Tool, "x", "/tools/x".to_owned(), volatile)
}

fn pointers(sink: Sink<'_>) -> Vec<String> {
    sink.finish().into_iter().map(|finding| finding.pointer).collect()
}

#[test]
fn what_a_walk_leaves_out_is_told_all_the_same() {
    let before = json(
        r#"{"a": 1, "b": {"c": [1, 2], "d": 1}, "gone": {"x": 1, "y": 2}, "inputSchema": {"required": ["a", "b"]}}"#,
    );
    let after =
        json(r#"{"a": 2, "b": {"c": [2, 1], "d": 1}, "come": 1, "inputSchema": {"required": ["b", "a"]}}"#);
    let mut all = sink(&[]);
    all.cover(Shape::Tool, &before, &after, codes::MEMBER_CHANGED);
    assert_eq!(pointers(all), ["/a", "/b/c/0", "/b/c/1", "/come", "/gone/x", "/gone/y"]);

    let mut some = sink(&[]);
    let pair = Pair::new(before.pointer("/gone"), None);
    some.add(codes::MEMBER_CHANGED, Direction::Removed, "/gone", pair, String::new());
    let pair = Pair::new(before.pointer("/b/c/0"), after.pointer("/b/c/0"));
    some.add(codes::MEMBER_CHANGED, Direction::Changed, "/b/c/0", pair, String::new());
    some.claim("/a");
    some.cover(Shape::Tool, &before, &after, codes::MEMBER_CHANGED);
    assert_eq!(pointers(some), ["/gone", "/b/c/0", "/come"], "an array is covered by a change inside it");
}

#[test]
fn hidden_text_covers_nothing() {
    let (before, after) = (json(r#"{"a": "x"}"#), json("{\"a\": \"x\u{200B}\"}"));
    let mut sink = sink(&[]);
    sink.add(codes::HIDDEN_TEXT, Direction::Added, "/a", Pair::new(None, None), String::new());
    sink.cover(Shape::Plain, &before, &after, codes::MEMBER_CHANGED);
    let codes: Vec<&str> = sink.finish().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["hidden-text", "member-changed", "hidden-text"]);
}

#[test]
fn only_the_three_sets_of_a_schema_have_no_order() {
    let equal = |shape: Shape, before: &str, after: &str| shape.equal(&json(before), &json(after));
    for set in ["required", "enum", "type"] {
        let (before, after) = (format!(r#"{{"{set}": ["a", "b"]}}"#), format!(r#"{{"{set}": ["b", "a"]}}"#));
        assert!(equal(Shape::Schema, &before, &after), "{set}");
        assert!(!equal(Shape::Plain, &before, &after), "{set}");
        assert!(!equal(Shape::SchemaMap, &before, &after), "a property of the name {set} is no set");
        let nested = |schema: &str| format!(r#"{{"anyOf": [{{"items": {{"$defs": {{"x": {schema}}}}}}}]}}"#);
        assert!(equal(Shape::Schema, &nested(&before), &nested(&after)), "{set}");
        let default = |schema: &str| format!(r#"{{"default": {schema}}}"#);
        assert!(!equal(Shape::Schema, &default(&before), &default(&after)), "{set} in a default");
    }
    for list in ["prefixItems", "items", "anyOf", "oneOf", "allOf", "examples", "default", "x-order"] {
        let (before, after) =
            (format!(r#"{{"{list}": [true, {{}}]}}"#), format!(r#"{{"{list}": [{{}}, true]}}"#));
        assert!(!equal(Shape::Schema, &before, &after), "{list}");
    }
    assert!(!equal(Shape::Schema, r#"{"enum": [1, 1, 2]}"#, r#"{"enum": [1, 2, 2]}"#));
    assert!(!equal(Shape::Schema, r#"{"examples": [1, 2]}"#, r#"{"examples": [2, 1]}"#));
    assert!(equal(Shape::Schema, r#"{"enum": [1, 2.0]}"#, r#"{"enum": [2, 1e0]}"#));
}

#[test]
fn a_volatile_pointer_covers_what_stands_at_it_and_below_and_nothing_else() {
    let severity = |agreed: &str, at: &str| {
        let agreed = [agreed.to_owned()];
        let mut sink = sink(&agreed);
        sink.add(codes::DESCRIPTION_CHANGED, Direction::Changed, at, Pair::new(None, None), String::new());
        sink.finish().first().map(|finding| finding.severity)
    };
    assert_eq!(severity("/tools/x/description", "/description"), Some(Severity::Info));
    assert_eq!(severity("/tools/x", "/description"), Some(Severity::Info));
    assert_eq!(severity("/tools", "/a/b"), Some(Severity::Info));
    for other in [
        "/tools/x/desc",
        "/tools/x/description/0",
        "/tools/y/description",
        "/prompts/x/description",
        "/description",
    ] {
        assert_eq!(severity(other, "/description"), Some(Severity::High), "{other}");
    }
}

#[test]
fn excerpts_are_short() {
    assert_eq!(excerpt(&json("[]")), "an empty list");
    assert_eq!(excerpt(&json("{}")), "an empty object");
    assert_eq!(excerpt(&json("[1, 2.5]")), "[1,2.5]");
    assert_eq!(excerpt(&Value::Array(vec![Value::Null; 1_000])), "a list of 1000 elements");
    let deep = format!("{}1{}", "[\"aaaaaaaaaaaaaaaaaaaa\",".repeat(20), "]".repeat(20));
    assert!(excerpt(&json(&deep)).chars().count() <= 81);
}

#[test]
fn the_most_severe_change_comes_first() {
    let surface = |version: &str, description: &str| {
        let mut surface = Surface {
            server_info: Some(json(&format!(r#"{{"version": "{version}"}}"#))),
            ..Surface::default()
        };
        surface
            .tools
            .insert("x".into(), json(&format!(r#"{{"name": "x", "description": "{description}"}}"#)));
        surface
    };
    let findings = compare_surfaces("acme", &surface("1", "a"), &surface("2", "b\u{200B}"));
    let severities: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::High, Severity::Low]);
}

/// References that fan out would lead to 2^40 schemas.
#[test]
fn references_that_fan_out_come_to_an_end() {
    let chain = |name: &str, description: &str| {
        let level = |i: usize| {
            let next = format!(r##"{{"$ref": "#/$defs/{name}{}", "title": "t"}}"##, i + 1);
            format!(r#""{name}{i}": {{"properties": {{"a": {next}, "b": {next}}}}}"#)
        };
        let levels: Vec<String> = (0..40).map(level).collect();
        json(&format!(
            r##"{{"name": "x", "inputSchema": {{"$ref": "#/$defs/{name}0", "$defs": {{{}, "{name}40": {{"description": "{description}"}}}}}}}}"##,
            levels.join(", ")
        ))
    };
    let surface = |definition: Json| {
        let mut surface = Surface::default();
        surface.tools.insert("x".into(), definition);
        surface
    };
    let findings = compare_surfaces("acme", &surface(chain("p", "a")), &surface(chain("q", "b")));
    assert!(findings.iter().any(|finding| finding.pointer == "/inputSchema/$defs/q40"), "{}", findings.len());
    assert!(findings.len() < 200_000, "{}", findings.len());
}
