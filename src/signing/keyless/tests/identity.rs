use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::identity::{ExpectedIdentity, Identity, PredictedCertificate, Provider};
use super::super::token::TokenError;
use super::token;
use crate::signing::certificate::Identity as Name;
use crate::signing::rules::{IdentityRule, Matcher, Method, Rules, SignerRule};

fn identity(claims: &Value) -> Identity {
    Identity::parse(&token(claims)).unwrap_or_else(|error| panic!("{claims}: {error}"))
}

fn uri(text: &str) -> Name {
    Name::Uri(text.to_owned())
}

#[test]
fn each_provider_gives_the_subject_that_fulcio_writes() {
    let cases = [
        (
            json!({ "email": "dev@example.com", "email_verified": true }),
            Provider::Email,
            Name::Email("dev@example.com".to_owned()),
        ),
        (
            json!({ "email": "dev@example.com", "email_verified": "true" }),
            Provider::Email,
            Name::Email("dev@example.com".to_owned()),
        ),
        (
            json!({ "job_workflow_ref": "acme/agents/.github/workflows/lock.yml@refs/heads/main", "email": "x@example.com" }),
            Provider::GitHub,
            uri("https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main"),
        ),
        (
            json!({ "ci_config_ref_uri": "gitlab.com/acme/agents//.gitlab-ci.yml@refs/heads/main" }),
            Provider::GitLab,
            uri("https://gitlab.com/acme/agents//.gitlab-ci.yml@refs/heads/main"),
        ),
        (
            json!({ "organization_slug": "acme", "pipeline_slug": "agents" }),
            Provider::Buildkite,
            uri("https://buildkite.com/acme/agents"),
        ),
        (
            json!({ "oidc.circleci.com/project-id": "p1", "oidc.circleci.com/pipeline-definition-id": "d1" }),
            Provider::CircleCi,
            uri("https://circleci.com/api/v2/projects/p1/pipeline-definitions/d1"),
        ),
        (
            json!({ "account_name": "acme", "pipeline_name": "agents/lock", "account_id": "a1", "pipeline_id": "p1" }),
            Provider::Codefresh,
            uri("https://g.codefresh.io/acme/agents/lock:a1/p1"),
        ),
        (
            json!({ "kubernetes.io": { "namespace": "build", "serviceaccount": { "name": "signer" } } }),
            Provider::Kubernetes,
            uri("https://kubernetes.io/namespaces/build/serviceaccounts/signer"),
        ),
        (
            json!({ "sub": "spiffe://example.com/builder" }),
            Provider::Spiffe,
            uri("spiffe://example.com/builder"),
        ),
        (
            json!({ "iss": "https://issuer.enforce.dev", "sub": "abc/def" }),
            Provider::Chainguard,
            uri("https://issuer.enforce.dev/abc/def"),
        ),
        (json!({ "sub": "https://example.com/users/7" }), Provider::Uri, uri("https://example.com/users/7")),
    ];
    for (claims, provider, subject) in cases {
        let identity = identity(&claims);
        assert_eq!((identity.provider(), &identity.predicted().identity), (provider, &subject), "{claims}");
        assert_eq!(identity.predicted().issuer, identity.token().issuer());
    }
}

#[test]
fn a_token_that_names_nobody_is_refused() {
    for (claims, says) in [
        (json!({}), "neither an e-mail address"),
        (json!({ "email": "dev@example.com", "email_verified": false }), "not verified"),
        (json!({ "email": "dev" }), "not an e-mail address"),
        (json!({ "email": "dev@localhost" }), "not an e-mail address"),
        (json!({ "email": "" }), "\"email\" is missing"),
        (json!({ "job_workflow_ref": 7 }), "\"job_workflow_ref\" is missing"),
        (json!({ "kubernetes.io": { "namespace": "build" } }), "lacks the namespace or the service account"),
        (json!({ "oidc.circleci.com/project-id": "p1" }), "pipeline-definition-id"),
    ] {
        let error = Identity::parse(&token(&claims)).unwrap_err();
        assert!(
            matches!(&error, TokenError::Identity { reason, .. } if reason.contains(says)),
            "{claims}: {error}"
        );
    }
}

#[test]
fn proof_of_possession_is_over_the_address_or_the_subject() {
    assert_eq!(identity(&json!({ "email": "dev@example.com" })).challenge(), "dev@example.com");
    let workflow =
        json!({ "sub": "repo:acme/agents:ref:refs/heads/main", "job_workflow_ref": "acme/agents/x@y" });
    assert_eq!(identity(&workflow).challenge(), "repo:acme/agents:ref:refs/heads/main");
}

