//! A transparency log entry: in the log that it names, and about this signature.
//!
//! Stricter than the client specification asks: an inclusion proof is required on every entry whatever
//! the bundle's version, a promise alone is never enough, and a checkpoint counts only under the key and
//! the name of the log that the entry names.

use jiff::Timestamp;
use sigstore_types::checkpoint::Checkpoint;
use sigstore_types::{Sha256Hash, SignatureBytes};

use crate::json;
use crate::signing::bundle::{InclusionProof, LogEntry};
use crate::signing::trust::{TrustMaterial, TrustedLog};

/// Why a log entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A kind of entry that is not known.
    #[error(
        "unsupported log entry {kind} {version}; expected hashedrekord 0.0.1 or 0.0.2, dsse 0.0.1 or intoto 0.0.2"
    )]
    Kind {
        /// The entry's kind.
        kind: String,
        /// The kind's version.
        version: String,
    },
    /// A log that the trust material does not name.
    #[error("the log {id} is not in the trust material")]
    UnknownLog {
        /// The log's key ID in hexadecimal.
        id: String,
    },
    /// There is no inclusion proof.
    #[error("the entry has no inclusion proof; a promise to include it is not enough")]
    NoProof,
    /// There is no checkpoint to lead the proof to.
    #[error("the inclusion proof has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is no signed note.
    #[error("the checkpoint is malformed: {0}")]
    Checkpoint(String),
    /// The checkpoint belongs to another log.
    #[error("the checkpoint is of {got:?}, expected the log that the entry names, {expected}")]
    Origin {
        /// The name from the trust material.
        expected: String,
        /// The checkpoint's first line.
        got: String,
    },
    /// The log named by the entry did not sign the checkpoint.
    #[error("the checkpoint has no valid signature by the log that the entry names, {log}")]
    CheckpointSignature {
        /// The log's name.
        log: String,
    },
    /// Proof and checkpoint speak of different trees.
    #[error("the inclusion proof is for another tree than its checkpoint: {0}")]
    Tree(&'static str),
    /// The proof does not lead from the entry to the checkpoint.
    #[error("the inclusion proof does not lead from the entry to the checkpoint: {0}")]
    Proof(String),
    /// The promise was not signed by the log.
    #[error("the signed entry timestamp is not by the log that the entry names")]
    Promise,
    /// A time when the log's key did not count.
    #[error("the log's key does not count at {time}; the trust material has it from {from}{}", until.map_or_else(String::new, |until| format!(" until {until}")))]
    Validity {
        /// The time in question.
        time: Timestamp,
        /// Start of the key's validity.
        from: Timestamp,
        /// Its end.
        until: Option<Timestamp>,
    },
    /// The log claims to have integrated the entry in the future.
    #[error("the log says that it integrated the entry at {time}, which is in the future")]
    Future {
        /// The integrated time.
        time: Timestamp,
    },
    /// The logged body is not what its kind demands.
    #[error("the logged entry is malformed: {0}")]
    Body(String),
    /// The entry is about something else.
    #[error("the log entry is about another {0} than the bundle's")]
    Mismatch(&'static str),
    /// An algorithm that cannot be checked.
    #[error("unsupported log entry: {0}")]
    Unsupported(String),
}

/// A verified entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFacts {
    /// The name under which the log signs.
    pub log: String,
    /// The log's key ID.
    pub log_id: Vec<u8>,
    /// The entry's index.
    pub index: u64,
    /// When the log says it integrated the entry, where it signed that (Rekor v1).
    pub integrated: Option<Timestamp>,
}

/// The kinds of entry that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    HashedRekordV1,
    HashedRekordV2,
    Dsse,
    Intoto,
}

impl EntryKind {
    pub(super) fn of(entry: &LogEntry) -> Result<Self, LogError> {
        match (entry.kind.as_str(), entry.version.as_str()) {
            ("hashedrekord", "0.0.1") => Ok(Self::HashedRekordV1),
            ("hashedrekord", "0.0.2") => Ok(Self::HashedRekordV2),
            ("dsse", "0.0.1") => Ok(Self::Dsse),
            ("intoto", "0.0.2") => Ok(Self::Intoto),
            (kind, version) => Err(LogError::Kind { kind: kind.to_owned(), version: version.to_owned() }),
        }
    }

    /// Rekor v2 has one kind of entry, and its checkpoint alone says where the entry stands.
    const fn is_rekor_v2(self) -> bool {
        matches!(self, Self::HashedRekordV2)
    }
}

