//! A Rekor v1 of a few lines, and the lies that it can tell.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mcptrust::signing::keyless::{Cause, Endpoint, Error, Published, Selected, Service};
use serde_json::{Value, json};
use sigstore_crypto::{KeyPair, sha256};
use sigstore_trust_root::TrustedRoot;
use url::Url;

use crate::instance::Instance;
use crate::server::Server;

/// What is changed in the answer before it is sent, or in the body before it is logged.
#[derive(Clone, Copy, Default)]
struct Lie {
    body: Option<fn(&mut Value)>,
    entry: Option<fn(&mut Value)>,
}

struct Rekor {
    key: KeyPair,
    id: Vec<u8>,
}

impl Rekor {
    fn new() -> Rekor {
        let key = KeyPair::generate_ecdsa_p256().unwrap();
        let id = sha256(key.public_key_der().unwrap().as_bytes()).as_bytes().to_vec();
        Rekor { key, id }
    }

    fn trusted(&self) -> Value {
        json!({
            "baseUrl": "https://rekor.example.com",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(self.key.public_key_der().unwrap().as_bytes()),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": { "start": "2020-01-01T00:00:00Z" },
            },
            "logId": { "keyId": STANDARD.encode(&self.id) },
        })
    }

    /// The entry alone in a tree of its own.
    fn answer(&self, request: &[u8], lie: Lie) -> Vec<u8> {
        let request: Value = serde_json::from_slice(request).unwrap();
        assert_eq!((request["kind"].as_str(), request["apiVersion"].as_str()), (Some("dsse"), Some("0.0.1")));
        let proposed = &request["spec"]["proposedContent"];
        let text = proposed["envelope"].as_str().unwrap();
        let envelope: Value = serde_json::from_str(text).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let hash = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": sha256(bytes).to_hex() });
        let mut body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hash(text.as_bytes()),
                "payloadHash": hash(&payload),
                "signatures": [{ "signature": envelope["signatures"][0]["sig"], "verifier": proposed["verifiers"][0] }],
            },
        });
        if let Some(lie) = lie.body {
            lie(&mut body);
        }
        let body = body.to_string();
        let root = sigstore_merkle::hash_leaf(body.as_bytes());
        let note = format!("rekor.example.com - 17\n1\n{}\n", STANDARD.encode(root.as_bytes()));
        let signature = self.key.sign(note.as_bytes()).unwrap();
        let line = STANDARD.encode([&self.id[..4], signature.as_bytes()].concat());
        let body = STANDARD.encode(body);
        let (time, id) = (Timestamp::now().as_second(), hex::encode(&self.id));
        let promised =
            format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":100}}"#);
        let mut entry = json!({
            "body": body,
            "integratedTime": time,
            "logID": id,
            "logIndex": 100,
            "verification": {
                "inclusionProof": {
                    "checkpoint": format!("{note}\n\u{2014} rekor.example.com {line}\n"),
                    "hashes": [], "logIndex": 0, "rootHash": root.to_hex(), "treeSize": 1,
                },
                "signedEntryTimestamp": STANDARD.encode(self.key.sign(promised.as_bytes()).unwrap().as_bytes()),
            },
        });
        if let Some(lie) = lie.entry {
            lie(&mut entry);
        }
        json!({ "24296fb24b8ad77a0000": entry }).to_string().into_bytes()
    }
}

async fn instance(lie: Lie) -> (Instance, Server) {
    let rekor = Arc::new(Rekor::new());
    let mut instance = trusting(&rekor).await;
    let (log, server) = serve(rekor, lie).await;
    instance.services.logs = Selected { candidates: vec![log], needed: 1 };
    (instance, server)
}

async fn trusting(rekor: &Rekor) -> Instance {
    let mut instance = Instance::start().await;
    let mut trust = serde_json::to_value(&instance.trust).unwrap();
    trust["tlogs"] = json!([rekor.trusted()]);
    instance.trust = TrustedRoot::from_json(&trust.to_string()).unwrap();
    instance
}

async fn serve(rekor: Arc<Rekor>, lie: Lie) -> (Endpoint, Server) {
    let server = Server::start(move |asked| {
        assert_eq!(asked.uri.path(), "/api/v1/log/entries");
        (201, rekor.answer(&asked.body, lie))
    })
    .await;
    (Endpoint { url: Url::parse(&server.url).unwrap(), api_version: 1, operator: None }, server)
}