#[test]
fn unusual_names_are_written_as_gos_url_type_writes_them() {
    // As seen with Fulcio 1.8.8.
    let base = "acme/agents/.github/workflows/lock.yml@refs/heads/";
    for (name, written) in [
        ("c++", "c++"),
        ("it's", "it's"),
        ("a#b", "a#b"),
        ("q?z", "q?z"),
        ("x y", "x%20y"),
        ("caf\u{e9}", "caf%C3%A9"),
        ("a&b<c", "a&b%3Cc"),
        ("it's a", "it%27s%20a"),
        ("a%20b", "a%20b"),
    ] {
        let identity = identity(&json!({ "job_workflow_ref": format!("{base}{name}") }));
        assert_eq!(identity.predicted().identity, uri(&format!("https://github.com/{base}{written}")));
        let signer = identity.predicted().claims.get("build-signer-uri").unwrap();
        assert_eq!(*signer, format!("https://github.com/{base}{name}"), "extensions hold the plain text");
    }
}

#[test]
fn the_log_in_behind_a_public_dex_is_the_issuer() {
    let claims = |issuer: &str| {
        json!({
            "iss": issuer, "email": "dev@example.com",
            "federated_claims": { "connector_id": "https://github.com/login/oauth", "user_id": "7" },
        })
    };
    let public = identity(&claims("https://oauth2.sigstore.dev/auth"));
    assert_eq!(public.predicted().issuer, "https://github.com/login/oauth");
    // A private Dex may be configured either way, and both are accepted of its Fulcio.
    let private = identity(&claims("https://dex.example.com"));
    assert_eq!(private.predicted().issuer, "https://dex.example.com");
    let mut says = private.predicted().clone();
    private.compare(&says).unwrap();
    says.issuer = "https://github.com/login/oauth".to_owned();
    private.compare(&says).unwrap();
    says.issuer = "https://accounts.google.com".to_owned();
    assert_eq!(private.compare(&says).unwrap_err().mismatches[0].field, "issuer");
}

#[test]
fn claims_follow_from_the_token_where_they_are_text() {
    let gitlab = identity(&json!({
        "iss": "https://gitlab.com", "ci_config_ref_uri": "gitlab.com/acme/agents//.gitlab-ci.yml@refs/tags/v1",
        "ref": "v1", "ref_type": "tag", "project_id": "42", "project_path": "acme/agents", "job_id": 7,
    }));
    let claims = &gitlab.predicted().claims;
    let get = |name: &str| claims.get(name).map(String::as_str);
    assert_eq!(get("source-repository-ref"), Some("refs/tags/v1"));
    assert_eq!(get("source-repository-identifier"), Some("42"));
    assert_eq!(get("source-repository-uri"), Some("https://gitlab.com/acme/agents"));
    assert_eq!(get("run-invocation-uri"), None, "a number is not text");
    assert!(gitlab.predicted().uncertain.contains("run-invocation-uri"));
    assert_eq!(get("runner-environment"), None, "a claim that is missing");
}

fn certificate(identity: Name, claims: &[(&str, &str)]) -> PredictedCertificate {
    let claims: BTreeMap<String, String> =
        claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    PredictedCertificate {
        issuer: "https://issuer.example.com".to_owned(),
        identity,
        claims,
        uncertain: BTreeSet::new(),
    }
}

#[test]
fn a_certificate_for_somebody_else_is_noticed() {
    let identity = identity(&json!({
        "job_workflow_ref": "acme/agents/x@y", "repository_id": "1", "repository": "acme/agents",
    }));
    let same = uri("https://github.com/acme/agents/x@y");
    let fields = |certificate: &PredictedCertificate| {
        identity
            .compare(certificate)
            .err()
            .map(|refusal| refusal.mismatches)
            .unwrap_or_default()
            .into_iter()
            .map(|m| m.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&certificate(same.clone(), &[])), [""; 0]);
    assert_eq!(fields(&certificate(same.clone(), &[("source-repository-identifier", "1")])), [""; 0]);
    assert_eq!(fields(&certificate(uri("https://github.com/acme/other/x@y"), &[])), ["identity"]);
    assert_eq!(
        fields(&certificate(Name::Email("https://github.com/acme/agents/x@y".to_owned()), &[])),
        ["identity"]
    );
    assert_eq!(
        fields(&certificate(same.clone(), &[("source-repository-identifier", "2")])),
        ["source-repository-identifier"]
    );
    // A private instance's own address of its forge is its own affair.
    assert_eq!(
        fields(&certificate(same, &[("source-repository-uri", "https://git.example.com/acme/agents")])),
        [""; 0]
    );
}

