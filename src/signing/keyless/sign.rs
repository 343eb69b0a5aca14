//! The order of a keyless signing: gate, certificate, signature, timestamp, log entry, and a check after each.

use jiff::{SignedDuration, Timestamp};
use sigstore_bundle::BundleV03;
use sigstore_crypto::KeyPair;
use sigstore_types::{
    DsseEnvelope, DsseSignature, KeyId, PayloadBytes, Sha256Hash, SignatureBytes, TimestampToken,
    TransparencyLogEntry,
};
use sigstore_verify::VerificationPolicy;

use super::certificate::{self, CLOCK_TOLERANCE, Issued, published};
use super::error::{ConfigError, Error, Published, Service, ServiceError, Step, utc};
use super::identity::{Identity, PredictedCertificate, Refusal};
use super::log::{self, Logged};
use super::services::{Endpoint, Services};
use super::timestamp;
use super::transport::{Call, NetworkOptions, Transport};
use crate::json::Digest;
use crate::signing::bundle::Bundle;
use crate::signing::dsse;
use crate::signing::trust::{Role, TrustMaterial};
use crate::signing::verify::{Authentic, Problem, Subject, by_certificate};

/// How often a signature is made anew because the log already holds the one whose answer was lost.
const ROUNDS: u32 = 3;

/// A comparison of an identity with what is expected; the error says every field that differs.
pub type Gate<'a> = &'a (dyn Fn(&PredictedCertificate) -> Result<(), Vec<Refusal>> + Sync);

/// A verification of a finished bundle at a time; the error says why it does not pass.
pub type Check<'a> = &'a (dyn Fn(&[u8], Timestamp) -> Result<(), String> + Sync);

/// What is being done, for a progress line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A certificate is asked for; from here on, the identity is public.
    Certificate,
    /// A timestamp is asked for.
    Timestamp {
        /// The authority's URL.
        url: String,
    },
    /// The signature is being recorded.
    LogEntry {
        /// The log's URL.
        url: String,
    },
}

/// How to sign.
pub struct SignOptions<'a> {
    /// The present time. It is carried forward by a monotonic clock while signing takes its time.
    pub now: Timestamp,
    /// Time limits and retries.
    pub network: NetworkOptions,
    /// Compared with the predicted certificate before anything is sent, and with the real one before it is used.
    pub gate: Gate<'a>,
    /// Asked, after the gate, whether what the certificate will say may become public for ever.
    pub confirm: &'a (dyn Fn(&PredictedCertificate) -> bool + Sync),
    /// The last word on the finished bundle: our own verifier, with the lockfile and the identity just used. It is
    /// given the time to verify at, which is not before any time that the bundle holds.
    pub check: Check<'a>,
    /// Told what is being done.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl std::fmt::Debug for SignOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignOptions")
            .field("now", &self.now)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// A finished signing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Signed {
    /// The bundle, media type `application/vnd.dev.sigstore.bundle.v0.3+json`.
    pub bundle: Vec<u8>,
    /// What the certificate says.
    pub certificate: PredictedCertificate,
    /// The log entries: the log's URL and the index in it.
    pub entries: Vec<(String, u64)>,
    /// The signed times.
    pub times: Vec<Timestamp>,
}

/// Signs an in-toto statement with a certificate for the identity.
///
/// Nothing is sent before the gate and the confirmation have passed. Each answer is verified before the next service
/// is asked. Either a bundle that passed every check is returned, or nothing.
///
/// # Errors
/// See [`Error`]; a service's error says what became public.
pub async fn sign_statement(
    payload: &[u8],
    identity: &Identity,
    services: &Services,
    trust: &TrustMaterial,
    options: &SignOptions<'_>,
) -> Result<Signed, Error> {
    let transport = Transport::new(options.network.clone())?;
    let subject = subject_digest(payload)?;
    preflight(trust, services, options.now)?;

    identity.token().check_time(options.now)?;
    (options.gate)(identity.predicted()).map_err(|refusals| Error::Gate { refusals })?;
    if !(options.confirm)(identity.predicted()) {
        return Err(Error::Declined);
    }

    let now = || carried(options.now, &transport);
    let key = KeyPair::generate_ecdsa_p256().map_err(|e| Error::local("cannot make a signing key", e))?;
    (options.progress)(Progress::Certificate);
    let issued =
        certificate::request(&transport, &services.certificate_authorities, identity, &key, now).await?;
    let signing =
        Signing { payload, subject, services, trust, options, transport: &transport, issued: &issued };
    (options.gate)(&issued.says).map_err(|refusals| {
        let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        signing.blame_authority(format!(
            "the token was for the expected identity, the certificate is not: {}",
            told.join("; ")
        ))
    })?;

    for _ in 0..ROUNDS {
        if let Some(signed) = signing.round(&key).await? {
            return Ok(signed);
        }
    }
    let log = services.logs.candidates.first();
    Err(match log {
        Some(log) => published(
            log::blame(log, format!("it says that it already holds each of {ROUNDS} new signatures")),
            Published::PerhapsEntry,
        )
        .into(),
        None => Error::local("cannot record the signature", "no transparency log is configured"),
    })
}

