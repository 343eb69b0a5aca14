//! Signings that succeed, and those that stop before anything is sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use mcptrust::local_sigstore::{IssuerKind, Service};
use mcptrust::signing::certificate;
use mcptrust::signing::keyless::{
    self, ConfigError, Error, ExpectedIdentity, Identity, PredictedCertificate, SignOptions, TokenError,
    sign_statement,
};
use mcptrust::signing::trust::{Source, TrustMaterial};
use sigstore_trust_root::TrustedRoot;

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

/// Nothing was asked of any service that makes something public.
fn nothing_was_sent(instance: &Instance) {
    for service in [Service::Fulcio, Service::Timestamp, Service::Rekor] {
        assert_eq!(instance.running.requests(service), 0, "{service} was called");
    }
}

fn options<'a>() -> SignOptions<'a> {
    SignOptions {
        now: Timestamp::now(),
        network: network(),
        gate: &|_| Ok(()),
        confirm: &|_| true,
        check: &|_, _| Ok(()),
        progress: &|_| {},
    }
}

#[tokio::test]
async fn who_says_no_sends_nothing() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    let options = SignOptions {
        confirm: &|certificate| {
            assert_eq!(certificate.identity.as_str(), "dev@example.com");
            false
        },
        ..options()
    };
    let error = instance.sign_as(&identity, &instance.services, &options).await.unwrap_err();
    assert!(matches!(error, Error::Declined) && error.is_refusal(), "{error}");
    nothing_was_sent(&instance);
}

#[tokio::test]
async fn a_trusted_root_that_cannot_serve_is_noticed_before_anything_is_sent() {
    let mut instance = Instance::start().await;
    let good = instance.trust.clone();
    let identity = instance.email("dev@example.com");
    type Take = fn(&mut TrustedRoot);
    let takes: [(Take, &str); 4] = [
        (|root| root.certificate_authorities.clear(), "certificate authority"),
        (|root| root.ctlogs.clear(), "certificate transparency log"),
        (|root| root.tlogs.clear(), "transparency log"),
        (|root| root.timestamp_authorities.clear(), "timestamp authority"),
    ];
    for (take, what) in takes {
        instance.trust = good.clone();
        take(&mut instance.trust);
        let error = instance.sign_as(&identity, &instance.services, &options()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Config(ConfigError::TrustedRoot(reason)) if reason.contains(what)),
            "{error}"
        );
        assert!(!error.is_refusal());
    }
    instance.trust = good;
    let early = SignOptions { now: "2001-01-01T00:00:00Z".parse().unwrap(), ..options() };
    let error = instance.sign_as(&identity, &instance.services, &early).await.unwrap_err();
    assert!(error.to_string().contains("no certificate authority that is valid at 2001-01-01"), "{error}");
    nothing_was_sent(&instance);
}

#[tokio::test]
async fn a_payload_that_is_no_statement_is_noticed_before_anything_is_sent() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    let trust = TrustMaterial::from_json(
        &std::fs::read(instance.running.trusted_root()).unwrap(),
        Source::File("test".to_owned()),
        None,
    )
    .unwrap();
    for payload in [
        "",
        "{}",
        r#"{"_type":"https://in-toto.io/Statement/v0.1"}"#,
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":[]}"#,
    ] {
        let error = sign_statement(payload.as_bytes(), &identity, &instance.services, &trust, &options())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Config(ConfigError::Payload(_))), "{payload}: {error}");
    }
    nothing_was_sent(&instance);
}

#[tokio::test]
async fn another_instances_trusted_root_does_not_sign() {
    let mut instance = Instance::start().await;
    instance.trust = Instance::start().await.trust;
    let error = instance.sign(&instance.email("dev@example.com")).await.unwrap_err();
    let error = error.service().unwrap();
    // Whose word is taken first is that of the timestamp authority.
    assert_eq!(error.service, keyless::Service::TimestampAuthority, "{error}");
    assert!(error.to_string().contains("belong to the same instance"), "{error}");
    assert_eq!(instance.running.log_size(), 1, "nothing was recorded");
}

#[tokio::test]
async fn an_authority_that_the_root_does_not_know_is_named() {
    let mut instance = Instance::start().await;
    instance.trust.certificate_authorities = Instance::start().await.trust.certificate_authorities;
    let error = instance.sign(&instance.email("dev@example.com")).await.unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(error.service, keyless::Service::CertificateAuthority, "{error}");
    assert!(error.to_string().contains("chain"), "{error}");
}

#[tokio::test]
async fn the_certificate_itself_is_compared_with_the_rules_too() {
    let instance = Instance::start().await;
    let turn = AtomicUsize::new(0);
    let expected = ExpectedIdentity { identity: "other@example.com".to_owned(), issuer: None };
    let gate = |certificate: &PredictedCertificate| match turn.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        _ => expected.check(certificate),
    };
    let error = instance.sign_with(&instance.email("dev@example.com"), network(), &gate).await.unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(error.service, keyless::Service::CertificateAuthority, "{error}");
    assert_eq!(instance.running.requests(Service::Timestamp), 0);
}

#[tokio::test]
async fn a_bundle_that_our_verifier_refuses_is_not_given_out() {
    let instance = Instance::start().await;
    let identity = instance.email("dev@example.com");
    let options = SignOptions {
        check: &|bundle, now| {
            assert!(
                !bundle.is_empty()
                    && now >= Timestamp::now().checked_sub(SignedDuration::from_mins(1)).unwrap()
            );
            Err("for a reason".to_owned())
        },
        ..options()
    };
    let error = instance.sign_as(&identity, &instance.services, &options).await.unwrap_err();
    assert!(matches!(&error, Error::FinalCheck { reason, .. } if reason == "for a reason"), "{error}");
    assert!(!error.is_refusal());
    assert!(error.to_string().contains("already in the instance's logs"), "{error}");
}

#[test]
fn a_proxy_does_not_see_what_stays_on_this_machine() {
    let nowhere = "http://127.0.0.1:1";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sign::an_email_identity_signs"])
        .envs([
            ("HTTP_PROXY", nowhere),
            ("http_proxy", nowhere),
            ("ALL_PROXY", nowhere),
            ("all_proxy", nowhere),
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
