//! A timestamp authority with the API of Sigstore's (RFC 3161 over HTTP, section 3.4).

mod token;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::authority::{self, Issuer};
use super::fault::FaultKind;
use super::keys::Key;
use super::service::Moment;
use super::{Failure, pem};
pub(super) use token::Signer;
use token::{Request, RequestError};

/// The path that clients are given.
pub(super) const PATH: &str = "/api/v1/timestamp";

/// The authority: its own certificate, and the root above.
pub(super) struct Timestamping {
    pub(super) signer: Signer,
    pub(super) root: Issuer,
}

pub(super) fn router(authority: Arc<Timestamping>) -> Router {
    Router::new()
        .route(PATH, post(stamp))
        .route("/api/v1/timestamp/certchain", get(chain))
        .route("/ping", get(|| async { "" }))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "Not Found") })
        .with_state(authority)
}

/// An error as this service writes it.
fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "code": status.as_u16(), "message": message }))).into_response()
}

async fn stamp(
    State(authority): State<Arc<Timestamping>>,
    Extension(moment): Extension<Moment>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let request = match kind {
        "application/timestamp-query" => Request::parse(&body),
        "application/json" => parse_json(&body),
        _ => return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &RequestError::Unreadable.to_string()),
    };
    let request = match request {
        Ok(request) => request,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match authority.grant(request, moment) {
        Ok(response) => {
            let kind = [(header::CONTENT_TYPE, "application/timestamp-reply")];
            (kind, response).into_response()
        }
        Err(failure) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}

impl Timestamping {
    fn grant(&self, request: Request, moment: Moment) -> Result<Vec<u8>, Failure> {
        if moment.has(FaultKind::WrongDigest) {
            return self.signer.grant(request.with_wrong_digest()?, moment.now);
        }
        if moment.has(FaultKind::WrongCertificate) {
            let key = Key::generate()?;
            let root = self.root.impostor(moment.now)?;
            let certificate = authority::timestamping(&root, &key, moment.now)?;
            return Signer::new(key, certificate)?.grant(request, moment.now);
        }
        self.signer.grant(request, moment.now)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRequest {
    artifact_hash: String,
    hash_algorithm: String,
    nonce: Option<u64>,
    #[serde(default)]
    certificates: bool,
}

fn parse_json(body: &[u8]) -> Result<Request, RequestError> {
    let request: JsonRequest = serde_json::from_slice(body).map_err(|_| RequestError::Unreadable)?;
    let digest = STANDARD.decode(request.artifact_hash).map_err(|_| RequestError::Unreadable)?;
    Request::new(&request.hash_algorithm, &digest, request.nonce, request.certificates)
}

/// Leaf first, then the root, as PEM.
async fn chain(State(authority): State<Arc<Timestamping>>) -> Response {
    let chain = [authority.signer.der(), authority.root.der()].map(|der| pem::encode("CERTIFICATE", der));
    ([(header::CONTENT_TYPE, "application/pem-certificate-chain")], chain.concat()).into_response()
}
