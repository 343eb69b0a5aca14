//! Text from servers, lockfiles and certificates cannot act on a terminal or pass for the report's own words.

use mcptrust::finding::Finding;
use mcptrust::json::{Digest, Json};
use mcptrust::lockfile::Lockfile;
use mcptrust::report::{
    BundleResult, BundleStatus, Diff, Signer, Style, Verify, Written, human, inspect, json,
};

use crate::case;
use crate::screen::{PLAIN, shown};

/// What must never reach a terminal as it is.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\n\nNo drift\tb\u{8}\u{202e}rtl\u{2066}\u{200b}\u{feff}\
    \u{e0041}\u{e0042}\u{fe01}\u{e000}\u{2028}\u{85}\u{a0}c [/]x [bold]y[/bold] {+fake+} [-fake-] \\u{200b} \"quoted\"";

fn hostile() -> Option<String> {
    Some(HOSTILE.to_owned())
}

fn hostile_findings() -> Vec<Finding> {
    let value = case::json(&format!("{{{0}: [{0}, {{{0}: {0}}}]}}", serde_json::to_string(HOSTILE).unwrap()));
    let mut findings = case::findings();
    for finding in &mut findings {
        finding.server = hostile();
        finding.name = hostile();
        finding.pointer = format!("/{HOSTILE}");
        finding.message = HOSTILE.repeat(2);
    }
    findings[0].after = Some(Json::from(HOSTILE));
    findings[1].after = Some(value.clone());
    (findings[2].before, findings[2].after) =
        (Some(Json::from(HOSTILE.repeat(3))), Some(Json::from(HOSTILE.repeat(4))));
    (findings[3].pointer, findings[3].after) = (String::new(), Some(value.clone()));
    (findings[4].before, findings[4].after) = (Some(value), Some(Json::from(HOSTILE)));
    findings
}

fn hostile_diff() -> Diff {
    Diff {
        before: HOSTILE.to_owned(),
        after: HOSTILE.to_owned(),
        signed_by: Some(vec![HOSTILE.to_owned()]),
        volatile: [(HOSTILE.to_owned(), vec![HOSTILE.to_owned()])].into(),
        findings: hostile_findings(),
        accept: hostile(),
        ..case::diff()
    }
}

fn hostile_verify() -> Verify {
    let mut report = case::verify(false);
    report.lockfile = HOSTILE.to_owned();
    report.rules.from = HOSTILE.to_owned();
    report.rules.signers = vec![HOSTILE.to_owned()];
    report.rules.project = hostile();
    report.trust_root = hostile();
    for bundle in &mut report.bundles {
        bundle.path = HOSTILE.to_owned();
        bundle.signer = Some(Signer::Identity {
            identity: HOSTILE.to_owned(),
            issuer: HOSTILE.to_owned(),
            claims: [(HOSTILE.to_owned(), HOSTILE.to_owned())].into(),
        });
        for at in &mut bundle.times {
            at.by = HOSTILE.to_owned();
        }
        for at in &mut bundle.logs {
            at.log = HOSTILE.to_owned();
        }
        bundle.unverified = vec![HOSTILE.to_owned()];
        bundle.statement.as_mut().unwrap().project = hostile();
        for mismatch in &mut bundle.mismatches {
            mismatch.rule = HOSTILE.to_owned();
            mismatch.field = HOSTILE.to_owned();
            mismatch.expected = HOSTILE.to_owned();
            mismatch.got = hostile();
        }
    }
    let tampering = report.tampering.as_mut().unwrap();
    (tampering.bundle, tampering.message) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    let refused = BundleStatus::Refused { code: HOSTILE.to_owned(), message: HOSTILE.to_owned() };
    report.bundles.push(BundleResult { status: refused, signer: None, ..report.bundles[0].clone() });
    let accepted = BundleStatus::Accepted(vec![HOSTILE.to_owned()]);
    let key = Signer::Key { algorithm: hostile(), id: HOSTILE.to_owned() };
    report.bundles.push(BundleResult { status: accepted, signer: Some(key), ..report.bundles[0].clone() });
    report
}

