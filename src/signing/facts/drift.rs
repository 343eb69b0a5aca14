//! Signer drift: who signed before, and who signs now.

use std::collections::BTreeSet;

use super::SignerFacts;
use crate::finding::codes::{self, CodeInfo};
use crate::finding::{Direction, Finding, Subject};
use crate::json::Json;
use crate::signing::certificate::Identity;

/// Old claims that repeat a newer one; they are looked at only in certificates without the newer.
const SUPERSEDED: [(&str, &str); 4] = [
    ("github-workflow-trigger", "build-trigger"),
    ("github-workflow-sha", "source-repository-digest"),
    ("github-workflow-repository", "source-repository-uri"),
    ("github-workflow-ref", "source-repository-ref"),
];

/// Compares the signers of two lockfiles; most severe first.
///
/// Signers that signed both are compared in what their certificates say. Where one signer went and one came,
/// the second is taken for the first's successor.
#[must_use]
pub fn compare_signers(before: &[SignerFacts], after: &[SignerFacts]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut came: Vec<&SignerFacts> = after.iter().collect();
    let mut went: Vec<&SignerFacts> = Vec::new();
    for old in before {
        match came.iter().position(|new| new.same_signer(old)) {
            Some(at) => findings.extend(compare_signer(old, came.remove(at))),
            None => went.push(old),
        }
    }
    if let ([old], [new]) = (went.as_slice(), came.as_slice()) {
        findings.extend(compare_signer(old, new));
    } else {
        for old in went {
            let message = format!("{} signed before and does not sign now.", old.in_words());
            findings.push(finding(codes::SIGNER_REMOVED, "", Some(old.to_json()), None, message));
        }
        for new in came {
            let message = format!("{} signs now and did not sign before.", new.in_words());
            findings.push(finding(codes::SIGNER_ADDED, "", None, Some(new.to_json()), message));
        }
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.pointer.cmp(&b.pointer)));
    findings
}

/// Compares what is known of one signer before and after.
#[must_use]
pub fn compare_signer(before: &SignerFacts, after: &SignerFacts) -> Vec<Finding> {
    match (before, after) {
        (SignerFacts::Key { hint: old, .. }, SignerFacts::Key { hint: new, .. }) if old == new => Vec::new(),
        (SignerFacts::Key { hint: old, .. }, SignerFacts::Key { hint: new, .. }) => {
            vec![text(codes::SIGNER_KEY_CHANGED, "/key", Some(&old.to_string()), Some(&new.to_string()))]
        }
        (
            SignerFacts::Identity { issuer, identity, claims },
            SignerFacts::Identity { issuer: new_issuer, identity: new_identity, claims: new_claims },
        ) => {
            let mut findings = Vec::new();
            if issuer != new_issuer {
                findings.push(text(codes::SIGNER_ISSUER_CHANGED, "/issuer", Some(issuer), Some(new_issuer)));
            }
            if identity != new_identity {
                let code = if same_but_ref(identity, new_identity) {
                    codes::SIGNER_REF_CHANGED
                } else {
                    codes::SIGNER_IDENTITY_CHANGED
                };
                findings.push(text(code, "/identity", Some(identity.as_str()), Some(new_identity.as_str())));
            }
            let names: BTreeSet<&String> = claims.keys().chain(new_claims.keys()).collect();
            for name in names {
                let (old, new) = (claims.get(name), new_claims.get(name));
                let superseded = SUPERSEDED.iter().any(|(past, present)| {
                    past == name && claims.contains_key(*present) && new_claims.contains_key(*present)
                });
                if old != new && !superseded {
                    let (old, new) = (old.map(String::as_str), new.map(String::as_str));
                    findings.push(text(code_of_claim(name), &format!("/claims/{name}"), old, new));
                }
            }
            findings
        }
        _ => {
            let message = format!("{} signed before, {} now.", before.in_words(), after.in_words());
            let (old, new) = (Some(before.to_json()), Some(after.to_json()));
            vec![finding(codes::SIGNER_METHOD_CHANGED, "", old, new, message)]
        }
    }
}

