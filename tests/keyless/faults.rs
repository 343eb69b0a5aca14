//! Every service fails in every way: the right one is named, what became public is told, nothing is given out, and
//! it is a failure to decide (exit 2) and no decision (exit 1).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcptrust::local_sigstore::{Fault, FaultKind, Service as Local};
use mcptrust::signing::keyless::{
    Cause, Error, Identity, NetworkOptions, Places, Published, Service, ServiceError, Services,
    SourceOptions, TokenError, Transport, find,
};
use url::Url;

use crate::instance::{Instance, network};
use crate::server::{Reply, Server};

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
        (Local::Rekor, FaultKind::WrongKeyInEntry, "about another"),
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
        let identity = Identity::parse(
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
async fn a_second_try_leaves_no_trace_of_the_first() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    let size = instance.running.log_size();
    instance.running.set_fault(Local::Rekor, Some(Fault::always(FaultKind::Refuse))).await.unwrap();
    instance.sign(&identity).await.unwrap_err();
    assert_eq!(instance.running.log_size(), size);
    instance.running.set_fault(Local::Rekor, None).await.unwrap();
    instance.sign(&identity).await.unwrap();
    assert_eq!(instance.running.log_size(), size + 1);
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_granted_within_reason() {
    let instance = Instance::start().await;
    let busy = |seconds: &'static str| {
        let turn = AtomicUsize::new(0);
        Server::start(move |_| match turn.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::from((429, b"busy".to_vec())).with("retry-after", seconds),
            _ => Reply::from((418, Vec::new())),
        })
    };
    for (seconds, asked, status) in [("0", 2, 418), ("3600", 1, 429)] {
        let server = busy(seconds).await;
        let mut services = instance.services.clone();
        services.certificate_authorities[0].url = Url::parse(&server.url).unwrap();
        let error = sign_at(&instance, &services).await;
        assert!(matches!(error.cause, Cause::Status { status: s, .. } if s == status), "{seconds}: {error}");
        assert_eq!(server.asked().len(), asked, "{seconds}: {error}");
    }
}

#[tokio::test]
async fn an_endless_answer_and_a_redirect_are_not_followed() {
    let instance = Instance::start().await;
    let elsewhere = Server::start(|_| (200, Vec::new())).await;
    let target = elsewhere.url.clone();
    let large = Server::start(|_| (200, vec![b' '; 5 << 20])).await;
    let moved = Server::start(move |_| Reply::from((307, Vec::new())).with("location", &target)).await;
    let sign = async |server: &Server| {
        let mut services = instance.services.clone();
        services.certificate_authorities[0].url = Url::parse(&server.url).unwrap();
        sign_at(&instance, &services).await
    };
    let error = sign(&large).await;
    assert!(matches!(&error.cause, Cause::Malformed(reason) if reason.contains("larger than")), "{error}");
    let error = sign(&moved).await;
    assert!(matches!(error.cause, Cause::Status { status: 307, .. }), "{error}");
    assert!(elsewhere.asked().is_empty(), "the token went elsewhere");
}

async fn sign_at(instance: &Instance, services: &Services) -> ServiceError {
    let identity = instance.email("dev@example.com");
    match instance.sign_with_services(&identity, services, network(), &|_| Ok(())).await {
        Err(Error::Service(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_named() {
    let instance = Instance::start().await;
    let quick = NetworkOptions { request_timeout: Duration::from_millis(1500), attempts: 2, ..network() };
    let variables = instance.running.environment();
    let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    let dir = tempfile::tempdir().unwrap();
    let options = || SourceOptions {
        given: None,
        env: &env,
        audience: "sigstore",
        now: Timestamp::now(),
        places: Places { projected_token: dir.path().join("none"), product_name: dir.path().join("none") },
        ambient: true,
        interactive: None,
    };
    for kind in [
        FaultKind::Refuse,
        FaultKind::Reset,
        FaultKind::Stall,
        FaultKind::Truncate,
        FaultKind::Status(429),
        FaultKind::Status(500),
        FaultKind::Status(403),
    ] {
        instance.running.set_fault(Local::Oidc, Some(Fault::always(kind))).await.unwrap();
        let error = find(&Transport::new(quick.clone()).unwrap(), &options()).await.unwrap_err();
        instance.running.set_fault(Local::Oidc, None).await.unwrap();
        let error = error.service().unwrap_or_else(|| panic!("{kind}: {error}"));
        assert_eq!(
            (error.service, error.published),
            (Service::IdentityProvider, Published::Nothing),
            "{error}"
        );
        assert_eq!(error.attempts, if kind == FaultKind::Status(403) { 1 } else { 2 }, "{kind}: {error}");
    }
    // An issuer whose clock is off gives tokens of another time, and they are not sent anywhere.
    for (hours, early) in [(1, true), (-1, false)] {
        let off = FaultKind::ClockOff(SignedDuration::from_hours(hours));
        instance.running.set_fault(Local::Oidc, Some(Fault::always(off))).await.unwrap();
        let error = find(&Transport::new(quick.clone()).unwrap(), &options()).await.unwrap_err();
        let right = match &error {
            Error::Token(TokenError::NotYetValid { .. }) => early,
            Error::Token(TokenError::Expired { .. }) => !early,
            _ => false,
        };
        assert!(right, "{hours}: {error}");
    }
    // A token that its issuer did not sign is the certificate authority's to refuse.
    instance.running.set_fault(Local::Oidc, Some(Fault::always(FaultKind::BadToken))).await.unwrap();
    let found = find(&Transport::new(quick).unwrap(), &options()).await.unwrap();
    let error = instance.sign(&Identity::from_token(found.token).unwrap()).await.unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(
        (error.service, error.published),
        (Service::CertificateAuthority, Published::Nothing),
        "{error}"
    );
    assert!(error.to_string().contains("It refused the token"), "{error}");
}
