//! Logging in: the authorization code flow with PKCE (RFC 6749, 7636) and the device flow (RFC 8628).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use url::Url;

use super::super::Failure;
use super::super::keys::{random, sha256};
use super::super::service::{Moment, internal};
use super::{IssuerKind, Oidc, Wishes, issuer, not_found, pages, parameters};

pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CODE_GRANT: &str = "authorization_code";
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// More log-ins under way than anyone has by hand; the oldest is forgotten.
const MOST_GRANTS: usize = 1000;

/// Log-ins under way.
#[derive(Default)]
pub(super) struct Grants {
    codes: Mutex<HashMap<String, Grant>>,
    devices: Mutex<HashMap<String, Device>>,
}

struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    email: String,
    ends: Timestamp,
}

struct Device {
    client_id: String,
    challenge: Option<String>,
    user_code: String,
    email: Option<String>,
    ends: Timestamp,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing panics while a lock is held
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember<T>(map: &mut HashMap<String, T>, key: String, value: T, ends: impl Fn(&T) -> Timestamp) {
    if map.len() >= MOST_GRANTS
        && let Some(oldest) = map.iter().min_by_key(|(_, value)| ends(value)).map(|(key, _)| key.clone())
    {
        map.remove(&oldest);
    }
    map.insert(key, value);
}

fn find<'a>(parameters: &'a Wishes, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
}

fn ends(now: Timestamp) -> Timestamp {
    now.checked_add(CODE_LASTS).unwrap_or(now)
}

/// A request of the authorization endpoint that can be granted.
struct Authorization {
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    state: Option<String>,
}

impl Authorization {
    fn parse(parameters: &Wishes) -> Result<Self, &'static str> {
        let own = |name| find(parameters, name).map(str::to_owned);
        if find(parameters, "response_type") != Some("code") {
            return Err("The response type must be \"code\".");
        }
        let challenge = own("code_challenge");
        if challenge.is_some() && find(parameters, "code_challenge_method") != Some("S256") {
            return Err("The code challenge method must be \"S256\".");
        }
        let redirect_uri = own("redirect_uri").ok_or("The redirect URI is missing.")?;
        if redirect_uri != OUT_OF_BAND && !is_loopback(&redirect_uri) {
            return Err("The redirect URI must be on this machine.");
        }
        Ok(Self {
            client_id: own("client_id").ok_or("The client is not named.")?,
            redirect_uri,
            challenge,
            nonce: own("nonce"),
            state: own("state"),
        })
    }
}

fn is_loopback(redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|url| {
        url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    })
}

fn bad_page(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Html(pages::problem(text))).into_response()
}

/// The log-in page. With `prompt=none` and a `login_hint`, that address is logged in at once.
pub(super) async fn page(
    State(oidc): State<Arc<Oidc>>,
    Extension(moment): Extension<Moment>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    let authorization = match Authorization::parse(&parameters) {
        Ok(authorization) => authorization,
        Err(problem) => return bad_page(problem),
    };
    let hint = find(&parameters, "login_hint");
    if let (Some("none"), Some(email)) = (find(&parameters, "prompt"), hint) {
        return grant(&oidc, authorization, email, moment.now);
    }
    let email = hint.unwrap_or("dev@example.com").to_owned();
    let hidden = parameters.into_iter().filter(|(name, _)| name != "email").collect();
    Html(pages::log_in("auth", &email, &hidden)).into_response()
}

/// The log-in page's answer.
pub(super) async fn approve(
    State(oidc): State<Arc<Oidc>>,
    Extension(moment): Extension<Moment>,
    body: Bytes,
) -> Response {
    let parameters = parameters(&body);
    match (Authorization::parse(&parameters), find(&parameters, "email")) {
        (Err(problem), _) => bad_page(problem),
        (Ok(_), None) => bad_page("The e-mail address is missing."),
        (Ok(authorization), Some(email)) => grant(&oidc, authorization, email, moment.now),
    }
}

fn grant(oidc: &Oidc, authorization: Authorization, email: &str, now: Timestamp) -> Response {
    let code = match secret() {
        Ok(code) => code,
        Err(failure) => return internal(&failure.to_string()),
    };
    let Authorization { client_id, redirect_uri, challenge, nonce, state } = authorization;
    let answer = if redirect_uri == OUT_OF_BAND {
        Html(pages::code(&code)).into_response()
    } else {
        let Ok(mut url) = Url::parse(&redirect_uri) else { return bad_page("The redirect URI is no URL.") };
        url.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = &state {
            url.query_pairs_mut().append_pair("state", state);
        }
        Redirect::to(url.as_str()).into_response()
    };
    let grant = Grant { client_id, redirect_uri, challenge, nonce, email: email.to_owned(), ends: ends(now) };
    remember(&mut lock(&oidc.grants.codes), code, grant, |grant| grant.ends);
    answer
}

/// RFC 8628, section 3.1.
pub(super) async fn device_code(
    State(oidc): State<Arc<Oidc>>,
    Extension(moment): Extension<Moment>,
    body: Bytes,
) -> Response {
    let parameters = parameters(&body);
    let Some(client_id) = find(&parameters, "client_id") else {
        return refuse("invalid_request", "the client is not named");
    };
    let (device_code, user_code) = match (secret(), user_code()) {
        (Ok(device_code), Ok(user_code)) => (device_code, user_code),
        (Err(failure), _) | (_, Err(failure)) => return internal(&failure.to_string()),
    };
    let page = format!("{}/device", oidc.issuers.url(IssuerKind::Email));
    let device = Device {
        client_id: client_id.to_owned(),
        challenge: find(&parameters, "code_challenge").map(str::to_owned),
        user_code: user_code.clone(),
        email: None,
        ends: ends(moment.now),
    };
    remember(&mut lock(&oidc.grants.devices), device_code.clone(), device, |device| device.ends);
    Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": CODE_LASTS.as_secs(),
        "interval": 1,
    }))
    .into_response()
}

