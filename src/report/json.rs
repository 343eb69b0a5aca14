//! Reports for programs: one JSON document for each command, described by `docs/report.schema.json`.
//!
//! A document holds everything that was found, without bounds. Members may be added under the same schema
//! version; none is removed, renamed or given another meaning.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;

use super::{
    BundleResult, BundleStatus, Diff, Lock, Mismatch, Outcome, RulesUsed, Signer, StatementFacts, Tampering,
    Verify, Volatile,
};
use crate::finding::{Finding, Severity};
use crate::json::{Digest, Json, Value, pretty};

/// Version of the documents' schema.
pub const SCHEMA_VERSION: u64 = 1;

/// Writes the result of a comparison.
pub fn diff(out: &mut impl io::Write, report: &Diff) -> io::Result<()> {
    let part = object([
        ("before", text(&report.before)),
        ("after", text(&report.after)),
        ("signedBy", report.signed_by.as_deref().map_or(Value::Null, texts)),
        ("servers", map(report.servers.iter().map(|(name, &count)| (name.clone(), number(count))))),
        ("volatile", volatile(&report.volatile)),
        ("changes", report.changes.as_ref().map_or(Value::Null, digest)),
        ("accept", optional(report.accept.as_deref())),
    ]);
    document(out, "diff", report.outcome(), report.fail_on, &report.findings, part)
}

/// Writes the result of capturing servers.
pub fn lock(out: &mut impl io::Write, report: &Lock) -> io::Result<()> {
    let servers = report.servers.iter().map(|(name, server)| {
        let counts = map(server.counts.iter().map(|(kind, &count)| (kind.plural(), number(count))));
        let entry = object([("protocolVersion", text(&server.protocol_version)), ("counts", counts)]);
        (name.clone(), entry)
    });
    let part = object([
        ("lockfile", text(&report.lockfile)),
        ("digest", digest(&report.digest)),
        ("written", text(report.written.as_str())),
        ("servers", map(servers)),
        ("volatile", volatile(&report.volatile)),
        ("changes", report.changes.as_ref().map_or(Value::Null, digest)),
        ("accept", optional(report.accept.as_deref())),
    ]);
    document(out, "lock", report.outcome(), report.fail_on, &report.findings, part)
}

/// Writes the result of a verification.
pub fn verify(out: &mut impl io::Write, report: &Verify) -> io::Result<()> {
    let part = object([
        ("lockfile", text(&report.lockfile)),
        ("digest", digest(&report.digest)),
        ("verified", Value::from(report.verified)),
        ("rules", rules(&report.rules)),
        ("trustRoot", optional(report.trust_root.as_deref())),
        ("signers", texts(&report.signers)),
        ("bundles", report.bundles.iter().map(bundle).collect::<Vec<_>>().into()),
        ("tampering", report.tampering.as_ref().map_or(Value::Null, tampering)),
        ("volatile", volatile(&report.volatile)),
    ]);
    document(out, "verify", report.outcome(), report.fail_on, &report.findings, part)
}

fn document(
    out: &mut impl io::Write,
    command: &str,
    outcome: Outcome,
    fail_on: Severity,
    findings: &[Finding],
    part: Json,
) -> io::Result<()> {
    let counts = Severity::ALL.into_iter().map(|severity| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        (severity.as_str(), number(count))
    });
    let document = object([
        ("schemaVersion", Value::from(SCHEMA_VERSION)),
        ("command", text(command)),
        ("result", text(outcome.as_str())),
        ("failOn", text(fail_on.as_str())),
        ("counts", map(counts)),
        ("findings", findings.iter().map(Finding::to_json).collect::<Vec<_>>().into()),
        (command, part),
    ]);
    write(out, &document)
}

/// Writes one document. Control and invisible characters in it are escaped, so that it is safe in a terminal.
pub(super) fn write(out: &mut impl io::Write, document: &Json) -> io::Result<()> {
    out.write_all(pretty(document).as_bytes())
}

