//! Reading bundles: unknown fields, duplicate keys, oversize and trailing data are refused.

use super::{
    Bundle, BundleError, Content, InclusionProof, LogEntry, Material, MessageDigest, MessageSignature,
    Version,
};
use crate::json::{self, Limits};
use crate::signing::dsse::Envelope;
use crate::signing::shape::{Fields, ShapeError, base64};

/// Enough for the digest tree of a hundred thousand definitions.
pub const LIMITS: Limits = Limits { max_bytes: 64 * 1024 * 1024, max_depth: 16 };

/// More entries or timestamps than any client writes; each costs a verification.
const MAX_EVIDENCE: usize = 32;

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError`] says what does not follow the format, and where.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut top = Fields::new(json::parse(bytes, &LIMITS)?, "")?;
        let media_type = top.text("mediaType")?;
        let version = Version::from_media_type(&media_type)
            .ok_or_else(|| BundleError::MediaType { found: media_type.into_owned() })?;
        let mut fields = top.object("verificationMaterial")?;
        let material = material(&mut fields, version)?;
        let entries = few(&fields.at("tlogEntries"), fields.optional_array("tlogEntries")?)?
            .into_iter()
            .map(|(at, value)| log_entry(Fields::new(value, &at)?))
            .collect::<Result<_, _>>()?;
        let timestamps = match fields.optional_object("timestampVerificationData")? {
            None => Vec::new(),
            Some(mut data) => {
                let at = data.at("rfc3161Timestamps");
                let timestamps = few(&at, data.optional_array("rfc3161Timestamps")?)?
                    .into_iter()
                    .map(|(at, value)| {
                        let mut timestamp = Fields::new(value, &at)?;
                        let response = timestamp.base64("signedTimestamp")?;
                        timestamp.finish()?;
                        Ok(response)
                    })
                    .collect::<Result<_, ShapeError>>()?;
                data.finish()?;
                timestamps
            }
        };
        fields.finish()?;
        let content = content(&mut top)?;
        top.finish()?;
        Ok(Self { version, material, entries, timestamps, content })
    }
}

fn few<T>(at: &str, list: Vec<T>) -> Result<Vec<T>, ShapeError> {
    if list.len() > MAX_EVIDENCE {
        return Err(ShapeError::new(
            at,
            format!("has {} elements, expected at most {MAX_EVIDENCE}", list.len()),
        ));
    }
    Ok(list)
}

fn material(fields: &mut Fields<'_>, version: Version) -> Result<Material, BundleError> {
    let at = fields.at("");
    let parent = at.trim_end_matches('/');
    let key = fields.optional_object("publicKey")?;
    let certificate = fields.optional_object("certificate")?;
    let chain = fields.optional_object("x509CertificateChain")?;
    match (key, certificate, chain) {
        (Some(mut key), None, None) => {
            let hint = key.optional_text("hint")?.unwrap_or_default().into_owned();
            key.finish()?;
            Ok(Material::PublicKey { hint })
        }
        (None, Some(certificate), None) => {
            Ok(Material::Certificate { leaf: raw_bytes(certificate)?, intermediates: Vec::new() })
        }
        (None, None, Some(mut chain)) => {
            if version == Version::V0_3 {
                return Err(BundleError::Chain);
            }
            let at = chain.at("certificates");
            let mut certificates = chain
                .optional_array("certificates")?
                .into_iter()
                .map(|(at, value)| raw_bytes(Fields::new(value, &at)?))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter();
            chain.finish()?;
            let leaf = certificates
                .next()
                .ok_or_else(|| ShapeError::new(&at, "expected at least one certificate, got none"))?;
            Ok(Material::Certificate { leaf, intermediates: certificates.collect() })
        }
        _ => Err(ShapeError::new(
            parent,
            "expected exactly one of \"publicKey\", \"certificate\" and \"x509CertificateChain\"",
        )
        .into()),
    }
}

fn raw_bytes(mut fields: Fields<'_>) -> Result<Vec<u8>, ShapeError> {
    let bytes = fields.base64("rawBytes")?;
    fields.finish()?;
    Ok(bytes)
}

fn content(top: &mut Fields<'_>) -> Result<Content, BundleError> {
    let envelope = top.optional_object("dsseEnvelope")?;
    let message = top.optional_object("messageSignature")?;
    match (envelope, message) {
        (Some(mut fields), None) => {
            let payload_type = fields.text("payloadType")?.into_owned();
            let payload = fields.base64("payload")?;
            let mut signatures = fields.optional_array("signatures")?;
            fields.finish()?;
            let count = signatures.len();
            let (Some((at, signature)), 1) = (signatures.pop(), count) else {
                return Err(BundleError::SignatureCount { count });
            };
            let mut signature = Fields::new(signature, &at)?;
            let keyid = signature.optional_text("keyid")?.map(std::borrow::Cow::into_owned);
            let bytes = signature.base64("sig")?;
            signature.finish()?;
            Ok(Content::Envelope(Envelope { payload_type, payload, keyid, signature: bytes }))
        }
        (None, Some(mut fields)) => {
            let digest = match fields.optional_object("messageDigest")? {
                None => None,
                Some(mut digest) => {
                    let algorithm = digest.text("algorithm")?.into_owned();
                    let bytes = digest.base64("digest")?;
                    digest.finish()?;
                    Some(MessageDigest { algorithm, digest: bytes })
                }
            };
            let signature = fields.base64("signature")?;
            fields.finish()?;
            Ok(Content::Message(MessageSignature { digest, signature }))
        }
        _ => {
            Err(ShapeError::new("", "expected exactly one of \"dsseEnvelope\" and \"messageSignature\"")
                .into())
        }
    }
}

fn log_entry(mut fields: Fields<'_>) -> Result<LogEntry, ShapeError> {
    let log_index = index(&mut fields, "logIndex")?;
    let mut log = fields.object("logId")?;
    let log_id = log.base64("keyId")?;
    log.finish()?;
    let mut kind_version = fields.object("kindVersion")?;
    let kind = kind_version.text("kind")?.into_owned();
    let version = kind_version.text("version")?.into_owned();
    kind_version.finish()?;
    // Protobuf does not tell an absent number from zero; Rekor v2 writes neither.
    let integrated_time = Some(fields.int64("integratedTime")?).filter(|seconds| *seconds != 0);
    let promise = match fields.optional_object("inclusionPromise")? {
        None => None,
        Some(mut promise) => {
            let bytes = promise.base64("signedEntryTimestamp")?;
            promise.finish()?;
            Some(bytes)
        }
    };
    let proof = fields.optional_object("inclusionProof")?.map(inclusion_proof).transpose()?;
    let body = fields.base64("canonicalizedBody")?;
    fields.finish()?;
    Ok(LogEntry { log_index, log_id, kind, version, integrated_time, promise, proof, body })
}

fn inclusion_proof(mut fields: Fields<'_>) -> Result<InclusionProof, ShapeError> {
    let log_index = index(&mut fields, "logIndex")?;
    let root_hash = fields.base64("rootHash")?;
    let tree_size = index(&mut fields, "treeSize")?;
    let hashes = fields
        .optional_array("hashes")?
        .into_iter()
        .map(|(at, value)| base64(value, &at))
        .collect::<Result<_, _>>()?;
    let checkpoint = match fields.optional_object("checkpoint")? {
        None => String::new(),
        Some(mut checkpoint) => {
            let envelope = checkpoint.optional_text("envelope")?.unwrap_or_default().into_owned();
            checkpoint.finish()?;
            envelope
        }
    };
    fields.finish()?;
    Ok(InclusionProof { log_index, root_hash, tree_size, hashes, checkpoint })
}

fn index(fields: &mut Fields<'_>, key: &str) -> Result<u64, ShapeError> {
    let at = fields.at(key);
    let number = fields.int64(key)?;
    u64::try_from(number).map_err(|_| ShapeError::new(&at, format!("expected at least 0, got {number}")))
}
