use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn data(folder: &str, ending: &str) -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/canonical").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: BTreeMap<_, _> = files
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    assert!(!found.is_empty());
    found
}

fn read(text: &[u8]) -> Value<'_> {
    parse(text, &Limits::default()).unwrap()
}

#[test]
fn vectors_have_their_canonical_form() {
    for (name, path) in data("vectors", "in") {
        let text = fs::read(&path).unwrap();
        let expected = fs::read(path.with_extension("out")).unwrap();
        let value = read(&text);
        assert_eq!(String::from_utf8_lossy(&canonical(&value)), String::from_utf8_lossy(&expected), "{name}");
        assert_eq!(canonical(&read(&expected)), expected, "{name}: the canonical form is its own");
        assert_eq!(digest_with_prefix("p\n", &value), Digest::of_parts(&[b"p\n", &expected]), "{name}");
    }
}

#[test]
fn equal_values_have_one_form_and_distinct_ones_have_two() {
    for (name, path) in data("equal", "json") {
        let text = fs::read_to_string(path).unwrap();
        let values: Vec<_> = text.lines().map(|line| read(line.as_bytes())).collect();
        for other in &values {
            assert_eq!(values[0], *other, "{name}");
            assert_eq!(canonical(&values[0]), canonical(other), "{name}");
        }
    }
    for (name, path) in data("distinct", "json") {
        let text = fs::read_to_string(path).unwrap();
        let values: Vec<_> = text.lines().map(|line| read(line.as_bytes())).collect();
        assert_ne!(values[0], values[1], "{name}");
        assert_ne!(canonical(&values[0]), canonical(&values[1]), "{name}");
    }
}

#[test]
fn refusals_name_place_and_reason() {
    for (name, path) in data("refused", "in") {
        let text = fs::read(&path).unwrap();
        let expected = fs::read_to_string(path.with_extension("error")).unwrap();
        let error = parse(&text, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected.trim_end_matches('\n'), "{name}");
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let limits = Limits { max_bytes: 4, max_depth: 2 };
    assert!(parse(b"[[]]", &limits).is_ok());
    let error = parse(b"[[ ]]", &limits).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1: 5 bytes: expected at most 4");
    let limits = Limits { max_bytes: 100, max_depth: 2 };
    let error = parse(b"[[[]]]", &limits).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 3: nested deeper than 2 levels");
}

#[test]
fn pretty_shows_what_cannot_be_seen() {
    let value =
        read("{\"b\":[],\"a\":{\"x\":[1.0e2,{}]},\"t\":\"a\u{200b}\u{202e}\u{e0041}é\u{7f}\"}".as_bytes());
    let expected = "{\n  \"a\": {\n    \"x\": [\n      1.0e2,\n      {}\n    ]\n  },\n  \"b\": [],\n  \
                    \"t\": \"a\\u200b\\u202e\\udb40\\udc41é\\u007f\"\n}\n";
    assert_eq!(pretty(&value), expected);
    assert_eq!(read(expected.as_bytes()), value);
}

#[test]
fn pointers_lead_where_they_say() {
    let text = "{\n  \"a/b\": [\n    1,\n    {\"~\": true}\n  ],\n  \"é\": {}\n}";
    let value = read(text.as_bytes());
    assert_eq!(value.pointer("/a~1b/1/~0"), Some(&Value::Bool(true)));
    assert_eq!(value.pointer("/a~1b/01"), None);
    assert_eq!(locate(text, "/a~1b/1/~0"), Some(Position { line: 4, column: 6 }));
    assert_eq!(locate(text, "/a~1b/0"), Some(Position { line: 3, column: 5 }));
    assert_eq!(locate(text, "/a~1b/2"), None);
    assert_eq!(locate(text, "/é"), Some(Position { line: 6, column: 3 }));
    assert_eq!(locate(text, ""), Some(Position { line: 1, column: 1 }));
    assert!(pointer::split("a").is_err());
    assert!(pointer::split("/~2").is_err());
}

#[test]
fn objects_stay_sorted_and_unique() {
    let mut object: Object<'_> = [("b", 1u64), ("a", 2), ("b", 3)].into_iter().collect();
    assert_eq!(object.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(object.get("b").and_then(Value::as_u64), Some(3));
    assert!(object.insert("0", true).is_none());
    assert_eq!(object.insert("a", false), Some(Value::from(2u64)));
    assert_eq!(object.remove("b"), Some(Value::from(3u64)));
    assert_eq!(compact(&Value::Object(object)), r#"{"0":true,"a":false}"#);
}

/// Any JSON text, with numbers and escapes in many spellings.
pub(crate) fn any_json() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number.prop_map(|text| read(text.as_bytes()).to_owned_json()),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_spelling_reads_back_to_the_same_value(value in any_json()) {
        let bytes = canonical(&value);
        prop_assert_eq!(&read(&bytes), &value);
        prop_assert_eq!(canonical(&read(&bytes)), bytes);
        let text = pretty(&value);
        prop_assert_eq!(&read(text.as_bytes()), &value);
        prop_assert_eq!(pretty(&read(text.as_bytes())), text);
        let text = compact(&value);
        prop_assert_eq!(&read(text.as_bytes()), &value);
    }

    #[test]
    fn equal_values_equal_bytes(a in any_json(), b in any_json()) {
        prop_assert_eq!(a == b, canonical(&a) == canonical(&b));
    }

    #[test]
    fn order_of_keys_is_that_of_utf16(a in any::<String>(), b in any::<String>()) {
        let units = |s: &str| s.encode_utf16().collect::<Vec<_>>();
        prop_assert_eq!(utf16_order(&a, &b), units(&a).cmp(&units(&b)));
    }

    #[test]
    fn numbers_order_like_their_values(a in -1000i64..1000, b in -1000i64..1000, x in 0u32..4, y in 0u32..4) {
        let number = |n: i64, e: u32| format!("{n}e-{e}");
        let (ta, tb) = (number(a, x), number(b, y));
        let (va, vb) = (read(ta.as_bytes()), read(tb.as_bytes()));
        let expected = (a * 10i64.pow(3 - x.min(3))).cmp(&(b * 10i64.pow(3 - y.min(3))));
        prop_assert_eq!(va.as_number().unwrap().cmp(vb.as_number().unwrap()), expected);
        prop_assert_eq!(va == vb, expected.is_eq());
    }

    #[test]
    fn the_parser_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, &Limits::default());
    }

    #[test]
    fn the_parser_agrees_with_a_lenient_one(text in "[\\[\\]{}:,\"a0-9.eE+\\-\\\\ un]{0,40}") {
        let ours = parse(text.as_bytes(), &Limits::default());
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
        if ours.is_ok() {
            let too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("number out of range"));
            prop_assert!(theirs.is_ok() || too_large, "{}", text);
        }
    }
}
