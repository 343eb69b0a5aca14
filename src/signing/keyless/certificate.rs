//! The certificate request to Fulcio, and what can be said of its answer without other witnesses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sigstore_crypto::KeyPair;
use sigstore_types::DerCertificate;

use super::error::{Cause, Error, Published, Service, ServiceError, Step, utc};
use super::identity::{Identity, PredictedCertificate};
use super::services::Endpoint;
use super::transport::{Call, Transport, join};
use crate::signing::certificate::SigningCertificate;

/// How far a service's clock may be from ours before it is called wrong.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A certificate that names our key and the predicted identity. Its chain and its signed certificate timestamp are
/// checked with the first timestamp, which gives the time to check them at.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub der: DerCertificate,
    pub certificate: SigningCertificate,
    pub says: PredictedCertificate,
    /// The authority's base URL, for errors that come to light only afterwards.
    pub url: url::Url,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    credentials: Credentials<'a>,
    public_key_request: KeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    oidc_identity_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyRequest {
    public_key: Key,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct Key {
    algorithm: &'static str,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    signed_certificate_embedded_sct: Option<Chain>,
    signed_certificate_detached_sct: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    chain: Certificates,
}

#[derive(Deserialize)]
struct Certificates {
    certificates: Vec<String>,
}

/// Asks the authorities in turn; the next one only when one cannot be reached or answers with a fault of its own.
pub(super) async fn request(
    transport: &Transport,
    authorities: &[Endpoint],
    identity: &Identity,
    key: &KeyPair,
    now: impl Fn() -> Timestamp,
) -> Result<Issued, Error> {
    let spki = key.public_key_der().map_err(|e| Error::local("cannot export the signing key", e))?;
    let proof = key
        .sign(identity.challenge().as_bytes())
        .map_err(|e| Error::local("cannot sign with the new key", e))?;
    let body = serde_json::to_vec(&Request {
        credentials: Credentials { oidc_identity_token: identity.token().reveal() },
        public_key_request: KeyRequest {
            public_key: Key { algorithm: "ECDSA", content: spki.to_pem() },
            proof_of_possession: STANDARD.encode(proof.as_bytes()),
        },
    })
    .map(zeroize::Zeroizing::new)
    .map_err(|e| Error::local("cannot write the certificate request", e))?;

    let mut failure: Option<ServiceError> = None;
    for authority in authorities {
        let url = join(&authority.url, "api/v2/signingCert")
            .map_err(|e| Error::local("cannot form the certificate authority's URL", e))?;
        let call =
            Call::post(Service::CertificateAuthority, Step::Certificate, url, "application/json", &body);
        match transport.send(&call).await {
            Ok(answer) => {
                let issued =
                    read(&call, &answer.body, authority).map_err(|e| published(e, Published::Certificate))?;
                check(&call, &issued, identity, spki.as_bytes(), now())
                    .map_err(|e| published(e, Published::Certificate))?;
                return Ok(issued);
            }
            Err(error) => {
                let may_have_acted = error.reached && error.cause.is_transient()
                    || matches!(error.cause, Cause::Deadline { .. } if error.reached);
                let left = if may_have_acted { Published::PerhapsCertificate } else { Published::Nothing };
                let left = left.max(failure.as_ref().map_or(Published::Nothing, |f| f.published));
                let try_next = error.cause.is_transient();
                let error = published(error, left);
                if !try_next {
                    return Err(error.into());
                }
                // The first authority's failure is the one worth telling, unless nothing was told yet.
                failure.get_or_insert(error).published = left;
            }
        }
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Err(Error::local("cannot ask for a certificate", "no certificate authority is configured")),
    }
}

pub(super) fn published(mut error: ServiceError, what: Published) -> ServiceError {
    error.published = what;
    error
}

fn read(call: &Call<'_>, body: &[u8], authority: &Endpoint) -> Result<Issued, ServiceError> {
    let response: Response = serde_json::from_slice(body).map_err(|e| call.malformed(e))?;
    let chain = match (response.signed_certificate_embedded_sct, response.signed_certificate_detached_sct) {
        (Some(chain), None) => chain.chain.certificates,
        (None, Some(_)) => {
            return Err(call.untrue("the certificate's signed certificate timestamp is detached; only embedded ones can be verified later"));
        }
        _ => return Err(call.malformed("it holds no certificate")),
    };
    let leaf = chain.first().ok_or_else(|| call.malformed("its certificate chain is empty"))?;
    let der = DerCertificate::from_pem(leaf).map_err(|e| call.malformed(e))?;
    let certificate = SigningCertificate::from_der(der.as_bytes()).map_err(|e| call.untrue(e))?;
    Ok(Issued {
        says: PredictedCertificate::from(&certificate),
        certificate,
        der,
        url: authority.url.clone(),
    })
}

fn check(
    call: &Call<'_>,
    issued: &Issued,
    identity: &Identity,
    spki: &[u8],
    now: Timestamp,
) -> Result<(), ServiceError> {
    if issued.certificate.key.der() != spki {
        return Err(call.untrue("the certificate is for another key than the one that was sent"));
    }
    if let Err(refusal) = identity.compare(&issued.says) {
        return Err(
            call.untrue(format!("the certificate is for another identity than the token's: {refusal}"))
        );
    }
    let (from, until) = (issued.certificate.not_before, issued.certificate.not_after);
    if from.duration_since(now) > CLOCK_TOLERANCE || now.duration_since(until) > CLOCK_TOLERANCE {
        return Err(call.untrue(format!(
            "the certificate is valid from {} to {}, and it is {} here; one of the clocks is wrong",
            utc(from),
            utc(until),
            utc(now)
        )));
    }
    Ok(())
}
