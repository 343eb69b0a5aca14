//! A log whose key the test holds, so that it can log what no honest log would.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcptrust::json::{Digest, canonical, parse as parse_json};
use mcptrust::signing::trust::TrustMaterial;
use mcptrust::signing::verify::{Authentic, LogError, Problem, Subject, TimeSource, by_certificate};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use crate::support::{
    changed, decode, encode, entry, flip, json as recorded, lockfile, now, parse, private_with, time,
    trust_of,
};

const NAME: &str = "synthetic";

struct Log {
    key: KeyPair,
    spki: Vec<u8>,
}

/// What an entry says about itself besides its body.
struct Entry {
    kind: (&'static str, &'static str),
    integrated: Option<i64>,
    promise: bool,
}

const DSSE: Entry = Entry { kind: ("dsse", "0.0.1"), integrated: Some(0), promise: true };
const RECORD: Entry = Entry { kind: ("hashedrekord", "0.0.2"), integrated: None, promise: false };

impl Log {
    fn new() -> Self {
        let key = KeyPair::generate_ecdsa_p256().unwrap();
        let spki = key.public_key_der().unwrap().as_bytes().to_vec();
        Self { key, spki }
    }

    fn id(&self) -> Digest {
        Digest::of(&self.spki)
    }

    fn trust(&self) -> TrustMaterial {
        trust_of(&changed("private/trusted_root.json", |root| {
            let mut log = root["tlogs"][0].clone();
            log["baseUrl"] = json!(format!("http://{NAME}"));
            log["publicKey"]["rawBytes"] = encode(&self.spki);
            log["logId"]["keyId"] = encode(self.id().as_bytes());
            root["tlogs"] = json!([log]);
        }))
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).unwrap().as_bytes().to_vec()
    }

    /// The one entry of a log of size one. A time of zero stands for a minute into the certificate's life.
    fn entry(&self, body: &Value, about: &Entry) -> Value {
        let (kind, version) = about.kind;
        let body = body.to_string().into_bytes();
        let root = STANDARD.encode(Digest::of_parts(&[&[0], &body]).as_bytes());
        let origin = if about.kind == RECORD.kind { NAME.to_owned() } else { format!("{NAME} - 1") };
        let note = format!("{origin}\n1\n{root}\n");
        let signature = [&self.id().as_bytes()[..4], &self.sign(note.as_bytes())].concat();
        let mut entry = json!({
            "logIndex": "0",
            "logId": {"keyId": encode(self.id().as_bytes())},
            "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": "0", "rootHash": root, "treeSize": "1", "hashes": [],
                "checkpoint": {"envelope": format!("{note}\n\u{2014} {NAME} {}\n", STANDARD.encode(signature))},
            },
            "canonicalizedBody": encode(&body),
        });
        if let Some(seconds) = about.integrated {
            let seconds = if seconds == 0 { signing_time() } else { seconds };
            entry["integratedTime"] = json!(seconds.to_string());
            let payload = json!({
                "body": encode(&body), "integratedTime": seconds,
                "logID": self.id().to_string(), "logIndex": 0,
            });
            let payload =
                canonical(&parse_json(payload.to_string().as_bytes(), &Default::default()).unwrap());
            if about.promise {
                entry["inclusionPromise"] = json!({"signedEntryTimestamp": encode(&self.sign(&payload))});
            }
        }
        entry
    }
}

/// When `private/github.json` was signed, in the word of its timestamp authority.
fn signing_time() -> i64 {
    let bundle = recorded("private/github.json");
    let trust = crate::support::trust("private/trusted_root.json");
    private_with(&bundle, &trust).unwrap().signed_at().unwrap().as_second()
}

fn pem(der: &Value) -> String {
    let text = der.as_str().unwrap();
    STANDARD.encode(format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
}

fn dsse_body(bundle: &Value) -> Value {
    let payload = Digest::of(&decode(&bundle["dsseEnvelope"]["payload"])).to_string();
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": "0".repeat(64)},
        "payloadHash": {"algorithm": "sha256", "value": payload},
        "signatures": [{
            "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
            "verifier": pem(&bundle["verificationMaterial"]["certificate"]["rawBytes"]),
        }],
    }})
}

