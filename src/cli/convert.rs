//! From what the verifier found to what reports show.

use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{AnyRef, GeneralizedTime, OctetString};
use der::{Decode as _, Reader as _, SliceReader};
use jiff::Timestamp;
use mcptrust::finding::Severity;
use mcptrust::json::Digest;
use mcptrust::lockfile::ServerDigests;
use mcptrust::report::{
    self, Accepted, BundleResult, BundleStatus, Check, Mismatch, RulesUsed, StatementFacts, inspect,
};
use mcptrust::signing::bundle::{Bundle, Content, LogEntry, Material};
use mcptrust::signing::certificate::{CLAIMS, FULCIO_ARC, SigningCertificate};
use mcptrust::signing::facts::SignerFacts;
use mcptrust::signing::statement::PREDICATE_TYPE;
use mcptrust::signing::verify::{Authentic, BundleReport, Status, TimeSource};
use mcptrust::signing::{Outcome, Statement, TrustMaterial};

use super::config::Trust;
use super::context::Context;

pub(crate) fn verify(
    context: &Context,
    trust: &Trust,
    material: Option<&TrustMaterial>,
    outcome: &Outcome<'_>,
    fail_on: Severity,
) -> report::Verify {
    let found = outcome.report();
    let accepted = |bundle: &BundleReport| matches!(bundle.status, Status::Accepted { .. });
    let mut names: Vec<_> = trust.rules.signers().iter().map(|signer| signer.name.clone()).collect();
    names.dedup();
    let statement = found.bundles.iter().filter(|b| accepted(b)).find_map(|b| b.statement.as_ref());
    report::Verify {
        lockfile: context.lockfile_name(),
        digest: found.lockfile,
        verified: outcome.is_verified(),
        rules: RulesUsed {
            from: trust.from.clone(),
            digest: found.rules,
            threshold: u64::try_from(found.threshold).unwrap_or(u64::MAX),
            signers: names,
            project: trust.rules.project().map(str::to_owned),
        },
        trust_root: material.map(|material| trust_root(context, material)),
        signers: found.bundles.iter().flat_map(signers).collect(),
        statement: statement.map(facts),
        bundles: found
            .bundles
            .iter()
            .map(|b| bundle(b, found.tampering.as_ref().map(|t| (t.bundle.as_str(), t.difference.message()))))
            .collect(),
        volatile: report::Volatile::new(),
        findings: Vec::new(),
        fail_on,
    }
}

/// Which trusted root was used, and how old it is.
pub(crate) fn trust_root(context: &Context, material: &TrustMaterial) -> String {
    let source = material.source();
    match material.age(context.now).map(|age| age.as_hours() / 24) {
        Some(days) => format!("{source}, {days} days old"),
        None => source.to_string(),
    }
}

fn facts(statement: &Statement) -> StatementFacts {
    StatementFacts {
        project: statement.project.clone(),
        sequence: statement.sequence,
        previous: statement.previous,
    }
}

fn signers(bundle: &BundleReport) -> Vec<Accepted> {
    let (Status::Accepted { signers }, Some(authentic)) = (&bundle.status, &bundle.authentic) else {
        return Vec::new();
    };
    let one = |rule: &String| Accepted {
        rule: rule.clone(),
        bundle: bundle.name.clone(),
        signer: signer(&authentic.signer),
        time: authentic.signed_at(),
    };
    signers.iter().map(one).collect()
}

/// A signer as reports show it.
pub(crate) fn signer(facts: &SignerFacts) -> report::Signer {
    match facts {
        SignerFacts::Key { hint, algorithm } => {
            report::Signer::Key { algorithm: algorithm.as_str().to_owned(), hint: *hint }
        }
        SignerFacts::Identity { issuer, identity, .. } => {
            report::Signer::Identity { identity: identity.to_string(), issuer: issuer.clone() }
        }
    }
}

fn bundle(bundle: &BundleReport, tampering: Option<(&str, &str)>) -> BundleResult {
    let mut checks = Vec::new();
    let mut check = |name: &str, passed, detail| checks.push(Check { name: name.to_owned(), passed, detail });
    if let Some(authentic) = &bundle.authentic {
        authentic_checks(authentic, &mut check);
    }
    let status = match &bundle.status {
        Status::Accepted { .. } => {
            check("subject", true, Some("the lockfile's digest is the one that was signed".to_owned()));
            BundleStatus::Accepted
        }
        Status::Refused(problem) => {
            check(problem.code(), false, Some(problem.to_string()));
            if let Some((_, message)) = tampering.filter(|(name, _)| *name == bundle.name) {
                check("difference", false, Some(message.to_owned()));
            }
            BundleStatus::Refused
        }
        _ => BundleStatus::NoRule,
    };
    let mismatches = bundle.rules.iter().flat_map(|rule| {
        rule.mismatches.iter().map(|mismatch| Mismatch {
            rule: rule.name.clone(),
            field: mismatch.field.clone(),
            expected: mismatch.expected.clone(),
            got: mismatch.got.clone(),
        })
    });
    let mismatches = if status == BundleStatus::Accepted { Vec::new() } else { mismatches.collect() };
    BundleResult {
        path: bundle.name.clone(),
        status,
        signer: bundle.authentic.as_ref().map(|authentic| signer(&authentic.signer)),
        checks,
        mismatches,
    }
}

