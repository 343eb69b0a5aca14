//! The highest sequence seen, so that an older signed lockfile is not taken for the newest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use mcptrust::finding::{Direction, Finding, Subject, codes};
use mcptrust::json::Json;
use mcptrust::signing::Statement;
use mcptrust::signing::verify::{BundleReport, Report, Status};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::files;

const VERSION: u64 = 1;
const MAX_BYTES: usize = 16 << 20;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    state_version: u64,
    /// By project, or by the lockfile's path where no project is signed; then by signer.
    lockfiles: BTreeMap<String, BTreeMap<String, Seen>>,
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
    let mut findings = Vec::new();
    let mut changed = false;
    for bundle in &report.bundles {
        let (Status::Accepted { signers }, Some(statement)) = (&bundle.status, &bundle.statement) else {
            continue;
        };
        let seen = file.lockfiles.entry(key(context, statement)).or_default();
        for signer in signers {
            let now = Seen { sequence: statement.sequence, lockfile: report.lockfile.to_string() };
            if let Some(before) = seen.get(signer) {
                if let Some(finding) = compare(bundle, signer, before, &now) {
                    findings.push(finding);
                    continue;
                }
                if *before == now {
                    continue;
                }
            }
            changed = true;
            seen.insert(signer.clone(), now);
        }
    }
    if changed && findings.is_empty() {
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        files::write_atomically(path, &bytes)?;
    }
    Ok(findings)
}

fn key(context: &Context, statement: &Statement) -> String {
    match &statement.project {
        Some(project) => format!("project:{project}"),
        None => {
            let path =
                std::path::absolute(context.lockfile()).unwrap_or_else(|_| context.lockfile().to_owned());
            format!("path:{}", path.display())
        }
    }
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
    Some(Finding {
        code: code.id,
        severity: code.severity,
        direction: Direction::Changed,
        server: None,
        kind: Subject::Signature,
        name: Some(signer.to_owned()),
        pointer: String::new(),
        before: Some(Json::from(before.sequence)),
        after: Some(Json::from(now.sequence)),
        message,
    })
}
