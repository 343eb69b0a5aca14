//! Two OpenID Connect issuers on one port: `/email` for people, `/github` for workflows.
//!
//! Tokens are had for the asking (`/email/token?email=`, `/github/token?repository=`), through a log-in page
//! or a device code, or from the endpoint that a GitHub Actions runner has. Nobody is authenticated.

mod login;
mod pages;
mod token;

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::Failure;
use super::fault::FaultKind;
use super::service::{Moment, internal};
pub use token::IssuerKind;
pub(super) use token::{Claims, Issuers, Wishes};

/// The secret that a runner shows to the ambient credential endpoint; no secret here.
pub(super) const REQUEST_TOKEN: &str = "request-token";

/// What the handlers share.
pub(super) struct Oidc {
    issuers: Arc<Issuers>,
    grants: login::Grants,
}

pub(super) fn router(issuers: Arc<Issuers>) -> Router {
    let state = Arc::new(Oidc { issuers, grants: login::Grants::default() });
    Router::new()
        .route("/", get(index))
        .route("/{issuer}/.well-known/openid-configuration", get(discovery))
        .route("/{issuer}/keys", get(keys))
        .route("/{issuer}/token", get(mint).post(login::exchange))
        .route("/github/actions", get(actions))
        .route("/email/auth", get(login::page).post(login::approve))
        .route("/email/device/code", post(login::device_code))
        .route("/email/device", get(login::device_page).post(login::device_approve))
        .with_state(state)
}

fn issuer(name: &str) -> Option<IssuerKind> {
    IssuerKind::ALL.into_iter().find(|kind| kind.path() == name)
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({}))).into_response()
}

/// Query or form parameters, in order.
fn parameters(encoded: &[u8]) -> Wishes {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

async fn index(State(oidc): State<Arc<Oidc>>) -> Html<String> {
    Html(pages::index(&IssuerKind::ALL.map(|kind| oidc.issuers.url(kind))))
}

/// OpenID Connect Discovery 1.0, section 3. As GitHub's, that issuer's document names no log-in page.
async fn discovery(State(oidc): State<Arc<Oidc>>, Path(name): Path<String>) -> Response {
    let Some(kind) = issuer(&name) else { return not_found() };
    let url = oidc.issuers.url(kind);
    let mut document = json!({
        "issuer": url,
        "jwks_uri": format!("{url}/keys"),
        "token_endpoint": format!("{url}/token"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "nbf", "jti"],
    });
    if kind == IssuerKind::Email {
        document["authorization_endpoint"] = format!("{url}/auth").into();
        document["device_authorization_endpoint"] = format!("{url}/device/code").into();
        document["response_types_supported"] = json!(["code"]);
        document["grant_types_supported"] = json!(["authorization_code", login::DEVICE_GRANT]);
        document["code_challenge_methods_supported"] = json!(["S256"]);
        document["token_endpoint_auth_methods_supported"] = json!(["none"]);
        document["scopes_supported"] = json!(["openid", "email"]);
    }
    Json(document).into_response()
}

async fn keys(State(oidc): State<Arc<Oidc>>, Path(name): Path<String>) -> Response {
    match issuer(&name) {
        Some(_) => Json(oidc.issuers.jwks()).into_response(),
        None => not_found(),
    }
}

impl Oidc {
    fn mint(&self, kind: IssuerKind, wishes: &Wishes, moment: Moment) -> Result<String, Failure> {
        if moment.has(FaultKind::BadToken) {
            self.issuers.forge(kind, wishes, moment.now)
        } else {
            self.issuers.mint(kind, wishes, moment.now)
        }
    }
}

async fn mint(
    State(oidc): State<Arc<Oidc>>,
    Path(name): Path<String>,
    Extension(moment): Extension<Moment>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(kind) = issuer(&name) else { return not_found() };
    match oidc.mint(kind, &parameters(query.unwrap_or_default().as_bytes()), moment) {
        Ok(token) => token.into_response(),
        Err(failure) => internal(&failure.to_string()),
    }
}

/// What `ACTIONS_ID_TOKEN_REQUEST_URL` names on a GitHub runner.
async fn actions(
    State(oidc): State<Arc<Oidc>>,
    Extension(moment): Extension<Moment>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    if shown != Some(REQUEST_TOKEN) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "bad request token" }))).into_response();
    }
    match oidc.mint(IssuerKind::Github, &parameters(query.unwrap_or_default().as_bytes()), moment) {
        Ok(token) => Json(json!({ "count": 1, "value": token })).into_response(),
        Err(failure) => internal(&failure.to_string()),
    }
}
