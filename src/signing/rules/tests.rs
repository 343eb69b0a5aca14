use super::*;
use crate::signing::certificate::{Identity, SigningCertificate};
use crate::signing::keys::SigningKey;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/acme/agents/.github/workflows/lock.yml@refs/heads/main";

fn public_pem() -> Vec<u8> {
    include_bytes!("../../../testdata/signing/keys/p256.pub").to_vec()
}

fn load(path: &str) -> Result<Vec<u8>, String> {
    match path {
        "mcptrust.pub" | "copy.pub" => Ok(public_pem()),
        "mcptrust.key" => Ok(SigningKey::generate().unwrap().to_pem(None).unwrap().as_bytes().to_vec()),
        _ => Err("no such file".to_owned()),
    }
}

fn parse(text: &str) -> Result<Option<Rules>, RulesError> {
    Rules::from_toml(text, &mut load)
}

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn identity(lines: &str) -> String {
    format!("[trust]\n[[trust.signer]]\nname = \"ci\"\n{lines}\n")
}

fn certificate() -> SigningCertificate {
    let claims = [
        ("source-repository-uri", "https://github.com/acme/agents"),
        ("source-repository-ref", "refs/heads/main"),
        ("source-repository-identifier", "123456789"),
        ("build-trigger", "push"),
    ];
    SigningCertificate {
        identity: Identity::Uri(WORKFLOW.to_owned()),
        issuer: ISSUER.to_owned(),
        claims: claims.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        not_before: "2026-12-01T00:00:00Z".parse().unwrap(),
        not_after: "2026-12-01T00:10:00Z".parse().unwrap(),
        key: crate::signing::keys::PublicKey::from_pem(&public_pem()).unwrap(),
    }
}

/// The identity rule that flags or a file make.
fn rule(rules: &Rules) -> &IdentityRule {
    match &rules.signers()[0].method {
        Method::Identity(rule) => rule,
        Method::Key(_) => panic!("a key"),
    }
}

fn mismatched_fields(rules: &Rules, certificate: &SigningCertificate) -> Vec<String> {
    rule(rules).mismatches(certificate).into_iter().map(|mismatch| mismatch.field).collect()
}

#[test]
fn the_documented_example_is_read() {
    let text = format!(
        "[trust]\nthreshold = 2\nproject = \"acme/agents\"\n\n[[trust.signer]]\nname = \"release workflow\"\n\
         issuer = \"{ISSUER}\"\nidentity = \"{WORKFLOW}\"\n\
         claims = {{ source-repository-identifier = \"123456789\", build-trigger = \"push\" }}\n\n\
         [[trust.signer]]\nname = \"security lead\"\nkey = \"mcptrust.pub\"\n"
    );
    let rules = parse(&text).unwrap().unwrap();
    assert_eq!(rules.threshold(), 2);
    assert_eq!(rules.project(), Some("acme/agents"));
    assert!(rules.need_trust_material());
    assert_eq!(rule(&rules).mismatches(&certificate()), []);
    assert!(matches!(rules.signers()[1].method, Method::Key(_)));
    assert_eq!(parse("[policy]\nx = 1\n"), Ok(None));
}

#[test]
fn unknown_fields_are_refused_with_their_line() {
    let text = refused("[trust]\nthreshhold = 1\n");
    assert!(text.contains("line 2") && text.contains("unknown field `threshhold`"), "{text}");
    let text = refused(&identity("identiy = \"x\""));
    assert!(text.contains("line 4") && text.contains("unknown field `identiy`"), "{text}");
    let text = refused(&identity("claims = { build-trigger = 1 }"));
    assert!(text.contains("line 4") && text.contains("expected a string"), "{text}");
    assert!(refused("[trust]\nthreshold = 1\nthreshold = 2\n").contains("line 3"));
}

