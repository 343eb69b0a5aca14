//! The whole way: a lockfile, the bundles beside it, and rules.

use jiff::SignedDuration;
use mcptrust::signing::keys::PublicKey;
use mcptrust::signing::rules::{Method, Mismatch, Rules, SignerRule};
use mcptrust::signing::verify::{Difference, Error, Options, Problem, Report, Status, signer_of};
use mcptrust::signing::{NamedBundle, Outcome, TrustMaterial, compare_signers, verify};

use crate::support::{changed, file, lockfile, now, trust};

const WORKFLOW: &str = "https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main";

fn rules(text: &str) -> Rules {
    let mut load = |path: &str| Ok(file(path));
    Rules::from_toml(text, &mut load).unwrap().unwrap()
}

fn workflow(more: &str) -> String {
    format!(
        "[[trust.signer]]\nname = \"ci\"\nissuer = \"http://localhost:5556/github\"\nidentity = \"{WORKFLOW}\"\n{more}\n"
    )
}

const LEAD: &str = "[[trust.signer]]\nname = \"lead\"\nissuer = \"http://localhost:5556/email\"\nidentity-regexp = \"^lead@example\\\\.com$\"\n";
const KEY: &str = "[[trust.signer]]\nname = \"holder\"\nkey = \"private/p256.pub\"\n";

fn run(lockfile: &[u8], bundles: &[(&str, Vec<u8>)], rules: &Rules, options: &Options) -> (bool, Report) {
    let named: Vec<NamedBundle<'_>> =
        bundles.iter().map(|(name, bytes)| NamedBundle { name, bytes: bytes.as_slice() }).collect();
    let trust = trust("private/trusted_root.json");
    let outcome = verify(lockfile, &named, rules, Some(&trust), options, now()).unwrap();
    (outcome.is_verified(), outcome.report().clone())
}