fn carried(now: Timestamp, transport: &Transport) -> Timestamp {
    SignedDuration::try_from(transport.elapsed())
        .ok()
        .and_then(|elapsed| now.checked_add(elapsed).ok())
        .unwrap_or(now)
}

/// The statement's subject, which the checks on the way compare with.
fn subject_digest(payload: &[u8]) -> Result<Digest, ConfigError> {
    let bad = |reason: &str| ConfigError::Payload(reason.to_owned());
    let statement: serde_json::Value =
        serde_json::from_slice(payload).map_err(|e| ConfigError::Payload(e.to_string()))?;
    if statement.get("_type").and_then(serde_json::Value::as_str) != Some("https://in-toto.io/Statement/v1") {
        return Err(bad("its _type is not https://in-toto.io/Statement/v1"));
    }
    statement
        .pointer("/subject/0/digest/sha256")
        .and_then(serde_json::Value::as_str)
        .and_then(|hex| hex.parse().ok())
        .ok_or_else(|| bad("its first subject has no SHA-256 digest"))
}

/// What would only fail after the identity is public fails here.
fn preflight(trust: &TrustMaterial, services: &Services, now: Timestamp) -> Result<(), ConfigError> {
    let mut needed = vec![Role::CertificateAuthority, Role::CertificateLog, Role::TransparencyLog];
    if services.timestamp_authorities.needed > 0 {
        needed.push(Role::TimestampAuthority);
    }
    for role in needed {
        let valid = trust.authorities().iter().any(|authority| {
            authority.role == role
                && authority.valid_from <= now
                && authority.valid_until.is_none_or(|until| now <= until)
        });
        if !valid {
            let reason = format!("it names no {role} that is valid at {}", utc(now));
            return Err(ConfigError::TrustedRoot(reason));
        }
    }
    Ok(())
}

struct Signing<'a> {
    payload: &'a [u8],
    subject: Digest,
    services: &'a Services,
    trust: &'a TrustMaterial,
    options: &'a SignOptions<'a>,
    transport: &'a Transport,
    issued: &'a Issued,
}

