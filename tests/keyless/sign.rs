//! Signings that succeed, and those that stop before anything is sent.

use mcptrust::local_sigstore::{IssuerKind, Service};
use mcptrust::signing::keyless::{Error, ExpectedIdentity, Identity, TokenError};

use mcptrust::signing::certificate;

use crate::instance::{Instance, network};

#[tokio::test]
async fn an_email_identity_signs() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    let signed = instance.sign(&identity).await.unwrap();
    assert_eq!(signed.certificate.identity, certificate::Identity::Email("dev@example.com".to_owned()));
    assert_eq!(signed.certificate.issuer, instance.running.urls().email_issuer);
    assert_eq!((signed.entries.len(), signed.times.len()), (1, 1));
    instance.verify(&signed.bundle, &identity).unwrap();
}

#[tokio::test]
async fn a_workflow_identity_signs_with_the_predicted_claims() {
    let instance = Instance::start().await;
    let identity = instance.github();
    let signed = instance.sign(&identity).await.unwrap();
    assert!(identity.predicted().claims.len() > 15);
    for (name, value) in &identity.predicted().claims {
        assert_eq!(signed.certificate.claims.get(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn the_wrong_identity_stops_before_anything_is_sent() {
    let instance = Instance::start().await;
    let identity = instance.email("mallory@example.com");
    let expected = ExpectedIdentity {
        identity: "dev@example.com".to_owned(),
        issuer: Some("https://accounts.example.com".to_owned()),
    };
    let error = instance
        .sign_with(&identity, network(), &|certificate| expected.check(certificate))
        .await
        .unwrap_err();
    assert!(error.is_refusal());
    let text = error.to_string();
    assert!(text.contains("identity: expected dev@example.com, got mallory@example.com"), "{text}");
    assert!(text.contains("issuer: expected https://accounts.example.com, got http"), "{text}");
    assert!(text.ends_with("Nothing became public"), "{text}");
    for service in [Service::Fulcio, Service::Timestamp, Service::Rekor] {
        assert_eq!(instance.running.requests(service), 0, "{service} was called");
    }
}

#[tokio::test]
async fn a_token_outside_its_time_stops_before_anything_is_sent() {
    let instance = Instance::start().await;
    let mint =
        |ttl| Identity::parse(&instance.running.mint(IssuerKind::Email, &[("ttl", ttl)]).unwrap()).unwrap();
    let error = instance.sign(&mint("-60")).await.unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Expired { .. })), "{error}");
    assert!(!error.is_refusal());
    assert_eq!(instance.running.requests(Service::Fulcio), 0);
}
