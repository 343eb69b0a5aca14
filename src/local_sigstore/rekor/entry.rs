//! The one kind of entry that Rekor 2 takes: `hashedrekord` 0.0.2, checked before it is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use der::{Decode as _, Encode as _};
use serde::Deserialize;
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::super::Failure;
use super::super::keys::{Key, PublicKey, Scheme, sha256};

pub(super) const KIND: &str = "hashedrekord";
pub(super) const VERSION: &str = "0.0.2";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[serde(alias = "hashed_rekord_request_v002")]
    hashed_rekord_request_v002: Option<HashedRekord>,
    #[serde(alias = "dsse_request_v002")]
    dsse_request_v002: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Verifier {
    #[serde(alias = "public_key")]
    public_key: Option<RawBytes>,
    #[serde(alias = "x509_certificate")]
    x509_certificate: Option<RawBytes>,
    #[serde(alias = "key_details")]
    key_details: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBytes {
    #[serde(alias = "raw_bytes")]
    raw_bytes: String,
}

/// Why an entry is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("{0}")]
    Json(String),
    #[error("invalid type, must be hashedrekord")]
    Kind,
    #[error("invalid hashedrekord request: {0}")]
    Entry(&'static str),
}

/// The key details that are accepted, by name and number (protobuf-specs), with the digest's length and name.
const KEY_DETAILS: [(&str, u64, usize, &str); 6] = [
    ("PKIX_ECDSA_P256_SHA_256", 5, 32, "SHA2_256"),
    ("PKIX_ECDSA_P384_SHA_384", 12, 48, "SHA2_384"),
    ("PKIX_ECDSA_P521_SHA_512", 13, 64, "SHA2_512"),
    ("PKIX_RSA_PKCS1V15_2048_SHA256", 9, 32, "SHA2_256"),
    ("PKIX_RSA_PKCS1V15_3072_SHA256", 10, 32, "SHA2_256"),
    ("PKIX_RSA_PKCS1V15_4096_SHA256", 11, 32, "SHA2_256"),
];

fn key_details(scheme: Scheme) -> Option<&'static str> {
    Some(match scheme {
        Scheme::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
        Scheme::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
        Scheme::EcdsaP521Sha512 => "PKIX_ECDSA_P521_SHA_512",
        Scheme::Rsa(2048) => "PKIX_RSA_PKCS1V15_2048_SHA256",
        Scheme::Rsa(3072) => "PKIX_RSA_PKCS1V15_3072_SHA256",
        Scheme::Rsa(4096) => "PKIX_RSA_PKCS1V15_4096_SHA256",
        Scheme::Rsa(_) | Scheme::Ed25519 => return None,
    })
}

/// Bytes as protobuf's JSON writes them: either alphabet, padded.
fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok().filter(|bytes| !bytes.is_empty())
}

