//! What has to be accepted: bundles of several clients, instances and format versions.

use mcptrust::json::Digest;
use mcptrust::signing::SignerFacts;
use mcptrust::signing::TrustMaterial;
use mcptrust::signing::keys::PublicKey;
use mcptrust::signing::verify::{Problem, Subject, TimeSource, by_certificate, with_key};

use crate::support::{clients_subject, file, json, lockfile, now, parse, private, time, trust};

#[test]
fn bundles_of_the_public_instance_in_every_version() {
    let trust = TrustMaterial::public_good().unwrap();
    for (name, signed) in [
        ("happy-path-v0.1", "2023-07-12T15:56:36Z"),
        ("happy-path-v0.2", "2023-07-12T15:56:36Z"),
        ("happy-path-v0.3", "2024-03-19T17:26:26Z"),
        ("happy-path-intoto-in-dsse-v3", "2024-12-16T18:42:56Z"),
    ] {
        let bundle = parse(&json(&format!("public/{name}.json")));
        let artifact = file("public/a.txt");
        for subject in [Subject::Bytes(&artifact), Subject::Sha256(Digest::of(&artifact))] {
            let authentic =
                by_certificate(&bundle, subject, &trust, now()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(authentic.signed_at(), Some(time(signed)), "{name}");
            assert_eq!(authentic.times[0].source, TimeSource::Log("rekor.sigstore.dev".to_owned()));
            let SignerFacts::Identity { issuer, identity, claims } = &authentic.signer else {
                panic!("{name}")
            };
            assert_eq!(issuer, "https://token.actions.githubusercontent.com");
            assert_eq!(identity.kind(), "uri");
            assert_eq!(
                claims["github-workflow-repository"],
                "sigstore-conformance/extremely-dangerous-public-oidc-beacon"
            );
        }
    }
}

#[test]
fn bundles_of_the_staging_instance_with_rekor_v2() {
    for (name, root, log) in [
        ("rekor2-happy-path", "staging_trusted_root", "log2025-alpha1"),
        ("rekor2-dsse-happy-path", "staging_dsse_trusted_root", "log2025-alpha3"),
        ("rekor2-checkpoint-multiple-cosigs", "staging_trusted_root", "log2025-alpha1"),
    ] {
        let bundle = parse(&json(&format!("public/{name}.json")));
        let trust = trust(&format!("public/{root}.json"));
        let authentic = by_certificate(&bundle, Subject::Bytes(&file("public/a.txt")), &trust, now())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(authentic.logs[0].log, format!("{log}.rekor.sigstage.dev"));
        assert_eq!(
            authentic.times[0].source,
            TimeSource::Authority("https://timestamp.sigstage.dev/api/v1/timestamp".to_owned())
        );
    }
}

#[test]
fn an_intoto_entry_of_rekor_v1() {
    let digest = "330a043220fa13e01d68a7db39c89e12b0c4c3b6a0346fe624b0903f1303b5b2".parse().unwrap();
    let authentic = by_certificate(
        &parse(&json("public/intoto.json")),
        Subject::Sha256(digest),
        &trust("public/intoto_trusted_root.json"),
        now(),
    );
    // It has both a timestamp and a signed log time.
    assert_eq!(authentic.unwrap().times.len(), 2);
}

const WORKFLOW: &str = "https://github.com/acme/widgets/.github/workflows/release.yml@refs/heads/main";

#[test]
fn bundles_of_other_clients() {
    let trust = trust("clients/trusted_root.json");
    for (name, identity) in [
        ("rust-dsse-email", "dev@example.com"),
        ("py-att", "dev@example.com"),
        ("py-blob", "dev@example.com"),
        ("cosign-att", WORKFLOW),
        ("cosign-blob", "dev@example.com"),
        ("cosign-ambient", WORKFLOW),
    ] {
        let bundle = parse(&json(&format!("clients/{name}.json")));
        let authentic = by_certificate(&bundle, clients_subject(), &trust, now())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let SignerFacts::Identity { identity: got, .. } = &authentic.signer else { panic!("{name}") };
        assert_eq!(got.as_str(), identity, "{name}");
    }
}

#[test]
fn bundles_over_the_lockfile_by_two_clients() {
    for name in ["email", "github", "github-8", "cosign-statement", "cosign-blob", "cosign-blob-p384"] {
        let authentic =
            private(&json(&format!("private/{name}.json"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(authentic.logs.len(), 1, "{name}");
        assert_eq!(authentic.unverified, [], "{name}");
    }
}

#[test]
fn a_certificate_tells_every_claim() {
    let authentic = private(&json("private/github.json")).unwrap();
    let SignerFacts::Identity { issuer, identity, claims } = authentic.signer else { panic!() };
    assert_eq!(issuer, "http://localhost:5556/github");
    assert_eq!(
        identity.as_str(),
        "https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main"
    );
    let claims: Vec<String> = claims.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let sha = "a".repeat(40);
    assert_eq!(
        claims,
        [
            format!("build-config-digest={sha}"),
            "build-config-uri=https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main"
                .to_owned(),
            format!("build-signer-digest={sha}"),
            "build-signer-uri=https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main"
                .to_owned(),
            "build-trigger=push".to_owned(),
            "github-workflow-name=release".to_owned(),
            "github-workflow-ref=refs/heads/main".to_owned(),
            "github-workflow-repository=acme/agents".to_owned(),
            format!("github-workflow-sha={sha}"),
            "github-workflow-trigger=push".to_owned(),
            "run-invocation-uri=https://github.com/acme/agents/actions/runs/1001/attempts/1".to_owned(),
            "runner-environment=github-hosted".to_owned(),
            format!("source-repository-digest={sha}"),
            "source-repository-identifier=123456".to_owned(),
            "source-repository-owner-identifier=7890".to_owned(),
            "source-repository-owner-uri=https://github.com/acme".to_owned(),
            "source-repository-ref=refs/heads/main".to_owned(),
            "source-repository-uri=https://github.com/acme/agents".to_owned(),
            "source-repository-visibility-at-signing=public".to_owned(),
            "token-subject=repo:acme/agents:ref:refs/heads/main".to_owned(),
        ]
    );
}

#[test]
fn keys_with_a_log_entry() {
    let trust = trust("private/trusted_root.json");
    for curve in ["p256", "p384"] {
        let key = PublicKey::from_pem(&file(&format!("private/{curve}.pub"))).unwrap();
        let bundle = parse(&json(&format!("private/cosign-key-{curve}.json")));
        let authentic = with_key(&bundle, &key, Subject::Bytes(&lockfile()), Some(&trust), now()).unwrap();
        assert_eq!(authentic.logs.len(), 1, "{curve}: {:?}", authentic.unverified);
        assert_eq!(authentic.times.len(), 1, "{curve}: {:?}", authentic.unverified);
        assert_eq!(authentic.signer, SignerFacts::Key { hint: key.hint(), algorithm: key.algorithm() });
    }
    let key = PublicKey::from_pem(&file("public/managed-key.pub")).unwrap();
    let bundle = parse(&json("public/managed-key-happy-path.json"));
    let public = TrustMaterial::public_good().unwrap();
    let artifact = file("public/a.txt");
    let authentic = with_key(&bundle, &key, Subject::Bytes(&artifact), Some(&public), now()).unwrap();
    assert_eq!(authentic.logs[0].log, "rekor.sigstore.dev");
}

#[test]
fn keys_without_a_log_entry() {
    let trust = trust("clients/trusted_root.json");
    let key = PublicKey::from_pem(&file("clients/ed25519.pub")).unwrap();
    let bundle = parse(&json("clients/bare-ed-tsa.json"));
    let authentic = with_key(&bundle, &key, clients_subject(), Some(&trust), now()).unwrap();
    assert_eq!((authentic.times.len(), authentic.logs.len()), (1, 0));
    // Without trust material the key alone is asked.
    let authentic = with_key(&bundle, &key, clients_subject(), None, now()).unwrap();
    assert_eq!((authentic.times.len(), authentic.logs.len()), (0, 0));
}

#[test]
fn evidence_of_an_unknown_instance_does_not_count_for_a_key_and_does_not_harm() {
    let key = PublicKey::from_pem(&file("clients/p256.pub")).unwrap();
    let bundle = parse(&json("clients/rust-key-p256.json"));
    let public = TrustMaterial::public_good().unwrap();
    let authentic = with_key(&bundle, &key, clients_subject(), Some(&public), now()).unwrap();
    assert_eq!((authentic.times.len(), authentic.logs.len()), (0, 0));
    assert!(matches!(authentic.unverified[..], [Problem::Timestamp { .. }, Problem::Log { .. }]));
}
