//! Trust material: the authorities whose word counts, from a `trusted_root.json`.
//!
//! It comes from outside the bundle: embedded, from a TUF repository, or from a file the user names.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use sigstore_crypto::VerificationKey;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT, TrustedRoot};
use sigstore_types::{SignatureBytes, TimeRange, TimestampToken, TsaAuthority};
use sigstore_verify::Verifier;
use x509_cert::der::Decode as _;

use crate::json::{self, Digest, Limits, ParseError};

/// When the embedded copies were taken from the public TUF repositories.
pub const EMBEDDED_AS_OF: &str = "2026-10-23T00:00:00Z";
const LIMITS: Limits = Limits { max_bytes: 16 * 1024 * 1024, max_depth: 32 };

/// Where trust material came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The embedded copy of Sigstore's public-good root.
    PublicGood,
    /// The embedded copy of Sigstore's staging root.
    Staging,
    /// A TUF repository, by its address.
    Tuf(String),
    /// A file that the user named.
    File(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicGood => f.write_str("embedded public-good root"),
            Self::Staging => f.write_str("embedded staging root"),
            Self::Tuf(url) => write!(f, "TUF repository {url}"),
            Self::File(path) => write!(f, "file {path}"),
        }
    }
}

/// Why trust material cannot be used. This is never a bad signature: nothing could be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not strict JSON.
    #[error("the trusted root is not valid JSON: {0}")]
    Json(#[from] ParseError),
    /// Not a trusted root of a known version.
    #[error(
        "this is no trusted root: its media type is {found:?}, expected application/vnd.dev.sigstore.trustedroot"
    )]
    MediaType {
        /// What the file says.
        found: String,
    },
    /// A trusted root with parts that cannot be read.
    #[error("the trusted root cannot be used: {0}")]
    Malformed(String),
    /// An authority without a time from which it counts.
    #[error("the {role} {uri} has no start of validity, so nothing says since when to trust it")]
    NoStart {
        /// What the authority does.
        role: Role,
        /// Its address.
        uri: String,
    },
}

/// What an authority does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Issues signing certificates (Fulcio).
    CertificateAuthority,
    /// Logs signatures (Rekor).
    TransparencyLog,
    /// Logs certificates.
    CertificateLog,
    /// Signs times (RFC 3161).
    TimestampAuthority,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::TransparencyLog => "transparency log",
            Self::CertificateLog => "certificate transparency log",
            Self::TimestampAuthority => "timestamp authority",
        })
    }
}

/// One authority of the trusted root, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// What it does.
    pub role: Role,
    /// Its address.
    pub uri: String,
    /// The log's key ID in hexadecimal, or the subject of the authority's leaf-most certificate.
    pub name: String,
    /// Its kind of key, as the trusted root names it; `None` for certificates.
    pub key: Option<String>,
    /// From when it counts, inclusive.
    pub valid_from: Timestamp,
    /// Until when, inclusive; `None` while it is in use.
    pub valid_until: Option<Timestamp>,
}

/// A transparency log whose checkpoints count.
pub(super) struct TrustedLog {
    pub(super) id: Vec<u8>,
    pub(super) key: VerificationKey,
    /// Names under which the log may sign checkpoints: its host, with and without the port.
    pub(super) names: Vec<String>,
    pub(super) validity: TimeRange,
}

/// Trust material, ready to verify with.
pub struct TrustMaterial {
    source: Source,
    obtained: Option<Timestamp>,
    digest: Digest,
    authorities: Vec<Authority>,
    logs: Vec<TrustedLog>,
    timestamp_authorities: Vec<(String, TsaAuthority)>,
    pub(super) verifier: Verifier,
}

impl TrustMaterial {
    /// Reads a `trusted_root.json`. `obtained` is when it was fetched, where that is known.
    ///
    /// # Errors
    /// [`TrustError`] where the file is malformed or any authority in it cannot be used.
    pub fn from_json(bytes: &[u8], source: Source, obtained: Option<Timestamp>) -> Result<Self, TrustError> {
        let parsed = json::parse(bytes, &LIMITS)?;
        let found = parsed.get("mediaType").and_then(json::Value::as_str).unwrap_or_default();
        if !matches!(
            found,
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
                | "application/vnd.dev.sigstore.trustedroot.v0.1+json"
                | "application/vnd.dev.sigstore.trustedroot.v0.2+json"
        ) {
            return Err(TrustError::MediaType { found: found.to_owned() });
        }
        let malformed = |error: &dyn fmt::Display| TrustError::Malformed(error.to_string());
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
        let root = TrustedRoot::from_json(text).map_err(|error| malformed(&error))?;
        let verifier = Verifier::new(&root).map_err(|error| malformed(&error))?;
        Ok(Self {
            source,
            obtained,
            digest: Digest::of(bytes),
            authorities: authorities(&root)?,
            logs: logs(&root)?,
            timestamp_authorities: timestamp_authorities(&root),
            verifier,
        })
    }

    /// The embedded copy of Sigstore's public-good root.
    ///
    /// # Errors
    /// As [`TrustMaterial::from_json`]; the tests show that it does not happen.
    pub fn public_good() -> Result<Self, TrustError> {
        Self::from_json(
            SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(),
            Source::PublicGood,
            EMBEDDED_AS_OF.parse().ok(),
        )
    }