fn rules(rules: &RulesUsed) -> Json {
    object([
        ("from", text(&rules.from)),
        ("digest", digest(&rules.digest)),
        ("threshold", number(rules.threshold)),
        ("signers", texts(&rules.signers)),
        ("project", optional(rules.project.as_deref())),
    ])
}

pub(super) fn signer(signer: &Signer) -> Json {
    match signer {
        Signer::Key { algorithm, id } => {
            object([("method", text("key")), ("algorithm", optional(algorithm.as_deref())), ("id", text(id))])
        }
        Signer::Identity { identity, issuer, claims } => object([
            ("method", text("identity")),
            ("identity", text(identity)),
            ("issuer", text(issuer)),
            ("claims", map(claims.iter().map(|(name, value)| (name.clone(), text(value))))),
        ]),
    }
}

pub(super) fn statement(facts: &StatementFacts) -> Json {
    object([
        ("project", optional(facts.project.as_deref())),
        ("sequence", Value::from(facts.sequence)),
        ("previous", facts.previous.as_ref().map_or(Value::Null, digest)),
    ])
}

fn bundle(result: &BundleResult) -> Json {
    let (accepted_for, problem) = match &result.status {
        BundleStatus::Accepted(signers) => (texts(signers), Value::Null),
        BundleStatus::NoRule => (texts(&[]), Value::Null),
        BundleStatus::Refused { code, message } => {
            (texts(&[]), object([("code", text(code)), ("message", text(message))]))
        }
    };
    let times = result.times.iter().map(|at| object([("time", time(Some(at.time))), ("by", text(&at.by))]));
    let logs =
        result.logs.iter().map(|at| object([("log", text(&at.log)), ("index", Value::from(at.index))]));
    object([
        ("path", text(&result.path)),
        ("status", text(result.status.as_str())),
        ("acceptedFor", accepted_for),
        ("problem", problem),
        ("signer", result.signer.as_ref().map_or(Value::Null, signer)),
        ("times", times.collect::<Vec<_>>().into()),
        ("logs", logs.collect::<Vec<_>>().into()),
        ("unverified", texts(&result.unverified)),
        ("statement", result.statement.as_ref().map_or(Value::Null, statement)),
        ("mismatches", result.mismatches.iter().map(mismatch).collect::<Vec<_>>().into()),
    ])
}

fn tampering(tampering: &Tampering) -> Json {
    object([
        ("bundle", text(&tampering.bundle)),
        ("signed", digest(&tampering.signed)),
        ("difference", text(&tampering.difference)),
        ("message", text(&tampering.message)),
    ])
}

fn mismatch(mismatch: &Mismatch) -> Json {
    object([
        ("rule", text(&mismatch.rule)),
        ("field", text(&mismatch.field)),
        ("expected", text(&mismatch.expected)),
        ("got", optional(mismatch.got.as_deref())),
    ])
}

fn volatile(volatile: &Volatile) -> Json {
    map(volatile.iter().map(|(server, pointers)| (server.clone(), texts(pointers))))
}

pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    map(members.into_iter().map(|(key, value)| (key.to_owned(), value)))
}

pub(super) fn map<K: Into<Cow<'static, str>>>(members: impl IntoIterator<Item = (K, Json)>) -> Json {
    Value::Object(members.into_iter().collect())
}

pub(super) fn text(text: &str) -> Json {
    Value::from(text.to_owned())
}

pub(super) fn texts(texts: &[String]) -> Json {
    texts.iter().map(|item| text(item)).collect::<Vec<_>>().into()
}

pub(super) fn optional(optional: Option<&str>) -> Json {
    optional.map_or(Value::Null, text)
}

pub(super) fn digest(digest: &Digest) -> Json {
    Value::from(format!("sha256:{digest}"))
}

pub(super) fn time(time: Option<Timestamp>) -> Json {
    time.map_or(Value::Null, |time| Value::from(time.to_string()))
}

pub(super) fn number(number: usize) -> Json {
    Value::from(u64::try_from(number).unwrap_or(u64::MAX))
}
