//! Every service fails in every way: the right one is named, what became public is told, nothing is given out, and
//! it is a failure to decide (exit 2) and no decision (exit 1).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcptrust::local_sigstore::{Fault, FaultKind, Service as Local};
use mcptrust::signing::keyless::{Cause, Error, NetworkOptions, Published, Service, ServiceError};

use crate::instance::{Instance, network};

/// Signs with one fault and returns the error of the service, and how often the faulty service was asked.
async fn fail(
    instance: &Instance,
    local: Local,
    kind: FaultKind,
    network: NetworkOptions,
) -> (ServiceError, u64) {
    instance.running.set_fault(local, Some(Fault::always(kind))).await.unwrap();
    let before = instance.running.requests(local);
    let identity = instance.email("dev@example.com");
    let error = match instance.sign_with(&identity, network, &|_| Ok(())).await {
        Ok(_) => panic!("{local} with {kind}: a bundle was given out"),
        Err(error) => error,
    };
    let asked = instance.running.requests(local) - before;
    instance.running.set_fault(local, None).await.unwrap();
    assert!(!error.is_refusal(), "{local} with {kind}: {error} is told as a decision");
    match error {
        Error::Service(error) => (*error, asked),
        other => panic!("{local} with {kind}: no service is named: {other}"),
    }
}

fn expected_service(local: Local) -> Service {
    match local {
        Local::Fulcio => Service::CertificateAuthority,
        Local::Timestamp => Service::TimestampAuthority,
        Local::Rekor => Service::TransparencyLog,
        _ => Service::IdentityProvider,
    }
}

const SIGNING: [Local; 3] = [Local::Fulcio, Local::Timestamp, Local::Rekor];

/// What is public when a service fails without having acted, and when it may have.
fn published(local: Local, acted: bool) -> Published {
    match (local, acted) {
        (Local::Fulcio, false) => Published::Nothing,
        (Local::Fulcio, true) => Published::PerhapsCertificate,
        (Local::Rekor, true) => Published::PerhapsEntry,
        _ => Published::Certificate,
    }
}

