//! Who signed, as facts that outlive the check: for reports and for signer drift.

mod drift;

use std::collections::BTreeMap;

use super::bundle::{Bundle, Material};
use super::certificate::{Identity, SigningCertificate};
use super::keys::{Algorithm, PublicKey};
use crate::json::{Digest, Json, Object};

pub use drift::{compare_signer, compare_signers};

/// Who signed. Only a verified signature yields facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerFacts {
    /// The holder of a key.
    Key {
        /// SHA-256 of the key's SPKI.
        hint: Digest,
        /// Its algorithm.
        algorithm: Algorithm,
    },
    /// An identity in a certificate.
    Identity {
        /// Who vouched for the identity.
        issuer: String,
        /// The subject alternative name.
        identity: Identity,
        /// Claims by name.
        claims: BTreeMap<String, String>,
    },
}

impl SignerFacts {
    pub(super) fn of_key(key: &PublicKey) -> Self {
        Self::Key { hint: key.hint(), algorithm: key.algorithm() }
    }

    pub(super) fn of_certificate(certificate: &SigningCertificate) -> Self {
        Self::Identity {
            issuer: certificate.issuer.clone(),
            identity: certificate.identity.clone(),
            claims: certificate.claims.clone(),
        }
    }

    /// What a bundle says of its signer, unverified; nothing where it says nothing that can be read.
    #[must_use]
    pub fn said_by(bundle: &Bundle) -> Option<Self> {
        match &bundle.material {
            Material::Certificate { leaf, .. } => {
                SigningCertificate::from_der(leaf).ok().map(|certificate| Self::of_certificate(&certificate))
            }
            // Ours is the only hint with a meaning; the algorithm is that of the keys that we make.
            Material::PublicKey { hint } => {
                hint.parse().ok().map(|hint| Self::Key { hint, algorithm: Algorithm::Ed25519 })
            }
        }
    }

    /// What makes two signatures those of one signer: the key, or the identity at its issuer.
    #[must_use]
    pub fn same_signer(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key { hint: a, .. }, Self::Key { hint: b, .. }) => a == b,
            (
                Self::Identity { issuer: a, identity: x, .. },
                Self::Identity { issuer: b, identity: y, .. },
            ) => a == b && x == y,
            _ => false,
        }
    }

    /// The signer in a few words, to begin a sentence with.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Key { hint, .. } => format!("The key {hint}"),
            Self::Identity { issuer, identity, .. } => format!("{identity} of {issuer}"),
        }
    }

    /// The facts as they stand in reports.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut fields = Object::new();
        match self {
            Self::Key { hint, algorithm } => {
                fields.insert("method", "key");
                fields.insert("key", hint.to_string());
                fields.insert("algorithm", algorithm.as_str());
            }
            Self::Identity { issuer, identity, claims } => {
                fields.insert("method", "identity");
                fields.insert("issuer", issuer.clone());
                fields.insert("identity", identity.as_str().to_owned());
                fields.insert("identityKind", identity.kind());
                let claims: Object<'static> =
                    claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                fields.insert("claims", claims);
            }
        }
        Json::from(fields)
    }
}