/// The recorded body, to be changed.
fn record_body(bundle: &Value) -> Value {
    let body = &bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"];
    serde_json::from_slice(&decode(body)).unwrap()
}

/// The recorded bundle with one entry of the synthetic log instead of its own, and without its timestamp
/// where the entry brings a time.
fn logged(log: &Log, about: &Entry, bundle: &Value, body: &Value) -> Value {
    let mut bundle = bundle.clone();
    *entry(&mut bundle) = log.entry(body, about);
    if about.integrated.is_some() {
        bundle["verificationMaterial"].as_object_mut().unwrap().remove("timestampVerificationData");
    }
    bundle
}

fn github() -> Value {
    recorded("private/github.json")
}

fn with_dsse(about: &Entry, change: impl FnOnce(&mut Value)) -> Result<Authentic, Problem> {
    let log = Log::new();
    let mut body = dsse_body(&github());
    change(&mut body);
    private_with(&logged(&log, about, &github(), &body), &log.trust())
}

fn with_record(change: impl FnOnce(&mut Value)) -> Result<Authentic, Problem> {
    let log = Log::new();
    let mut body = record_body(&github());
    change(&mut body);
    private_with(&logged(&log, &RECORD, &github(), &body), &log.trust())
}

fn log_error(result: Result<Authentic, Problem>) -> LogError {
    match result.unwrap_err() {
        Problem::Log { index: 0, error } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_synthetic_log_holds_honestly_is_accepted() {
    let authentic = with_dsse(&DSSE, |_| {}).unwrap();
    assert_eq!(authentic.times[0].source, TimeSource::Log(NAME.to_owned()));
    assert_eq!(with_record(|_| {}).unwrap().logs[0].log, NAME);
}

#[test]
fn a_promise_alone_is_never_enough() {
    let log = Log::new();
    let mut bundle = logged(&log, &DSSE, &github(), &dsse_body(&github()));
    entry(&mut bundle).as_object_mut().unwrap().remove("inclusionProof");
    assert_eq!(log_error(private_with(&bundle, &log.trust())), LogError::NoProof);
    // Nor where the bundle claims to be of a version that had no proofs.
    bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
    assert_eq!(log_error(private_with(&bundle, &log.trust())), LogError::NoProof);
}

#[test]
fn an_integrated_time_without_a_promise_is_no_time() {
    assert_eq!(with_dsse(&Entry { promise: false, ..DSSE }, |_| {}), Err(Problem::NoTime));
}

#[test]
fn the_promise_is_signed_by_the_log() {
    let log = Log::new();
    let mut bundle = logged(&log, &DSSE, &github(), &dsse_body(&github()));
    let seconds = signing_time() + 1;
    entry(&mut bundle)["integratedTime"] = json!(seconds.to_string());
    assert_eq!(log_error(private_with(&bundle, &log.trust())), LogError::Promise);
}

#[test]
fn the_signing_time_lies_in_the_certificates_life() {
    let at = |seconds: i64| with_dsse(&Entry { integrated: Some(signing_time() + seconds), ..DSSE }, |_| {});
    assert!(at(60).is_ok());
    for outside in [-3600, 3600] {
        assert!(matches!(at(outside), Err(Problem::CertificateTime { .. })), "{outside}");
    }
}

#[test]
fn the_certificate_is_valid_at_every_verified_time() {
    // The bundle's own timestamp is fine; the log's time is not.
    let log = Log::new();
    let mut bundle = github();
    let late = Entry { integrated: Some(signing_time() + 3600), ..DSSE };
    *entry(&mut bundle) = log.entry(&dsse_body(&github()), &late);
    assert!(matches!(private_with(&bundle, &log.trust()), Err(Problem::CertificateTime { .. })));
}

#[test]
fn a_log_cannot_integrate_in_the_future() {
    let log = Log::new();
    let bundle = logged(&log, &DSSE, &github(), &dsse_body(&github()));
    let early = jiff::Timestamp::from_second(signing_time() - 1).unwrap();
    let lockfile = lockfile();
    let result = by_certificate(&parse(&bundle), Subject::Bytes(&lockfile), &log.trust(), early);
    let time = jiff::Timestamp::from_second(signing_time()).unwrap();
    assert_eq!(log_error(result), LogError::Future { time });
    assert!(time < now() && time > self::time("2026-11-30T00:00:00Z"));
}

#[test]
fn a_logged_signature_still_has_to_verify() {
    let log = Log::new();
    let mut bundle = github();
    flip(&mut bundle["dsseEnvelope"]["signatures"][0]["sig"]);
    let bundle = logged(&log, &DSSE, &bundle, &dsse_body(&bundle));
    assert_eq!(
        private_with(&bundle, &log.trust()),
        Err(Problem::Signature {
            with:
                "the certificate of https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main"
                    .to_owned()
        })
    );
}

#[test]
fn a_logged_envelope_is_this_envelope() {
    let other = recorded("private/github-8.json");
    let refused = |change: fn(&mut Value, &Value)| log_error(with_dsse(&DSSE, |body| change(body, &other)));
    assert_eq!(
        refused(|body, _| body["spec"]["payloadHash"]["value"] = json!("0".repeat(64))),
        LogError::Mismatch("payload")
    );
    assert_eq!(
        refused(|body, other| {
            body["spec"]["signatures"][0]["verifier"] =
                json!(pem(&other["verificationMaterial"]["certificate"]["rawBytes"]));
        }),
        LogError::Mismatch("certificate")
    );
    assert_eq!(
        refused(|body, other| {
            body["spec"]["signatures"][0]["signature"] =
                other["dsseEnvelope"]["signatures"][0]["sig"].clone();
        }),
        LogError::Mismatch("signature")
    );
    assert_eq!(
        refused(|body, _| {
            let again = body["spec"]["signatures"][0].clone();
            body["spec"]["signatures"].as_array_mut().unwrap().push(again);
        }),
        LogError::Body("/spec/signatures: expected exactly one signature".to_owned())
    );
    assert_eq!(
        refused(|body, _| body["spec"]["payloadHash"]["algorithm"] = json!("md5")),
        LogError::Unsupported("the digest algorithm \"md5\" is not known".to_owned())
    );
    assert_eq!(refused(|body, _| body["kind"] = json!("intoto")), LogError::Mismatch("kind"));
    assert_eq!(
        refused(|body, _| body["spec"]["signatures"][0]["verifier"] = json!("AAAA")),
        LogError::Body("the logged certificate or key is not one PEM block".to_owned())
    );
    assert_eq!(
        refused(|body, _| {
            body["spec"].as_object_mut().unwrap().remove("payloadHash");
        }),
        LogError::Body("/spec/payloadHash/algorithm: expected a string".to_owned())
    );
}

#[test]
fn a_logged_record_is_this_signature() {
    const SPEC: &str = "hashedRekordV002";
    let other = recorded("private/github-8.json");
    let refused = |change: fn(&mut Value, &Value)| {
        log_error(with_record(|body| change(&mut body["spec"][SPEC], &other)))
    };
    assert_eq!(refused(|spec, _| flip(&mut spec["data"]["digest"])), LogError::Mismatch("digest"));
    assert_eq!(refused(|spec, _| flip(&mut spec["signature"]["content"])), LogError::Mismatch("signature"));
    assert_eq!(
        refused(|spec, other| {
            spec["signature"]["verifier"]["x509Certificate"] =
                other["verificationMaterial"]["certificate"].clone();
        }),
        LogError::Mismatch("certificate")
    );
    // The key of the certificate in place of the certificate: another signer may hold the same key.
    assert_eq!(
        refused(|spec, _| {
            let verifier = spec["signature"]["verifier"].as_object_mut().unwrap();
            let certificate = verifier.remove("x509Certificate").unwrap();
            verifier.insert("publicKey".to_owned(), certificate);
        }),
        LogError::Mismatch("certificate")
    );
    assert_eq!(
        refused(|spec, _| spec["data"]["algorithm"] = json!("SHA2_384")),
        LogError::Mismatch("digest")
    );
}

#[test]
fn a_record_of_rekor_v1_does_not_log_an_envelope() {
    let log = Log::new();
    let about = Entry { kind: ("hashedrekord", "0.0.1"), ..DSSE };
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {}});
    assert_eq!(
        log_error(private_with(&logged(&log, &about, &github(), &body), &log.trust())),
        LogError::Unsupported("hashedrekord 0.0.1 does not log such a signature".to_owned())
    );
}
