//! What a person sees. The snapshots are looked at, not only compared.

use insta::assert_snapshot;
use mcptrust::json::Digest;
use mcptrust::lockfile::Lockfile;
use mcptrust::report::{Style, Verify, Written, human, inspect};

use crate::case;

pub(crate) const PLAIN: Style = Style { color: false, width: 100, unicode: true };
const COLOR: Style = Style { color: true, ..PLAIN };
const NARROW: Style = Style { color: false, width: 50, unicode: false };

/// What `write` writes, with escape characters made visible.
pub(crate) fn shown(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap().replace('\u{1b}', "␛")
}

fn diff(style: &Style) -> String {
    shown(|out| human::diff(out, &case::diff(), human::DEFAULT_LIMIT, style))
}

#[test]
fn rich_drift() {
    assert_snapshot!("drift", diff(&PLAIN));
    assert_snapshot!("drift_color", diff(&COLOR));
    assert_snapshot!("drift_narrow_ascii", diff(&NARROW));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let mut text = diff(&COLOR);
    while let Some(start) = text.find('␛') {
        let end = start + text[start..].find('m').unwrap();
        text.replace_range(start..=end, "");
    }
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(trimmed.join("\n") + "\n", diff(&PLAIN));
}

#[test]
fn narrow_ascii_is_narrow_and_ascii() {
    let text = diff(&NARROW);
    assert!(text.is_ascii());
    let long: Vec<&str> = text.lines().filter(|line| line.len() > 50).collect();
    let [command] = long[..] else { panic!("only the command to copy may be longer: {long:#?}") };
    assert!(command.trim_start().starts_with("mcptrust accept --changes sha256:"));
}

#[test]
fn no_drift() {
    let mut report = case::diff();
    report.findings.clear();
    assert_snapshot!("no_drift", shown(|out| human::diff(out, &report, 10, &PLAIN)));
}

#[test]
fn drift_that_does_not_fail() {
    let mut report = case::diff();
    report.signed_by = None;
    report.volatile.clear();
    report.findings.retain(|finding| finding.code == "same-meaning");
    assert_snapshot!("drift_that_passes", shown(|out| human::diff(out, &report, 10, &PLAIN)));
}

#[test]
fn locked() {
    let mut report = case::lock(Written::Created);
    assert_snapshot!("lock_created", shown(|out| human::lock(out, &report, 10, &PLAIN)));
    report.written = Written::AwaitingApproval;
    report.findings = case::findings().split_off(6);
    assert_snapshot!("lock_awaits_approval", shown(|out| human::lock(out, &report, 10, &PLAIN)));
}

#[test]
fn verified() {
    let report = case::verify(true);
    assert_snapshot!("verified", shown(|out| human::verify(out, &report, 10, &PLAIN)));
    let moved = Verify { findings: case::signer_moved(), ..report };
    assert_snapshot!("verified_with_findings", shown(|out| human::verify(out, &moved, 10, &PLAIN)));
}

#[test]
fn not_verified() {
    let report = case::verify(false);
    assert_snapshot!("not_verified", shown(|out| human::verify(out, &report, 10, &PLAIN)));
    let style = Style { width: 80, ..PLAIN };
    assert_snapshot!("not_verified_80", shown(|out| human::verify(out, &report, 10, &style)));
    assert_snapshot!("not_verified_color", shown(|out| human::verify(out, &report, 10, &COLOR)));
}

#[test]
fn inspected() {
    let bytes = case::LOCKFILE.as_bytes();
    let lockfile = Lockfile::parse(bytes).unwrap();
    let digest = Digest::of(bytes);
    assert_snapshot!(
        "inspect_lockfile",
        shown(|out| inspect::lockfile(out, "mcp-lock.json", &digest, &lockfile, &PLAIN))
    );
    assert_snapshot!("inspect_bundle", shown(|out| inspect::bundle(out, &case::bundle(), &PLAIN)));
}
