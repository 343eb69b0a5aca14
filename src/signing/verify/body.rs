//! The logged body: equal to the bundle in signature, certificate or key, and digest (CVE-2022-36056).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Subject;
use super::log::{EntryKind, LogError};
use crate::json::{self, Limits, Value};
use crate::signing::bundle::{Content, LogEntry};
use crate::signing::dsse::Envelope;
use crate::signing::keys::pem::lax;

/// A body is a digest, a signature and a certificate; `intoto` repeats the envelope without its payload.
const LIMITS: Limits = Limits { max_bytes: 1024 * 1024, max_depth: 16 };

/// The certificate or key that the signature was verified with, in DER.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verifier<'a> {
    Certificate(&'a [u8]),
    Key(&'a [u8]),
}

impl<'a> Verifier<'a> {
    const fn der(self) -> &'a [u8] {
        match self {
            Self::Certificate(der) | Self::Key(der) => der,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Certificate(_) => "certificate",
            Self::Key(_) => "key",
        }
    }
}

/// Verifies that the entry is about this signature, by this signer, over this content.
pub(super) fn verify_body(
    entry: &LogEntry,
    content: &Content,
    verifier: Verifier<'_>,
    subject: Subject<'_>,
) -> Result<(), LogError> {
    let kind = EntryKind::of(entry)?;
    let body = json::parse(&entry.body, &LIMITS).map_err(|error| LogError::Body(error.to_string()))?;
    if text(&body, "/kind")? != entry.kind || text(&body, "/apiVersion")? != entry.version {
        return Err(LogError::Mismatch("kind"));
    }
    match (kind, content) {
        (EntryKind::HashedRekordV1, Content::Message(_)) => {
            hashed_rekord_v1(&body, content, verifier, subject)
        }
        (EntryKind::HashedRekordV2, _) => hashed_rekord_v2(&body, content, verifier, subject),
        (EntryKind::Dsse, Content::Envelope(envelope)) => dsse(&body, envelope, verifier),
        (EntryKind::Intoto, Content::Envelope(envelope)) => intoto(&body, envelope, verifier),
        (EntryKind::HashedRekordV1, Content::Envelope(_))
        | (EntryKind::Dsse | EntryKind::Intoto, Content::Message(_)) => Err(LogError::Unsupported(format!(
            "{} {} does not log such a signature",
            entry.kind, entry.version
        ))),
    }
}

fn hashed_rekord_v1(
    body: &Value<'_>,
    content: &Content,
    verifier: Verifier<'_>,
    subject: Subject<'_>,
) -> Result<(), LogError> {
    let algorithm = text(body, "/spec/data/hash/algorithm")?;
    same("digest", &digest_of(content, subject, algorithm)?, &hex(body, "/spec/data/hash/value")?)?;
    same("signature", content.signature(), &base64(body, "/spec/signature/content")?)?;
    same(verifier.word(), verifier.der(), &pem(&base64(body, "/spec/signature/publicKey/content")?)?)
}

fn hashed_rekord_v2(
    body: &Value<'_>,
    content: &Content,
    verifier: Verifier<'_>,
    subject: Subject<'_>,
) -> Result<(), LogError> {
    const SPEC: &str = "/spec/hashedRekordV002";
    let at = |path: &str| format!("{SPEC}{path}");
    let algorithm = text(body, &at("/data/algorithm"))?;
    same("digest", &digest_of(content, subject, algorithm)?, &base64(body, &at("/data/digest"))?)?;
    same("signature", content.signature(), &base64(body, &at("/signature/content"))?)?;
    let path = match verifier {
        Verifier::Certificate(_) => "/signature/verifier/x509Certificate/rawBytes",
        Verifier::Key(_) => "/signature/verifier/publicKey/rawBytes",
    };
    if body.pointer(&at(path)).is_none() {
        return Err(LogError::Mismatch(verifier.word()));
    }
    same(verifier.word(), verifier.der(), &base64(body, &at(path))?)
}

fn dsse(body: &Value<'_>, envelope: &Envelope, verifier: Verifier<'_>) -> Result<(), LogError> {
    let algorithm = text(body, "/spec/payloadHash/algorithm")?;
    same("payload", &hash(&envelope.payload, algorithm)?, &hex(body, "/spec/payloadHash/value")?)?;
    one(body, "/spec/signatures")?;
    same("signature", &envelope.signature, &base64(body, "/spec/signatures/0/signature")?)?;
    same(verifier.word(), verifier.der(), &pem(&base64(body, "/spec/signatures/0/verifier")?)?)
}

