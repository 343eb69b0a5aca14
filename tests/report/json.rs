//! What a program reads, beside the snapshots of what a person sees, and its published schema.

use insta::assert_snapshot;
use mcptrust::json::Digest;
use mcptrust::lockfile::Lockfile;
use mcptrust::report::{Outcome, Written, inspect, json};

use crate::screen::shown;
use crate::{case, schema};

fn checked(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let text = shown(write);
    let problems = schema::problems(&serde_json::from_str(&text).unwrap());
    assert!(problems.is_empty(), "{problems:#?}\n{text}");
    text
}

#[test]
fn documents_follow_the_published_schema() {
    assert_snapshot!("drift_json", checked(|out| json::diff(out, &case::diff())));
    assert_snapshot!("not_verified_json", checked(|out| json::verify(out, &case::verify(false))));
    assert_snapshot!("lock_json", checked(|out| json::lock(out, &case::lock(Written::Created))));
    assert_snapshot!("inspect_bundle_json", checked(|out| inspect::bundle_json(out, &case::bundle())));
    let bytes = case::LOCKFILE.as_bytes();
    let lockfile = Lockfile::parse(bytes).unwrap();
    let write =
        |out: &mut Vec<u8>| inspect::lockfile_json(out, "mcp-lock.json", &Digest::of(bytes), &lockfile);
    assert_snapshot!("inspect_lockfile_json", checked(write));
    checked(|out| json::verify(out, &case::verify(true)));
    let mut empty = case::diff();
    empty.findings.clear();
    (empty.signed_by, empty.changes, empty.accept) = (None, None, None);
    checked(|out| json::diff(out, &empty));
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let text = shown(|out| json::diff(out, &case::diff()));
    let good: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (pointer, value) in [
        ("/schemaVersion", serde_json::json!(2)),
        ("/result", serde_json::json!("ok")),
        ("/findings/0/severity", serde_json::json!("dire")),
        ("/findings/0/server", serde_json::json!(1)),
        ("/findings/0/pointer", serde_json::json!("description")),
        ("/diff/changes", serde_json::json!("abc")),
        ("/counts/high", serde_json::json!(-1)),
        ("/diff/volatile", serde_json::json!({"everything": "x"})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema::problems(&bad).is_empty(), "{pointer} passes");
    }
    let mut missing = good.clone();
    missing["findings"][0].as_object_mut().unwrap().remove("message");
    assert!(!schema::problems(&missing).is_empty());
}

#[test]
fn the_result_follows_the_severity_that_fails() {
    use mcptrust::finding::Severity;
    let mut report = case::diff();
    assert_eq!(report.outcome(), Outcome::Findings);
    report.findings.retain(|finding| finding.severity == Severity::Info);
    assert_eq!(report.outcome(), Outcome::Pass);
    report.fail_on = Severity::Info;
    assert_eq!(report.outcome(), Outcome::Findings);

    let mut lock = case::lock(Written::AwaitingApproval);
    lock.findings.clear();
    assert_eq!(lock.outcome(), Outcome::Findings);
    assert_eq!(case::verify(false).outcome(), Outcome::Findings);
    assert_eq!(case::verify(true).outcome(), Outcome::Pass);
    let mut refused = case::verify(true);
    refused.verified = false;
    assert_eq!(refused.outcome(), Outcome::Findings);
    let mut moved = case::verify(true);
    moved.findings = case::findings();
    assert_eq!(moved.outcome(), Outcome::Findings);
}