fn authentic_checks(authentic: &Authentic, check: &mut dyn FnMut(&str, bool, Option<String>)) {
    check("signature", true, None);
    for time in &authentic.times {
        let by = match &time.source {
            TimeSource::Authority(uri) => format!("timestamp authority {uri}"),
            TimeSource::Log(name) => format!("transparency log {name}"),
        };
        check("time", true, Some(format!("{} by {by}", time.time)));
    }
    for log in &authentic.logs {
        check("log inclusion", true, Some(format!("entry {} of {}", log.index, log.log)));
    }
    for problem in &authentic.unverified {
        check("not counted", true, Some(problem.to_string()));
    }
}

/// A bundle as "inspect" shows it. Nothing in it is verified.
pub(crate) fn inspected(path: &str, bundle: &Bundle) -> anyhow::Result<inspect::Bundle> {
    let statement = match &bundle.content {
        Content::Envelope(envelope) => Some(Statement::parse(&envelope.payload)?),
        Content::Message(_) => None,
    };
    let (signer, certificate) = match &bundle.material {
        Material::PublicKey { hint } => (key(hint), None),
        Material::Certificate { leaf, .. } => {
            let certificate = SigningCertificate::from_der(leaf)?;
            let signer = report::Signer::Identity {
                identity: certificate.identity.to_string(),
                issuer: certificate.issuer.clone(),
            };
            (Some(signer), Some(shown_certificate(leaf, &certificate)))
        }
    };
    Ok(inspect::Bundle {
        path: path.to_owned(),
        media_type: bundle.version.media_type().to_owned(),
        statement: statement.as_ref().map(shown_statement),
        signer,
        certificate,
        log_entries: bundle.entries.iter().map(shown_entry).collect(),
        timestamps: bundle.timestamps.iter().filter_map(|response| timestamp_time(response)).collect(),
    })
}

/// A bundle by key names it by a hint; ours is the SHA-256 of the key's SPKI.
fn key(hint: &str) -> Option<report::Signer> {
    let hint: Digest = hint.parse().ok()?;
    Some(report::Signer::Key { algorithm: "key".to_owned(), hint })
}

fn shown_statement(statement: &Statement) -> inspect::Statement {
    let counts = |server: &ServerDigests| {
        server.surface.definitions.iter().map(|(kind, digests)| (*kind, digests.len())).collect()
    };
    inspect::Statement {
        subject_name: statement.subject_name.clone(),
        subject_digest: statement.subject_digest,
        predicate_type: PREDICATE_TYPE.to_owned(),
        lockfile_version: statement.lockfile_version,
        facts: facts(statement),
        servers: statement.servers.servers.iter().map(|(name, s)| (name.clone(), counts(s))).collect(),
    }
}

fn shown_certificate(leaf: &[u8], certificate: &SigningCertificate) -> inspect::Certificate {
    let authority = x509_cert::Certificate::from_der(leaf).map(|c| c.tbs_certificate.issuer.to_string());
    let number = |name: &str| CLAIMS.iter().find(|info| info.name == name).map(|info| info.number);
    let claim = |(name, value): (&String, &String)| inspect::Claim {
        name: name.clone(),
        oid: number(name).map_or_else(|| name.clone(), |number| format!("{FULCIO_ARC}.{number}")),
        value: value.clone(),
    };
    let mut claims: Vec<_> = certificate.claims.iter().map(claim).collect();
    claims.sort_by_key(|claim| number(&claim.name).unwrap_or(u32::MAX));
    inspect::Certificate {
        authority: authority.unwrap_or_default(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        claims,
    }
}

fn shown_entry(entry: &LogEntry) -> inspect::LogEntry {
    let origin = entry.proof.as_ref().and_then(|proof| proof.checkpoint.lines().next());
    inspect::LogEntry {
        kind: format!("{} {}", entry.kind, entry.version),
        index: entry.log_index,
        log_id: hex::encode(&entry.log_id),
        origin: origin.filter(|origin| !origin.is_empty()).map(str::to_owned),
        integrated: entry.integrated_time.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        inclusion_proof: entry.proof.is_some(),
    }
}

/// The time in an RFC 3161 response, unverified; nothing where it cannot be read.
fn timestamp_time(response: &[u8]) -> Option<Timestamp> {
    let mut reader = SliceReader::new(response).ok()?;
    let token: ContentInfo = reader
        .sequence(|inner| {
            AnyRef::decode(inner)?;
            ContentInfo::decode(inner)
        })
        .ok()?;
    let signed: SignedData = token.content.decode_as().ok()?;
    let content: OctetString = signed.encap_content_info.econtent?.decode_as().ok()?;
    let mut reader = SliceReader::new(content.as_bytes()).ok()?;
    let time: GeneralizedTime = reader
        .sequence(|inner| {
            // Version, policy, imprint, serial number; then the time, and what may follow it.
            for _ in 0..4 {
                AnyRef::decode(inner)?;
            }
            let time = GeneralizedTime::decode(inner)?;
            while !inner.is_finished() {
                AnyRef::decode(inner)?;
            }
            Ok(time)
        })
        .ok()?;
    Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
}