#[test]
fn on_a_public_instance_addresses_are_known_too() {
    let identity = identity(&json!({
        "iss": "https://token.actions.githubusercontent.com", "job_workflow_ref": "acme/agents/x@y", "repository": "acme/agents",
    }));
    let mut says = identity.predicted().clone();
    identity.compare(&says).unwrap();
    says.claims.insert("source-repository-uri".to_owned(), "https://github.com/mallory/agents".to_owned());
    let refusal = identity.compare(&says).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "source-repository-uri: expected https://github.com/acme/agents, got https://github.com/mallory/agents"
    );
}

#[test]
fn an_expected_identity_is_compared_field_by_field() {
    let says = certificate(Name::Email("dev@example.com".to_owned()), &[]);
    let expect = |identity: &str, issuer: Option<&str>| {
        ExpectedIdentity { identity: identity.to_owned(), issuer: issuer.map(str::to_owned) }.check(&says)
    };
    expect("dev@example.com", None).unwrap();
    expect("dev@example.com", Some("https://issuer.example.com")).unwrap();
    assert_eq!(expect("Dev@example.com", None).unwrap_err()[0].mismatches.len(), 1);
    assert_eq!(
        expect("x@example.com", Some("https://issuer.example.com/")).unwrap_err()[0].mismatches.len(),
        2
    );
}

/// Name, identity and claims of a rule.
type Rule<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn rules(signers: &[Rule<'_>]) -> Rules {
    let signers = signers.iter().map(|(name, identity, claims)| {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let issuer = Matcher::Exact("https://issuer.example.com".to_owned());
        let rule = IdentityRule::new(issuer, Some(Matcher::Exact((*identity).to_owned())), claims).unwrap();
        SignerRule::new(*name, Method::Identity(rule))
    });
    Rules::new(1, None, signers.collect()).unwrap()
}

#[test]
fn one_rule_by_identity_is_enough() {
    let says =
        certificate(Name::Uri("https://github.com/acme/agents/x@y".to_owned()), &[("build-trigger", "push")]);
    let (same, other) = ("https://github.com/acme/agents/x@y", "https://github.com/acme/other/x@y");
    says.check(&rules(&[("a", other, &[]), ("b", same, &[("build-trigger", "push")])])).unwrap();
    let refusals =
        says.check(&rules(&[("a", other, &[]), ("b", same, &[("build-trigger", "schedule")])])).unwrap_err();
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            format!("a: identity: expected {other}, got {same}"),
            "b: build-trigger: expected schedule, got push".to_owned()
        ]
    );
}

#[test]
fn what_only_the_certificate_will_tell_is_left_to_it() {
    let mut says = certificate(Name::Uri("https://buildkite.com/acme/agents".to_owned()), &[]);
    let rules = rules(&[(
        "a",
        "https://buildkite.com/acme/agents",
        &[("run-invocation-uri", "https://buildkite.com/acme/agents/builds/1")],
    )]);
    assert_eq!(
        says.check(&rules).unwrap_err()[0].to_string(),
        "a: run-invocation-uri: expected https://buildkite.com/acme/agents/builds/1, got nothing"
    );
    says.uncertain.insert("run-invocation-uri".to_owned());
    says.check(&rules).unwrap();
}

#[test]
fn without_a_rule_by_identity_nobody_may_sign_keyless() {
    let key = crate::signing::keys::SigningKey::generate().unwrap().public_key().unwrap();
    let rules = Rules::new(1, None, vec![SignerRule::new("lead", Method::Key(key))]).unwrap();
    let says = certificate(Name::Email("dev@example.com".to_owned()), &[]);
    assert_eq!(
        says.check(&rules).unwrap_err()[0].to_string(),
        "signer: expected one of the trusted keys (the trust rules name no identity), got dev@example.com"
    );
}

#[test]
fn a_github_server_of_ones_own_names_itself() {
    for (issuer, url) in [
        ("https://github.example.com/_services/token", "https://github.example.com"),
        ("https://token.actions.acme.ghe.com", "https://acme.ghe.com"),
        ("https://token.actions.githubusercontent.com/acme", "https://github.com"),
    ] {
        let identity = identity(&json!({ "iss": issuer, "job_workflow_ref": "acme/agents/x@y" }));
        assert_eq!(identity.predicted().identity, uri(&format!("{url}/acme/agents/x@y")), "{issuer}");
    }
}
