//! What the services refuse, with the status codes of the real ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcptrust::local_sigstore::{Clock, IssuerKind, Options, Running, start};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use super::{EMAIL, client, instance};

async fn post(url: &str, body: &Value) -> Response {
    client().post(url).json(body).send().await.unwrap()
}

async fn refused(response: Response, status: StatusCode, words: &str) {
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(words), "expected {words:?} in {message:?}");
    assert!(body["code"].is_u64());
}

/// A request for a certificate that Fulcio would grant.
fn request(running: &Running, parameters: &[(&str, &str)]) -> Value {
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let token = running.mint(IssuerKind::Email, parameters).unwrap();
    json!({
        "credentials": { "oidcIdentityToken": token },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": key.public_key_der().unwrap().to_pem() },
            "proofOfPossession": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap().as_bytes()),
        },
    })
}

fn signing_cert(running: &Running) -> String {
    format!("{}/api/v2/signingCert", running.urls().fulcio)
}

#[tokio::test]
async fn fulcio_refuses_tokens_that_are_not_good() {
    let (_dir, running) = instance().await;
    let url = signing_cert(&running);
    assert_eq!(post(&url, &request(&running, &[])).await.status(), StatusCode::OK);

    let over = "There was an error processing the identity token: ";
    for (parameters, words) in [
        ([("ttl", "-60")], "token is expired"),
        ([("aud", "elsewhere")], "expected audience \"sigstore\""),
        ([("claim.aud", "[\"a\",\"b\"]")], "expected audience \"sigstore\""),
        ([("claim.aud", "")], "expected audience \"sigstore\", got none"),
        ([("claim.iss", "https://example.com")], "unsupported issuer: https://example.com"),
        ([("claim.exp", "")], "token is expired"),
        ([("claim.nbf", "9999999999")], "token is not valid before"),
    ] {
        let words = format!("{over}{words}");
        refused(post(&url, &request(&running, &parameters)).await, StatusCode::BAD_REQUEST, &words).await;
    }
    for (parameters, words) in [
        ([("claim.email_verified", "false")], "email_verified claim was false"),
        ([("claim.email", "not an address")], "email address is not valid"),
        ([("claim.email", "")], "no email claim"),
    ] {
        refused(post(&url, &request(&running, &parameters)).await, StatusCode::BAD_REQUEST, words).await;
    }

    let mut changed = request(&running, &[]);
    let token = changed["credentials"]["oidcIdentityToken"].as_str().unwrap().to_owned();
    let other = running.mint(IssuerKind::Email, &[("email", "eve@example.com")]).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let body = other.split('.').nth(1).unwrap();
    changed["credentials"]["oidcIdentityToken"] = format!("{}.{body}.{}", parts[0], parts[2]).into();
    refused(post(&url, &changed).await, StatusCode::BAD_REQUEST, "signature is not the issuer's").await;

    let mut none = request(&running, &[]);
    none["credentials"] = json!({});
    refused(post(&url, &none).await, StatusCode::BAD_REQUEST, "malformed token").await;

    let mut unsigned = request(&running, &[]);
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}");
    unsigned["credentials"]["oidcIdentityToken"] = format!("{header}.{}.", parts[1]).into();
    refused(post(&url, &unsigned).await, StatusCode::BAD_REQUEST, "algorithm must be RS256").await;
}

#[tokio::test]
async fn fulcio_refuses_keys_that_are_not_proved() {
    let (_dir, running) = instance().await;
    let url = signing_cert(&running);
    let another = KeyPair::generate_ecdsa_p256().unwrap();

    let mut request_ = request(&running, &[]);
    request_["publicKeyRequest"]["proofOfPossession"] =
        STANDARD.encode(another.sign(EMAIL.as_bytes()).unwrap().as_bytes()).into();
    refused(post(&url, &request_).await, StatusCode::BAD_REQUEST, "signature supplied in the request").await;

    request_ = request(&running, &[("email", "eve@example.com")]);
    refused(post(&url, &request_).await, StatusCode::BAD_REQUEST, "signature supplied in the request").await;

    request_["publicKeyRequest"]["publicKey"]["content"] = "no key".into();
    refused(post(&url, &request_).await, StatusCode::BAD_REQUEST, "public key supplied").await;

    let token = running.mint(IssuerKind::Email, &[]).unwrap();
    let csr = json!({
        "credentials": { "oidcIdentityToken": token },
        "certificateSigningRequest": STANDARD.encode("no request"),
    });
    refused(post(&url, &csr).await, StatusCode::BAD_REQUEST, "certificate signing request").await;
}

