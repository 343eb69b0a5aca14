//! A certificate authority with Fulcio's API: version 2 (`/api/v2/signingCert`), and the older version 1.

mod identity;
mod issue;
mod request;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::authority::Issuer;
use super::keys::Key;
use super::oidc::{IssuerKind, Issuers};
use super::service::{Moment, internal, invalid_argument, refusal};
use super::{Failure, pem};
use identity::Principal;
use request::Proof;

/// The audience that tokens must be for.
pub(super) const CLIENT_ID: &str = "sigstore";

/// The certificate authority, and the key that vouches for what it issued.
pub(super) struct Fulcio {
    pub(super) root: Issuer,
    pub(super) ct_log: Key,
    pub(super) issuers: Arc<Issuers>,
}

pub(super) fn router(fulcio: Arc<Fulcio>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/signingCert", post(signing_cert_v1))
        .route("/api/v1/rootCert", get(root_cert_v1))
        .route("/healthz", get(|| async { Json(json!({ "status": "SERVING" })) }))
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, 5, "Not Found") })
        .with_state(fulcio)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Why there is no certificate.
enum Refused {
    /// The request's fault.
    Request(String),
    /// Nobody's.
    Failure(Failure),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Request(problem) => invalid_argument(&problem),
            Self::Failure(failure) => internal(&failure.to_string()),
        }
    }
}

impl Fulcio {
    /// The PEM chain for a proven key and a valid token, leaf first.
    fn certify(&self, token: &str, proof: &Proof, moment: Moment) -> Result<Vec<String>, Refused> {
        let (kind, claims) = self.issuers.verify(token, CLIENT_ID, moment.now).map_err(|error| {
            Refused::Request(format!("There was an error processing the identity token: {error}"))
        })?;
        let issuer = self.issuers.url(kind);
        let principal = Principal::new(kind, issuer, &claims).map_err(Refused::Request)?;
        let key = proof
            .key(&principal.challenge)
            .map_err(|problem| Refused::Request(problem.message().to_owned()))?;
        let leaf = self.issue(&principal, key, moment).map_err(Refused::Failure)?;
        Ok(vec![pem::encode("CERTIFICATE", &leaf), self.root_pem()])
    }

    fn root_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.root.der())
    }
}

async fn signing_cert(
    State(fulcio): State<Arc<Fulcio>>,
    Extension(moment): Extension<Moment>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (in_body, proof) = match request::parse(&body) {
        Ok(parsed) => parsed,
        Err(problem) => return invalid_argument(&problem),
    };
    let token = in_body.as_deref().or_else(|| bearer(&headers)).unwrap_or_default();
    match fulcio.certify(token, &proof, moment) {
        Ok(chain) => Json(json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": chain } } }))
            .into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn signing_cert_v1(
    State(fulcio): State<Arc<Fulcio>>,
    Extension(moment): Extension<Moment>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let proof = match request::parse_v1(&body) {
        Ok(proof) => proof,
        Err(problem) => return invalid_argument(&problem),
    };
    match fulcio.certify(bearer(&headers).unwrap_or_default(), &proof, moment) {
        Ok(chain) => (StatusCode::CREATED, pem_chain(&chain)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn root_cert_v1(State(fulcio): State<Arc<Fulcio>>) -> Response {
    pem_chain(&[fulcio.root_pem()]).into_response()
}

fn pem_chain(chain: &[String]) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/pem-certificate-chain")], chain.join("\n").trim().to_owned())
}

async fn trust_bundle(State(fulcio): State<Arc<Fulcio>>) -> Response {
    Json(json!({ "chains": [{ "certificates": [fulcio.root_pem()] }] })).into_response()
}

async fn configuration(State(fulcio): State<Arc<Fulcio>>) -> Response {
    let issuers = IssuerKind::ALL.map(|kind| {
        let (issuer_type, challenge) = match kind {
            IssuerKind::Email => ("email", "email"),
            IssuerKind::Github => ("ci-provider", "sub"),
        };
        json!({
            "issuerUrl": fulcio.issuers.url(kind),
            "audience": CLIENT_ID,
            "challengeClaim": challenge,
            "spiffeTrustDomain": "",
            "issuerType": issuer_type,
            "subjectDomain": "",
            "skipEmailVerification": false,
        })
    });
    Json(json!({ "issuers": issuers })).into_response()
}