/// The canonical entry (RFC 8785) for a request whose signature is that of the key it names.
pub(super) fn accept(body: &[u8]) -> Result<Vec<u8>, EntryError> {
    let request: Request =
        serde_json::from_slice(body).map_err(|error| EntryError::Json(error.to_string()))?;
    let (Some(entry), None) = (request.hashed_rekord_request_v002, request.dsse_request_v002) else {
        return Err(EntryError::Kind);
    };
    let signature = bytes(&entry.signature.content).ok_or(EntryError::Entry("missing signature"))?;
    let digest = bytes(&entry.digest).ok_or(EntryError::Entry("missing digest"))?;
    let verifier = entry.signature.verifier;
    let (field, raw, key) = match (verifier.public_key, verifier.x509_certificate) {
        (Some(key), None) => {
            let raw = bytes(&key.raw_bytes).ok_or(EntryError::Entry("missing public key raw bytes"))?;
            let key = PublicKey::from_der(&raw);
            ("publicKey", raw, key)
        }
        (None, Some(certificate)) => {
            let raw = bytes(&certificate.raw_bytes)
                .ok_or(EntryError::Entry("missing X.509 certificate raw bytes"))?;
            let certificate =
                Certificate::from_der(&raw).map_err(|_| EntryError::Entry("unreadable X.509 certificate"))?;
            (
                "x509Certificate",
                raw,
                PublicKey::from_spki(certificate.tbs_certificate.subject_public_key_info),
            )
        }
        _ => return Err(EntryError::Entry("must contain either a public key or X.509 certificate")),
    };
    let key = key.ok_or(EntryError::Entry("unsupported or unreadable key"))?;

    let (details, _, digest_length, hash) = KEY_DETAILS
        .into_iter()
        .find(|(name, number, ..)| {
            verifier.key_details.as_str() == Some(*name) || verifier.key_details.as_u64() == Some(*number)
        })
        .ok_or(EntryError::Entry("unsupported key details"))?;
    if key_details(key.scheme) != Some(details) {
        return Err(EntryError::Entry("the key details are not those of the key"));
    }
    if digest.len() != digest_length {
        return Err(EntryError::Entry("digest length does not match expected size"));
    }
    if !key.verifies_digest(&digest, &signature) {
        return Err(EntryError::Entry("the signature is not that of the key"));
    }
    Ok(canonical(hash, &digest, &signature, details, field, &raw))
}

/// Members in the order of RFC 8785, and base64 alone in the strings: nothing is left to canonicalise.
fn canonical(hash: &str, digest: &[u8], signature: &[u8], details: &str, field: &str, raw: &[u8]) -> Vec<u8> {
    let raw = json!({ "rawBytes": STANDARD.encode(raw) });
    let verifier = if field == "publicKey" {
        json!({ "keyDetails": details, "publicKey": raw })
    } else {
        json!({ "keyDetails": details, "x509Certificate": raw })
    };
    json!({
        "apiVersion": VERSION,
        "kind": KIND,
        "spec": { "hashedRekordV002": {
            "data": { "algorithm": hash, "digest": STANDARD.encode(digest) },
            "signature": { "content": STANDARD.encode(signature), "verifier": verifier },
        } },
    })
    .to_string()
    .into_bytes()
}

/// An entry of `key`'s own: for the first place in a log, and for faults.
pub(super) fn own(key: &Key, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let signature = key.sign(message)?;
    Ok(canonical(
        "SHA2_256",
        &sha256(message),
        &signature,
        "PKIX_ECDSA_P256_SHA_256",
        "publicKey",
        key.spki(),
    ))
}

/// Whether an entry names `key`.
pub(super) fn is_own(key: &Key, entry: &[u8]) -> bool {
    let entry: Option<Value> = serde_json::from_slice(entry).ok();
    let named = entry.as_ref().and_then(|entry| {
        entry.pointer("/spec/hashedRekordV002/signature/verifier/publicKey/rawBytes")?.as_str()
    });
    named == Some(STANDARD.encode(key.spki()).as_str())
}

/// The same entry with another key in it: for faults.
pub(super) fn with_wrong_key(entry: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut entry: Value = serde_json::from_slice(entry).map_err(|error| Failure(error.to_string()))?;
    let other = Key::generate()?;
    let verifier = entry.pointer_mut("/spec/hashedRekordV002/signature/verifier");
    let verifier =
        verifier.and_then(Value::as_object_mut).ok_or_else(|| Failure("no verifier".to_owned()))?;
    if let Some(certificate) = verifier.get_mut("x509Certificate") {
        let raw = certificate["rawBytes"].as_str().and_then(bytes).unwrap_or_default();
        let mut changed = Certificate::from_der(&raw)?;
        changed.tbs_certificate.subject_public_key_info = SubjectPublicKeyInfoOwned::from_der(other.spki())?;
        certificate["rawBytes"] = STANDARD.encode(changed.to_der()?).into();
    } else if let Some(key) = verifier.get_mut("publicKey") {
        key["rawBytes"] = STANDARD.encode(other.spki()).into();
    }
    Ok(entry.to_string().into_bytes())
}
