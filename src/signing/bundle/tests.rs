use super::*;
use crate::signing::statement::{PREDICATE_TYPE, STATEMENT_TYPE, Statement, StatementError};

fn refused(text: &str) -> String {
    Bundle::parse(text.as_bytes()).unwrap_err().to_string()
}

fn by_key() -> String {
    let envelope = Envelope {
        payload_type: "application/vnd.in-toto+json".to_owned(),
        payload: b"{}".to_vec(),
        keyid: None,
        signature: vec![1; 64],
    };
    String::from_utf8(Bundle::with_key(envelope, Digest::of(b"key")).to_bytes()).unwrap()
}

/// The bundle by key with one part of its text replaced.
fn with(from: &str, to: &str) -> String {
    let text = by_key();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn what_is_written_is_read_back() {
    let bundle = Bundle::parse(by_key().as_bytes()).unwrap();
    assert_eq!(bundle.version, Version::V0_3);
    assert_eq!(bundle.material, Material::PublicKey { hint: Digest::of(b"key").to_string() });
    assert_eq!(String::from_utf8(bundle.to_bytes()).unwrap(), by_key());
    assert!(by_key().ends_with("}\n"));
}

#[test]
fn every_media_type_that_is_in_use_is_read() {
    for (text, version) in [
        ("application/vnd.dev.sigstore.bundle+json;version=0.1", Version::V0_1),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", Version::V0_2),
        ("application/vnd.dev.sigstore.bundle+json;version=0.3", Version::V0_3),
        ("application/vnd.dev.sigstore.bundle.v0.3+json", Version::V0_3),
    ] {
        let text = with(MEDIA_TYPE, text);
        assert_eq!(Bundle::parse(text.as_bytes()).unwrap().version, version);
    }
    assert_eq!(
        refused(&with(MEDIA_TYPE, "application/vnd.dev.sigstore.bundle.v0.4+json")),
        "unsupported bundle media type \"application/vnd.dev.sigstore.bundle.v0.4+json\"; \
         expected \"application/vnd.dev.sigstore.bundle.v0.3+json\" or its versions 0.1 and 0.2"
    );
}

#[test]
fn exactly_one_signature_is_read() {
    let one = "\"signatures\": [\n      {";
    let none = by_key();
    let (before, after) = none.split_once("\"signatures\": [").unwrap();
    let (_, after) = after.split_once("]").unwrap();
    assert_eq!(
        refused(&format!("{before}\"signatures\": []{after}")),
        "the envelope holds 0 signatures, expected exactly one; give every signer a bundle of their own"
    );
    assert_eq!(
        refused(&with(one, "\"signatures\": [{\"sig\": \"AAAA\"}, {")),
        "the envelope holds 2 signatures, expected exactly one; give every signer a bundle of their own"
    );
}

#[test]
fn unknown_missing_and_double_fields_are_refused_with_their_place() {
    assert_eq!(
        refused(&with("\"mediaType\"", "\"extra\": 1, \"mediaType\"")),
        "the bundle does not follow its format at the top level: unknown field \"extra\""
    );
    assert_eq!(
        refused(&with("\"sig\"", "\"alg\": \"none\", \"sig\"")),
        "the bundle does not follow its format at /dsseEnvelope/signatures/0: unknown field \"alg\""
    );
    assert_eq!(
        refused(&with("\"payloadType\"", "\"payload_type\"")),
        "the bundle does not follow its format at /dsseEnvelope: the field \"payloadType\" is missing"
    );
    let double = refused(&with("\"mediaType\"", "\"mediaType\": \"x\", \"mediaType\""));
    assert!(
        double.starts_with("the bundle is not valid JSON: line 11, column 21: duplicate key"),
        "{double}"
    );
    let trailing = refused(&format!("{}x", by_key()));
    assert!(trailing.starts_with("the bundle is not valid JSON: line"), "{trailing}");
    assert!(refused("").starts_with("the bundle is not valid JSON"));
    assert_eq!(
        refused("[]"),
        "the bundle does not follow its format at the top level: expected an object, got array"
    );
}

#[test]
fn material_and_content_are_given_once() {
    let hint = format!("\"publicKey\": {{\n      \"hint\": \"{}\"\n    }}", Digest::of(b"key"));
    assert_eq!(
        refused(&with(&hint, "\"tlogEntries\": []")),
        "the bundle does not follow its format at /verificationMaterial: \
         expected exactly one of \"publicKey\", \"certificate\" and \"x509CertificateChain\""
    );
    assert_eq!(
        refused(&with("\"publicKey\"", "\"certificate\": {\"rawBytes\": \"AAAA\"}, \"publicKey\"")),
        "the bundle does not follow its format at /verificationMaterial: \
         expected exactly one of \"publicKey\", \"certificate\" and \"x509CertificateChain\""
    );
    assert_eq!(
        refused(&with("\"mediaType\"", "\"messageSignature\": {\"signature\": \"AAAA\"}, \"mediaType\"")),
        "the bundle does not follow its format at the top level: \
         expected exactly one of \"dsseEnvelope\" and \"messageSignature\""
    );
    assert_eq!(
        refused(&with(&hint, "\"x509CertificateChain\": {\"certificates\": [{\"rawBytes\": \"AAAA\"}]}")),
        "a version 0.3 bundle carries one certificate, not a chain"
    );
}

#[test]
fn base64_has_one_spelling() {
    for wrong in ["e30", "e30=\\n", "e31=", "e3-=", " e30="] {
        let text = refused(&with("\"e30=\"", &format!("\"{wrong}\"")));
        assert!(
            text.starts_with(
                "the bundle does not follow its format at /dsseEnvelope/payload: not valid base64"
            ),
            "{text}"
        );
    }
}

#[test]
fn numbers_are_read_as_protobuf_writes_them_and_no_other_way() {
    let entry = |index: &str| {
        format!(
            "\"tlogEntries\": [{{\"logIndex\": {index}, \"logId\": {{\"keyId\": \"AAAA\"}}, \
             \"kindVersion\": {{\"kind\": \"hashedrekord\", \"version\": \"0.0.2\"}}, \
             \"integratedTime\": \"0\", \"canonicalizedBody\": \"AAAA\"}}], \"publicKey\""
        )
    };
    for fine in ["\"7\"", "7"] {
        let bundle = Bundle::parse(with("\"publicKey\"", &entry(fine)).as_bytes()).unwrap();
        assert_eq!(bundle.entries[0].log_index, 7);
        assert_eq!(bundle.entries[0].integrated_time, None);
    }
    for wrong in ["\"07\"", "\"+7\"", "\" 7\"", "7.5", "true", "\"\"", "\"9223372036854775808\""] {
        assert_eq!(
            refused(&with("\"publicKey\"", &entry(wrong))),
            format!(
                "the bundle does not follow its format at /verificationMaterial/tlogEntries/0/logIndex: \
                 expected a 64-bit integer, as a number or a decimal string, got {}",
                match wrong.chars().next() {
                    Some('"') => "string",
                    Some('t') => "boolean",
                    _ => "number",
                }
            )
        );
    }
    assert_eq!(
        refused(&with("\"publicKey\"", &entry("\"-1\""))),
        "the bundle does not follow its format at /verificationMaterial/tlogEntries/0/logIndex: expected at least 0, got -1"
    );
}

#[test]
fn evidence_is_limited() {
    for (list, element) in [
        ("\"tlogEntries\": [", "{}"),
        ("\"timestampVerificationData\": {\"rfc3161Timestamps\": [", "{\"signedTimestamp\": \"AAAA\"}"),
    ] {
        let close = if list.contains('{') { "]}, \"publicKey\"" } else { "], \"publicKey\"" };
        let many = vec![element; 33].join(",");
        let text = refused(&with("\"publicKey\"", &format!("{list}{many}{close}")));
        assert!(text.ends_with("has 33 elements, expected at most 32"), "{text}");
    }
}

fn statement() -> String {
    let bytes = include_bytes!("../../../testdata/signing/mcp-lock.json");
    let lockfile = crate::lockfile::Lockfile::parse(bytes).unwrap();
    assert_eq!(lockfile.to_bytes(), bytes);
    let statement = Statement::for_lockfile(bytes, &lockfile, 7, Some(Digest::of(b"before")));
    String::from_utf8(statement.to_payload().unwrap()).unwrap()
}

fn refused_statement(from: &str, to: &str) -> StatementError {
    let text = statement();
    assert!(text.contains(from), "{from} is not in {text}");
    Statement::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err()
}

#[test]
fn the_payload_is_canonical_and_survives_reading() {
    let text = statement();
    let parsed = Statement::parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.sequence, 7);
    assert_eq!(parsed.project.as_deref(), Some("acme/agents"));
    assert_eq!(parsed.previous, Some(Digest::of(b"before")));
    assert_eq!(parsed.to_payload().unwrap(), text.as_bytes());
    assert!(text.starts_with("{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{\"lockfileVersion\":4,\"previous\":{\"sha256\":"));
}

