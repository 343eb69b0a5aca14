//! Why a bundle is not accepted, and why nothing could be decided.

use jiff::{SignedDuration, Timestamp};

use super::log::LogError;
use crate::json::Digest;
use crate::lockfile;
use crate::signing::bundle::BundleError;
use crate::signing::certificate::CertificateError;
use crate::signing::dsse;
use crate::signing::statement::StatementError;

/// Why a bundle does not count. This is a finding, never an error of the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No bundle of a known form.
    #[error("{0}")]
    Malformed(#[from] BundleError),
    /// Something that is well formed and cannot be checked.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The envelope is about something else.
    #[error("the envelope's payload type is {found:?}, expected {:?}", dsse::IN_TOTO)]
    PayloadType {
        /// What it says.
        found: String,
    },
    /// The payload is no statement about a lockfile.
    #[error("{0}")]
    Statement(#[from] StatementError),
    /// The signature does not verify.
    #[error(
        "the signature does not verify with {with}: what was signed, the signature or the key is another"
    )]
    Signature {
        /// The key or certificate it was checked with.
        with: String,
    },
    /// A plain signature over other bytes.
    #[error("the signature is over other bytes than this file's; a plain signature cannot say what changed")]
    MessageDigest,
    /// The certificate is not as Fulcio issues them.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The certificate does not lead to a trusted authority.
    #[error("the certificate does not lead to a trusted authority: {0}")]
    Chain(String),
    /// The certificate stands in no trusted certificate log.
    #[error("the certificate's signed certificate timestamp is not valid: {0}")]
    Sct(String),
    /// A signing time outside the certificate's life.
    #[error("it was signed at {time}, and the certificate lived from {not_before} until {not_after}")]
    CertificateTime {
        /// The verified time.
        time: Timestamp,
        /// Start of the certificate's life.
        not_before: Timestamp,
        /// Its end.
        not_after: Timestamp,
    },
    /// There is no log entry at all.
    #[error("there is no transparency log entry")]
    NoLogEntry,
    /// A log entry does not hold.
    #[error("transparency log entry {}: {error}", index + 1)]
    Log {
        /// Position in the bundle, from 0.
        index: usize,
        /// Why.
        error: LogError,
    },
    /// A timestamp does not hold.
    #[error("timestamp {}: {reason}", index + 1)]
    Timestamp {
        /// Position in the bundle, from 0.
        index: usize,
        /// Why.
        reason: String,
    },
    /// No authority vouches for any time.
    #[error("nothing trusted says when it was signed: no valid timestamp and no signed log time")]
    NoTime,
    /// A time that has not come.
    #[error("it was signed at {time}, which is in the future; is this machine's clock right?")]
    Future {
        /// The verified time.
        time: Timestamp,
    },
    /// The Sigstore verifier refuses it for a reason of its own.
    #[error("the Sigstore verifier refuses it: {0}")]
    Sigstore(String),
    /// The signature is genuine and the lockfile is another.
    #[error(
        "the signature is genuine, and the lockfile is not the one that was signed: its SHA-256 is {actual}, signed was {signed}"
    )]
    Tampered {
        /// The signed digest.
        signed: Digest,
        /// The digest of the file at hand.
        actual: Digest,
    },
    /// The statement does not describe the file it binds.
    #[error(
        "the signed statement contradicts the lockfile that it binds: {field} is {signed}, the file has {actual}"
    )]
    Contradiction {
        /// Which part.
        field: &'static str,
        /// What the statement says.
        signed: String,
        /// What the file says.
        actual: String,
    },
    /// Signed too long ago.
    #[error("it was signed {} ago, at most {} are allowed; sign the lockfile again", in_words(*age), in_words(*limit))]
    TooOld {
        /// How long ago.
        age: SignedDuration,
        /// The limit.
        limit: SignedDuration,
    },
    /// Nobody knows how long ago it was signed.
    #[error(
        "nothing says how old it is at the most, so its age cannot be limited (an old signature by a key can be stamped anew); sign keyless, or use --min-sequence"
    )]
    AgeUnknown,
    /// An older lockfile than the one already seen.
    #[error("its sequence is {got}, expected at least {minimum}: an older lockfile than one seen before")]
    Rollback {
        /// The signed sequence.
        got: u64,
        /// The least that is accepted.
        minimum: u64,
    },
    /// A signature that says no sequence.
    #[error("it is a plain signature that says no sequence, and at least {minimum} is demanded")]
    NoSequence {
        /// The least that is accepted.
        minimum: u64,
    },
}

impl Problem {
    /// A stable word for reports.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "bundle-malformed",
            Self::Unsupported(_) => "bundle-unsupported",
            Self::PayloadType { .. } => "payload-type",
            Self::Statement(_) => "statement-invalid",
            Self::Signature { .. } => "signature-invalid",
            Self::MessageDigest => "message-digest",
            Self::Certificate(_) => "certificate-invalid",
            Self::Chain(_) => "certificate-untrusted",
            Self::Sct(_) => "certificate-timestamp",
            Self::CertificateTime { .. } => "certificate-expired",
            Self::NoLogEntry => "log-entry-missing",
            Self::Log { .. } => "log-entry-invalid",
            Self::Timestamp { .. } => "timestamp-invalid",
            Self::NoTime => "timestamp-missing",
            Self::Future { .. } => "timestamp-in-future",
            Self::Sigstore(_) => "sigstore-refused",
            Self::Tampered { .. } => "lockfile-tampered",
            Self::Contradiction { .. } => "statement-contradicts",
            Self::TooOld { .. } => "signature-too-old",
            Self::AgeUnknown => "signature-age-unknown",
            Self::Rollback { .. } => "lockfile-rollback",
            Self::NoSequence { .. } => "sequence-missing",
        }
    }
}

/// A duration in words, in the coarsest unit of which there are two.
fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    for (unit, size) in [("days", 86_400), ("hours", 3_600), ("minutes", 60)] {
        if seconds >= 2 * size {
            return format!("{} {unit}", seconds / size);
        }
    }
    format!("{seconds} seconds")
}

/// Why nothing could be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to verify.
    #[error("there is no signature; sign the lockfile with `mcptrust sign`, or name its bundle")]
    NoBundle,
    /// A rule needs authorities that were not given.
    #[error("a rule needs Sigstore's trust material and there is none; give `--trusted-root FILE`")]
    NoTrustMaterial,
    /// The lockfile cannot be read.
    #[error("{0}")]
    Lockfile(#[from] lockfile::Error),
}