fn intoto(body: &Value<'_>, envelope: &Envelope, verifier: Verifier<'_>) -> Result<(), LogError> {
    const ENVELOPE: &str = "/spec/content/envelope";
    let at = |path: &str| format!("{ENVELOPE}{path}");
    let algorithm = text(body, "/spec/content/payloadHash/algorithm")?;
    same("payload", &hash(&envelope.payload, algorithm)?, &hex(body, "/spec/content/payloadHash/value")?)?;
    if text(body, &at("/payloadType"))? != envelope.payload_type {
        return Err(LogError::Mismatch("payload type"));
    }
    one(body, &at("/signatures"))?;
    // Rekor keeps the signature in base64 as the client sent it, and encodes that once more.
    let signature = base64(body, &at("/signatures/0/sig"))?;
    let signature = STANDARD.decode(&signature).map_err(|error| LogError::Body(error.to_string()))?;
    same("signature", &envelope.signature, &signature)?;
    same(verifier.word(), verifier.der(), &pem(&base64(body, &at("/signatures/0/publicKey"))?)?)
}

/// The digest that the log should hold: of the envelope's pre-authentication encoding, or of the artifact.
fn digest_of(content: &Content, subject: Subject<'_>, algorithm: &str) -> Result<Vec<u8>, LogError> {
    match (content, subject) {
        (Content::Envelope(envelope), _) => hash(&envelope.pae(), algorithm),
        (Content::Message(_), Subject::Bytes(bytes)) => hash(bytes, algorithm),
        (Content::Message(_), Subject::Sha256(digest)) if is_sha256(algorithm) => {
            Ok(digest.as_bytes().to_vec())
        }
        (Content::Message(_), Subject::Sha256(_)) => Err(LogError::Unsupported(format!(
            "a log entry with the digest algorithm {algorithm} needs the file itself"
        ))),
    }
}

fn is_sha256(algorithm: &str) -> bool {
    matches!(algorithm, "sha256" | "SHA2_256")
}

/// A digest by the name that Rekor v1, Rekor v2 or a bundle gives the algorithm.
pub(super) fn hash(bytes: &[u8], algorithm: &str) -> Result<Vec<u8>, LogError> {
    use sha2::Digest as _;
    match algorithm {
        "sha256" | "SHA2_256" => Ok(sha2::Sha256::digest(bytes).to_vec()),
        "sha384" | "SHA2_384" => Ok(sha2::Sha384::digest(bytes).to_vec()),
        "sha512" | "SHA2_512" => Ok(sha2::Sha512::digest(bytes).to_vec()),
        other => Err(LogError::Unsupported(format!("the digest algorithm {other:?} is not known"))),
    }
}

fn same(what: &'static str, bundle: &[u8], logged: &[u8]) -> Result<(), LogError> {
    if bundle == logged { Ok(()) } else { Err(LogError::Mismatch(what)) }
}

fn one(body: &Value<'_>, at: &str) -> Result<(), LogError> {
    match body.pointer(at).and_then(Value::as_array) {
        Some([_]) => Ok(()),
        _ => Err(LogError::Body(format!("{at}: expected exactly one signature"))),
    }
}

fn text<'v>(body: &'v Value<'_>, at: &str) -> Result<&'v str, LogError> {
    body.pointer(at).and_then(Value::as_str).ok_or_else(|| LogError::Body(format!("{at}: expected a string")))
}

fn base64(body: &Value<'_>, at: &str) -> Result<Vec<u8>, LogError> {
    STANDARD.decode(text(body, at)?).map_err(|error| LogError::Body(format!("{at}: {error}")))
}

fn hex(body: &Value<'_>, at: &str) -> Result<Vec<u8>, LogError> {
    hex::decode(text(body, at)?).map_err(|error| LogError::Body(format!("{at}: {error}")))
}

/// The DER inside a PEM block; the log keeps what clients sent.
fn pem(bytes: &[u8]) -> Result<Vec<u8>, LogError> {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(lax)
        .map(|(_, der)| der.to_vec())
        .ok_or_else(|| LogError::Body("the logged certificate or key is not one PEM block".to_owned()))
}