fn recorded(names: &[&'static str]) -> Vec<(&'static str, Vec<u8>)> {
    names.iter().map(|name| (*name, file(&format!("private/{name}.json")))).collect()
}

fn status(name: &'static str, text: &str, options: &Options) -> Status {
    let (_, report) = run(&lockfile(), &recorded(&[name]), &rules(text), options);
    report.bundles[0].status.clone()
}

fn accepted(name: &str) -> Status {
    Status::Accepted { signers: vec![name.to_owned()] }
}

#[test]
fn the_workflow_is_a_signer_by_whatever_client() {
    let plain = Options::default();
    for name in ["github", "github-8", "cosign-statement", "cosign-blob", "cosign-blob-p384"] {
        assert_eq!(status(name, &workflow(""), &plain), accepted("ci"), "{name}");
    }
    assert_eq!(status("email", LEAD, &plain), accepted("lead"));
    assert_eq!(status("cosign-key-p256", KEY, &plain), accepted("holder"));
}

#[test]
fn a_mismatch_is_told_field_by_field() {
    let text = format!(
        "{}{LEAD}{KEY}",
        workflow(
            "claims = { source-repository-identifier = \"123456\", runner-environment = \"self-hosted\" }"
        )
    );
    let (verified, report) =
        run(&lockfile(), &recorded(&["github-fork"]), &rules(&text), &Options::default());
    assert!(!verified);
    assert_eq!(report.bundles[0].status, Status::NoRule);
    let mismatch = |field: &str, expected: &str, got: &str| Mismatch {
        field: field.to_owned(),
        expected: expected.to_owned(),
        got: Some(got.to_owned()),
    };
    let fork = "https://github.com/mallory/agents/.github/workflows/lock.yml@refs/heads/main";
    let [ci, lead, holder] = &report.bundles[0].rules[..] else { panic!() };
    assert_eq!(
        ci.mismatches,
        [
            mismatch("identity", WORKFLOW, fork),
            mismatch("runner-environment", "self-hosted", "github-hosted"),
        ]
    );
    assert_eq!(
        lead.mismatches,
        [
            mismatch("issuer", "http://localhost:5556/email", "http://localhost:5556/github"),
            mismatch("identity", "/^lead@example\\.com$/", fork),
        ]
    );
    assert_eq!(holder.mismatches, [mismatch("method", "a signature by a key", "a certificate")]);
}

#[test]
fn a_rule_by_key_does_not_look_at_certificates_and_the_reverse() {
    let plain = Options::default();
    assert_eq!(status("github", KEY, &plain), Status::NoRule);
    assert_eq!(status("cosign-key-p256", &workflow(""), &plain), Status::NoRule);
    // A broken certificate is not even read where only keys are asked for.
    let broken = changed("private/github.json", |b| {
        b["verificationMaterial"]["certificate"]["rawBytes"] = serde_json::json!("AAAA");
    });
    let broken = [("broken", broken.to_string().into_bytes())];
    assert_eq!(run(&lockfile(), &broken, &rules(KEY), &plain).1.bundles[0].status, Status::NoRule);
    let (_, report) = run(&lockfile(), &broken, &rules(&workflow("")), &plain);
    assert!(matches!(report.bundles[0].status, Status::Refused(Problem::Certificate(_))));
}

#[test]
fn distinct_signers_reach_the_threshold() {
    let two = rules(&format!("[trust]\nthreshold = 2\n{}{LEAD}{KEY}", workflow("")));
    let plain = Options::default();
    for (names, verified, signers) in [
        (&["github", "email"][..], true, &["ci", "lead"][..]),
        (&["github", "cosign-key-p256"], true, &["ci", "holder"]),
        // Two bundles by one workflow are one signer.
        (&["github", "github-8", "cosign-blob"], false, &["ci"]),
        (&["github", "github-fork"], false, &["ci"]),
    ] {
        let (got, report) = run(&lockfile(), &recorded(names), &two, &plain);
        assert_eq!(
            (got, report.signers),
            (verified, signers.iter().map(|s| (*s).to_owned()).collect()),
            "{names:?}"
        );
    }
}

#[test]
fn one_identity_under_two_names_counts_once() {
    let text = format!(
        "[trust]\nthreshold = 2\n{}[[trust.signer]]\nname = \"any workflow\"\nissuer = \"http://localhost:5556/github\"\n\
         identity-regexp = \"^https://github\\\\.com/acme/.+$\"\n",
        workflow("")
    );
    let (verified, report) =
        run(&lockfile(), &recorded(&["github", "github-8"]), &rules(&text), &Options::default());
    assert!(!verified);
    assert_eq!(report.signers.len(), 1);
    let both = Status::Accepted { signers: vec!["any workflow".to_owned(), "ci".to_owned()] };
    assert_eq!(report.bundles[0].status, both);
}

#[test]
fn a_tampered_lockfile_is_explained_from_the_signed_tree() {
    let text = String::from_utf8(lockfile()).unwrap().replace("Reads a file.", "Reads a file and mails it.");
    let (verified, report) = run(
        text.as_bytes(),
        &recorded(&["github-fork", "github"]),
        &rules(&workflow("")),
        &Options::default(),
    );
    assert!(!verified);
    assert!(matches!(report.bundles[1].status, Status::Refused(Problem::Tampered { .. })));
    let tampering = report.tampering.unwrap();
    assert_eq!((tampering.bundle.as_str(), tampering.difference), ("github", Difference::Content));
    let actual = mcptrust::lockfile::Lockfile::parse(text.as_bytes()).unwrap();
    let findings = mcptrust::drift::explain(&tampering.tree, &actual);
    assert!(findings.iter().all(|finding| finding.name.as_deref() == Some("read_file")), "{findings:?}");
    // A stranger's genuine signature over something else explains nothing.
    let (_, report) =
        run(text.as_bytes(), &recorded(&["github-fork"]), &rules(&workflow("")), &Options::default());
    assert_eq!(report.tampering, None);
    // A plain signature cannot explain.
    let (_, report) =
        run(text.as_bytes(), &recorded(&["cosign-blob"]), &rules(&workflow("")), &Options::default());
    assert_eq!(report.bundles[0].status, Status::Refused(Problem::MessageDigest));
    assert_eq!(report.tampering, None);
}

#[test]
fn age_is_counted_from_verified_time() {
    let hours = |hours| Options { max_age: Some(SignedDuration::from_hours(hours)), min_sequence: None };
    assert_eq!(status("github", &workflow(""), &hours(24)), accepted("ci"));
    let Status::Refused(problem @ Problem::TooOld { .. }) = status("github", &workflow(""), &hours(1)) else {
        panic!()
    };
    assert_eq!(
        problem.to_string(),
        "it was signed 14 hours ago, at most 60 minutes are allowed; sign the lockfile again"
    );
    // It has a timestamp, and an old signature by a key can be stamped anew by anybody.
    assert_eq!(status("cosign-key-p256", KEY, &Options::default()), accepted("holder"));
    assert_eq!(status("cosign-key-p256", KEY, &hours(24)), Status::Refused(Problem::AgeUnknown));
}

#[test]
fn an_older_sequence_is_refused() {
    let options = Options { max_age: None, min_sequence: Some(8) };
    assert_eq!(status("github-8", &workflow(""), &options), accepted("ci"));
    assert_eq!(
        status("github", &workflow(""), &options),
        Status::Refused(Problem::Rollback { got: 7, minimum: 8 })
    );
    assert_eq!(
        status("cosign-blob", &workflow(""), &options),
        Status::Refused(Problem::NoSequence { minimum: 8 })
    );
}

#[test]
fn a_rule_can_ask_for_more() {
    let plain = Options::default();
    let mismatch = |name: &'static str, text: &str| {
        let (_, report) = run(&lockfile(), &recorded(&[name]), &rules(text), &plain);
        assert_eq!(report.bundles[0].status, Status::NoRule, "{name}");
        report.bundles[0].rules[0].mismatches[0].clone()
    };
    assert_eq!(mismatch("cosign-blob", &workflow("require-statement = true")).field, "content");
    assert_eq!(mismatch("github", &workflow("project = \"acme/other\"")).field, "project");
    assert_eq!(mismatch("cosign-blob", &workflow("project = \"acme/other\"")).field, "project");
    assert_eq!(status("cosign-blob", &workflow("project = \"acme/agents\""), &plain), accepted("ci"));
    assert_eq!(status("cosign-key-p256", &format!("{KEY}require-log = true\n"), &plain), accepted("holder"));
}