#[tokio::test]
async fn two_entries_of_one_log_count_once() {
    let rekor = Arc::new(Rekor::new());
    let mut instance = trusting(&rekor).await;
    let (first, _one) = serve(Arc::clone(&rekor), Lie::default()).await;
    let (second, _other) = serve(rekor, Lie::default()).await;
    instance.services.logs = Selected { candidates: vec![first, second.clone()], needed: 2 };
    let error = instance.sign(&instance.github()).await.unwrap_err();
    let error = error.service().unwrap();
    assert!(error.to_string().contains("the same log as another"), "{error}");
    assert_eq!((error.url.as_str(), error.published), (second.url.as_str(), Published::Entry));
}

#[tokio::test]
async fn a_version_one_log_records_the_envelope() {
    let (instance, _server) = instance(Lie::default()).await;
    let identity = instance.github();
    let signed = instance.sign(&identity).await.unwrap();
    // The timestamp and the log's promise.
    assert_eq!(signed.times.len(), 2);
    assert_eq!(signed.entries[0].1, 100);
    instance.verify(&signed.bundle, &identity).unwrap();
}

#[tokio::test]
async fn its_promise_is_time_enough_where_the_config_names_no_timestamp_authority() {
    let (mut instance, _server) = instance(Lie::default()).await;
    instance.services.timestamp_authorities = Selected { candidates: Vec::new(), needed: 0 };
    let signed = instance.sign(&instance.github()).await.unwrap();
    assert_eq!(signed.times.len(), 1);
}

#[tokio::test]
async fn whatever_it_says_falsely_is_laid_to_it() {
    let lies: [(&str, Lie, &str); 11] = [
        (
            "another payload",
            body(|b| b["spec"]["payloadHash"]["value"] = json!("00".repeat(32))),
            "about another payload",
        ),
        (
            "about another signature",
            body(|b| b["spec"]["signatures"][0]["signature"] = json!("AAAA")),
            "about another signature",
        ),
        (
            "about another certificate",
            body(|b| b["spec"]["signatures"][0]["verifier"] = json!(STANDARD.encode(OTHER))),
            "about another certificate",
        ),
        ("no signature", body(|b| b["spec"]["signatures"] = json!([])), "signature"),
        ("no proof", entry(|e| e["verification"]["inclusionProof"] = json!(null)), "no inclusion proof"),
        (
            "another root",
            entry(|e| e["verification"]["inclusionProof"]["rootHash"] = json!("00".repeat(32))),
            "root hashes differ",
        ),
        (
            "another size",
            entry(|e| e["verification"]["inclusionProof"]["treeSize"] = json!(2)),
            "inclusion proof",
        ),
        ("another log", entry(|e| e["logID"] = json!("00".repeat(32))), "not in the trust material"),
        (
            "a bad promise",
            entry(|e| e["verification"]["signedEntryTimestamp"] = json!("AAAA")),
            "signed entry timestamp",
        ),
        ("another place", entry(|e| e["logIndex"] = json!(101)), "signed entry timestamp"),
        (
            "an hour later",
            entry(|e| e["integratedTime"] = json!(e["integratedTime"].as_i64().unwrap() + 3600)),
            "clocks is wrong",
        ),
    ];
    for (what, lie, says) in lies {
        let (instance, _server) = instance(lie).await;
        let error = instance.sign(&instance.github()).await.unwrap_err();
        let Error::Service(error) = error else { panic!("{what}: {error}") };
        assert_eq!(error.service, Service::TransparencyLog, "{what}: {error}");
        assert!(matches!(&error.cause, Cause::Untrue(reason) if reason.contains(says)), "{what}: {error}");
        assert!(error.published >= Published::PerhapsEntry, "{what}: {error}");
    }
}

fn body(lie: fn(&mut Value)) -> Lie {
    Lie { body: Some(lie), ..Lie::default() }
}

fn entry(lie: fn(&mut Value)) -> Lie {
    Lie { entry: Some(lie), ..Lie::default() }
}

/// A certificate in form only.
const OTHER: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
