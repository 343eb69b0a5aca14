//! The kinds of key that clients bring, through a certificate signing request and a log entry.

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{BitString, ObjectIdentifier, SetOfVec};
use der::{Decode as _, Encode as _};
use mcptrust::local_sigstore::{IssuerKind, Running};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use x509_cert::request::{CertReq, CertReqInfo};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{client, instance};

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn p384() -> Pair {
    Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap())
}

/// A PKCS#10 request in PEM, whose signature another key may have made.
fn request(pair: &Pair, signer: &Pair) -> String {
    let info = CertReqInfo {
        version: x509_cert::request::Version::V1,
        subject: x509_cert::name::Name::default(),
        public_key: SubjectPublicKeyInfoOwned::from_der(&pair.spki()).unwrap(),
        attributes: SetOfVec::default(),
    };
    let signature = signer.sign(&info.to_der().unwrap());
    let oid = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifierOwned { oid, parameters: None },
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    let body = STANDARD.encode(request.to_der().unwrap());
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
}

async fn certify(running: &Running, pem: &str) -> Response {
    let token = running.mint(IssuerKind::Email, &[]).unwrap();
    let body = json!({ "certificateSigningRequest": STANDARD.encode(pem) });
    let url = format!("{}/api/v2/signingCert", running.urls().fulcio);
    client().post(url).bearer_auth(token).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_signing_request_proves_its_own_key_of_any_common_kind() {
    let (_dir, running) = instance().await;
    let p256 = Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
    let pairs = [
        p256,
        p384(),
        Pair::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()),
        Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
    ];
    for pair in &pairs {
        let response = certify(&running, &request(pair, pair)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = response.json().await.unwrap();
        let leaf = answer.pointer("/signedCertificateEmbeddedSct/chain/certificates/0").unwrap();
        let der = sigstore_types::DerCertificate::from_pem(leaf.as_str().unwrap()).unwrap();
        let leaf = x509_cert::Certificate::from_der(der.as_bytes()).unwrap();
        assert_eq!(leaf.tbs_certificate.subject_public_key_info.to_der().unwrap(), pair.spki());
    }
    let response = certify(&running, &request(&pairs[0], &p384())).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(response.text().await.unwrap().contains("signature supplied in the request"));
}

#[tokio::test]
async fn the_log_takes_the_digest_that_belongs_to_the_key() {
    let (_dir, running) = instance().await;
    let url = format!("{}/api/v2/log/entries", running.urls().rekor);
    let entry = |pair: &Pair, details: &str, digest: &[u8]| {
        json!({ "hashedRekordRequestV002": {
            "digest": STANDARD.encode(digest),
            "signature": {
                "content": STANDARD.encode(pair.sign(b"message")),
                "verifier": {
                    "keyDetails": details,
                    "publicKey": { "rawBytes": STANDARD.encode(pair.spki()) },
                },
            },
        } })
    };
    let (short, long) = (digest(&SHA256, b"message"), digest(&SHA384, b"message"));
    let rsa = Pair::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap());
    let ed25519 = Pair::Ed25519(Ed25519KeyPair::generate().unwrap());
    for (pair, details, digest, status) in [
        (p384(), "PKIX_ECDSA_P384_SHA_384", long.as_ref(), StatusCode::CREATED),
        (p384(), "PKIX_ECDSA_P384_SHA_384", short.as_ref(), StatusCode::BAD_REQUEST),
        (rsa, "PKIX_RSA_PKCS1V15_2048_SHA256", short.as_ref(), StatusCode::CREATED),
        (ed25519, "PKIX_ED25519", short.as_ref(), StatusCode::BAD_REQUEST),
    ] {
        let response = client().post(&url).json(&entry(&pair, details, digest)).send().await.unwrap();
        assert_eq!(response.status(), status, "{details}: {}", response.text().await.unwrap());
    }
    assert_eq!(running.log_size(), 3);
}
