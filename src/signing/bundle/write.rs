//! Writing bundles: sorted keys, two-space indent, one trailing newline.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Bundle, BundleError, Content, InclusionProof, LogEntry, Material};
use crate::json::{self, Json, Object};

impl Bundle {
    /// The bundle as JSON text; the same bundle gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json::pretty(&self.to_json()).into_bytes()
    }

    /// The bundle as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut material = Object::new();
        match &self.material {
            Material::PublicKey { hint } => {
                material.insert("publicKey", object([("hint", Json::from(hint.clone()))]));
            }
            Material::Certificate { leaf, intermediates } if self.version < super::Version::V0_3 => {
                let chain: Vec<Json> =
                    std::iter::once(leaf).chain(intermediates).map(|der| raw_bytes(der)).collect();
                material.insert("x509CertificateChain", object([("certificates", Json::from(chain))]));
            }
            Material::Certificate { leaf, .. } => {
                material.insert("certificate", raw_bytes(leaf));
            }
        }
        if !self.entries.is_empty() {
            material
                .insert("tlogEntries", Json::from(self.entries.iter().map(log_entry).collect::<Vec<_>>()));
        }
        if !self.timestamps.is_empty() {
            let timestamps: Vec<Json> = self
                .timestamps
                .iter()
                .map(|response| object([("signedTimestamp", base64(response))]))
                .collect();
            material
                .insert("timestampVerificationData", object([("rfc3161Timestamps", Json::from(timestamps))]));
        }
        let mut top = Object::new();
        top.insert("mediaType", self.version.media_type());
        top.insert("verificationMaterial", material);
        match &self.content {
            Content::Envelope(envelope) => {
                let mut signature = Object::new();
                signature.insert("sig", base64(&envelope.signature));
                if let Some(keyid) = &envelope.keyid {
                    signature.insert("keyid", keyid.clone());
                }
                top.insert(
                    "dsseEnvelope",
                    object([
                        ("payload", base64(&envelope.payload)),
                        ("payloadType", Json::from(envelope.payload_type.clone())),
                        ("signatures", Json::from(vec![Json::from(signature)])),
                    ]),
                );
            }
            Content::Message(message) => {
                let mut fields = Object::new();
                if let Some(digest) = &message.digest {
                    fields.insert(
                        "messageDigest",
                        object([
                            ("algorithm", Json::from(digest.algorithm.clone())),
                            ("digest", base64(&digest.digest)),
                        ]),
                    );
                }
                fields.insert("signature", base64(&message.signature));
                top.insert("messageSignature", fields);
            }
        }
        Json::from(top)
    }

    /// The bundle in the type that the Sigstore crates verify.
    ///
    /// It is rebuilt from what was read strictly, so that both readers see the same bundle.
    ///
    /// # Errors
    /// The message of the Sigstore crates where they read more narrowly than [`Bundle::parse`].
    pub fn to_sigstore(&self) -> Result<sigstore_types::Bundle, String> {
        sigstore_types::Bundle::from_json(&json::compact(&self.to_json())).map_err(|error| error.to_string())
    }
}

impl TryFrom<&sigstore_types::Bundle> for Bundle {
    type Error = BundleError;

    fn try_from(bundle: &sigstore_types::Bundle) -> Result<Self, BundleError> {
        let text = bundle
            .to_json()
            .map_err(|error| crate::signing::shape::ShapeError::new("", error.to_string()))?;
        Self::parse(text.as_bytes())
    }
}

fn log_entry(entry: &LogEntry) -> Json {
    let mut fields = Object::new();
    fields.insert("logIndex", entry.log_index.to_string());
    fields.insert("logId", object([("keyId", base64(&entry.log_id))]));
    fields.insert(
        "kindVersion",
        object([("kind", Json::from(entry.kind.clone())), ("version", Json::from(entry.version.clone()))]),
    );
    if let Some(seconds) = entry.integrated_time {
        fields.insert("integratedTime", seconds.to_string());
    }
    if let Some(promise) = &entry.promise {
        fields.insert("inclusionPromise", object([("signedEntryTimestamp", base64(promise))]));
    }
    if let Some(proof) = &entry.proof {
        fields.insert("inclusionProof", inclusion_proof(proof));
    }
    fields.insert("canonicalizedBody", base64(&entry.body));
    Json::from(fields)
}

fn inclusion_proof(proof: &InclusionProof) -> Json {
    object([
        ("logIndex", Json::from(proof.log_index.to_string())),
        ("rootHash", base64(&proof.root_hash)),
        ("treeSize", Json::from(proof.tree_size.to_string())),
        ("hashes", Json::from(proof.hashes.iter().map(|hash| base64(hash)).collect::<Vec<_>>())),
        ("checkpoint", object([("envelope", Json::from(proof.checkpoint.clone()))])),
    ])
}

fn raw_bytes(der: &[u8]) -> Json {
    object([("rawBytes", base64(der))])
}

fn base64(bytes: &[u8]) -> Json {
    Json::from(STANDARD.encode(bytes))
}

fn object<const N: usize>(fields: [(&'static str, Json); N]) -> Json {
    Json::from(fields.into_iter().collect::<Object<'static>>())
}