impl Signing<'_> {
    fn now(&self) -> Timestamp {
        carried(self.options.now, self.transport)
    }

    /// One signature with its timestamps and entries. Nothing when a log has the very entry and cannot prove it again.
    async fn round(&self, key: &KeyPair) -> Result<Option<Signed>, Error> {
        let mut envelope = DsseEnvelope::new(
            dsse::IN_TOTO,
            PayloadBytes::new(self.payload.to_vec()),
            DsseSignature::new(SignatureBytes::new(Vec::new()), KeyId::default()),
        );
        envelope.signature.sig =
            key.sign(&envelope.pae()).map_err(|e| Error::local("cannot sign with the new key", e))?;

        let stamps = self.timestamps(&envelope).await?;
        let Some(entries) = self.entries(&envelope, &stamps).await? else { return Ok(None) };

        let final_check = |reason: String| Error::FinalCheck { reason, published: Published::Entry };
        let bundle = self
            .bundle(&envelope, &stamps, entries.iter().map(|(_, entry)| entry))
            .map_err(|e| final_check(e.to_string()))?;
        let authentic = self.verify(&bundle).map_err(|e| final_check(e.to_string()))?;
        let times: Vec<Timestamp> = authentic.times.iter().map(|time| time.time).collect();
        let latest = times.iter().copied().fold(self.now(), Timestamp::max);
        let bytes = bundle.to_bytes();
        (self.options.check)(&bytes, latest).map_err(final_check)?;
        let entries = entries.into_iter().map(|(log, entry)| (log.url.to_string(), entry.log_index.get()));
        Ok(Some(Signed {
            bundle: bytes,
            certificate: self.issued.says.clone(),
            entries: entries.collect(),
            times,
        }))
    }

    /// As many timestamps as needed, each verified together with the certificate at its time.
    async fn timestamps(&self, envelope: &DsseEnvelope) -> Result<Vec<TimestampToken>, Error> {
        let wanted = &self.services.timestamp_authorities;
        let mut stamps = Vec::new();
        let mut attempt = Attempt::new(wanted.needed, wanted.candidates.len());
        for authority in &wanted.candidates {
            if attempt.is_done(stamps.len()) {
                break;
            }
            (self.options.progress)(Progress::Timestamp { url: authority.url.to_string() });
            match timestamp::request(self.transport, authority, &envelope.signature.sig).await {
                Ok(stamp) => {
                    let token = TimestampToken::new(stamp.response);
                    self.check_timestamp(authority, envelope, &token)
                        .map_err(|e| published(e, Published::Certificate))?;
                    stamps.push(token);
                }
                Err(error) => attempt.failed(error, Published::Certificate, Published::Certificate)?,
            }
        }
        attempt.finish(stamps.len())?;
        Ok(stamps)
    }

    fn check_timestamp(
        &self,
        authority: &Endpoint,
        envelope: &DsseEnvelope,
        token: &TimestampToken,
    ) -> Result<(), ServiceError> {
        let (time, _) =
            self.trust.verify_timestamp(token.as_bytes(), envelope.signature.sig.as_bytes()).map_err(
                |reason| timestamp::blame(authority, format!("the timestamp does not verify: {reason}")),
            )?;
        if time < self.issued.certificate.not_before || time > self.issued.certificate.not_after {
            return Err(self.blame_a_clock(authority, time));
        }
        // With a time that is known to be right, the certificate's chain and its own timestamp can be checked.
        let bundle = self.sigstore_bundle(envelope, std::slice::from_ref(token), std::iter::empty());
        let policy = VerificationPolicy::any_identity().skip_tlog_unsafe();
        let subject = Sha256Hash::new(*self.subject.as_bytes());
        match self.trust.verifier.verify(subject, &bundle, &policy) {
            Ok(_) => Ok(()),
            Err(error @ sigstore_verify::Error::Certificate(_)) => Err(self.blame_authority(error)),
            Err(error) => Err(timestamp::blame(authority, error)),
        }
    }

    /// The timestamp is outside the certificate's validity: one of two clocks is wrong, and ours is the third witness.
    fn blame_a_clock(&self, authority: &Endpoint, stamped: Timestamp) -> ServiceError {
        let now = self.now();
        let reason = format!(
            "its time is {}, the certificate is valid from {} to {}, and it is {} here; one of the clocks is wrong",
            utc(stamped),
            utc(self.issued.certificate.not_before),
            utc(self.issued.certificate.not_after),
            utc(now)
        );
        if stamped.duration_since(now).abs() > CLOCK_TOLERANCE {
            timestamp::blame(authority, reason)
        } else {
            self.blame_authority(format!("a timestamp authority disagrees with its clock: {reason}"))
        }
    }

    fn blame_authority(&self, reason: impl std::fmt::Display) -> ServiceError {
        let call = Call::get(Service::CertificateAuthority, Step::Certificate, self.issued.url.clone());
        published(call.untrue(reason), Published::Certificate)
    }

    /// As many log entries as needed, each verified on its own.
    async fn entries<'s>(
        &'s self,
        envelope: &DsseEnvelope,
        stamps: &[TimestampToken],
    ) -> Result<Option<Vec<(&'s Endpoint, TransparencyLogEntry)>>, Error> {
        let wanted = &self.services.logs;
        let mut entries: Vec<(&Endpoint, TransparencyLogEntry)> = Vec::new();
        let mut attempt = Attempt::new(wanted.needed, wanted.candidates.len());
        for log in &wanted.candidates {
            if attempt.is_done(entries.len()) {
                break;
            }
            (self.options.progress)(Progress::LogEntry { url: log.url.to_string() });
            match log::record(self.transport, log, envelope, &self.issued.der, || self.now()).await {
                Ok(Logged::Entry(entry)) => {
                    self.check_entry(log, envelope, stamps, &entry)
                        .map_err(|e| published(e, Published::PerhapsEntry))?;
                    if entries.iter().any(|(_, other)| other.log_id == entry.log_id) {
                        let reason = "it is the same log as another that was used, and two entries of one log count once";
                        return Err(published(log::blame(log, reason), Published::Entry).into());
                    }
                    entries.push((log, *entry));
                }
                Ok(Logged::Already) => return Ok(None),
                Err(error) => {
                    let before = if entries.is_empty() { Published::Certificate } else { Published::Entry };
                    attempt.failed(error, before, before.max(Published::PerhapsEntry))?;
                }
            }
        }
        attempt.finish(entries.len())?;
        Ok(Some(entries))
    }

    /// Verifies the entry as the only one of the bundle; this says too whether the certificate and the times hold
    /// where no timestamp authority was asked before.
    fn check_entry(
        &self,
        log: &Endpoint,
        envelope: &DsseEnvelope,
        stamps: &[TimestampToken],
        entry: &TransparencyLogEntry,
    ) -> Result<(), ServiceError> {
        let bundle = self.bundle(envelope, stamps, std::iter::once(entry)).map_err(|e| log::blame(log, e))?;
        match self.verify(&bundle) {
            Ok(_) => Ok(()),
            Err(problem @ (Problem::Chain(_) | Problem::Sct(_))) => Err(self.blame_authority(problem)),
            Err(Problem::Log { error, .. }) => Err(log::blame(log, error)),
            Err(problem) => Err(log::blame(log, problem)),
        }
    }

    fn sigstore_bundle<'e>(
        &self,
        envelope: &DsseEnvelope,
        stamps: &[TimestampToken],
        entries: impl Iterator<Item = &'e TransparencyLogEntry>,
    ) -> sigstore_types::Bundle {
        let mut bundle = BundleV03::with_certificate_and_dsse(self.issued.der.clone(), envelope.clone());
        for stamp in stamps {
            bundle = bundle.with_rfc3161_timestamp(stamp.clone());
        }
        for entry in entries {
            bundle = bundle.with_tlog_entry(entry.clone());
        }
        bundle.into_bundle()
    }

    fn bundle<'e>(
        &self,
        envelope: &DsseEnvelope,
        stamps: &[TimestampToken],
        entries: impl Iterator<Item = &'e TransparencyLogEntry>,
    ) -> Result<Bundle, Problem> {
        Ok(Bundle::try_from(&self.sigstore_bundle(envelope, stamps, entries))?)
    }

    /// Our own verifier. Services' clocks may be a little ahead of this machine's.
    fn verify(&self, bundle: &Bundle) -> Result<Authentic, Problem> {
        let now = self.now().checked_add(CLOCK_TOLERANCE).unwrap_or_else(|_| self.now());
        by_certificate(bundle, Subject::Sha256(self.subject), self.trust, now)
    }
}

