//! Every fault does what it says, on the wire, and to the service it is meant for.

use std::time::Duration;

use jiff::SignedDuration;
use mcptrust::local_sigstore::{Error, Fault, FaultKind, Options, Running, Service, start};
use sigstore_types::Bundle;

use super::{EMAIL, client, email_token, instance, sign, verify};

async fn signed(running: &Running) -> Result<Bundle, sigstore_sign::Error> {
    sign(running, email_token(running), b"artifact").await
}

fn url(running: &Running, service: Service) -> String {
    match service {
        Service::Oidc => format!("{}/keys", running.urls().email_issuer),
        Service::Fulcio => format!("{}/api/v2/trustBundle", running.urls().fulcio),
        Service::Rekor => format!("{}/api/v2/checkpoint", running.urls().rekor),
        Service::Timestamp => format!("{}/certchain", running.urls().timestamp),
        other => panic!("no URL for {other}"),
    }
}

async fn get(running: &Running, service: Service) -> Result<reqwest::Response, reqwest::Error> {
    client().get(url(running, service)).timeout(Duration::from_secs(30)).send().await
}

/// The innermost cause, which tells a refused connection from a reset one.
fn cause(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[tokio::test]
async fn connections_are_refused_reset_and_accepted_again() {
    let (_dir, running) = instance().await;
    for service in Service::ALL {
        running.set_fault(service, Some(Fault::always(FaultKind::Refuse))).await.unwrap();
        let error = get(&running, service).await.unwrap_err();
        assert!(error.is_connect() && cause(&error).contains("refused"), "{service}: {}", cause(&error));

        running.set_fault(service, Some(Fault::times(FaultKind::Reset, 1))).await.unwrap();
        let before = running.requests(service);
        let error = get(&running, service).await.unwrap_err();
        assert!(!error.is_connect() && !error.is_timeout(), "{service}: {error:?}");
        assert_eq!(running.requests(service), before + 1);
        assert_eq!(get(&running, service).await.unwrap().status(), 200, "{service} is well after one time");

        running.set_fault(service, None).await.unwrap();
        assert_eq!(get(&running, service).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_stalled_service_never_answers() {
    let (_dir, running) = instance().await;
    for service in Service::ALL {
        running.set_fault(service, Some(Fault::always(FaultKind::Stall))).await.unwrap();
        let asked = client().get(url(&running, service)).timeout(Duration::from_millis(200)).send();
        let error = asked.await.unwrap_err();
        assert!(error.is_timeout(), "{service}: {error:?}");
        running.set_fault(service, None).await.unwrap();
        assert_eq!(get(&running, service).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn statuses_and_cut_answers_last_as_often_as_asked() {
    let (_dir, running) = instance().await;
    for service in Service::ALL {
        running.set_fault(service, Some(Fault::times(FaultKind::Status(429), 2))).await.unwrap();
        for status in [429, 429, 200] {
            assert_eq!(get(&running, service).await.unwrap().status(), status, "{service}");
        }
        running.set_fault(service, Some(Fault::times(FaultKind::Truncate, 1))).await.unwrap();
        let cut = get(&running, service).await.unwrap();
        assert!(cut.status() == 200 && cut.content_length().is_some_and(|length| length > 0), "{service}");
        let error = cut.bytes().await.unwrap_err();
        assert!(error.is_body() || error.is_decode(), "{service}: {error:?}");
        assert!(get(&running, service).await.unwrap().bytes().await.is_ok());
    }
}

#[tokio::test]
async fn a_fault_can_be_there_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.faults.push((Service::Fulcio, Fault::always(FaultKind::Refuse)));
    let running = start(options).await.unwrap();
    let error = signed(&running).await.unwrap_err();
    assert!(matches!(error, sigstore_sign::Error::Fulcio(_)), "{error}");
    running.set_fault(Service::Fulcio, None).await.unwrap();
    signed(&running).await.unwrap();
}

#[tokio::test]
async fn a_fault_that_means_nothing_for_a_service_is_refused() {
    let (_dir, running) = instance().await;
    for (service, kind) in [
        (Service::Oidc, FaultKind::BadProof),
        (Service::Rekor, FaultKind::ClockOff(SignedDuration::from_hours(1))),
        (Service::Timestamp, FaultKind::BadSct),
    ] {
        let error = running.set_fault(service, Some(Fault::always(kind))).await.unwrap_err();
        assert!(matches!(error, Error::FaultDoesNotApply { .. }), "{error}");
    }
}

/// Signs under a fault that the signing crate does not see; the verifier must.
async fn verifying_fails(service: Service, kind: FaultKind, words: &str) {
    let (_dir, running) = instance().await;
    running.set_fault(service, Some(Fault::always(kind))).await.unwrap();
    let bundle = signed(&running).await.unwrap();
    let error = verify(&running, b"artifact", &bundle, EMAIL, &running.urls().email_issuer).unwrap_err();
    assert!(error.to_string().contains(words), "{kind}: {error}");
    running.set_fault(service, None).await.unwrap();
    let bundle = signed(&running).await.unwrap();
    verify(&running, b"artifact", &bundle, EMAIL, &running.urls().email_issuer).unwrap();
}

#[tokio::test]
async fn a_bad_sct() {
    verifying_fails(Service::Fulcio, FaultKind::BadSct, "SCT").await;
}

#[tokio::test]
async fn a_certificate_for_another_identity() {
    verifying_fails(Service::Fulcio, FaultKind::WrongIdentity, "identity mismatch").await;
}

#[tokio::test]
async fn a_bad_proof() {
    verifying_fails(Service::Rekor, FaultKind::BadProof, "inclusion proof").await;
}

#[tokio::test]
async fn a_bad_checkpoint() {
    verifying_fails(Service::Rekor, FaultKind::BadCheckpoint, "heckpoint").await;
}

#[tokio::test]
async fn a_clock_that_is_off() {
    let hour = SignedDuration::from_hours(1);
    verifying_fails(Service::Timestamp, FaultKind::ClockOff(hour), "CertExpired").await;
    verifying_fails(Service::Timestamp, FaultKind::ClockOff(-hour), "CertNotValidYet").await;
}

#[tokio::test]
async fn a_timestamp_of_another_authority() {
    verifying_fails(Service::Timestamp, FaultKind::WrongCertificate, "timestamp").await;
}

#[tokio::test]
async fn a_certificate_for_another_key_is_refused_by_the_log() {
    let (_dir, running) = instance().await;
    running.set_fault(Service::Fulcio, Some(Fault::always(FaultKind::WrongCertificate))).await.unwrap();
    let error = signed(&running).await.unwrap_err();
    assert!(error.to_string().contains("signature is not that of the key"), "{error}");
    assert_eq!(running.log_size(), 1);
}

#[tokio::test]
async fn an_entry_with_another_key_is_noticed_when_signing() {
    let (_dir, running) = instance().await;
    running.set_fault(Service::Rekor, Some(Fault::always(FaultKind::WrongKeyInEntry))).await.unwrap();
    let error = signed(&running).await.unwrap_err();
    assert!(error.to_string().contains("does not match the submitted entry"), "{error}");
}

#[tokio::test]
async fn a_timestamp_over_another_digest_is_noticed_when_signing() {
    let (_dir, running) = instance().await;
    running.set_fault(Service::Timestamp, Some(Fault::always(FaultKind::WrongDigest))).await.unwrap();
    let error = signed(&running).await.unwrap_err();
    assert!(error.to_string().contains("message imprint mismatch"), "{error}");
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_refused_by_fulcio() {
    let (_dir, running) = instance().await;
    running.set_fault(Service::Oidc, Some(Fault::always(FaultKind::BadToken))).await.unwrap();
    let token = client().get(format!("{}/token", running.urls().email_issuer)).send().await.unwrap();
    let token = sigstore_oidc::IdentityToken::from_jwt(&token.text().await.unwrap()).unwrap();
    let error = sign(&running, token, b"artifact").await.unwrap_err();
    assert!(error.to_string().contains("signature is not the issuer's"), "{error}");
}

#[tokio::test]
async fn fulcio_an_hour_ahead_refuses_a_token_as_expired() {
    let (_dir, running) = instance().await;
    let ahead = Fault::always(FaultKind::ClockOff(SignedDuration::from_hours(1)));
    running.set_fault(Service::Fulcio, Some(ahead)).await.unwrap();
    let error = signed(&running).await.unwrap_err();
    assert!(error.to_string().contains("token is expired"), "{error}");
}