/// Asserts that nothing in `text` acts on a terminal or cannot be seen.
#[track_caller]
fn is_harmless(text: &str) {
    let own = "│┆─→…";
    let bad: Vec<char> =
        text.chars().filter(|&c| c != '\n' && !(' '..='~').contains(&c) && !own.contains(c)).collect();
    let Some(first) = bad.first() else { return };
    let at = text.find(*first).unwrap();
    let around: String = text[..at].chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
    panic!("{} hidden characters, the first is {first:?} after {around:?}", bad.len());
}

fn screens(style: &Style) -> Vec<String> {
    let mut lock = case::lock(Written::AwaitingApproval);
    lock.lockfile = HOSTILE.to_owned();
    lock.findings = hostile_findings();
    let server = lock.servers.values().next().unwrap().clone();
    lock.servers.insert(HOSTILE.to_owned(), server);
    let mut bundle = case::bundle();
    bundle.path = HOSTILE.to_owned();
    bundle.media_type = HOSTILE.to_owned();
    let certificate = bundle.certificate.as_mut().unwrap();
    certificate.authority = HOSTILE.to_owned();
    (certificate.claims[0].name, certificate.claims[0].value) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    (bundle.log_entries[0].kind, bundle.log_entries[0].origin) = (HOSTILE.to_owned(), hostile());
    let statement = bundle.statement.as_mut().unwrap();
    statement.subject_name = HOSTILE.to_owned();
    statement.servers.insert(HOSTILE.to_owned(), Default::default());
    vec![
        shown(|out| human::diff(out, &hostile_diff(), 100, style)),
        shown(|out| human::verify(out, &hostile_verify(), 100, style)),
        shown(|out| human::lock(out, &lock, 100, style)),
        shown(|out| inspect::bundle(out, &bundle, style)),
    ]
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    for width in [20, 57, 100, 300] {
        for unicode in [true, false] {
            for screen in screens(&Style { color: false, width, unicode }) {
                is_harmless(&screen);
                assert!(unicode || screen.is_ascii());
            }
        }
    }
    for screen in screens(&Style { color: true, ..PLAIN }) {
        for after in screen.split('␛').skip(1) {
            let code = after.split_once('m').unwrap().0;
            assert!(
                code.starts_with('[') && code[1..].chars().all(|c| c.is_ascii_digit() || c == ';'),
                "{code:?}"
            );
        }
        is_harmless(&screen.replace('␛', ""));
    }
}

#[test]
fn nothing_hostile_passes_for_the_reports_own_words() {
    for screen in screens(&PLAIN) {
        assert!(screen.lines().all(|line| !line.trim_start().starts_with("No drift")), "{screen}");
        assert!(
            !screen.contains(" \\u{200b} "),
            "an escape that the text spells itself is escaped:\n{screen}"
        );
    }
    let mut report = case::diff();
    report.findings = hostile_findings().split_off(2);
    report.findings.truncate(1);
    let screen = shown(|out| human::diff(out, &report, 100, &PLAIN));
    let evidence: Vec<&str> = screen.lines().filter(|line| line.contains('│')).collect();
    let evidence = evidence.join("\n");
    let marks = evidence.matches("{+").count();
    assert!(marks > 0 && marks == evidence.matches("+}").count(), "{evidence}");
    assert!(!evidence.contains("{+fake") && !evidence.contains("[-fake"), "{evidence}");
}

#[test]
fn json_documents_show_no_hidden_character() {
    for document in
        [shown(|out| json::diff(out, &hostile_diff())), shown(|out| json::verify(out, &hostile_verify()))]
    {
        // A no-break space is a blank like others in JSON, where quotes show the ends of a string.
        is_harmless(&document.replace('\u{a0}', " "));
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert!(value.to_string().contains('\u{202e}'), "programs get the text as it is");
    }
}

#[test]
fn a_hostile_lockfile_is_inspected_safely() {
    let name = "a [/]x \u{202e}b\u{e0041}";
    let text = case::LOCKFILE.replace("read_file", name).replace("server-filesystem", "x\u{1b}[31m");
    let text = text.replace('\u{1b}', "\\u001b");
    let lockfile = Lockfile::parse(text.as_bytes()).unwrap();
    let screen = shown(|out| inspect::lockfile(out, "mcp-lock.json", &Digest::of(b""), &lockfile, &PLAIN));
    is_harmless(&screen);
    assert!(screen.contains("\"a [/]x \\u{202e}b\\u{e0041}\""), "{screen}");
}
