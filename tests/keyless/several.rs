//! Several services of one kind: all that are asked for are used, one that is down is passed over where another may
//! stand in, and one that refuses is not.

use mcptrust::local_sigstore::{Fault, FaultKind, Service as Local};
use mcptrust::signing::keyless::{Cause, Selected, Service};

use crate::instance::Instance;

/// Two instances; the first one's trust and services are joined with the second one's.
async fn pair() -> (Instance, Instance) {
    let mut first = Instance::start().await;
    let second = Instance::start().await;
    let trust = second.trust.clone();
    first.trust.tlogs.extend(trust.tlogs);
    first.trust.timestamp_authorities.extend(trust.timestamp_authorities);
    first.trust.certificate_authorities.extend(trust.certificate_authorities);
    first.trust.ctlogs.extend(trust.ctlogs);
    let join = |to: &mut Selected, from: &Selected| to.candidates.extend(from.candidates.clone());
    join(&mut first.services.logs, &second.services.logs);
    join(&mut first.services.timestamp_authorities, &second.services.timestamp_authorities);
    first.services.certificate_authorities.extend(second.services.certificate_authorities.clone());
    (first, second)
}

async fn down(instance: &Instance, local: Local, kind: FaultKind) {
    instance.running.set_fault(local, Some(Fault::always(kind))).await.unwrap();
}

#[tokio::test]
async fn all_that_are_asked_for_are_used() {
    let (mut first, second) = pair().await;
    first.services.logs.needed = 2;
    first.services.timestamp_authorities.needed = 2;
    let identity = first.email("dev@example.com");
    let before = (first.running.log_size(), second.running.log_size());
    let signed = first.sign(&identity).await.unwrap();
    assert_eq!((signed.entries.len(), signed.times.len()), (2, 2));
    assert_eq!((first.running.log_size(), second.running.log_size()), (before.0 + 1, before.1 + 1));
    first.verify(&signed.bundle, &identity).unwrap();
}

#[tokio::test]
async fn one_that_is_enough_is_all_that_is_used() {
    let (first, second) = pair().await;
    let signed = first.sign(&first.email("dev@example.com")).await.unwrap();
    assert_eq!((signed.entries.len(), signed.times.len()), (1, 1));
    for local in [Local::Fulcio, Local::Timestamp, Local::Rekor] {
        assert_eq!(second.running.requests(local), 0, "{local}");
    }
}

#[tokio::test]
async fn one_that_is_down_is_passed_over() {
    let (first, second) = pair().await;
    for local in [Local::Fulcio, Local::Timestamp, Local::Rekor] {
        for kind in [FaultKind::Refuse, FaultKind::Status(503)] {
            down(&first, local, kind).await;
            // The second authority knows its own issuer's tokens only.
            let identity = if local == Local::Fulcio {
                second.email("dev@example.com")
            } else {
                first.email("dev@example.com")
            };
            let signed =
                first.sign(&identity).await.unwrap_or_else(|error| panic!("{local} with {kind}: {error}"));
            first.verify(&signed.bundle, &identity).unwrap();
            first.running.set_fault(local, None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn one_that_refuses_is_not_passed_over() {
    let (first, second) = pair().await;
    for local in [Local::Fulcio, Local::Timestamp, Local::Rekor] {
        down(&first, local, FaultKind::Status(400)).await;
        let error = first.sign(&first.email("dev@example.com")).await.unwrap_err();
        let error = error.service().unwrap();
        assert!(matches!(error.cause, Cause::Status { status: 400, .. }), "{error}");
        assert_eq!(second.running.requests(local), 0, "{local}");
        first.running.set_fault(local, None).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_lies_is_not_passed_over() {
    let (first, second) = pair().await;
    for (local, kind) in [
        (Local::Fulcio, FaultKind::WrongIdentity),
        (Local::Timestamp, FaultKind::WrongDigest),
        (Local::Rekor, FaultKind::BadProof),
    ] {
        down(&first, local, kind).await;
        let error = first.sign(&first.email("dev@example.com")).await.unwrap_err();
        assert!(matches!(error.service().unwrap().cause, Cause::Untrue(_)), "{error}");
        assert_eq!(second.running.requests(local), 0, "{local}");
        first.running.set_fault(local, None).await.unwrap();
    }
}

#[tokio::test]
async fn when_all_must_answer_one_that_is_down_is_named() {
    let (mut first, second) = pair().await;
    first.services.logs.needed = 2;
    down(&second, Local::Rekor, FaultKind::Refuse).await;
    let error = first.sign(&first.email("dev@example.com")).await.unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(error.service, Service::TransparencyLog);
    assert_eq!(error.url.trim_end_matches("/api/v2/log/entries"), second.running.urls().rekor);
    assert_eq!(error.published, mcptrust::signing::keyless::Published::Entry, "{error}");
}

#[tokio::test]
async fn when_all_are_down_the_first_is_named() {
    let (first, second) = pair().await;
    down(&first, Local::Rekor, FaultKind::Refuse).await;
    down(&second, Local::Rekor, FaultKind::Refuse).await;
    let error = first.sign(&first.email("dev@example.com")).await.unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(error.url.trim_end_matches("/api/v2/log/entries"), first.running.urls().rekor);
}

#[tokio::test]
async fn one_log_under_two_names_does_not_count_twice() {
    let mut instance = Instance::start().await;
    let mut again = instance.services.logs.candidates[0].clone();
    again.url.set_host(Some("127.0.0.1")).unwrap();
    instance.services.logs =
        Selected { candidates: vec![instance.services.logs.candidates[0].clone(), again], needed: 2 };
    let error = instance.sign(&instance.email("dev@example.com")).await.unwrap_err();
    assert_eq!(error.service().unwrap().service, Service::TransparencyLog, "{error}");
}