pub(super) async fn device_page(RawQuery(query): RawQuery) -> Html<String> {
    let parameters = parameters(query.unwrap_or_default().as_bytes());
    Html(pages::device("device", find(&parameters, "user_code").unwrap_or_default(), None))
}

pub(super) async fn device_approve(
    State(oidc): State<Arc<Oidc>>,
    Extension(moment): Extension<Moment>,
    body: Bytes,
) -> Response {
    let parameters = parameters(&body);
    let (Some(code), Some(email)) = (find(&parameters, "user_code"), find(&parameters, "email")) else {
        return bad_page("The code or the e-mail address is missing.");
    };
    let mut devices = lock(&oidc.grants.devices);
    match devices.values_mut().find(|device| device.user_code.eq_ignore_ascii_case(code)) {
        Some(device) if device.ends >= moment.now && device.email.is_none() => {
            device.email = Some(email.to_owned());
            Html(pages::done("You can close this page.")).into_response()
        }
        _ => {
            let page = pages::device("device", code, Some("No device waits with this code."));
            (StatusCode::BAD_REQUEST, Html(page)).into_response()
        }
    }
}

/// The token endpoint: a code, or a device code, for a token.
pub(super) async fn exchange(
    State(oidc): State<Arc<Oidc>>,
    Path(name): Path<String>,
    Extension(moment): Extension<Moment>,
    body: Bytes,
) -> Response {
    if issuer(&name) != Some(IssuerKind::Email) {
        return not_found();
    }
    let parameters = parameters(&body);
    let allowed = match find(&parameters, "grant_type") {
        Some(CODE_GRANT) => by_code(&oidc, &parameters, moment.now),
        Some(DEVICE_GRANT) => by_device(&oidc, &parameters, moment.now),
        _ => Err(("unsupported_grant_type", "no such grant")),
    };
    let (client_id, email, nonce) = match allowed {
        Ok(allowed) => allowed,
        Err((error, description)) => return refuse(error, description),
    };
    let mut wishes = vec![("email".to_owned(), email), ("aud".to_owned(), client_id)];
    wishes.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce)));
    match oidc.mint(IssuerKind::Email, &wishes, moment) {
        // sigstore-python takes the access token for the identity token, and with other issuers can
        Ok(token) => (
            [(header::CACHE_CONTROL, "no-store")],
            Json(json!({
                "access_token": token, "token_type": "Bearer", "expires_in": 600, "id_token": token,
            })),
        )
            .into_response(),
        Err(failure) => internal(&failure.to_string()),
    }
}

type Allowed = (String, String, Option<String>);
type Refusal = (&'static str, &'static str);

fn by_code(oidc: &Oidc, parameters: &Wishes, now: Timestamp) -> Result<Allowed, Refusal> {
    // a code is good for one attempt
    let code = find(parameters, "code").and_then(|code| lock(&oidc.grants.codes).remove(code));
    let grant = code.filter(|grant| grant.ends >= now).ok_or(("invalid_grant", "unknown or expired code"))?;
    if find(parameters, "redirect_uri") != Some(grant.redirect_uri.as_str()) {
        return Err(("invalid_grant", "another redirect URI"));
    }
    if find(parameters, "client_id").is_some_and(|client| client != grant.client_id) {
        return Err(("invalid_client", "another client"));
    }
    check_challenge(grant.challenge.as_deref(), parameters)?;
    Ok((grant.client_id, grant.email, grant.nonce))
}

fn by_device(oidc: &Oidc, parameters: &Wishes, now: Timestamp) -> Result<Allowed, Refusal> {
    let code = find(parameters, "device_code").unwrap_or_default();
    let mut devices = lock(&oidc.grants.devices);
    let device = devices.get(code).ok_or(("invalid_grant", "unknown device code"))?;
    if device.ends < now {
        return Err(("expired_token", "the device code has expired"));
    }
    check_challenge(device.challenge.as_deref(), parameters)?;
    if device.email.is_none() {
        return Err(("authorization_pending", "nobody has entered the code"));
    }
    match devices.remove(code) {
        Some(Device { client_id, email: Some(email), .. }) => Ok((client_id, email, None)),
        _ => Err(("invalid_grant", "unknown device code")),
    }
}

/// RFC 7636, section 4.6.
fn check_challenge(challenge: Option<&str>, parameters: &Wishes) -> Result<(), Refusal> {
    let Some(challenge) = challenge else { return Ok(()) };
    let verifier = find(parameters, "code_verifier").unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())) == challenge {
        Ok(())
    } else {
        Err(("invalid_grant", "the code verifier does not fit the challenge"))
    }
}

/// RFC 6749, section 5.2.
fn refuse(error: &str, description: &str) -> Response {
    let body = Json(json!({ "error": error, "error_description": description }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

fn secret() -> Result<String, Failure> {
    Ok(URL_SAFE_NO_PAD.encode(random::<24>()?))
}

/// Eight letters that cannot be misread (RFC 8628, section 6.1).
fn user_code() -> Result<String, Failure> {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let letters: String = random::<8>()?
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect();
    let (left, right) = letters.split_at(4);
    Ok(format!("{left}-{right}"))
}