fn code_of_claim(name: &str) -> &'static CodeInfo {
    match name {
        "source-repository-uri" | "source-repository-identifier" | "github-workflow-repository" => {
            codes::SIGNER_REPOSITORY_CHANGED
        }
        "source-repository-owner-uri" | "source-repository-owner-identifier" => codes::SIGNER_OWNER_CHANGED,
        "build-signer-uri" => codes::SIGNER_IDENTITY_CHANGED,
        "source-repository-ref" | "github-workflow-ref" => codes::SIGNER_REF_CHANGED,
        "runner-environment" => codes::SIGNER_RUNNER_CHANGED,
        "build-trigger" | "github-workflow-trigger" => codes::SIGNER_TRIGGER_CHANGED,
        "build-config-uri" | "github-workflow-name" => codes::SIGNER_WORKFLOW_CHANGED,
        "deployment-environment" => codes::SIGNER_ENVIRONMENT_CHANGED,
        "source-repository-digest"
        | "build-signer-digest"
        | "build-config-digest"
        | "run-invocation-uri"
        | "github-workflow-sha" => codes::SIGNER_RUN_CHANGED,
        _ => codes::SIGNER_CLAIM_CHANGED,
    }
}

/// Two URIs that name one workflow at two refs: `…/lock.yml@refs/heads/main`.
fn same_but_ref(before: &Identity, after: &Identity) -> bool {
    match (before, after) {
        (Identity::Uri(old), Identity::Uri(new)) => match (old.rsplit_once('@'), new.rsplit_once('@')) {
            (Some((old, _)), Some((new, _))) => old == new,
            _ => false,
        },
        _ => false,
    }
}

fn text(code: &'static CodeInfo, pointer: &str, before: Option<&str>, after: Option<&str>) -> Finding {
    let field = pointer.rsplit('/').next().unwrap_or_default();
    let message = match (before, after) {
        (Some(old), Some(new)) => format!("The signer's {field} was {old:?} and is {new:?}."),
        (Some(old), None) => format!("The signer's {field} was {old:?} and is gone."),
        (None, Some(new)) => format!("The signer's {field} is {new:?} and was not there before."),
        (None, None) => String::new(),
    };
    let json = |text: &str| Json::from(text.to_owned());
    finding(code, pointer, before.map(json), after.map(json), message)
}