#[tokio::test]
async fn what_is_transient_is_tried_again_and_then_named() {
    let instance = Instance::start().await;
    let quick = NetworkOptions { request_timeout: Duration::from_millis(1500), attempts: 2, ..network() };
    for local in SIGNING {
        for kind in [FaultKind::Refuse, FaultKind::Reset, FaultKind::Stall, FaultKind::Truncate] {
            let (error, _) = fail(&instance, local, kind, quick.clone()).await;
            assert_eq!(error.service, expected_service(local), "{local} with {kind}: {error}");
            assert_eq!(error.attempts, 2, "{local} with {kind}: {error}");
            let right = match kind {
                FaultKind::Refuse => matches!(error.cause, Cause::Connect(_)),
                FaultKind::Stall => matches!(error.cause, Cause::TimedOut(_)),
                _ => matches!(error.cause, Cause::Broken(_)),
            };
            assert!(right, "{local} with {kind}: {error}");
            assert_eq!(
                error.published,
                published(local, kind != FaultKind::Refuse),
                "{local} with {kind}: {error}"
            );
            assert!(error.url.starts_with("http://localhost:"), "{error}");
        }
        for status in [429, 500, 502, 503] {
            let kind = FaultKind::Status(status);
            let (error, asked) = fail(&instance, local, kind, quick.clone()).await;
            assert_eq!(error.service, expected_service(local), "{local} with {kind}: {error}");
            assert!(
                matches!(error.cause, Cause::Status { status: s, .. } if s == status),
                "{local} with {kind}: {error}"
            );
            assert_eq!((error.attempts, asked), (2, 2), "{local} with {kind}: {error}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let instance = Instance::start().await;
    for local in SIGNING {
        for status in [400, 401, 403, 404, 422] {
            let kind = FaultKind::Status(status);
            let (error, asked) = fail(&instance, local, kind, network()).await;
            assert_eq!(error.service, expected_service(local), "{local} with {kind}: {error}");
            assert_eq!((error.attempts, asked), (1, 1), "{local} with {kind}: {error}");
            assert_eq!(error.published, published(local, false), "{local} with {kind}: {error}");
        }
    }
}

#[tokio::test]
async fn what_passes_by_itself_does_no_harm() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    for local in SIGNING {
        for kind in [FaultKind::Reset, FaultKind::Status(503), FaultKind::Status(429), FaultKind::Truncate] {
            instance.running.set_fault(local, Some(Fault::times(kind, 2))).await.unwrap();
            let signed = instance.sign(&identity).await;
            let signed = signed.unwrap_or_else(|error| panic!("{local} with {kind} twice: {error}"));
            instance.verify(&signed.bundle, &identity).unwrap();
        }
    }
}

#[tokio::test]
async fn a_service_that_lies_is_named() {
    let instance = Instance::start().await;
    let hour = SignedDuration::from_hours(1);
    let lies = [
        (Local::Fulcio, FaultKind::WrongCertificate, "for another key"),
        (Local::Fulcio, FaultKind::WrongIdentity, "for another identity"),
        (Local::Fulcio, FaultKind::BadSct, "signed certificate timestamp"),
        (Local::Timestamp, FaultKind::WrongDigest, "timestamp"),
        (Local::Timestamp, FaultKind::WrongCertificate, "timestamp"),
        (Local::Timestamp, FaultKind::ClockOff(hour), "one of the clocks is wrong"),
        (Local::Timestamp, FaultKind::ClockOff(-hour), "one of the clocks is wrong"),
        (Local::Rekor, FaultKind::WrongKeyInEntry, "another certificate"),
        (Local::Rekor, FaultKind::BadProof, "inclusion proof"),
        (Local::Rekor, FaultKind::BadCheckpoint, "checkpoint has no valid signature"),
    ];
    for (local, kind, says) in lies {
        let (error, asked) = fail(&instance, local, kind, network()).await;
        assert_eq!(error.service, expected_service(local), "{local} with {kind}: {error}");
        let Cause::Untrue(reason) = &error.cause else { panic!("{local} with {kind}: {error}") };
        assert!(reason.contains(says), "{local} with {kind}: {error}");
        assert_eq!(asked, 1, "{local} with {kind}: asked again");
        let public = if local == Local::Rekor { Published::PerhapsEntry } else { Published::Certificate };
        assert_eq!(error.published, public, "{local} with {kind}: {error}");
    }
}

#[tokio::test]
async fn a_certificate_authority_whose_clock_is_off_is_named() {
    let instance = Instance::start().await;
    // Behind: the certificate has expired when it is issued. Ahead: it is not valid yet.
    for off in [SignedDuration::from_hours(1), SignedDuration::from_hours(-1)] {
        let identity = mcptrust::signing::keyless::Identity::parse(
            &instance.running.mint(mcptrust::local_sigstore::IssuerKind::Email, &[("ttl", "7200")]).unwrap(),
        )
        .unwrap();
        instance
            .running
            .set_fault(Local::Fulcio, Some(Fault::always(FaultKind::ClockOff(off))))
            .await
            .unwrap();
        let error = instance.sign(&identity).await.unwrap_err();
        let error = error.service().unwrap_or_else(|| panic!("no service is named: {error}"));
        assert_eq!(error.service, Service::CertificateAuthority, "{error}");
        let said = error.to_string();
        // An authority whose clock is behind refuses the token as not yet valid.
        assert!(said.contains("clocks is wrong") || matches!(error.cause, Cause::Status { .. }), "{said}");
    }
}

#[tokio::test]
async fn the_overall_time_limit_holds() {
    let instance = Instance::start().await;
    let network = NetworkOptions {
        request_timeout: Duration::from_secs(30),
        deadline: Some(Duration::from_millis(1500)),
        ..network()
    };
    let started = Timestamp::now();
    let (error, _) = fail(&instance, Local::Rekor, FaultKind::Stall, network).await;
    assert!(matches!(error.cause, Cause::Deadline { .. }), "{error}");
    assert_eq!(
        (error.service, error.published),
        (Service::TransparencyLog, Published::PerhapsEntry),
        "{error}"
    );
    assert!(error.to_string().contains("1.5 s"), "{error}");
    assert!(
        Timestamp::now().duration_since(started) < SignedDuration::from_secs(20),
        "it waited for the request's own limit"
    );
}

#[tokio::test]
async fn a_long_retry_after_is_not_waited_for_and_nothing_is_lost() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    instance.running.set_fault(Local::Rekor, Some(Fault::always(FaultKind::Refuse))).await.unwrap();
    let size = instance.running.log_size();
    instance.sign(&identity).await.unwrap_err();
    assert_eq!(instance.running.log_size(), size);
    instance.running.set_fault(Local::Rekor, None).await.unwrap();
    instance.sign(&identity).await.unwrap();
    assert_eq!(instance.running.log_size(), size + 1);
}
