//! Entries in the transparency log, Rekor v1 and v2, and the checks that its answer is about what was sent.

use jiff::Timestamp;
use sigstore_crypto::sha256;
use sigstore_rekor::{DsseEntry, HashedRekordV2, LogEntry, RekorV2KeyDetails};
use sigstore_types::{DerCertificate, DsseEnvelope, KindVersion, TransparencyLogEntry};
use url::Url;

use super::certificate::CLOCK_TOLERANCE;
use super::error::{Cause, Error, Service, ServiceError, Step, utc};
use super::services::Endpoint;
use super::transport::{Call, Transport, join};

/// What happened to an entry that was sent.
pub(super) enum Logged {
    /// It is in the log.
    Entry(Box<TransparencyLogEntry>),
    /// The log has an equal entry, from an attempt whose answer was lost. It cannot give that entry's proof again:
    /// sign anew.
    Already,
}

/// Records the envelope and the certificate in one log.
pub(super) async fn record(
    transport: &Transport,
    log: &Endpoint,
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
    now: impl Fn() -> Timestamp,
) -> Result<Logged, Error> {
    let logged = if log.api_version == 1 {
        record_v1(transport, log, envelope, certificate).await?
    } else {
        record_v2(transport, log, envelope, certificate).await?
    };
    if let Logged::Entry(entry) = &logged {
        check(log, entry, now()).map_err(|reason| blame(log, reason))?;
    }
    Ok(logged)
}

/// An error of this log that came to light when its answer was checked.
pub(super) fn blame(log: &Endpoint, reason: impl std::fmt::Display) -> ServiceError {
    Call::get(Service::TransparencyLog, Step::LogEntry, log.url.clone()).untrue(reason)
}

fn url(log: &Endpoint, path: &str) -> Result<Url, Error> {
    join(&log.url, path).map_err(|e| Error::local("cannot form the transparency log's URL", e))
}

async fn record_v2(
    transport: &Transport,
    log: &Endpoint,
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
) -> Result<Logged, Error> {
    let request = HashedRekordV2::new_with_certificate(
        &sha256(&envelope.pae()),
        &envelope.signature.sig,
        certificate,
        RekorV2KeyDetails::PkixEcdsaP256Sha256,
    );
    let body = serde_json::to_vec(&request).map_err(|e| Error::local("cannot write the log entry", e))?;
    let call = Call::post(
        Service::TransparencyLog,
        Step::LogEntry,
        url(log, "api/v2/log/entries")?,
        "application/json",
        &body,
    );
    match transport.send(&call).await {
        Ok(answer) => Ok(Logged::Entry(serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?)),
        Err(error) if was_lost(&error) => Ok(Logged::Already),
        Err(error) => Err(error.into()),
    }
}

async fn record_v1(
    transport: &Transport,
    log: &Endpoint,
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
) -> Result<Logged, Error> {
    let request =
        DsseEntry::new(envelope, certificate).map_err(|e| Error::local("cannot write the log entry", e))?;
    let body = serde_json::to_vec(&request).map_err(|e| Error::local("cannot write the log entry", e))?;
    let call = Call::post(
        Service::TransparencyLog,
        Step::LogEntry,
        url(log, "api/v1/log/entries")?,
        "application/json",
        &body,
    );
    let answer = match transport.send(&call).await {
        Ok(answer) => answer,
        Err(error) if was_lost(&error) => return Ok(Logged::Already),
        Err(error) => return Err(error.into()),
    };
    let entries: std::collections::BTreeMap<String, LogEntry> =
        serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;
    let mut entries = entries.into_values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(call.malformed("it does not hold exactly one entry").into());
    };
    let entry = entry.to_bundle_entry(KindVersion::DsseV001).map_err(|e| call.malformed(e))?;
    Ok(Logged::Entry(Box::new(entry)))
}

/// Whether the log says that it has this entry because it took it at an earlier attempt. At the first attempt, nobody
/// can have it.
fn was_lost(error: &ServiceError) -> bool {
    error.attempts > 1 && matches!(error.cause, Cause::Status { status: 409, .. })
}

/// Checks that an entry is of the kind that was sent and was logged now. What it says and where it stands is checked
/// with the bundle that it becomes part of.
fn check(log: &Endpoint, entry: &TransparencyLogEntry, now: Timestamp) -> Result<(), String> {
    let wanted = if log.api_version == 1 { KindVersion::DsseV001 } else { KindVersion::HashedRekordV002 };
    if entry.kind_version != wanted {
        let name = |kind: KindVersion| format!("{} {}", kind.kind(), kind.version());
        return Err(format!("the entry is a {}, asked for was a {}", name(entry.kind_version), name(wanted)));
    }
    match entry.integrated_time.filter(|_| log.api_version == 1) {
        Some(time) if time.duration_since(now).abs() > CLOCK_TOLERANCE => Err(format!(
            "it says it was logged at {}, and it is {} here; one of the clocks is wrong",
            utc(time),
            utc(now)
        )),
        _ => Ok(()),
    }
}
