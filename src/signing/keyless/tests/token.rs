use jiff::Timestamp;
use serde_json::json;

use super::super::token::{Token, TokenError};
use super::{token, wrap};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn a_token_is_read_with_its_times() {
    let token = Token::parse(&format!("  {}\n", token(&json!({})))).unwrap();
    assert_eq!((token.issuer(), token.subject()), ("https://issuer.example.com", "subject"));
    assert_eq!(token.expires(), at(1_800_000_600));
    assert_eq!(token.not_before(), Some(at(1_800_000_000)));
    assert_eq!(token.audiences(), ["sigstore"]);
}

#[test]
fn its_text_is_not_shown() {
    let text = token(&json!({ "secret": "hunter2" }));
    let token = Token::parse(&text).unwrap();
    let shown = format!("{token:?}");
    assert!(!shown.contains(&text) && !shown.contains("hunter2"), "{shown}");
    assert_eq!(token.reveal(), text);
}

#[test]
fn what_is_no_token_is_refused() {
    let good = token(&json!({}));
    for (text, says) in [
        ("", "three parts"),
        ("a.b", "three parts"),
        (&format!("{good}.x"), "three parts"),
        ("a.!!.c", "not base64url"),
        (&wrap("[1]"), "not a JSON object"),
        (&wrap("{"), "not a JSON object"),
        (&"a".repeat(70_000), "larger than 64 KiB"),
    ] {
        let error = Token::parse(text).unwrap_err();
        assert!(matches!(&error, TokenError::Malformed(reason) if reason.contains(says)), "{says}: {error}");
    }
    for (claims, claim) in [
        (json!({ "iss": null }), "iss"),
        (json!({ "sub": "" }), "sub"),
        (json!({ "sub": 7 }), "sub"),
        (json!({ "exp": null }), "exp"),
        (json!({ "exp": "soon" }), "exp"),
        (json!({ "exp": 1e300 }), "exp"),
        (json!({ "nbf": [] }), "nbf"),
    ] {
        let error = Token::parse(&token(&claims)).unwrap_err();
        assert!(
            matches!(error, TokenError::Claim { claim: named, .. } if named == claim),
            "{claims}: {error}"
        );
    }
}

#[test]
fn times_are_checked_and_told_in_utc() {
    let token = Token::parse(&token(&json!({}))).unwrap();
    let (start, end) = (1_800_000_000, 1_800_000_600);
    for good in [start - 60, start, end - 1] {
        token.check_time(at(good)).unwrap();
    }
    let early = token.check_time(at(start - 61)).unwrap_err();
    assert_eq!(
        early.to_string(),
        "the identity token is not valid before 2027-01-15 08:00:00 UTC, and it is 2027-01-15 07:58:59 UTC now. \
         Set this machine's clock, or wait"
    );
    let late = token.check_time(at(end)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "the identity token expired at 2027-01-15 08:10:00 UTC, and it is 2027-01-15 08:10:00 UTC now. \
         Get a fresh one; if it is fresh, set this machine's clock"
    );
}

#[test]
fn the_audience_is_one_of_those_named() {
    for audience in [json!("sigstore"), json!(["other", "sigstore"])] {
        Token::parse(&token(&json!({ "aud": audience }))).unwrap().check_audience("sigstore").unwrap();
    }
    for audience in [json!("Sigstore"), json!([]), json!(null), json!(["sigstore.dev"])] {
        let token = Token::parse(&token(&json!({ "aud": audience }))).unwrap();
        assert!(matches!(token.check_audience("sigstore"), Err(TokenError::Audience { .. })), "{audience}");
    }
}