#[tokio::test]
async fn fulcio_grants_a_workflow_only_with_all_its_claims() {
    let (_dir, running) = instance().await;
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let subject = "repo:acme/widgets:ref:refs/heads/main";
    let ask = |parameters: &[(&str, &str)]| {
        let body = json!({ "publicKeyRequest": {
            "publicKey": { "content": key.public_key_der().unwrap().to_pem() },
            "proofOfPossession": STANDARD.encode(key.sign(subject.as_bytes()).unwrap().as_bytes()),
        } });
        let token = running.mint(IssuerKind::Github, parameters).unwrap();
        client().post(signing_cert(&running)).bearer_auth(token).json(&body).send()
    };
    assert_eq!(ask(&[]).await.unwrap().status(), StatusCode::OK);
    let response = ask(&[("claim.workflow_sha", "")]).await.unwrap();
    refused(response, StatusCode::BAD_REQUEST, "value <workflow_sha> not present").await;
}

/// The older API, whose key is bytes, and which answers with PEM.
#[tokio::test]
async fn fulcio_still_speaks_its_first_version() {
    let (_dir, running) = instance().await;
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let mut body = json!({
        "publicKey": { "algorithm": "ecdsa", "content": STANDARD.encode(key.public_key_der().unwrap().as_bytes()) },
        "signedEmailAddress": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap().as_bytes()),
    });
    let url = format!("{}/api/v1/signingCert", running.urls().fulcio);
    let token = running.mint(IssuerKind::Email, &[]).unwrap();
    let response = client().post(&url).bearer_auth(&token).json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["content-type"], "application/pem-certificate-chain");
    assert_eq!(response.text().await.unwrap().matches("BEGIN CERTIFICATE").count(), 2);

    body["signedEmailAddress"] = STANDARD.encode(key.sign(b"other").unwrap().as_bytes()).into();
    let response = client().post(&url).bearer_auth(&token).json(&body).send().await.unwrap();
    refused(response, StatusCode::BAD_REQUEST, "signature supplied in the request").await;
}

fn entry(key: &KeyPair, message: &[u8]) -> Value {
    json!({ "hashedRekordRequestV002": {
        "digest": STANDARD.encode(sigstore_crypto::sha256(message).as_bytes()),
        "signature": {
            "content": STANDARD.encode(key.sign(message).unwrap().as_bytes()),
            "verifier": {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "publicKey": { "rawBytes": STANDARD.encode(key.public_key_der().unwrap().as_bytes()) },
            },
        },
    } })
}

