use std::time::Duration;

use super::super::error::{Cause, Error, Published, Service, ServiceError, Step};
use super::super::identity::Refusal;
use super::super::transport::{join, printable, shown};
use crate::signing::rules::Mismatch;

fn status(status: u16) -> Cause {
    Cause::Status { status, message: String::new(), code: None, retry_after: None }
}

#[test]
fn only_trouble_that_may_pass_is_transient() {
    for cause in
        [Cause::Connect(String::new()), Cause::Broken(String::new()), Cause::TimedOut(Duration::ZERO)]
    {
        assert!(cause.is_transient(), "{cause}");
    }
    for code in [408, 429, 500, 502, 503, 504] {
        assert!(status(code).is_transient(), "{code}");
    }
    for code in [301, 400, 401, 403, 404, 409, 422] {
        assert!(!status(code).is_transient(), "{code}");
    }
    for cause in [
        Cause::Malformed(String::new()),
        Cause::Untrue(String::new()),
        Cause::Deadline { limit: Duration::ZERO, last: None },
    ] {
        assert!(!cause.is_transient(), "{cause}");
    }
}

#[test]
fn an_error_says_which_service_what_happened_what_is_public_and_what_to_do() {
    let error = ServiceError {
        service: Service::TransparencyLog,
        url: "https://log.example.com/api/v2/log/entries".to_owned(),
        step: Step::LogEntry,
        cause: Cause::Connect("Connection refused".to_owned()),
        attempts: 4,
        reached: false,
        published: Published::Certificate,
    };
    assert_eq!(
        error.to_string(),
        "could not record the signature: the transparency log (Rekor) at https://log.example.com/api/v2/log/entries: \
         no connection: Connection refused (4 attempts). A certificate with this identity is already in the \
         instance's certificate log; no log entry was made. No bundle was written. Check that the service can be \
         reached from here. Signing again is safe: every attempt uses a new key."
    );
    assert!(!Error::from(error).is_refusal());
}

#[test]
fn a_gate_lists_what_differs() {
    let mismatch = Mismatch {
        field: "source-repository-ref".to_owned(),
        expected: "refs/heads/main".to_owned(),
        got: Some("refs/pull/7/merge".to_owned()),
    };
    let rule = Some("release workflow".to_owned());
    let error = Error::Gate { refusals: vec![Refusal { rule, mismatches: vec![mismatch] }] };
    assert!(error.is_refusal());
    assert_eq!(
        error.to_string(),
        "this identity is not the one that may sign here:\n  release workflow: source-repository-ref: expected \
         refs/heads/main, got refs/pull/7/merge\nNothing became public"
    );
}

#[test]
fn a_services_words_are_shortened_and_made_printable() {
    assert_eq!(printable(" a\n\u{1b}[31mb\t"), "a  [31mb");
    let long = printable(&"x".repeat(1000));
    assert_eq!(long.chars().count(), 301);
    assert!(long.ends_with('\u{2026}'));
}

#[test]
fn a_shown_url_holds_no_secrets() {
    let url = url::Url::parse("https://user:secret@example.com/a?token=secret#secret").unwrap();
    assert_eq!(shown(&url), "https://example.com/a");
}

#[test]
fn paths_are_added_with_one_slash() {
    for base in ["https://example.com/x", "https://example.com/x/"] {
        assert_eq!(
            join(&url::Url::parse(base).unwrap(), "api/v2").unwrap().as_str(),
            "https://example.com/x/api/v2"
        );
    }
}
