//! Transparency log: every rule with one bundle that breaks it, and the exact error.

use mcptrust::signing::verify::{LogError, Problem, Subject, by_certificate, with_key};
use mcptrust::signing::{TrustMaterial, keys::PublicKey};
use serde_json::{Value, json};

use crate::support::{
    changed, clients_subject, entry, file, flip, json as recorded, lockfile, now, parse, private,
    private_with, trust, trust_of,
};

fn log_error(result: Result<impl std::fmt::Debug, Problem>) -> LogError {
    match result.unwrap_err() {
        Problem::Log { index: 0, error } => error,
        other => panic!("{other:?}"),
    }
}

fn github(change: impl FnOnce(&mut Value)) -> Value {
    changed("private/github.json", change)
}

/// The private instance's root with another log added.
fn root_with_log(base_url: &str, raw_key: &Value, id: &Value) -> Value {
    changed("private/trusted_root.json", |root| {
        let mut log = root["tlogs"][0].clone();
        log["baseUrl"] = json!(base_url);
        log["publicKey"]["rawBytes"] = raw_key.clone();
        log["logId"]["keyId"] = id.clone();
        root["tlogs"].as_array_mut().unwrap().push(log);
    })
}

#[test]
fn a_log_entry_is_required() {
    let bundle = github(|b| b["verificationMaterial"]["tlogEntries"] = json!([]));
    assert_eq!(private(&bundle), Err(Problem::NoLogEntry));
    let trust = trust("clients/trusted_root.json");
    let bundle = parse(&recorded("clients/notlog.json"));
    assert_eq!(by_certificate(&bundle, clients_subject(), &trust, now()), Err(Problem::NoLogEntry));
}

#[test]
fn an_inclusion_proof_is_required() {
    let bundle = github(|b| {
        entry(b).as_object_mut().unwrap().remove("inclusionProof");
    });
    assert_eq!(log_error(private(&bundle)), LogError::NoProof);
}

#[test]
fn a_lower_version_does_not_do_without_the_inclusion_proof() {
    // The promise alone satisfies the Sigstore crates in version 0.1.
    let bundle = changed("public/happy-path-v0.1.json", |b| {
        entry(b).as_object_mut().unwrap().remove("inclusionProof");
    });
    let trust = TrustMaterial::public_good().unwrap();
    let artifact = file("public/a.txt");
    let result = by_certificate(&parse(&bundle), Subject::Bytes(&artifact), &trust, now());
    assert_eq!(log_error(result), LogError::NoProof);

    let root =
        sigstore_trust_root::TrustedRoot::from_json(sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT);
    let accepted_by_the_crates = sigstore_verify::verify(
        &artifact,
        &parse(&bundle).to_sigstore().unwrap(),
        &sigstore_verify::VerificationPolicy::any_identity(),
        &root.unwrap(),
    );
    assert!(accepted_by_the_crates.is_ok(), "the crates have closed this gap: {accepted_by_the_crates:?}");
}

