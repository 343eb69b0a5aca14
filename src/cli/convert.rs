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
    self, BundleResult, BundleStatus, Logged, Mismatch, RulesUsed, StatementFacts, Tampering, VerifiedTime,
    inspect,
};
use mcptrust::signing::bundle::{Bundle, Content, LogEntry, Material};
use mcptrust::signing::certificate::{CLAIMS, FULCIO_ARC, SigningCertificate};
use mcptrust::signing::facts::SignerFacts;
use mcptrust::signing::statement::PREDICATE_TYPE;
use mcptrust::signing::verify::{BundleReport, RuleReport, Status, TimeSource};
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
    let mut names: Vec<_> = trust.rules.signers().iter().map(|signer| signer.name.clone()).collect();
    names.dedup();
    report::Verify {
        lockfile: context.lockfile_name(),
        digest: found.lockfile,
        verified: outcome.is_verified(),
        rules: RulesUsed {
            from: trust.from.clone(),
            digest: found.rules,
            threshold: found.threshold,
            signers: names,
            project: trust.rules.project().map(str::to_owned),
        },
        trust_root: material.map(|material| trust_root(context, material)),
        signers: found.signers.clone(),
        bundles: found.bundles.iter().map(bundle).collect(),
        tampering: found.tampering.as_ref().map(|tampering| Tampering {
            bundle: tampering.bundle.clone(),
            signed: tampering.signed,
            difference: tampering.difference.as_str().to_owned(),
            message: tampering.difference.message().to_owned(),
        }),
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

/// A signer as reports show it.
pub(crate) fn signer(facts: &SignerFacts) -> report::Signer {
    match facts {
        SignerFacts::Key { hint, algorithm } => report::Signer::Key {
            algorithm: Some(algorithm.as_str().to_owned()),
            id: format!("sha256:{hint}"),
        },
        SignerFacts::Identity { issuer, identity, claims } => report::Signer::Identity {
            identity: identity.to_string(),
            issuer: issuer.clone(),
            claims: claims.clone(),
        },
    }
}

fn bundle(bundle: &BundleReport) -> BundleResult {
    let (status, mismatches) = match &bundle.status {
        Status::Accepted { signers } => (BundleStatus::Accepted(signers.clone()), Vec::new()),
        Status::Refused(problem) => {
            let refused =
                BundleStatus::Refused { code: problem.code().to_owned(), message: problem.to_string() };
            (refused, mismatches(bundle))
        }
        _ => (BundleStatus::NoRule, mismatches(bundle)),
    };
    let authentic = bundle.authentic.as_ref();
    let times = authentic.iter().flat_map(|authentic| &authentic.times).map(|time| VerifiedTime {
        time: time.time,
        by: match &time.source {
            TimeSource::Authority(uri) => format!("timestamp authority {uri}"),
            TimeSource::Log(name) => format!("transparency log {name}"),
        },
    });
    let logs = authentic.iter().flat_map(|authentic| &authentic.logs);
    BundleResult {
        path: bundle.name.clone(),
        status,
        signer: authentic.map(|authentic| signer(&authentic.signer)),
        times: times.collect(),
        logs: logs.map(|log| Logged { log: log.log.clone(), index: log.index }).collect(),
        unverified: authentic.iter().flat_map(|a| &a.unverified).map(ToString::to_string).collect(),
        statement: bundle.statement.as_ref().map(facts),
        mismatches,
    }
}

fn mismatches(bundle: &BundleReport) -> Vec<Mismatch> {
    let of_rule = |rule: &RuleReport| {
        let one = |mismatch: &mcptrust::signing::rules::Mismatch| Mismatch {
            rule: rule.name.clone(),
            field: mismatch.field.clone(),
            expected: mismatch.expected.clone(),
            got: mismatch.got.clone(),
        };
        rule.mismatches.iter().map(one).collect::<Vec<_>>()
    };
    bundle.rules.iter().flat_map(of_rule).collect()
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
                claims: certificate.claims.clone(),
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
    let id = hint.parse::<Digest>().map_or_else(|_| hint.to_owned(), |digest| format!("sha256:{digest}"));
    (!hint.is_empty()).then_some(report::Signer::Key { algorithm: None, id })
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
