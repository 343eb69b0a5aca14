//! Certificates, timestamps and trust material: every rule with one input that breaks it.

use mcptrust::signing::trust::{Role, Source, TrustError, TrustMaterial};
use mcptrust::signing::verify::{Problem, by_certificate};
use serde_json::{Value, json};

use crate::support::{
    changed, clients_subject, file, flip, json as recorded, now, parse, private, private_with, time, trust,
    trust_of,
};

fn root(change: impl FnOnce(&mut Value)) -> TrustMaterial {
    trust_of(&changed("private/trusted_root.json", change))
}

fn github_with(trust: &TrustMaterial) -> Problem {
    private_with(&recorded("private/github.json"), trust).unwrap_err()
}

fn timestamp(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
}

#[test]
fn a_verified_time_is_required() {
    let bundle = changed("private/github.json", |b| *timestamp(b) = json!([]));
    assert_eq!(private(&bundle), Err(Problem::NoTime));
    let notsa = parse(&recorded("clients/notsa.json"));
    let trust = trust("clients/trusted_root.json");
    assert_eq!(by_certificate(&notsa, clients_subject(), &trust, now()), Err(Problem::NoTime));
}

#[test]
fn an_unsigned_time_is_no_time() {
    // Rekor v2 has no integrated time; writing one into the bundle gives none either.
    let bundle = changed("private/github.json", |b| {
        *timestamp(b) = json!([]);
        b["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = json!("1796075200");
    });
    assert_eq!(private(&bundle), Err(Problem::NoTime));
}

#[test]
fn a_timestamp_is_over_this_signature() {
    let other = recorded("private/github-8.json");
    let bundle = changed("private/github.json", |b| *timestamp(b) = timestamp(&mut other.clone()).clone());
    let Err(Problem::Timestamp { index: 0, reason }) = private(&bundle) else { panic!() };
    assert!(reason.contains("hash mismatch"), "{reason}");
}

#[test]
fn every_timestamp_is_verified_not_only_one() {
    let bundle = changed("private/github.json", |b| {
        timestamp(b).as_array_mut().unwrap().push(json!({"signedTimestamp": "MAMCAQA="}));
    });
    assert!(matches!(private(&bundle), Err(Problem::Timestamp { index: 1, .. })));
}

#[test]
fn a_changed_timestamp_is_refused() {
    let bundle = changed("private/github.json", |b| flip(&mut timestamp(b)[0]["signedTimestamp"]));
    assert!(matches!(private(&bundle), Err(Problem::Timestamp { index: 0, .. })));
}

#[test]
fn a_timestamp_authority_counts_in_its_time_only() {
    for validity in [
        json!({"start": "2020-01-01T00:00:00Z", "end": "2026-11-30T00:00:00Z"}),
        json!({"start": "2026-12-01T00:00:00Z"}),
    ] {
        let trust = root(|root| root["timestampAuthorities"][0]["validFor"] = validity);
        let Problem::Timestamp { reason, .. } = github_with(&trust) else { panic!() };
        assert!(reason.contains("outside the validity period"), "{reason}");
    }
    let other = recorded("private/other_trusted_root.json");
    let trust = root(|root| root["timestampAuthorities"] = other["timestampAuthorities"].clone());
    let Problem::Timestamp { reason, .. } = github_with(&trust) else { panic!() };
    assert!(reason.contains("does not match any trusted TSA certificate"), "{reason}");
    let trust = root(|root| root["timestampAuthorities"] = json!([]));
    assert_eq!(
        github_with(&trust),
        Problem::Timestamp { index: 0, reason: "the trust material names no timestamp authority".to_owned() }
    );
}

#[test]
fn a_time_in_the_future_is_refused() {
    let bundle = parse(&recorded("private/github.json"));
    let lockfile = file("mcp-lock.json");
    let subject = mcptrust::signing::verify::Subject::Bytes(&lockfile);
    let trust = trust("private/trusted_root.json");
    let result = by_certificate(&bundle, subject, &trust, time("2026-11-30T00:00:00Z"));
    assert!(matches!(result, Err(Problem::Future { .. })), "{result:?}");
}

#[test]
fn the_certificate_leads_to_an_authority_that_counts_at_the_time() {
    let other = recorded("private/other_trusted_root.json");
    let trust = root(|root| root["certificateAuthorities"] = other["certificateAuthorities"].clone());
    let Problem::Chain(reason) = github_with(&trust) else { panic!() };
    assert!(reason.contains("certificate chain validation failed"), "{reason}");
    for validity in [
        json!({"start": "2020-01-01T00:00:00Z", "end": "2026-11-30T00:00:00Z"}),
        json!({"start": "2026-12-01T00:00:00Z"}),
    ] {
        let trust = root(|root| root["certificateAuthorities"][0]["validFor"] = validity);
        let Problem::Chain(reason) = github_with(&trust) else { panic!() };
        assert!(reason.starts_with("no trusted certificate authority is valid at"), "{reason}");
    }
}

#[test]
fn the_certificate_stands_in_a_trusted_log() {
    let other = recorded("private/other_trusted_root.json");
    let trust = root(|root| root["ctlogs"] = other["ctlogs"].clone());
    assert!(matches!(github_with(&trust), Problem::Sct(_)));
    let trust = root(|root| {
        root["ctlogs"][0]["publicKey"]["validFor"] =
            json!({"start": "2020-01-01T00:00:00Z", "end": "2026-11-30T00:00:00Z"});
    });
    assert!(matches!(github_with(&trust), Problem::Sct(_)));
}

#[test]
fn an_authority_without_a_start_of_validity_is_refused() {
    for (list, role) in [
        ("certificateAuthorities", Role::CertificateAuthority),
        ("timestampAuthorities", Role::TimestampAuthority),
    ] {
        let value = changed("private/trusted_root.json", |root| {
            root[list][0].as_object_mut().unwrap().remove("validFor");
        });
        let error =
            TrustMaterial::from_json(value.to_string().as_bytes(), Source::PublicGood, None).unwrap_err();
        assert!(matches!(error, TrustError::NoStart { role: got, .. } if got == role), "{error}");
    }
    for (list, role) in [("tlogs", Role::TransparencyLog), ("ctlogs", Role::CertificateLog)] {
        let value = changed("private/trusted_root.json", |root| {
            root[list][0]["publicKey"].as_object_mut().unwrap().remove("validFor");
        });
        let error =
            TrustMaterial::from_json(value.to_string().as_bytes(), Source::PublicGood, None).unwrap_err();
        assert!(matches!(error, TrustError::NoStart { role: got, .. } if got == role), "{error}");
    }
}

#[test]
fn what_is_no_trusted_root_is_refused() {
    let refused =
        |bytes: &[u8]| TrustMaterial::from_json(bytes, Source::PublicGood, None).unwrap_err().to_string();
    assert!(refused(b"").starts_with("the trusted root is not valid JSON: line 1"));
    assert!(
        refused(br#"{"mediaType": 1, "mediaType": 2}"#).starts_with("the trusted root is not valid JSON")
    );
    assert_eq!(
        refused(&file("private/github.json")),
        "this is no trusted root: its media type is \"application/vnd.dev.sigstore.bundle.v0.3+json\", \
         expected application/vnd.dev.sigstore.trustedroot"
    );
    let twice = changed("private/trusted_root.json", |root| {
        let log = root["tlogs"][0].clone();
        root["tlogs"].as_array_mut().unwrap().push(log);
    });
    assert!(refused(twice.to_string().as_bytes()).contains("duplicate trusted log ID"));
    let inverted = changed("private/trusted_root.json", |root| {
        root["tlogs"][0]["publicKey"]["validFor"]["end"] = json!("2019-01-01T00:00:00Z");
    });
    assert!(refused(inverted.to_string().as_bytes()).contains("ends before it starts"));
}

#[test]
fn embedded_roots_are_described() {
    let public = TrustMaterial::public_good().unwrap();
    assert_eq!(public.source().to_string(), "embedded public-good root");
    assert_eq!(public.age(time("2026-11-02T00:00:00Z")).unwrap().as_hours(), 240);
    assert_eq!(public.age(time("2020-01-01T00:00:00Z")).unwrap().as_hours(), 0);
    let uris: Vec<&str> = public.authorities().iter().map(|authority| authority.uri.as_str()).collect();
    assert!(
        uris.contains(&"https://fulcio.sigstore.dev")
            && uris.contains(&"https://log2025-1.rekor.sigstore.dev")
    );
    let log = public.authorities().iter().find(|authority| authority.role == Role::TransparencyLog).unwrap();
    assert_eq!(log.key.as_deref(), Some("PKIX_ECDSA_P256_SHA_256"));
    assert_eq!(log.valid_from, time("2021-01-12T11:53:27Z"));
    let staging = TrustMaterial::staging().unwrap();
    assert!(staging.authorities().iter().all(|authority| authority.uri.contains("sigstage.dev")));
    assert_ne!(public.digest(), staging.digest());
}