#[test]
fn a_statement_of_another_kind_is_refused() {
    assert_eq!(
        refused_statement(STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1").to_string(),
        "the statement's `_type` is \"https://in-toto.io/Statement/v0.1\", expected \"https://in-toto.io/Statement/v1\""
    );
    assert_eq!(
        refused_statement(PREDICATE_TYPE, "https://slsa.dev/provenance/v1").to_string(),
        "the statement's `predicateType` is \"https://slsa.dev/provenance/v1\", expected \
         \"https://mcptrust.dev/lockfile/v1\"; it says nothing about a lockfile"
    );
    assert_eq!(
        refused_statement("\"lockfileVersion\":4", "\"lockfileVersion\":5"),
        StatementError::LockfileVersion { found: 5 }
    );
}

#[test]
fn a_statement_has_one_subject_with_one_digest() {
    let subject = |digest: &str| format!("\"subject\":[{{\"digest\":{{{digest}");
    assert_eq!(
        refused_statement("\"subject\":[", "\"subject\":[{\"digest\":{},\"name\":\"x\"},"),
        StatementError::SubjectCount { count: 2 }
    );
    assert_eq!(
        refused_statement(&subject("\"sha256\""), &subject("\"sha512\":\"00\",\"sha256\"")).to_string(),
        "the signed statement does not follow its format at /subject/0/digest: unknown field \"sha512\""
    );
    assert_eq!(
        refused_statement(&subject("\"sha256\""), &subject("\"sha1\"")).to_string(),
        "the signed statement does not follow its format at /subject/0/digest: the field \"sha256\" is missing"
    );
    assert_eq!(
        refused_statement(&subject("\"sha256\":\""), &subject("\"sha256\":\"A")).to_string(),
        "the signed statement does not follow its format at /subject/0/digest/sha256: \
         expected 64 lower-case hexadecimal digits"
    );
}

#[test]
fn unknown_fields_of_a_statement_are_refused() {
    for (from, to, place) in [
        ("{\"_type\"", "{\"extra\":1,\"_type\"", "at the top level: unknown field \"extra\""),
        ("\"sequence\"", "\"scope\":1,\"sequence\"", "at /predicate: unknown field \"scope\""),
        ("\"source\"", "\"sources\"", "at /predicate/servers: /filesystem/sources: unknown member"),
        (
            "\"sequence\":7",
            "\"sequence\":-7",
            "at /predicate/sequence: expected an integer of at least 0, got number",
        ),
    ] {
        assert_eq!(
            refused_statement(from, to).to_string(),
            format!("the signed statement does not follow its format {place}")
        );
    }
}
