//! Is the signature genuine, and whose is it? The verifier decides how to ask: with a key, or by certificate.

use jiff::Timestamp;
use sigstore_crypto::SigningScheme;
use sigstore_types::{Artifact, DerPublicKey, Sha256Hash, SignatureBytes};
use sigstore_verify::{CertificateError as ChainError, Error as SigstoreError, VerificationPolicy};

use super::Problem;
use super::body::{self, Verifier};
use super::log::{self, EntryKind, LogFacts};
use super::report::{Authentic, TimeSource, VerifiedTime};
use crate::json::Digest;
use crate::signing::bundle::{Bundle, Content, Material, MessageSignature};
use crate::signing::certificate::SigningCertificate;
use crate::signing::facts::SignerFacts;
use crate::signing::keys::{Algorithm, PublicKey};
use crate::signing::trust::TrustMaterial;

/// What a signature should be about: the file, or its digest where the file is not at hand.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// The file's bytes.
    Bytes(&'a [u8]),
    /// The file's SHA-256.
    Sha256(Digest),
}

impl Subject<'_> {
    /// The file's SHA-256.
    #[must_use]
    pub fn digest(self) -> Digest {
        match self {
            Self::Bytes(bytes) => Digest::of(bytes),
            Self::Sha256(digest) => digest,
        }
    }
}

/// Verifies a signature with a key that the verifier holds. The bundle's material is not asked.
///
/// Log entries and timestamps are verified where there is trust material; what does not hold is listed in
/// [`Authentic::unverified`] and counts for nothing. Whether the payload is about `subject` is not asked.
///
/// # Errors
/// [`Problem`] where the signature does not verify.
pub fn with_key(
    bundle: &Bundle,
    key: &PublicKey,
    subject: Subject<'_>,
    trust: Option<&TrustMaterial>,
    now: Timestamp,
) -> Result<Authentic, Problem> {
    if let Content::Message(message) = &bundle.content {
        message_digest(message, subject)?;
    }
    if !verifies(key, &bundle.content, subject)? {
        return Err(Problem::Signature {
            with: format!("the {} key {}", key.algorithm().as_str(), key.hint()),
        });
    }
    let mut authentic = Authentic {
        signer: SignerFacts::of_key(key),
        times: Vec::new(),
        logs: Vec::new(),
        unverified: Vec::new(),
    };
    if let Some(trust) = trust {
        for index in 0..bundle.timestamps.len() {
            match timestamp(bundle, index, trust, now) {
                Ok(time) => authentic.times.push(time),
                Err(problem) => authentic.unverified.push(problem),
            }
        }
        for index in 0..bundle.entries.len() {
            match entry(bundle, index, Verifier::Key(key.der()), subject, trust, now) {
                Ok(facts) => authentic.add_log(facts),
                Err(problem) => authentic.unverified.push(problem),
            }
        }
    }
    Ok(authentic)
}

/// Verifies a signature by a short-lived certificate, with everything that the Sigstore client
/// specification asks (section 4) and what it leaves open.
///
/// Who signed is not judged here; whether the payload is about `subject` is.
///
/// # Errors
/// [`Problem`] names the first check that failed.
pub fn by_certificate(
    bundle: &Bundle,
    subject: Subject<'_>,
    trust: &TrustMaterial,
    now: Timestamp,
) -> Result<Authentic, Problem> {
    let Material::Certificate { leaf, .. } = &bundle.material else {
        return Err(Problem::Unsupported("the bundle carries no certificate".to_owned()));
    };
    let certificate = SigningCertificate::from_der(leaf)?;
    let mut authentic = Authentic {
        signer: SignerFacts::of_certificate(&certificate),
        times: Vec::new(),
        logs: Vec::new(),
        unverified: Vec::new(),
    };
    // First of all: of a plain signature over another file, the log entry would only say that it differs.
    if let Content::Message(message) = &bundle.content {
        message_digest(message, subject)?;
    }
    if bundle.entries.is_empty() {
        return Err(Problem::NoLogEntry);
    }
    for index in 0..bundle.entries.len() {
        authentic.add_log(entry(bundle, index, Verifier::Certificate(leaf), subject, trust, now)?);
    }
    for index in 0..bundle.timestamps.len() {
        authentic.times.push(timestamp(bundle, index, trust, now)?);
    }
    verify_times(bundle, &certificate, &authentic, trust)?;
    if !verifies(&certificate.key, &bundle.content, subject)? {
        return Err(Problem::Signature { with: format!("the certificate of {}", certificate.identity) });
    }
    sigstore(bundle, &certificate, subject, trust)?;
    Ok(authentic)
}

/// Every verified time lies in the certificate's life, and in the life of every log's key.
fn verify_times(
    bundle: &Bundle,
    certificate: &SigningCertificate,
    authentic: &Authentic,
    trust: &TrustMaterial,
) -> Result<(), Problem> {
    if authentic.times.is_empty() {
        return Err(Problem::NoTime);
    }
    for VerifiedTime { time, .. } in &authentic.times {
        let (time, not_before, not_after) = (*time, certificate.not_before, certificate.not_after);
        if time < not_before || time > not_after {
            return Err(Problem::CertificateTime { time, not_before, not_after });
        }
        for (index, entry) in bundle.entries.iter().enumerate() {
            log::verify_validity_of(&entry.log_id, trust, time)
                .map_err(|error| Problem::Log { index, error })?;
        }
    }
    Ok(())
}