#[test]
fn rules_that_trust_nobody_or_everybody_are_refused() {
    let by_key = "[[trust.signer]]\nname = \"a\"\nkey = \"mcptrust.pub\"\n";
    for (text, message) in [
        (
            "[trust]\n".to_owned(),
            "no signer is named; give `--key`, an identity, or a [[trust.signer]] in mcptrust.toml",
        ),
        (
            format!("[trust]\nthreshold = 0\n{by_key}"),
            "line 2: `threshold` is 0, which would trust anybody; expected at least 1",
        ),
        (
            format!("[trust]\nthreshold = -1\n{by_key}"),
            "line 2: `threshold` is 0, which would trust anybody; expected at least 1",
        ),
        (
            format!("[trust]\nthreshold = 2\n{by_key}"),
            "line 2: `threshold` is 2 and only 1 distinct signers are named, so it can never be met",
        ),
        (
            format!("[trust]\n{by_key}[[trust.signer]]\nname = \"b\"\nkey = \"copy.pub\"\n"),
            "the signers \"a\" and \"b\" are the same key or identity; one signer counts once",
        ),
        (identity(""), "line 2: the signer has neither `key` nor `issuer` and `identity`"),
        (
            identity("identity = \"x\""),
            "line 2: the signer has no `issuer`: an identity means nothing without who vouches for it",
        ),
        (
            identity("issuer = \"x\""),
            "line 2: the rule names an issuer and nobody at it; add `identity`, or one of the claims \
             source-repository-uri, source-repository-identifier, token-subject",
        ),
        (identity("issuer = \"\"\nidentity = \"x\""), "line 4: `issuer` is empty"),
        (
            identity("issuer = \"x\"\nidentity = \"y\"\nidentity-regexp = \"^y$\""),
            "line 6: `identity` and `identity-regexp` exclude each other",
        ),
        (
            identity("key = \"mcptrust.pub\"\nissuer = \"x\""),
            "line 4: a signer is named by `key` or by `issuer` and `identity`, not by both; \
             two entries of one name are two ways for one signer",
        ),
        (
            "[[trust.signer]]\nname = \" \"\nkey = \"mcptrust.pub\"\n".to_owned(),
            "line 2: `name` is empty; reports call the signer by it",
        ),
    ] {
        assert_eq!(refused(&text), message);
    }
}

#[test]
fn keys_are_read_through_the_loader() {
    assert_eq!(refused(&identity("key = \"gone.pub\"")), "line 4: key \"gone.pub\": no such file");
    assert_eq!(
        refused(&identity("key = \"mcptrust.key\"")),
        "line 4: key \"mcptrust.key\": this is a private key, and verifying needs the public key; \
         give `mcptrust.pub`, and keep the private key away from verifiers"
    );
}

#[test]
fn claims_are_known_by_name_or_object_identifier() {
    let with = |claim: &str| {
        identity(&format!("issuer = \"{ISSUER}\"\nidentity = \"x\"\nclaims = {{ {claim} = \"v\" }}"))
    };
    let claims =
        |text: &str| rule(&parse(&with(text)).unwrap().unwrap()).claims.keys().cloned().collect::<Vec<_>>();
    assert_eq!(claims("runner-environment"), ["runner-environment"]);
    assert_eq!(claims("\"1.3.6.1.4.1.57264.1.11\""), ["runner-environment"]);
    assert_eq!(claims("\"1.3.6.1.4.1.57264.1.99\""), ["1.3.6.1.4.1.57264.1.99"]);
    for unknown in
        ["runner", "issuer", "\"1.3.6.1.4.1.57264.1.8\"", "\"1.3.6.1.4.1.57264.1.011\"", "\"1.2.3\""]
    {
        let text = refused(&with(unknown));
        assert!(text.starts_with("line 6: unknown claim"), "{text}");
    }
    let twice = refused(&with("\"1.3.6.1.4.1.57264.1.11\" = \"w\", runner-environment"));
    assert!(twice.contains("stands there twice"), "{twice}");
}

#[test]
fn patterns_are_anchored_or_refused() {
    for open in ["acme", "^acme", "acme$", r"^acme\$", r"acme\\z"] {
        assert!(matches!(Pattern::new(open), Err(PatternError::Unanchored { .. })), "{open}");
    }
    for anything in ["^.*$", "^.+$", r"\A[\s\S]*\z", "^(a|.*)$", "^.*|x$", "^(?s).*$"] {
        assert!(matches!(Pattern::new(anything), Err(PatternError::Anything { .. })), "{anything}");
    }
    for broken in ["^(acme$", "^acme)|(mallory$", "^a{$"] {
        let result = Pattern::new(broken);
        assert!(matches!(result, Err(PatternError::Syntax { .. })), "{broken}: {result:?}");
    }
    assert_eq!(
        Pattern::new("acme").unwrap_err().to_string(),
        "the pattern \"acme\" is not anchored; begin it with `^` and end it with `$`, so that it cannot match \
         a part of somebody else's identity"
    );
}