#[tokio::test]
async fn rekor_refuses_entries_that_do_not_hold_together() {
    let (_dir, running) = instance().await;
    let url = format!("{}/api/v2/log/entries", running.urls().rekor);
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let good = entry(&key, b"message");
    let at = |pointer: &str, value: Value| {
        let mut changed = entry(&key, b"other");
        *changed.pointer_mut(&format!("/hashedRekordRequestV002{pointer}")).unwrap() = value;
        changed
    };
    let another = KeyPair::generate_ecdsa_p256().unwrap().public_key_der().unwrap();
    for (body, words) in [
        (at("/digest", STANDARD.encode([0; 32]).into()), "the signature is not that of the key"),
        (at("/digest", STANDARD.encode([0; 48]).into()), "digest length"),
        (at("/digest", "".into()), "missing digest"),
        (
            at("/signature/content", good["hashedRekordRequestV002"]["signature"]["content"].clone()),
            "the signature",
        ),
        (at("/signature/content", "".into()), "missing signature"),
        (
            at("/signature/verifier/publicKey/rawBytes", STANDARD.encode(another.as_bytes()).into()),
            "the signature",
        ),
        (at("/signature/verifier/publicKey/rawBytes", STANDARD.encode("no key").into()), "unreadable key"),
        (at("/signature/verifier/publicKey", Value::Null), "either a public key or X.509"),
        (at("/signature/verifier/keyDetails", "PKIX_ED25519".into()), "unsupported key details"),
        (at("/signature/verifier/keyDetails", "PKIX_ECDSA_P384_SHA_384".into()), "not those of the key"),
        (json!({ "dsseRequestV002": {} }), "invalid type, must be hashedrekord"),
        (json!({ "hashedRekordRequestV002": {} }), "missing field `digest`"),
        (
            json!({ "hashedRekordRequestV002": good["hashedRekordRequestV002"], "more": 1 }),
            "unknown field `more`",
        ),
    ] {
        refused(post(&url, &body).await, StatusCode::BAD_REQUEST, words).await;
    }
    assert_eq!(running.log_size(), 1, "nothing that was refused is in the log");

    assert_eq!(post(&url, &good).await.status(), StatusCode::CREATED);
    let again = post(&url, &good).await;
    assert_eq!(again.headers()["x-log-index"], "1");
    refused(again, StatusCode::CONFLICT, "already exists").await;
    assert_eq!(running.log_size(), 2);
}

#[tokio::test]
async fn the_timestamp_authority_refuses_what_it_cannot_vouch_for() {
    let (_dir, running) = instance().await;
    let url = running.urls().timestamp.clone();
    let ask = |hash: &str, length: usize| json!({ "artifactHash": STANDARD.encode(vec![7; length]), "hashAlgorithm": hash, "nonce": 5 });
    for (hash, length) in [("sha256", 32), ("sha384", 48), ("sha512", 64)] {
        let response = post(&url, &ask(hash, length)).await;
        assert_eq!(response.status(), StatusCode::OK, "{hash}");
        assert_eq!(response.headers()["content-type"], "application/timestamp-reply");
    }
    refused(post(&url, &ask("sha1", 20)).await, StatusCode::BAD_REQUEST, "Weak hash algorithm").await;
    refused(post(&url, &ask("sha256", 20)).await, StatusCode::BAD_REQUEST, "incorrect length").await;
    let query =
        |kind: &str, body: &'static [u8]| client().post(&url).header("content-type", kind).body(body).send();
    let response = query("application/timestamp-query", b"no request").await.unwrap();
    refused(response, StatusCode::BAD_REQUEST, "Error generating").await;
    let response = query("text/plain", b"no request").await.unwrap();
    refused(response, StatusCode::UNSUPPORTED_MEDIA_TYPE, "Error generating").await;
}

#[tokio::test]
async fn the_ambient_endpoint_wants_its_token() {
    let (_dir, running) = instance().await;
    let url = format!("{}/actions", running.urls().github_issuer);
    let without = client().get(&url).send().await.unwrap();
    assert_eq!(without.status(), StatusCode::UNAUTHORIZED);
    let wrong = client().get(&url).bearer_auth("guess").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_service_goes_by_the_clock_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    let then: jiff::Timestamp = "2031-02-03T04:05:06Z".parse().unwrap();
    options.clock = Clock::new(move || then);
    let running = start(options).await.unwrap();
    let token = running.mint(IssuerKind::Email, &[]).unwrap();
    assert_eq!(super::signing::claims(&token)["exp"], then.as_second() + 600);
    let response = post(&signing_cert(&running), &request(&running, &[])).await;
    assert_eq!(response.status(), StatusCode::OK);
    let chain: Value = response.json().await.unwrap();
    let pem = chain.pointer("/signedCertificateEmbeddedSct/chain/certificates/0").unwrap().as_str().unwrap();
    let der = sigstore_types::DerCertificate::from_pem(pem).unwrap();
    let certificate = sigstore_crypto::parse_certificate_info(&der).unwrap();
    assert_eq!(certificate.not_before, then);
    assert_eq!(certificate.not_after.as_second(), then.as_second() + 600);
}