/// The Sigstore crates' own verifier: chain, code signing usage, certificate timestamp, and all of the above
/// a second time.
///
/// It reads the machine's clock, and only to refuse more: authorities and log times that lie in its future.
fn sigstore(
    bundle: &Bundle,
    certificate: &SigningCertificate,
    subject: Subject<'_>,
    trust: &TrustMaterial,
) -> Result<(), Problem> {
    let artifact = match subject {
        Subject::Bytes(bytes) => Artifact::from_blob(bytes),
        Subject::Sha256(digest) => Artifact::from_digest(Sha256Hash::new(*digest.as_bytes())),
    };
    let mut policy = VerificationPolicy::any_identity();
    let rekor_v2 = bundle.entries.iter().any(|entry| EntryKind::of(entry) == Ok(EntryKind::HashedRekordV2));
    let bundle = if rekor_v2 && certificate.key.algorithm() == Algorithm::EcdsaP384 {
        // The crates read Rekor v2 entries for P-256 alone. The entries are verified above; the rest of the
        // bundle is given to the crates without them, and then needs a timestamp of its own.
        policy = policy.skip_tlog_unsafe();
        Bundle { entries: Vec::new(), ..bundle.clone() }
    } else if rekor_v2 && certificate.key.algorithm() == Algorithm::Ed25519 {
        return Err(Problem::Unsupported(
            "a Rekor v2 entry with an Ed25519 key, which is logged pre-hashed".to_owned(),
        ));
    } else {
        bundle.clone()
    };
    let bundle = bundle.to_sigstore().map_err(Problem::Sigstore)?;
    trust.verifier.verify(artifact, &bundle, &policy).map(|_| ()).map_err(|error| match error {
        SigstoreError::Certificate(ChainError::ChainInvalid(reason)) => Problem::Chain(reason),
        SigstoreError::Certificate(error @ ChainError::NoValidAuthority { .. }) => {
            Problem::Chain(error.to_string())
        }
        SigstoreError::Certificate(ChainError::Sct(reason)) => Problem::Sct(reason),
        other => Problem::Sigstore(other.to_string()),
    })
}

fn entry(
    bundle: &Bundle,
    index: usize,
    verifier: Verifier<'_>,
    subject: Subject<'_>,
    trust: &TrustMaterial,
    now: Timestamp,
) -> Result<LogFacts, Problem> {
    let Some(entry) = bundle.entries.get(index) else { return Err(Problem::NoLogEntry) };
    log::verify_inclusion(entry, trust, now)
        .and_then(|facts| body::verify_body(entry, &bundle.content, verifier, subject).map(|()| facts))
        .map_err(|error| Problem::Log { index, error })
}

fn timestamp(
    bundle: &Bundle,
    index: usize,
    trust: &TrustMaterial,
    now: Timestamp,
) -> Result<VerifiedTime, Problem> {
    let response = bundle.timestamps.get(index).map(Vec::as_slice).unwrap_or_default();
    let (time, authority) = trust
        .verify_timestamp(response, bundle.content.signature())
        .map_err(|reason| Problem::Timestamp { index, reason })?;
    if time > now {
        return Err(Problem::Future { time });
    }
    Ok(VerifiedTime { time, source: TimeSource::Authority(authority) })
}

fn message_digest(message: &MessageSignature, subject: Subject<'_>) -> Result<(), Problem> {
    let Some(claimed) = &message.digest else { return Ok(()) };
    let actual = match subject {
        Subject::Bytes(bytes) => {
            body::hash(bytes, &claimed.algorithm).map_err(|error| Problem::Unsupported(error.to_string()))?
        }
        Subject::Sha256(digest) if claimed.algorithm == "SHA2_256" => digest.as_bytes().to_vec(),
        Subject::Sha256(_) => {
            return Err(Problem::Unsupported(format!(
                "a digest by {} cannot be compared without the file itself",
                claimed.algorithm
            )));
        }
    };
    if claimed.digest == actual { Ok(()) } else { Err(Problem::MessageDigest) }
}

fn verifies(key: &PublicKey, content: &Content, subject: Subject<'_>) -> Result<bool, Problem> {
    let signature = content.signature();
    match (content, subject) {
        (Content::Envelope(envelope), _) => Ok(key.verifies(&envelope.pae(), signature)),
        (Content::Message(_), Subject::Bytes(bytes)) => Ok(key.verifies(bytes, signature)),
        (Content::Message(_), Subject::Sha256(digest)) if key.algorithm() == Algorithm::EcdsaP256 => {
            let der = DerPublicKey::from_bytes(key.der());
            let signature = SignatureBytes::from_bytes(signature);
            let scheme = SigningScheme::EcdsaP256Sha256;
            Ok(sigstore_crypto::verify_signature_prehashed(&der, digest.as_bytes(), &signature, scheme)
                .is_ok())
        }
        (Content::Message(_), Subject::Sha256(_)) => Err(Problem::Unsupported(format!(
            "an {} signature cannot be verified without the file itself",
            key.algorithm().as_str()
        ))),
    }
}