#[test]
fn a_pattern_matches_the_whole_text_whatever_it_says() {
    let branches = Pattern::new("^acme|agents$").unwrap();
    assert!(branches.matches("acme") && branches.matches("agents"));
    assert!(!branches.matches("acme.evil") && !branches.matches("evil.agents"));
    let lines = Pattern::new("(?m)^acme$");
    assert!(matches!(lines, Err(PatternError::Unanchored { .. })));
    let lines = Pattern::new("^(?m:^acme$)$").unwrap();
    assert!(lines.matches("acme") && !lines.matches("acme\nevil") && !lines.matches("acme\n"));
    // A comment cannot swallow the anchors that are added.
    assert!(Pattern::new("^acme(?x) #$").is_err());
}

#[test]
fn a_certificate_is_matched_field_by_field() {
    let text = identity(&format!(
        "issuer = \"https://gitlab.com\"\nidentity = \"{WORKFLOW}x\"\n\
         claims = {{ build-trigger = \"pull_request\", runner-environment = \"github-hosted\" }}"
    ));
    let rules = parse(&text).unwrap().unwrap();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        rule(&rules).mismatches(&certificate()),
        [
            Mismatch { field: text("issuer"), expected: text("https://gitlab.com"), got: Some(text(ISSUER)) },
            Mismatch { field: text("identity"), expected: format!("{WORKFLOW}x"), got: Some(text(WORKFLOW)) },
            Mismatch {
                field: text("build-trigger"),
                expected: text("pull_request"),
                got: Some(text("push"))
            },
            Mismatch { field: text("runner-environment"), expected: text("github-hosted"), got: None },
        ]
    );
}

#[test]
fn the_digest_follows_the_meaning() {
    let digest = |text: &str| parse(text).unwrap().unwrap().digest();
    let a = "[[trust.signer]]\nname = \"a\"\nkey = \"mcptrust.pub\"\n";
    let b = format!("[[trust.signer]]\nname = \"b\"\nissuer = \"{ISSUER}\"\nidentity = \"x\"\n");
    assert_eq!(digest(&format!("[trust]\n{a}{b}")), digest(&format!("# comment\n{b}\n{a}")));
    let base = digest(&format!("{a}{b}"));
    for other in [
        format!("[trust]\nthreshold = 2\n{a}{b}"),
        format!("[trust]\nproject = \"p\"\n{a}{b}"),
        format!("{a}{b}require-log = true\n"),
        format!("{a}{b}require-statement = true\n"),
        format!("{a}{b}project = \"p\"\n"),
        format!("{a}{b}claims = {{ build-trigger = \"push\" }}\n"),
        format!("{a}{}", b.replace("identity = \"x\"", "identity-regexp = \"^x$\"")),
        a.to_owned(),
    ] {
        assert_ne!(digest(&other), base, "{other}");
    }
}