/// Verifies that the entry is in the log that it names.
pub(super) fn verify_inclusion(
    entry: &LogEntry,
    trust: &TrustMaterial,
    now: Timestamp,
) -> Result<LogFacts, LogError> {
    let kind = EntryKind::of(entry)?;
    let log =
        trust.log(&entry.log_id).ok_or_else(|| LogError::UnknownLog { id: hex::encode(&entry.log_id) })?;
    let proof = entry.proof.as_ref().ok_or(LogError::NoProof)?;
    if proof.checkpoint.is_empty() {
        return Err(LogError::NoCheckpoint);
    }
    let checkpoint =
        Checkpoint::from_text(&proof.checkpoint).map_err(|error| LogError::Checkpoint(error.to_string()))?;
    let name = verify_checkpoint(&checkpoint, log, kind)?;
    verify_proof(entry, proof, &checkpoint, kind)?;
    let integrated = match &entry.promise {
        None => None,
        Some(promise) => {
            verify_promise(entry, promise, log)?;
            entry.integrated_time.filter(|_| !kind.is_rekor_v2())
        }
    };
    let integrated = integrated
        .map(|seconds| Timestamp::from_second(seconds).map_err(|error| LogError::Body(error.to_string())))
        .transpose()?;
    if let Some(time) = integrated {
        verify_validity(log, time)?;
        if time > now {
            return Err(LogError::Future { time });
        }
    }
    Ok(LogFacts { log: name, log_id: log.id.clone(), index: entry.log_index, integrated })
}

/// Verifies that the log's key counted at a time.
pub(super) fn verify_validity_of(
    log_id: &[u8],
    trust: &TrustMaterial,
    time: Timestamp,
) -> Result<(), LogError> {
    match trust.log(log_id) {
        Some(log) => verify_validity(log, time),
        None => Err(LogError::UnknownLog { id: hex::encode(log_id) }),
    }
}

fn verify_validity(log: &TrustedLog, time: Timestamp) -> Result<(), LogError> {
    if log.validity.contains(time) {
        return Ok(());
    }
    Err(LogError::Validity { time, from: log.validity.start, until: log.validity.end })
}

/// The checkpoint must be of this log, under the name and the key that the trust material gives it.
fn verify_checkpoint(checkpoint: &Checkpoint, log: &TrustedLog, kind: EntryKind) -> Result<String, LogError> {
    let origin = checkpoint.origin();
    // Rekor v1 writes the tree's number behind its name: `rekor.sigstore.dev - 2605736670972794746`.
    let of_tree = |name: &str| {
        origin
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(" - "))
            .is_some_and(|tree| !tree.is_empty() && tree.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_origin = |name: &&String| if kind.is_rekor_v2() { origin == *name } else { of_tree(name) };
    let name = log
        .names
        .iter()
        .find(is_origin)
        .ok_or_else(|| LogError::Origin { expected: log.names.join(" or "), got: origin.to_owned() })?;
    let signed = checkpoint.signatures().iter().any(|signature| {
        signature.name == *name
            && log.id.starts_with(signature.key_id.as_slice())
            && log.key.verify(checkpoint.signed_data(), &signature.signature).is_ok()
    });
    if signed { Ok(name.clone()) } else { Err(LogError::CheckpointSignature { log: name.clone() }) }
}

fn verify_proof(
    entry: &LogEntry,
    proof: &InclusionProof,
    checkpoint: &Checkpoint,
    kind: EntryKind,
) -> Result<(), LogError> {
    // What the proof repeats is not signed. It has to agree all the same: another reader may rely on it.
    if proof.root_hash != checkpoint.root_hash().as_slice() {
        return Err(LogError::Tree("the root hashes differ"));
    }
    if proof.tree_size != checkpoint.tree_size() {
        return Err(LogError::Tree("the tree sizes differ"));
    }
    // Rekor v1 counts an entry over all its shards, and its place in the tree for itself.
    let index = if kind.is_rekor_v2() { entry.log_index } else { proof.log_index };
    let hash = |bytes: &[u8]| Sha256Hash::try_from(bytes).map_err(|error| LogError::Proof(error.to_string()));
    let hashes = proof.hashes.iter().map(|bytes| hash(bytes)).collect::<Result<Vec<_>, _>>()?;
    let leaf = sigstore_merkle::hash_leaf(&entry.body);
    sigstore_merkle::verify_inclusion_proof(
        &leaf,
        index,
        checkpoint.tree_size(),
        &hashes,
        checkpoint.root_hash(),
    )
    .map_err(|error| LogError::Proof(error.to_string()))?;
    if proof.log_index != index {
        return Err(LogError::Tree("the indices differ"));
    }
    Ok(())
}

/// A signed entry timestamp covers body, time, log and index (Rekor v1).
fn verify_promise(entry: &LogEntry, promise: &[u8], log: &TrustedLog) -> Result<(), LogError> {
    use base64::Engine as _;
    let mut payload = json::Object::new();
    payload.insert("body", base64::engine::general_purpose::STANDARD.encode(&entry.body));
    payload.insert("integratedTime", entry.integrated_time.unwrap_or_default());
    payload.insert("logID", hex::encode(&entry.log_id));
    payload.insert("logIndex", entry.log_index);
    let payload = json::canonical(&json::Value::from(payload));
    log.key.verify(&payload, &SignatureBytes::from_bytes(promise)).map_err(|_| LogError::Promise)
}
