//! The highest sequence seen, so that an older signed lockfile is not taken for the newest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use mcptrust::finding::{CodeInfo, Direction, Finding, Subject, codes};
use mcptrust::json::Json;
use mcptrust::signing::verify::{BundleReport, Report, Status};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::files;

const VERSION: u64 = 1;
const MAX_BYTES: usize = 16 << 20;

/// How many replaced lockfiles are remembered.
const MOST_REPLACED: usize = 10_000;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    state_version: u64,
    /// By the lockfile's path.
    lockfiles: BTreeMap<String, Known>,
}

/// What is known of one lockfile.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    /// SHA-256 of the newest.
    newest: String,
    /// SHA-256 of those that were replaced, oldest first. They are refused whoever signed them.
    replaced: Vec<String>,
    /// The newest signature of each signer.
    signers: BTreeMap<String, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seen {
    sequence: u64,
    lockfile: String,
}

/// Compares what was verified with what was seen before, and remembers it where it is not older.
pub(crate) fn check(context: &Context, path: &Path, report: &Report) -> anyhow::Result<Vec<Finding>> {
    let mut file = match files::read_optional(path, MAX_BYTES)? {
        None => File { state_version: VERSION, lockfiles: BTreeMap::new() },
        Some(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no state file; move it away to begin anew", path.display()))?,
    };
    if file.state_version != VERSION {
        bail!("{}: state version {}: expected {VERSION}", path.display(), file.state_version);
    }
    let place = std::path::absolute(context.lockfile()).unwrap_or_else(|_| context.lockfile().to_owned());
    let known = file.lockfiles.entry(place.display().to_string()).or_default();
    let lockfile = report.lockfile.to_string();
    let mut findings = Vec::new();
    if known.replaced.contains(&lockfile) {
        let message = format!(
            "{} is one that was replaced before: an older lockfile was put back",
            context.lockfile_name()
        );
        findings.push(finding(
            codes::SEQUENCE_ROLLED_BACK,
            None,
            Json::from(known.newest.clone()),
            Json::from(lockfile.clone()),
            message,
        ));
    }
    // One signer may have several bundles; the newest of them is what it says.
    let mut newest: BTreeMap<&String, (&BundleReport, Seen)> = BTreeMap::new();
    for bundle in &report.bundles {
        let Status::Accepted { signers: names } = &bundle.status else { continue };
        let Some(statement) = &bundle.statement else {
            let message = format!(
                "{} is a plain signature, which has no number: with --state it cannot be told from an older one",
                bundle.name
            );
            findings.push(finding(codes::SEQUENCE_MISSING, None, Json::Null, Json::Null, message));
            continue;
        };
        for signer in names {
            let now = Seen { sequence: statement.sequence, lockfile: lockfile.clone() };
            if newest.get(signer).is_none_or(|(_, other)| other.sequence < now.sequence) {
                newest.insert(signer, (bundle, now));
            }
        }
    }
    let mut signers = known.signers.clone();
    for (signer, (bundle, now)) in newest {
        findings.extend(signers.get(signer).and_then(|before| compare(bundle, signer, before, &now)));
        signers.insert(signer.clone(), now);
    }
    if findings.is_empty() && (known.newest != lockfile || known.signers != signers) {
        if known.newest != lockfile && !known.newest.is_empty() {
            let before = std::mem::take(&mut known.newest);
            known.replaced.push(before);
            let surplus = known.replaced.len().saturating_sub(MOST_REPLACED);
            known.replaced.drain(..surplus);
        }
        known.newest = lockfile;
        known.signers = signers;
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        files::write_atomically(path, &bytes)?;
    }
    Ok(findings)
}

fn compare(bundle: &BundleReport, signer: &str, before: &Seen, now: &Seen) -> Option<Finding> {
    let (code, message) = if now.sequence < before.sequence {
        let message = format!(
            "{} holds number {} by {signer:?}, and number {} was seen before: an older lockfile was put back",
            bundle.name, now.sequence, before.sequence
        );
        (codes::SEQUENCE_ROLLED_BACK, message)
    } else if now.sequence == before.sequence && now.lockfile != before.lockfile {
        let message = format!(
            "{} holds number {} by {signer:?}, and another lockfile of the same number was seen before",
            bundle.name, now.sequence
        );
        (codes::SEQUENCE_REUSED, message)
    } else {
        return None;
    };
    Some(finding(code, Some(signer), Json::from(before.sequence), Json::from(now.sequence), message))
}

fn finding(
    code: &'static CodeInfo,
    signer: Option<&str>,
    before: Json,
    after: Json,
    message: String,
) -> Finding {
    Finding {
        code: code.id,
        severity: code.severity,
        direction: Direction::Changed,
        server: None,
        kind: Subject::Signature,
        name: signer.map(str::to_owned),
        pointer: String::new(),
        before: Some(before).filter(|value| *value != Json::Null),
        after: Some(after).filter(|value| *value != Json::Null),
        message,
    }
}