fn flags(change: impl FnOnce(&mut Flags)) -> Result<Option<Rules>, RulesError> {
    let mut flags = Flags::default();
    change(&mut flags);
    flags.into_rules()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn flags_name_a_github_workflow() {
    assert_eq!(flags(|_| {}), Ok(None));
    let rules = flags(|flags| {
        flags.github_repository = some("acme/agents");
        flags.github_workflow = some("lock.yml");
        flags.github_ref = some("refs/heads/main");
    });
    let rules = rules.unwrap().unwrap();
    assert_eq!(rule(&rules).mismatches(&certificate()), []);
    assert_eq!(rule(&rules).identity, Some(Matcher::Exact(WORKFLOW.to_owned())));
    let any_ref = flags(|flags| {
        flags.github_repository = some("acme/agents");
        flags.github_workflow = some(".github/workflows/lock.yml");
    });
    let any_ref = any_ref.unwrap().unwrap();
    assert_eq!(rule(&any_ref).mismatches(&certificate()), []);
    let mut other = certificate();
    other.identity =
        Identity::Uri("https://github.com/acme/agents/.github/workflows/lockxyml@refs/heads/main".to_owned());
    assert_eq!(mismatched_fields(&any_ref, &other), ["identity"]);
    other.claims.insert("source-repository-uri".to_owned(), "https://github.com/acme/agents2".to_owned());
    assert_eq!(mismatched_fields(&any_ref, &other), ["identity", "source-repository-uri"]);
}

#[test]
fn flags_name_a_platform_of_ones_own() {
    for (issuer, host) in [
        ("https://token.actions.githubusercontent.com", "https://github.com"),
        ("https://token.actions.githubusercontent.com/acme", "https://github.com"),
        ("https://github.acme.example/_services/token", "https://github.acme.example"),
        ("https://token.actions.acme.ghe.com", "https://acme.ghe.com"),
        ("https://token.actions.acme.example", "https://github.com"),
        ("http://localhost:5556/github", "https://github.com"),
    ] {
        let rules = flags(|flags| {
            flags.github_repository = some("acme/agents");
            flags.issuer = some(issuer);
        });
        let rules = rules.unwrap().unwrap();
        assert_eq!(rule(&rules).issuer, Matcher::Exact(issuer.to_owned()));
        assert_eq!(rule(&rules).claims["source-repository-uri"], format!("{host}/acme/agents"), "{issuer}");
    }
    for (issuer, host) in
        [(None, "https://gitlab.com"), (some("https://git.acme.example"), "https://git.acme.example")]
    {
        let rules = flags(|flags| {
            flags.gitlab_project = some("acme/group/agents");
            flags.issuer = issuer;
        });
        let rules = rules.unwrap().unwrap();
        assert_eq!(rule(&rules).issuer, Matcher::Exact(host.to_owned()));
        assert_eq!(rule(&rules).claims["source-repository-uri"], format!("{host}/acme/group/agents"));
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let key = || crate::signing::keys::PublicKey::from_pem(&public_pem()).unwrap();
    type Change = Box<dyn FnOnce(&mut Flags)>;
    let cases: Vec<(Change, &str)> = vec![
        (
            Box::new(move |f| {
                f.key = Some(key());
                f.identity = some("x");
            }),
            "`--key` and certificate flags contradict each other: a signer is named by a key or by an identity",
        ),
        (
            Box::new(|f| {
                f.identity = some("x");
                f.identity_regexp = some("^x$");
            }),
            "`--certificate-identity` and `--certificate-identity-regexp` contradict each other; give one of them",
        ),
        (
            Box::new(|f| f.identity = some("x")),
            "no issuer is given; add `--certificate-oidc-issuer URL`: an identity means nothing without who vouches for it",
        ),
        (
            Box::new(|f| {
                f.github_repository = some("a/b");
                f.gitlab_project = some("a/b");
            }),
            "`--gitlab-project` and the `--github-*` flags contradict each other",
        ),
        (
            Box::new(|f| f.github_ref = some("refs/heads/main")),
            "`--github-workflow` and `--github-ref` need `--github-repository OWNER/NAME`",
        ),
        (
            Box::new(|f| {
                f.github_repository = some("a/b");
                f.github_ref = some("main");
            }),
            "`--github-ref main` is not a full ref; write `refs/heads/main` or `refs/tags/main`",
        ),
        (
            Box::new(|f| {
                f.github_repository = some("a/b");
                f.github_workflow = some("lock");
            }),
            "`--github-workflow lock` is no workflow file; write its file name, such as `release.yml`",
        ),
        (
            Box::new(|f| {
                f.github_repository = some("a/b");
                f.github_workflow = some("lock.yml");
                f.identity = some("x");
            }),
            "`--github-workflow` and `--certificate-identity` both name the workflow; give one of them",
        ),
        (
            Box::new(|f| f.github_repository = some("a")),
            "`--github-repository a` is not of the form OWNER/NAME",
        ),
        (
            Box::new(|f| f.github_repository = some("a/b@c")),
            "`--github-repository a/b@c` is not of the form OWNER/NAME",
        ),
        (
            Box::new(|f| {
                f.github_repository = some("a/b");
                f.claims = vec!["source-repository-uri=https://github.com/a/c".to_owned()];
            }),
            "the claim source-repository-uri is demanded to be \"https://github.com/a/c\" and \
             \"https://github.com/a/b\", which contradict each other",
        ),
        (
            Box::new(|f| f.claims = vec!["build-trigger".to_owned()]),
            "`--certificate-claim build-trigger` is not of the form NAME=VALUE",
        ),
        (
            Box::new(|f| {
                f.issuer = some(ISSUER);
                f.identity_regexp = some("acme");
            }),
            "`--certificate-identity-regexp`: the pattern \"acme\" is not anchored; begin it with `^` and end it \
             with `$`, so that it cannot match a part of somebody else's identity",
        ),
        (
            Box::new(|f| {
                f.issuer_regexp = some("^https://.*\\.acme\\.example$");
                f.github_repository = some("a/b");
            }),
            "the platform's address cannot be read from an issuer pattern; give `--certificate-oidc-issuer`",
        ),
    ];
    for (change, message) in cases {
        assert_eq!(flags(change).unwrap_err().to_string(), message);
    }
}
