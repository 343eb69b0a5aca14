//! Strict JSON: what is accepted has one meaning, in every form we write and for another parser.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcptrust::json::{ErrorKind, Limits, Value, canonical, compact, parse, pretty};

fuzz_target!(|bytes: &[u8]| {
    let other = serde_json::from_slice::<serde_json::Value>(bytes);
    match (parse(bytes, &Limits::default()), other) {
        (Ok(value), other) => {
            let again = |text: &[u8], form: &str| {
                let read = parse(text, &Limits::default()).unwrap_or_else(|e| panic!("{form} form: {e}"));
                assert_eq!(read, value, "{form} form means something else");
                assert_eq!(canonical(&read), canonical(&value), "{form} form has another canonical form");
            };
            again(&canonical(&value), "canonical");
            again(pretty(&value).as_bytes(), "pretty");
            again(compact(&value).as_bytes(), "compact");
            assert_eq!(value.to_owned_json(), value);
            match other {
                Ok(other) => same(&value, &other),
                // what the other parser cannot hold: numbers beyond f64, and its own depth
                Err(e) => assert!(
                    ["number out of range", "recursion limit"].iter().any(|text| e.to_string().contains(text)),
                    "another parser refuses it: {e}"
                ),
            }
        }
        // what we refuse on purpose: two meanings, too deep, an exponent that no arithmetic can hold
        (Err(error), Ok(_)) => assert!(
            matches!(error.kind, ErrorKind::DuplicateKey(_) | ErrorKind::Depth(_))
                || error.to_string().contains("an exponent beyond"),
            "another parser accepts it: {error}"
        ),
        (Err(error), Err(_)) => assert!(error.line > 0 && error.column > 0 && error.offset <= bytes.len()),
    }
});

/// Floats apart, which the other parser rounds.
fn same(ours: &Value<'_>, other: &serde_json::Value) {
    match (ours, other) {
        (Value::Object(a), serde_json::Value::Object(b)) => {
            assert_eq!(a.len(), b.len());
            for (key, value) in a.iter() {
                same(value, &b[key]);
            }
        }
        (Value::Array(a), serde_json::Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b));
        }
        (Value::String(a), serde_json::Value::String(b)) => assert_eq!(a, b),
        (Value::Bool(a), serde_json::Value::Bool(b)) => assert_eq!(a, b),
        (Value::Null, serde_json::Value::Null) => {}
        (Value::Number(a), serde_json::Value::Number(b)) => {
            if let Some(b) = b.as_i64() {
                assert_eq!(a.as_i64(), Some(b));
            } else if let Some(b) = b.as_u64() {
                assert_eq!(a.as_u64(), Some(b));
            }
        }
        _ => panic!("{} is {other} for another parser", ours.type_name()),
    }
}
