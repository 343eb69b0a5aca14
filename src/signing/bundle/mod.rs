//! Sigstore bundles, media types 0.1 to 0.3: strict reader and writer.
//!
//! The format is `dev.sigstore.bundle.v1` of <https://github.com/sigstore/protobuf-specs>, in protobuf's
//! JSON mapping. A bundle is a claim, never an instruction: nothing in it decides how it is checked.

mod read;
pub use read::LIMITS;
#[cfg(test)]
mod tests;
mod write;

use super::dsse::Envelope;
use super::shape::ShapeError;
use crate::json::{Digest, ParseError};

/// The media type that is written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Version of the bundle format. A lower version never loosens a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.1, with a certificate chain.
    V0_1,
    /// 0.2, with a certificate chain and inclusion proofs.
    V0_2,
    /// 0.3, with one certificate.
    V0_3,
}

impl Version {
    /// The canonical media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::V0_1 => "application/vnd.dev.sigstore.bundle+json;version=0.1",
            Self::V0_2 => "application/vnd.dev.sigstore.bundle+json;version=0.2",
            Self::V0_3 => MEDIA_TYPE,
        }
    }

    fn from_media_type(text: &str) -> Option<Self> {
        match text {
            "application/vnd.dev.sigstore.bundle+json;version=0.1" => Some(Self::V0_1),
            "application/vnd.dev.sigstore.bundle+json;version=0.2" => Some(Self::V0_2),
            MEDIA_TYPE | "application/vnd.dev.sigstore.bundle+json;version=0.3" => Some(Self::V0_3),
            _ => None,
        }
    }
}

/// Why bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not strict JSON.
    #[error("the bundle is not valid JSON: {0}")]
    Json(#[from] ParseError),
    /// JSON of another shape.
    #[error("the bundle does not follow its format {0}")]
    Shape(#[from] ShapeError),
    /// A media type that is not known.
    #[error("unsupported bundle media type {found:?}; expected {MEDIA_TYPE:?} or its versions 0.1 and 0.2")]
    MediaType {
        /// What the bundle says.
        found: String,
    },
    /// Not exactly one signature in the envelope.
    #[error(
        "the envelope holds {count} signatures, expected exactly one; give every signer a bundle of their own"
    )]
    SignatureCount {
        /// How many there are.
        count: usize,
    },
    /// A certificate chain in a version that carries one certificate.
    #[error("a version 0.3 bundle carries one certificate, not a chain")]
    Chain,
}

/// A Sigstore bundle as it was read: well formed, and nothing verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Version of the format.
    pub version: Version,
    /// What the signature is said to be made with.
    pub material: Material,
    /// Transparency log entries.
    pub entries: Vec<LogEntry>,
    /// RFC 3161 time-stamp responses in DER.
    pub timestamps: Vec<Vec<u8>>,
    /// The signature and what it covers.
    pub content: Content,
}

/// What a signature is said to be made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A key that the verifier must know; the hint helps to find it.
    PublicKey {
        /// A name for the key.
        hint: String,
    },
    /// A signing certificate in DER and, in versions 0.1 and 0.2, the intermediates after it.
    Certificate {
        /// The signer's certificate.
        leaf: Vec<u8>,
        /// The rest of the chain.
        intermediates: Vec<Vec<u8>>,
    },
}

/// The signature and what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A DSSE envelope.
    Envelope(Envelope),
    /// A signature over the artifact's bytes.
    Message(MessageSignature),
}

impl Content {
    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        match self {
            Self::Envelope(envelope) => &envelope.signature,
            Self::Message(message) => &message.signature,
        }
    }
}

/// A signature over the artifact's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSignature {
    /// The digest that the signer says was signed.
    pub digest: Option<MessageDigest>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A digest with the name of its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDigest {
    /// A `HashAlgorithm` name of the protobuf specifications, such as `SHA2_256`.
    pub algorithm: String,
    /// The digest.
    pub digest: Vec<u8>,
}

/// A transparency log entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Index in the log (Rekor v1: over all shards).
    pub log_index: u64,
    /// The log's key ID.
    pub log_id: Vec<u8>,
    /// Kind of the body.
    pub kind: String,
    /// Version of the body's kind.
    pub version: String,
    /// When the log says it integrated the entry, in seconds since 1970 (Rekor v1).
    pub integrated_time: Option<i64>,
    /// The signed entry timestamp (Rekor v1).
    pub promise: Option<Vec<u8>>,
    /// Proof that the entry is in the log.
    pub proof: Option<InclusionProof>,
    /// The logged body.
    pub body: Vec<u8>,
}

/// A Merkle inclusion proof with the checkpoint it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index in the tree.
    pub log_index: u64,
    /// Root hash.
    pub root_hash: Vec<u8>,
    /// Size of the tree.
    pub tree_size: u64,
    /// Sibling hashes from the leaf to the root.
    pub hashes: Vec<Vec<u8>>,
    /// The signed note.
    pub checkpoint: String,
}

impl Bundle {
    /// A bundle made with a key that verifiers know: no log entry, no timestamp.
    #[must_use]
    pub fn with_key(envelope: Envelope, hint: Digest) -> Self {
        Self {
            version: Version::V0_3,
            material: Material::PublicKey { hint: hint.to_string() },
            entries: Vec::new(),
            timestamps: Vec::new(),
            content: Content::Envelope(envelope),
        }
    }
}