/// Going through candidates until enough have answered: one that is down is passed over where others remain.
struct Attempt {
    needed: usize,
    spare: usize,
    failure: Option<Box<ServiceError>>,
}

impl Attempt {
    fn new(needed: usize, candidates: usize) -> Attempt {
        Attempt { needed, spare: candidates.saturating_sub(needed), failure: None }
    }

    fn is_done(&self, answered: usize) -> bool {
        answered >= self.needed
    }

    /// Notes a failure: `before` is what was public before this request, `perhaps` what is if the service acted on it.
    fn failed(&mut self, error: Error, before: Published, perhaps: Published) -> Result<(), Error> {
        let Error::Service(mut error) = error else { return Err(error) };
        let transient = error.cause.is_transient();
        let acted = match &error.cause {
            super::error::Cause::Untrue(_) | super::error::Cause::Malformed(_) => true,
            super::error::Cause::Deadline { .. } => error.reached,
            _ => transient && error.reached,
        };
        error.published = if acted { perhaps } else { before };
        if !transient {
            return Err(Error::Service(error));
        }
        // The first failure is the one worth telling: later candidates only stood in for it.
        let left = error.published;
        let mut first = self.failure.take().unwrap_or(error);
        first.published = first.published.max(left);
        if self.spare == 0 {
            return Err(Error::Service(first));
        }
        self.spare -= 1;
        self.failure = Some(first);
        Ok(())
    }

    fn finish(self, answered: usize) -> Result<(), Error> {
        match self.failure {
            Some(error) if answered < self.needed => Err(Error::Service(error)),
            _ => Ok(()),
        }
    }
}
