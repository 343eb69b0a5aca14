//! Recorded files, changed in one place.

use std::fs;

use jiff::Timestamp;
use mcptrust::json::Digest;
use mcptrust::signing::Bundle;
use mcptrust::signing::trust::{Source, TrustMaterial};
use mcptrust::signing::verify::{Authentic, Problem, Subject, by_certificate};
use serde_json::Value;

/// SHA-256 of what the bundles in `clients/` are about.
pub(crate) const CLIENTS_SUBJECT: &str = "5bf83d7602a889f4755eb1555ce764e2c7dae929c373b93a731b81d41be2b28d";

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/signing/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&file(name)).unwrap()
}

pub(crate) fn parse(value: &Value) -> Bundle {
    Bundle::parse(value.to_string().as_bytes()).unwrap()
}

/// A recorded bundle with one change.
pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = json(name);
    let before = value.clone();
    change(&mut value);
    assert_ne!(value, before, "the change changed nothing");
    value
}

pub(crate) fn trust(name: &str) -> TrustMaterial {
    trust_of(&json(name))
}

pub(crate) fn trust_of(root: &Value) -> TrustMaterial {
    TrustMaterial::from_json(root.to_string().as_bytes(), Source::File("test".to_owned()), None).unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A day after the bundles in `private/` were made.
pub(crate) fn now() -> Timestamp {
    time("2026-12-01T12:00:00Z")
}

pub(crate) fn lockfile() -> Vec<u8> {
    file("mcp-lock.json")
}

pub(crate) fn clients_subject() -> Subject<'static> {
    Subject::Sha256(CLIENTS_SUBJECT.parse::<Digest>().unwrap())
}

/// Verifies a bundle over the lockfile against the first private instance.
pub(crate) fn private(value: &Value) -> Result<Authentic, Problem> {
    private_with(value, &trust("private/trusted_root.json"))
}

pub(crate) fn private_with(value: &Value, trust: &TrustMaterial) -> Result<Authentic, Problem> {
    by_certificate(&parse(value), Subject::Bytes(&lockfile()), trust, now())
}

/// Flips the last bit of some base64.
pub(crate) fn flip(value: &mut Value) {
    let mut bytes = decode(value);
    *bytes.last_mut().unwrap() ^= 1;
    *value = encode(&bytes);
}

pub(crate) fn decode(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap()
}

pub(crate) fn encode(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    Value::from(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// The first log entry of a bundle.
pub(crate) fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}