fn finding(
    code: &'static CodeInfo,
    pointer: &str,
    before: Option<Json>,
    after: Option<Json>,
    message: String,
) -> Finding {
    let direction = match (&before, &after) {
        (None, Some(_)) => Direction::Added,
        (Some(_), None) => Direction::Removed,
        _ => Direction::Changed,
    };
    Finding {
        code: code.id,
        severity: code.severity,
        direction,
        server: None,
        kind: Subject::Signer,
        name: None,
        pointer: pointer.to_owned(),
        before,
        after,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Digest;
    use crate::signing::keys::Algorithm;

    const AT: &str = "https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main";

    fn key(seed: &[u8]) -> SignerFacts {
        SignerFacts::Key { hint: Digest::of(seed), algorithm: Algorithm::Ed25519 }
    }

    fn workflow(identity: &str, claims: &[(&str, &str)]) -> SignerFacts {
        let base = [
            ("source-repository-uri", "https://github.com/acme/agents"),
            ("source-repository-identifier", "123456"),
            ("source-repository-ref", "refs/heads/main"),
            ("github-workflow-ref", "refs/heads/main"),
            ("build-trigger", "push"),
            ("runner-environment", "github-hosted"),
        ];
        SignerFacts::Identity {
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
            identity: Identity::Uri(identity.to_owned()),
            claims: base.iter().chain(claims).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }

    fn seen(before: &[SignerFacts], after: &[SignerFacts]) -> Vec<(&'static str, String)> {
        compare_signers(before, after).into_iter().map(|f| (f.code, f.pointer)).collect()
    }

    #[test]
    fn the_same_signers_are_no_drift() {
        let signers = [key(b"a"), workflow(AT, &[])];
        assert_eq!(seen(&signers, &[workflow(AT, &[]), key(b"a")]), []);
        assert_eq!(seen(&[], &[]), []);
    }

    #[test]
    fn each_claim_has_its_code() {
        for (claim, value, code) in [
            ("source-repository-identifier", "999", "signer-repository-changed"),
            ("source-repository-owner-identifier", "1", "signer-owner-changed"),
            ("runner-environment", "self-hosted", "signer-runner-changed"),
            ("source-repository-ref", "refs/heads/x", "signer-ref-changed"),
            ("build-trigger", "pull_request", "signer-trigger-changed"),
            ("build-config-uri", "x", "signer-workflow-changed"),
            ("deployment-environment", "staging", "signer-environment-changed"),
            ("token-subject", "x", "signer-claim-changed"),
            ("1.3.6.1.4.1.57264.1.25", "x", "signer-claim-changed"),
            ("run-invocation-uri", "x", "signer-run-changed"),
        ] {
            let after = workflow(AT, &[(claim, value)]);
            assert_eq!(seen(&[workflow(AT, &[])], &[after]), [(code, format!("/claims/{claim}"))]);
        }
        // The old form of a claim says nothing that the new one does not.
        assert_eq!(seen(&[workflow(AT, &[])], &[workflow(AT, &[("github-workflow-ref", "x")])]), []);
    }

    #[test]
    fn an_identity_at_another_ref_is_told_from_another_identity() {
        let before = [workflow(AT, &[])];
        let at = |identity: &str| seen(&before, &[workflow(identity, &[])]);
        let place = "/identity".to_owned();
        assert_eq!(at(&AT.replace("heads/main", "tags/v1")), [("signer-ref-changed", place.clone())]);
        assert_eq!(at(&AT.replace("lock.yml", "other.yml")), [("signer-identity-changed", place.clone())]);
        assert_eq!(at("https://github.com/acme/agents"), [("signer-identity-changed", place)]);
    }

    #[test]
    fn another_issuer_comes_first() {
        let SignerFacts::Identity { identity, claims, .. } = workflow(&AT.replace("main", "x"), &[]) else {
            unreachable!()
        };
        let after =
            SignerFacts::Identity { issuer: "https://issuer.example.com".to_owned(), identity, claims };
        let codes: Vec<&str> =
            seen(&[workflow(AT, &[])], &[after]).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["signer-issuer-changed", "signer-ref-changed"]);
    }

    #[test]
    fn keys_and_ways_of_signing_are_compared() {
        assert_eq!(seen(&[key(b"a")], &[key(b"b")]), [("signer-key-changed", "/key".to_owned())]);
        let findings = compare_signers(&[key(b"a")], &[workflow(AT, &[])]);
        assert_eq!(findings[0].code, "signer-method-changed");
        assert_eq!(
            findings[0].message,
            format!(
                "The key {} signed before, {AT} of https://token.actions.githubusercontent.com now.",
                Digest::of(b"a")
            )
        );
    }

    #[test]
    fn signers_come_and_go() {
        let both = [key(b"a"), workflow(AT, &[])];
        assert_eq!(seen(&both, &[key(b"a")]), [("signer-removed", String::new())]);
        assert_eq!(seen(&[key(b"a")], &both), [("signer-added", String::new())]);
        let others = [key(b"b"), key(b"c")];
        let codes: Vec<&str> = seen(&both, &others).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["signer-removed", "signer-removed", "signer-added", "signer-added"]);
        let direction =
            |before: &[SignerFacts], after: &[SignerFacts]| compare_signers(before, after)[0].direction;
        assert_eq!(direction(&both, &[key(b"a")]), Direction::Removed);
        assert_eq!(direction(&[key(b"a")], &both), Direction::Added);
    }
}