    /// The embedded copy of Sigstore's staging root.
    ///
    /// # Errors
    /// As [`TrustMaterial::from_json`]; the tests show that it does not happen.
    pub fn staging() -> Result<Self, TrustError> {
        Self::from_json(
            SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes(),
            Source::Staging,
            EMBEDDED_AS_OF.parse().ok(),
        )
    }

    /// Where it came from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// When it was obtained, where that is known.
    #[must_use]
    pub const fn obtained(&self) -> Option<Timestamp> {
        self.obtained
    }

    /// How old it is at `now`; `None` where nobody knows. A clock before that day gives zero.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        self.obtained.map(|obtained| now.duration_since(obtained).max(SignedDuration::ZERO))
    }

    /// SHA-256 of the trusted root's bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Every authority with its validity, in the order of the trusted root.
    #[must_use]
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    pub(super) fn log(&self, id: &[u8]) -> Option<&TrustedLog> {
        self.logs.iter().find(|log| log.id == id)
    }

    /// Verifies an RFC 3161 response over a signature; the time, and the authority that vouches for it.
    pub(super) fn verify_timestamp(
        &self,
        response: &[u8],
        signature: &[u8],
    ) -> Result<(Timestamp, String), String> {
        let token = TimestampToken::from_bytes(response);
        let signature = SignatureBytes::from_bytes(signature);
        let mut reason = "the trust material names no timestamp authority".to_owned();
        for (uri, authority) in &self.timestamp_authorities {
            match sigstore_tsa::verify_timestamp_for_authority(&token, &signature, authority) {
                Ok(time) => return Ok((time, uri.clone())),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(reason)
    }
}

impl fmt::Debug for TrustMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustMaterial")
            .field("source", &self.source)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

fn authorities(root: &TrustedRoot) -> Result<Vec<Authority>, TrustError> {
    let mut authorities = Vec::new();
    let mut add = |role, uri: &str, name: String, key: Option<String>, validity: Option<TimeRange>| {
        let Some(validity) = validity else {
            return Err(TrustError::NoStart { role, uri: uri.to_owned() });
        };
        authorities.push(Authority {
            role,
            uri: uri.to_owned(),
            name,
            key,
            valid_from: validity.start,
            valid_until: validity.end,
        });
        Ok(())
    };
    for ca in &root.certificate_authorities {
        let name = ca.cert_chain.certificates.first().map(|entry| subject(entry.raw_bytes.as_bytes()));
        add(Role::CertificateAuthority, &ca.uri, name.unwrap_or_default(), None, ca.valid_for)?;
    }
    for log in &root.tlogs {
        let key = &log.public_key;
        let id = hex::encode(log.log_id.key_id.as_bytes());
        add(Role::TransparencyLog, &log.base_url, id, Some(key.key_details.to_string()), key.valid_for)?;
    }
    for log in &root.ctlogs {
        let key = &log.public_key;
        let id = hex::encode(log.log_id.key_id.as_bytes());
        add(Role::CertificateLog, &log.base_url, id, Some(key.key_details.to_string()), key.valid_for)?;
    }
    for tsa in &root.timestamp_authorities {
        let name = tsa.cert_chain.certificates.first().map(|entry| subject(entry.raw_bytes.as_bytes()));
        let uri = tsa.uri.as_deref().unwrap_or_default();
        add(Role::TimestampAuthority, uri, name.unwrap_or_default(), None, tsa.valid_for)?;
    }
    Ok(authorities)
}

fn logs(root: &TrustedRoot) -> Result<Vec<TrustedLog>, TrustError> {
    root.tlogs
        .iter()
        .map(|log| {
            let uri = &log.base_url;
            let no_start = || TrustError::NoStart { role: Role::TransparencyLog, uri: uri.clone() };
            let id = log.log_id.key_id.as_bytes().to_vec();
            Ok(TrustedLog {
                id,
                key: VerificationKey::from_spki(&log.public_key.raw_bytes).map_err(|error| {
                    TrustError::Malformed(format!("key of the transparency log {uri}: {error}"))
                })?,
                names: checkpoint_names(uri),
                validity: log.public_key.valid_for.ok_or_else(no_start)?,
            })
        })
        .collect()
}

/// A log signs checkpoints under its host name; a private one often with its port.
fn checkpoint_names(base_url: &str) -> Vec<String> {
    let Ok(url) = url::Url::parse(base_url) else {
        return vec![base_url.to_owned()];
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    match url.port() {
        Some(port) => vec![format!("{host}:{port}"), host],
        None => vec![host],
    }
}

fn timestamp_authorities(root: &TrustedRoot) -> Vec<(String, TsaAuthority)> {
    root.timestamp_authorities
        .iter()
        .filter_map(|tsa| {
            let chain = &tsa.cert_chain.certificates;
            let leaf = chain.first()?.raw_bytes.clone();
            let top = chain.last()?.raw_bytes.clone();
            let between = chain.get(1..chain.len().saturating_sub(1)).unwrap_or_default();
            let intermediates = between.iter().map(|entry| entry.raw_bytes.clone()).collect();
            let uri = tsa.uri.clone().unwrap_or_else(|| "timestamp authority".to_owned());
            Some((uri, TsaAuthority::new(leaf, intermediates, top, tsa.valid_for)))
        })
        .collect()
}

/// The subject of a certificate as text, or its digest where it has none.
fn subject(der: &[u8]) -> String {
    x509_cert::Certificate::from_der(der)
        .ok()
        .map(|certificate| certificate.tbs_certificate.subject.to_string())
        .filter(|subject| !subject.is_empty())
        .unwrap_or_else(|| Digest::of(der).to_string())
}
