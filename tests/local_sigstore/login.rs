//! The two ways in for a person: a log-in page, and a code from a device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcptrust::local_sigstore::Running;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sigstore_oidc::IdentityToken;
use url::Url;

use super::signing::claims;
use super::{client, instance, sign, verify};

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-specification";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(sigstore_crypto::sha256(VERIFIER.as_bytes()).as_bytes())
}

async fn discovery(running: &Running) -> Value {
    let url = format!("{}/.well-known/openid-configuration", running.urls().email_issuer);
    client().get(url).send().await.unwrap().json().await.unwrap()
}

fn authorization<'a>(redirect: &'a str, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", "sigstore"),
        ("redirect_uri", redirect),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "st\"a&te"),
        ("nonce", "n-1"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

async fn exchange(endpoint: &str, form: &[(&str, &str)]) -> Response {
    client().post(endpoint).form(form).send().await.unwrap()
}

async fn refused(response: Response, error: &str) {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.json::<Value>().await.unwrap()["error"], error);
}

#[tokio::test]
async fn a_browser_logs_in_as_any_address() {
    let (_dir, running) = instance().await;
    let discovery = discovery(&running).await;
    let auth = discovery["authorization_endpoint"].as_str().unwrap();
    let token = discovery["token_endpoint"].as_str().unwrap();
    let challenge = challenge();
    let redirect = "http://localhost:8123/callback";

    let page = Url::parse_with_params(auth, authorization(redirect, &challenge)).unwrap();
    let page = client().get(page).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let html = page.text().await.unwrap();
    assert!(html.contains("name=\"state\" value=\"st&quot;a&amp;te\""), "{html}");

    let log_in = async || {
        let mut form = authorization(redirect, &challenge);
        form.push(("email", "ann@example.com"));
        let response = exchange(auth, &form).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let location = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        let query: std::collections::HashMap<_, _> = location.query_pairs().into_owned().collect();
        assert_eq!(query["state"], "st\"a&te");
        query["code"].clone()
    };
    let code = log_in().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "sigstore"),
        ("code", &code),
        ("redirect_uri", redirect),
        ("code_verifier", VERIFIER),
    ];
    let answer: Value = exchange(token, &form).await.json().await.unwrap();
    let id_token = answer["id_token"].as_str().unwrap();
    assert_eq!(claims(id_token)["nonce"], "n-1");
    assert_eq!(answer["access_token"], id_token, "what sigstore-python signs with");
    let identity = IdentityToken::from_jwt(id_token).unwrap();
    let bundle = sign(&running, identity, b"by hand").await.unwrap();
    verify(&running, b"by hand", &bundle, "ann@example.com", &running.urls().email_issuer).unwrap();

    refused(exchange(token, &form).await, "invalid_grant").await;
    for (name, value) in
        [("code_verifier", "another"), ("redirect_uri", "http://localhost:1/"), ("client_id", "another")]
    {
        let code = log_in().await;
        let form = form.map(|(known, kept)| match known {
            "code" => (known, code.as_str()),
            _ if known == name => (known, value),
            _ => (known, kept),
        });
        let error = if name == "client_id" { "invalid_client" } else { "invalid_grant" };
        refused(exchange(token, &form).await, error).await;
    }
    refused(exchange(token, &[("grant_type", "password")]).await, "unsupported_grant_type").await;
}

#[tokio::test]
async fn a_hinted_address_can_be_logged_in_without_a_page() {
    let (_dir, running) = instance().await;
    let auth = format!("{}/auth", running.urls().email_issuer);
    let challenge = challenge();
    let mut query = authorization("urn:ietf:wg:oauth:2.0:oob", &challenge);
    query.extend([("prompt", "none"), ("login_hint", "bob@example.com")]);
    let page = client().get(Url::parse_with_params(&auth, query).unwrap()).send().await.unwrap();
    let html = page.text().await.unwrap();
    let code = html.split("<pre>").nth(1).unwrap().split("</pre>").next().unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"),
        ("code_verifier", VERIFIER),
    ];
    let token = format!("{}/token", running.urls().email_issuer);
    let answer: Value = exchange(&token, &form).await.json().await.unwrap();
    assert_eq!(claims(answer["id_token"].as_str().unwrap())["email"], "bob@example.com");
}

#[tokio::test]
async fn codes_go_to_this_machine_only() {
    let (_dir, running) = instance().await;
    let auth = format!("{}/auth", running.urls().email_issuer);
    for redirect in ["https://example.com/", "http://localhost.example.com/", "http://127.0.0.1@example.com/"]
    {
        let challenge = challenge();
        let mut form = authorization(redirect, &challenge);
        form.push(("email", "ann@example.com"));
        let response = exchange(&auth, &form).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{redirect}");
    }
}

#[tokio::test]
async fn a_device_waits_until_somebody_enters_its_code() {
    let (_dir, running) = instance().await;
    let discovery = discovery(&running).await;
    let token = discovery["token_endpoint"].as_str().unwrap();
    let start = discovery["device_authorization_endpoint"].as_str().unwrap();
    let challenge = challenge();
    let form = [
        ("client_id", "sigstore"),
        ("scope", "openid email"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let answer: Value = exchange(start, &form).await.json().await.unwrap();
    let poll = [
        ("grant_type", DEVICE_GRANT),
        ("device_code", answer["device_code"].as_str().unwrap()),
        ("code_verifier", VERIFIER),
    ];
    refused(exchange(token, &poll).await, "authorization_pending").await;

    let page = answer["verification_uri_complete"].as_str().unwrap();
    let html = client().get(page).send().await.unwrap().text().await.unwrap();
    let user_code = answer["user_code"].as_str().unwrap();
    assert!(html.contains(user_code));
    let device = answer["verification_uri"].as_str().unwrap();
    let wrong = exchange(device, &[("user_code", "AAAA-AAAA"), ("email", "ann@example.com")]).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let entered = exchange(device, &[("user_code", user_code), ("email", "ann@example.com")]).await;
    assert_eq!(entered.status(), StatusCode::OK);

    refused(exchange(token, &[poll[0], poll[1]]).await, "invalid_grant").await;
    let answer: Value = exchange(token, &poll).await.json().await.unwrap();
    assert_eq!(claims(answer["id_token"].as_str().unwrap())["email"], "ann@example.com");
    refused(exchange(token, &poll).await, "invalid_grant").await;
}