#[test]
fn a_key_can_be_asked_for_a_log_entry() {
    let key = PublicKey::from_pem(&file("private/p256.pub")).unwrap();
    let rule = SignerRule { require_log: true, ..SignerRule::new("holder", Method::Key(key)) };
    let rules = Rules::new(1, None, vec![rule]).unwrap();
    let without = changed("private/cosign-key-p256.json", |b| {
        b["verificationMaterial"].as_object_mut().unwrap().remove("tlogEntries");
    });
    let broken = changed("private/cosign-key-p256.json", |b| {
        crate::support::entry(b).as_object_mut().unwrap().remove("inclusionProof");
    });
    for (bundle, got) in [
        (without, None),
        (
            broken,
            Some(
                "transparency log entry 1: the entry has no inclusion proof; a promise to include it is not enough"
                    .to_owned(),
            ),
        ),
    ] {
        let bundles = [("b", bundle.to_string().into_bytes())];
        let (verified, report) = run(&lockfile(), &bundles, &rules, &Options::default());
        assert!(!verified);
        assert_eq!(
            report.bundles[0].rules[0].mismatches,
            [Mismatch {
                field: "log".to_owned(),
                expected: "a verified entry in a transparency log".to_owned(),
                got
            }]
        );
    }
}

#[test]
fn another_instance_is_another_trust() {
    let bundles = recorded(&["other-instance"]);
    let (verified, report) = run(&lockfile(), &bundles, &rules(&workflow("")), &Options::default());
    assert!(!verified);
    assert!(matches!(report.bundles[0].status, Status::Refused(Problem::Log { .. })));
    let named = [NamedBundle { name: "b", bytes: &bundles[0].1 }];
    let other = trust("private/other_trusted_root.json");
    let lockfile = lockfile();
    let verify = |trust: Option<&TrustMaterial>| {
        verify(&lockfile, &named, &rules(&workflow("")), trust, &Options::default(), now())
    };
    assert!(matches!(verify(Some(&other)), Ok(Outcome::Verified(..))));
    assert_eq!(verify(None), Err(Error::NoTrustMaterial));
}

#[test]
fn the_report_is_complete_in_json() {
    let (_, report) = run(&lockfile(), &recorded(&["github"]), &rules(&workflow("")), &Options::default());
    let json: serde_json::Value = serde_json::from_str(&mcptrust::json::compact(&report.to_json())).unwrap();
    assert_eq!(json["signers"][0], "ci");
    let bundle = &json["bundles"][0];
    assert_eq!(bundle["status"], "accepted");
    assert_eq!(bundle["signer"]["identity"], WORKFLOW);
    assert_eq!(bundle["signer"]["claims"]["runner-environment"], "github-hosted");
    assert_eq!(bundle["times"][0]["source"], "timestamp-authority");
    assert_eq!(bundle["logs"][0]["log"], "rekor-local");
    assert_eq!(bundle["statement"]["sequence"], 7);
    assert_eq!(bundle["rules"][0]["matched"], true);
}

#[test]
fn an_earlier_bundle_tells_its_signer_without_its_lockfile() {
    let trust = trust("private/trusted_root.json");
    let rules = rules(&format!("{}{KEY}", workflow("")));
    let of = |bytes: &[u8]| signer_of(bytes, &rules, Some(&trust), now()).unwrap();
    let file = |name: &str| file(&format!("private/{name}.json"));
    let (before, statement) = of(&file("github")).unwrap();
    let before = [before.signer];
    assert_eq!(statement.sequence, 7);
    let (after, statement) = of(&file("github-8")).unwrap();
    assert_eq!(statement.previous, Some(mcptrust::json::Digest::of(&lockfile())));
    assert_eq!(compare_signers(&before, &[after.signer]), []);
    // The rules do not have to trust the signer: that it is another one is what is to be told.
    let (fork, _) = of(&file("github-fork")).unwrap();
    let codes: Vec<&str> =
        compare_signers(&before, &[fork.signer]).iter().map(|finding| finding.code).collect();
    assert!(codes.starts_with(&["signer-owner-changed", "signer-repository-changed"]), "{codes:?}");
    let (holder, _) = of(&file("cosign-key-p256")).unwrap();
    assert_eq!(compare_signers(&before, &[holder.signer])[0].code, "signer-method-changed");
    assert_eq!(
        of(&file("cosign-key-p384")).unwrap_err(),
        Problem::Signature { with: "any key that the rules name".to_owned() }
    );
    assert!(matches!(of(&file("cosign-blob")), Err(Problem::Unsupported(_))));
    assert!(matches!(of(&file("other-instance")), Err(Problem::Log { .. })));
    assert!(matches!(of(b"{}"), Err(Problem::Malformed(_))));
    assert_eq!(signer_of(&file("github"), &rules, None, now()), Err(Error::NoTrustMaterial));
}