#[test]
fn every_entry_is_verified_not_only_one() {
    let bundle = github(|b| {
        let mut second = entry(b).clone();
        second.as_object_mut().unwrap().remove("inclusionProof");
        b["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(second);
    });
    assert_eq!(private(&bundle), Err(Problem::Log { index: 1, error: LogError::NoProof }));
}

#[test]
fn two_entries_of_one_log_count_once() {
    let bundle = github(|b| {
        let second = entry(b).clone();
        b["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(second);
    });
    assert_eq!(private(&bundle).unwrap().logs.len(), 1);
}

#[test]
fn a_checkpoint_is_required_and_well_formed() {
    let bundle = github(|b| {
        entry(b)["inclusionProof"].as_object_mut().unwrap().remove("checkpoint");
    });
    assert_eq!(log_error(private(&bundle)), LogError::NoCheckpoint);
    let bundle = github(|b| entry(b)["inclusionProof"]["checkpoint"]["envelope"] = json!("rekor-local\n"));
    assert!(matches!(log_error(private(&bundle)), LogError::Checkpoint(_)));
}

#[test]
fn a_checkpoint_signed_by_another_instance_is_refused() {
    let other = recorded("private/other-instance.json");
    let bundle = github(|b| {
        entry(b)["inclusionProof"] =
            other["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].clone();
    });
    assert_eq!(log_error(private(&bundle)), LogError::CheckpointSignature { log: "rekor-local".to_owned() });
}

#[test]
fn a_changed_checkpoint_is_refused() {
    let bundle = github(|b| {
        let envelope = &mut entry(b)["inclusionProof"]["checkpoint"]["envelope"];
        // One leaf more: the signature no longer covers the text.
        let text = envelope.as_str().unwrap().to_owned();
        let (origin, rest) = text.split_once('\n').unwrap();
        let (size, rest) = rest.split_once('\n').unwrap();
        *envelope = json!(format!("{origin}\n{}\n{rest}", size.parse::<u64>().unwrap() + 1));
    });
    assert_eq!(log_error(private(&bundle)), LogError::CheckpointSignature { log: "rekor-local".to_owned() });
}

#[test]
fn the_checkpoint_is_signed_under_the_logs_own_name() {
    let bundle = github(|b| {
        let envelope = &mut entry(b)["inclusionProof"]["checkpoint"]["envelope"];
        *envelope = json!(envelope.as_str().unwrap().replace("\u{2014} rekor-local", "\u{2014} witness"));
    });
    assert_eq!(log_error(private(&bundle)), LogError::CheckpointSignature { log: "rekor-local".to_owned() });
}

#[test]
fn the_log_is_one_of_the_trust_material() {
    let bundle = github(|b| flip(&mut entry(b)["logId"]["keyId"]));
    let id = parse(&bundle).entries[0].log_id.clone();
    assert_eq!(log_error(private(&bundle)), LogError::UnknownLog { id: hex::encode(id) });
}

#[test]
fn a_checkpoint_counts_only_for_the_log_that_the_entry_names() {
    // Both logs are trusted, and each has a key and a name of its own.
    let other = recorded("private/other_trusted_root.json");
    let log = &other["tlogs"][0];
    let root = root_with_log("http://rekor-other", &log["publicKey"]["rawBytes"], &log["logId"]["keyId"]);
    let bundle = github(|b| entry(b)["logId"] = log["logId"].clone());
    assert_eq!(
        log_error(private_with(&bundle, &trust_of(&root))),
        LogError::Origin { expected: "rekor-other".to_owned(), got: "rekor-local".to_owned() }
    );
    // The same name and another key.
    let root = root_with_log("http://rekor-local", &log["publicKey"]["rawBytes"], &log["logId"]["keyId"]);
    assert_eq!(
        log_error(private_with(&bundle, &trust_of(&root))),
        LogError::CheckpointSignature { log: "rekor-local".to_owned() }
    );
}

#[test]
fn a_checkpoint_under_another_name_is_refused() {
    let root = changed("private/trusted_root.json", |root| {
        root["tlogs"][0]["baseUrl"] = json!("http://rekor.acme.example")
    });
    assert_eq!(
        log_error(private_with(&recorded("private/github.json"), &trust_of(&root))),
        LogError::Origin { expected: "rekor.acme.example".to_owned(), got: "rekor-local".to_owned() }
    );
    // Rekor v1 writes the tree's number behind the name; v2 does not.
    let root = changed("public/intoto_trusted_root.json", |root| {
        root["tlogs"][0]["baseUrl"] = json!("http://localhost:80")
    });
    let result =
        by_certificate(&parse(&recorded("public/intoto.json")), clients_subject(), &trust_of(&root), now());
    assert_eq!(
        log_error(result),
        LogError::Origin {
            expected: "localhost".to_owned(),
            got: "localhost:8000 - 124190645164477".to_owned()
        }
    );
}

#[test]
fn the_proof_leads_from_the_entry_to_the_checkpoint() {
    for change in [
        (|b| flip(&mut entry(b)["inclusionProof"]["hashes"][0])) as fn(&mut Value),
        |b| {
            let index: u64 = entry(b)["logIndex"].as_str().unwrap().parse().unwrap();
            entry(b)["logIndex"] = json!((index ^ 1).to_string());
        },
        |b| {
            entry(b)["inclusionProof"]["hashes"].as_array_mut().unwrap().pop();
        },
        |b| entry(b)["logIndex"] = json!("4000000000"),
    ] {
        // The last bundle of its log has siblings on every level.
        let bundle = changed("private/cosign-blob.json", change);
        assert!(matches!(log_error(private(&bundle)), LogError::Proof(_)));
    }
}

#[test]
fn rekor_v1_repeats_root_and_size_and_both_agree_with_the_checkpoint() {
    let verify = |change: fn(&mut Value)| {
        let bundle = changed("public/happy-path-v0.3.json", change);
        let trust = TrustMaterial::public_good().unwrap();
        log_error(by_certificate(&parse(&bundle), Subject::Bytes(&file("public/a.txt")), &trust, now()))
    };
    assert_eq!(
        verify(|b| flip(&mut entry(b)["inclusionProof"]["rootHash"])),
        LogError::Tree("the root hashes differ")
    );
    assert_eq!(
        verify(|b| entry(b)["inclusionProof"]["treeSize"] = json!("99999999")),
        LogError::Tree("the tree sizes differ")
    );
    assert!(matches!(verify(|b| entry(b)["inclusionProof"]["logIndex"] = json!("7")), LogError::Proof(_)));
    assert_eq!(
        verify(|b| flip(&mut entry(b)["inclusionPromise"]["signedEntryTimestamp"])),
        LogError::Promise
    );
    assert_eq!(verify(|b| entry(b)["integratedTime"] = json!("1710968117")), LogError::Promise);
    assert_eq!(verify(|b| entry(b)["logIndex"] = json!("79571824")), LogError::Promise);
}

#[test]
fn rekor_v2_repeats_root_size_and_index_and_all_agree() {
    let verify = |change: fn(&mut Value)| log_error(private(&github(change)));
    assert_eq!(
        verify(|b| flip(&mut entry(b)["inclusionProof"]["rootHash"])),
        LogError::Tree("the root hashes differ")
    );
    assert_eq!(
        verify(|b| entry(b)["inclusionProof"]["treeSize"] = json!("99999999")),
        LogError::Tree("the tree sizes differ")
    );
    assert_eq!(
        verify(|b| entry(b)["inclusionProof"]["logIndex"] = json!("99999999")),
        LogError::Tree("the indices differ")
    );
}

#[test]
fn kinds_of_entry_are_known() {
    let bundle = github(|b| entry(b)["kindVersion"]["version"] = json!("0.0.3"));
    assert_eq!(
        log_error(private(&bundle)),
        LogError::Kind { kind: "hashedrekord".to_owned(), version: "0.0.3".to_owned() }
    );
    // The body is of the kind that the entry claims: here it would be read by the rules of Rekor v1.
    let bundle = github(|b| entry(b)["kindVersion"]["version"] = json!("0.0.1"));
    assert_eq!(
        log_error(private(&bundle)),
        LogError::Origin { expected: "rekor-local".to_owned(), got: "rekor-local".to_owned() }
    );
}

#[test]
fn a_valid_entry_of_another_bundle_is_refused() {
    let other = recorded("private/github-8.json");
    let bundle = github(|b| *entry(b) = other["verificationMaterial"]["tlogEntries"][0].clone());
    assert_eq!(log_error(private(&bundle)), LogError::Mismatch("digest"));
}

#[test]
fn a_signature_or_certificate_swapped_between_bundles_is_refused() {
    let other = recorded("private/github-8.json");
    let bundle = github(|b| {
        b["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"].clone()
    });
    assert_eq!(log_error(private(&bundle)), LogError::Mismatch("certificate"));
    let bundle = github(|b| b["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"].clone());
    assert_eq!(log_error(private(&bundle)), LogError::Mismatch("signature"));
    let bundle = github(|b| b["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"].clone());
    assert_eq!(log_error(private(&bundle)), LogError::Mismatch("digest"));
}

#[test]
fn the_logs_key_counts_at_the_time_of_signing() {
    let root = changed("private/trusted_root.json", |root| {
        root["tlogs"][0]["publicKey"]["validFor"] =
            json!({"start": "2020-01-01T00:00:00Z", "end": "2026-11-30T00:00:00Z"});
    });
    let error = log_error(private_with(&recorded("private/github.json"), &trust_of(&root)));
    assert!(matches!(error, LogError::Validity { until: Some(_), .. }), "{error}");
    let root = changed("private/trusted_root.json", |root| {
        root["tlogs"][0]["publicKey"]["validFor"] = json!({"start": "2026-12-01T00:00:00Z"});
    });
    let error = log_error(private_with(&recorded("private/github.json"), &trust_of(&root)));
    assert!(matches!(error, LogError::Validity { until: None, .. }), "{error}");
}

#[test]
fn an_entry_of_another_key_does_not_count_for_a_key() {
    let trust = trust("private/trusted_root.json");
    let key = PublicKey::from_pem(&file("private/p256.pub")).unwrap();
    let unverified = |bundle: &Value| {
        let lockfile = lockfile();
        let authentic =
            with_key(&parse(bundle), &key, Subject::Bytes(&lockfile), Some(&trust), now()).unwrap();
        assert_eq!(authentic.logs, []);
        log_error(
            authentic.unverified.into_iter().find(|p| matches!(p, Problem::Log { .. })).map_or(Ok(()), Err),
        )
    };
    let p384 = recorded("private/cosign-key-p384.json");
    let bundle = changed("private/cosign-key-p256.json", |b| {
        *entry(b) = p384["verificationMaterial"]["tlogEntries"][0].clone();
    });
    assert_eq!(unverified(&bundle), LogError::Mismatch("signature"));
    let bundle = changed("private/cosign-key-p256.json", |b| {
        entry(b).as_object_mut().unwrap().remove("inclusionProof");
    });
    assert_eq!(unverified(&bundle), LogError::NoProof);
}
