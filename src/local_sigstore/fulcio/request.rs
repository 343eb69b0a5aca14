//! What a client sends: a token, and a key that it proves to hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::{Decode as _, Encode as _};
use serde::Deserialize;
use x509_cert::request::CertReq;

use super::super::keys::PublicKey;
use super::super::pem;

/// A key, and what should show that the client holds it.
pub(super) enum Proof {
    /// A PKCS#10 request, which is signed by its own key.
    Request(Vec<u8>),
    /// A public key (PEM or DER), with a signature over the token's challenge.
    Signature { key: Vec<u8>, signature: Vec<u8> },
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProofError {
    Request,
    Key,
    Signature,
}

impl ProofError {
    /// Fulcio's words.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Request => "The certificate signing request could not be parsed",
            Self::Key => "The public key supplied in the request could not be parsed",
            Self::Signature => "The signature supplied in the request could not be verified",
        }
    }
}

impl Proof {
    /// The key, if the proof holds.
    pub(super) fn key(&self, challenge: &str) -> Result<PublicKey, ProofError> {
        match self {
            Self::Request(pem) => {
                let der = std::str::from_utf8(pem)
                    .ok()
                    .and_then(|text| {
                        pem::decode("CERTIFICATE REQUEST", text)
                            .or_else(|| pem::decode("NEW CERTIFICATE REQUEST", text))
                    })
                    .ok_or(ProofError::Request)?;
                let request = CertReq::from_der(&der).map_err(|_| ProofError::Request)?;
                let signed = request.info.to_der().map_err(|_| ProofError::Request)?;
                let key = PublicKey::from_spki(request.info.public_key).ok_or(ProofError::Key)?;
                let signature = request.signature.as_bytes().ok_or(ProofError::Signature)?;
                if key.verifies(&signed, signature) { Ok(key) } else { Err(ProofError::Signature) }
            }
            Self::Signature { key, signature } => {
                let der = std::str::from_utf8(key).ok().and_then(|text| pem::decode("PUBLIC KEY", text));
                let key = PublicKey::from_der(der.as_ref().unwrap_or(key)).ok_or(ProofError::Key)?;
                if key.verifies(challenge.as_bytes(), signature) {
                    Ok(key)
                } else {
                    Err(ProofError::Signature)
                }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    credentials: Option<Credentials>,
    public_key_request: Option<PublicKeyRequest>,
    certificate_signing_request: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    oidc_identity_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: Option<Content>,
    proof_of_possession: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestV1 {
    public_key: Option<Content>,
    signed_email_address: Option<String>,
    certificate_signing_request: Option<String>,
}

fn bytes(base64: Option<String>) -> Result<Vec<u8>, String> {
    STANDARD.decode(base64.unwrap_or_default()).map_err(|error| format!("invalid base64: {error}"))
}

/// A request of version 2: the token where it is in the body, and the key.
///
/// # Errors
/// The message for the client.
pub(super) fn parse(body: &[u8]) -> Result<(Option<String>, Proof), String> {
    let request: Request = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let token = request.credentials.and_then(|credentials| credentials.oidc_identity_token);
    let proof = match (request.certificate_signing_request, request.public_key_request) {
        (Some(_), Some(_)) => return Err("a key and a certificate signing request".to_owned()),
        (Some(pem), None) => Proof::Request(bytes(Some(pem))?),
        (None, key) => {
            let (key, signature) = key.map_or((None, None), |key| (key.public_key, key.proof_of_possession));
            // in this version the key is text, PEM in practice
            let key = key.and_then(|key| key.content).unwrap_or_default().into_bytes();
            Proof::Signature { key, signature: bytes(signature)? }
        }
    };
    Ok((token.filter(|token| !token.is_empty()), proof))
}

/// A request of version 1, where the key is bytes.
///
/// # Errors
/// The message for the client.
pub(super) fn parse_v1(body: &[u8]) -> Result<Proof, String> {
    let request: RequestV1 = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    match request.certificate_signing_request {
        Some(pem) => Ok(Proof::Request(bytes(Some(pem))?)),
        None => Ok(Proof::Signature {
            key: bytes(request.public_key.and_then(|key| key.content))?,
            signature: bytes(request.signed_email_address)?,
        }),
    }
}
