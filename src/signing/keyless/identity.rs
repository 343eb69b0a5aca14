//! Who a token speaks for, and what the certificate authority will write into the certificate about it.
//!
//! What is predicted here is known before anything is sent, so that a wrong identity is noticed before it is public.
//! The tables follow Fulcio's own configuration for the public-good instance (`config/identity/config.yaml`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::token::{Token, TokenError};
use crate::signing::certificate::{self, SigningCertificate};
use crate::signing::rules::{Method, Mismatch, Rules};

/// The issuer of GitHub Actions' tokens.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What a certificate says about its holder: predicted from a token, or read from the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictedCertificate {
    /// The identity provider.
    pub issuer: String,
    /// The subject alternative name.
    pub identity: certificate::Identity,
    /// Claims by name, as rules spell them.
    pub claims: BTreeMap<String, String>,
    /// Claims whose values only the certificate will tell: they depend on how the certificate authority is
    /// configured. Empty for one that was read.
    pub uncertain: BTreeSet<String>,
}

impl From<&SigningCertificate> for PredictedCertificate {
    fn from(certificate: &SigningCertificate) -> PredictedCertificate {
        PredictedCertificate {
            issuer: certificate.issuer.clone(),
            identity: certificate.identity.clone(),
            claims: certificate.claims.clone(),
            uncertain: BTreeSet::new(),
        }
    }
}

impl PredictedCertificate {
    /// Compares with trust rules: one rule by identity must match. Claims that are uncertain are left for the
    /// certificate itself.
    ///
    /// # Errors
    /// Each rule by identity and the fields that differ from it; where there is no such rule, that.
    pub fn check(&self, rules: &Rules) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        for signer in rules.signers() {
            let Method::Identity(rule) = &signer.method else { continue };
            let mut mismatches = rule.mismatches_of(&self.issuer, self.identity.as_str(), &self.claims);
            mismatches.retain(|mismatch| !self.uncertain.contains(&mismatch.field));
            if mismatches.is_empty() {
                return Ok(());
            }
            refusals.push(Refusal { rule: Some(signer.name.clone()), mismatches });
        }
        if refusals.is_empty() {
            let got = Some(self.identity.as_str().to_owned());
            let expected = "one of the trusted keys (the trust rules name no identity)".to_owned();
            let mismatch = Mismatch { field: "signer".to_owned(), expected, got };
            refusals.push(Refusal { rule: None, mismatches: vec![mismatch] });
        }
        Err(refusals)
    }
}

/// Why an identity is not an expected one: a rule, and the fields that differ from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule's name, where it has one.
    pub rule: Option<String>,
    /// What it wants and what there is.
    pub mismatches: Vec<Mismatch>,
}

impl Refusal {
    /// One line for each field.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.mismatches.iter().map(|Mismatch { field, expected, got }| {
            let rule = self.rule.as_ref().map(|rule| format!("{rule}: ")).unwrap_or_default();
            format!("{rule}{field}: expected {expected}, got {}", got.as_deref().unwrap_or("nothing"))
        })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("; "))
    }
}

/// An expectation without rules: `--expect-identity`, with an issuer where one is named. Both exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedIdentity {
    /// The subject alternative name.
    pub identity: String,
    /// The identity provider.
    pub issuer: Option<String>,
}

impl ExpectedIdentity {
    /// Compares field by field.
    ///
    /// # Errors
    /// Every field that differs.
    pub fn check(&self, certificate: &PredictedCertificate) -> Result<(), Vec<Refusal>> {
        let mut mismatches = Vec::new();
        if self.identity != certificate.identity.as_str() {
            mismatches.push(mismatch("identity", &self.identity, certificate.identity.as_str()));
        }
        if let Some(issuer) = self.issuer.as_ref().filter(|issuer| **issuer != certificate.issuer) {
            mismatches.push(mismatch("issuer", issuer, &certificate.issuer));
        }
        if mismatches.is_empty() { Ok(()) } else { Err(vec![Refusal { rule: None, mismatches }]) }
    }
}

fn mismatch(field: &str, expected: &str, got: &str) -> Mismatch {
    Mismatch { field: field.to_owned(), expected: expected.to_owned(), got: Some(got.to_owned()) }
}

/// The kind of workload or person that a token speaks for, told by its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// A person or service account with an e-mail address.
    Email,
    /// A GitHub Actions job.
    GitHub,
    /// A GitLab CI job.
    GitLab,
    /// A Buildkite job.
    Buildkite,
    /// A CircleCI job.
    CircleCi,
    /// A Codefresh pipeline.
    Codefresh,
    /// A Kubernetes service account.
    Kubernetes,
    /// A SPIFFE workload.
    Spiffe,
    /// A Chainguard identity.
    Chainguard,
    /// Anything else whose subject is a URI.
    Uri,
}

impl Provider {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Provider::Email => "e-mail",
            Provider::GitHub => "GitHub Actions",
            Provider::GitLab => "GitLab CI",
            Provider::Buildkite => "Buildkite",
            Provider::CircleCi => "CircleCI",
            Provider::Codefresh => "Codefresh",
            Provider::Kubernetes => "Kubernetes",
            Provider::Spiffe => "SPIFFE",
            Provider::Chainguard => "Chainguard",
            Provider::Uri => "URI subject",
        }
    }
}

/// A token together with what the certificate will say.
#[derive(Debug, Clone)]
pub struct Identity {
    token: Token,
    provider: Provider,
    predicted: PredictedCertificate,
    /// Another issuer that the certificate authority may be configured to write for a federated log-in.
    federated: Option<String>,
}

impl Identity {
    /// Reads who the token speaks for.
    ///
    /// # Errors
    /// When the token is malformed, or names nobody that Fulcio issues certificates to.
    pub fn parse(token: &str) -> Result<Identity, TokenError> {
        Identity::from_token(Token::parse(token)?)
    }

    /// As [`Identity::parse`], for a token that was read before.
    ///
    /// # Errors
    /// When the token names nobody that Fulcio issues certificates to.
    pub fn from_token(token: Token) -> Result<Identity, TokenError> {
        let provider = provider(&token);
        let identity = subject(&token, provider)?;
        let federated = token
            .value("federated_claims")
            .and_then(|claims| claims.get("connector_id"))
            .and_then(serde_json::Value::as_str)
            .filter(|connector| !connector.is_empty() && provider == Provider::Email)
            .map(str::to_owned);
        // The public instances write the log-in that stands behind their own Dex.
        let public_dex =
            matches!(token.issuer(), "https://oauth2.sigstore.dev/auth" | "https://oauth2.sigstage.dev/auth");
        let issuer = match &federated {
            Some(connector) if public_dex => connector.clone(),
            _ => token.issuer().to_owned(),
        };
        let (claims, uncertain) = claims(&token, provider);
        let predicted = PredictedCertificate { issuer, identity, claims, uncertain };
        Ok(Identity { predicted, token, provider, federated })
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What kind of identity this is.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// What the certificate will say, and what will be public for ever.
    #[must_use]
    pub fn predicted(&self) -> &PredictedCertificate {
        &self.predicted
    }

    /// When the token expires.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.token.expires()
    }

    /// What Fulcio wants signed as proof that the requester holds the key: the e-mail address, or the token's subject.
    pub(super) fn challenge(&self) -> &str {
        match &self.predicted.identity {
            certificate::Identity::Email(address) => address,
            _ => self.token.subject(),
        }
    }

    /// Compares what a certificate says with what was predicted. Subject and issuer must be equal; claims that only
    /// one side has are no difference, since instances are configured differently.
    ///
    /// # Errors
    /// Every field that differs.
    pub fn compare(&self, actual: &PredictedCertificate) -> Result<(), Refusal> {
        let mut mismatches = Vec::new();
        let expected = &self.predicted;
        let (wanted, got) = (&expected.identity, &actual.identity);
        if wanted.kind() != got.kind() || plain(wanted.as_str()) != plain(got.as_str()) {
            mismatches.push(mismatch("identity", wanted.as_str(), got.as_str()));
        }
        if expected.issuer != actual.issuer && self.federated.as_ref() != Some(&actual.issuer) {
            mismatches.push(mismatch("issuer", &expected.issuer, &actual.issuer));
        }
        for (name, got) in &actual.claims {
            match expected.claims.get(name) {
                Some(wanted) if wanted != got && !expected.uncertain.contains(name) => {
                    mismatches.push(mismatch(name, wanted, got));
                }
                _ => {}
            }
        }
        if mismatches.is_empty() { Ok(()) } else { Err(Refusal { rule: None, mismatches }) }
    }
}

/// Issuers of the public-good instance, whose configuration is known.
fn public_issuer(issuer: &str) -> bool {
    matches!(
        issuer,
        GITHUB_ISSUER | "https://gitlab.com" | "https://agent.buildkite.com" | "https://oidc.codefresh.io"
    ) || issuer.starts_with("https://oidc.circleci.com")
}

/// Where a GitHub instance is: a server of one's own says so in its issuer, and everything else is github.com's.
fn github_url(issuer: &str) -> String {
    let own = issuer.strip_suffix("/_services/token").map(str::to_owned);
    let resident = || {
        let tenant = issuer.strip_prefix("https://token.actions.")?.strip_suffix(".ghe.com")?;
        Some(format!("https://{tenant}.ghe.com"))
    };
    own.or_else(resident).unwrap_or_else(|| "https://github.com".to_owned())
}

/// Without percent-encoding, in which versions of Fulcio differ; it does not change who is meant.
fn plain(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut rest = bytes.clone();
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (byte, hex(rest.next()), hex(rest.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                bytes = rest;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A URI as it stands in a certificate after it went through Go's URL type: a path or fragment with a character that
/// cannot stand in one is percent-encoded as a whole, others stay as they are.
fn as_written(uri: &str) -> String {
    let (front, fragment) = match uri.split_once('#') {
        Some((front, fragment)) => (front, Some(fragment)),
        None => (uri, None),
    };
    let (front, query) = match front.split_once('?') {
        Some((front, query)) => (front, Some(query)),
        None => (front, None),
    };
    let path_at =
        front.find("://").map(|at| at + 3).and_then(|host| Some(host + front.get(host..)?.find('/')?));
    let (authority, path) = front.split_at(path_at.unwrap_or(front.len()));
    let mut out = authority.to_owned();
    encode(&mut out, path, b"$&+,/:;=@", b"!'()*[]");
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = fragment {
        out.push('#');
        encode(&mut out, fragment, b"$&+,/:;=@?!()*", b"'[]");
    }
    out
}

/// `safe` is never encoded; `tolerated` only together with something that must be.
fn encode(out: &mut String, text: &str, safe: &[u8], tolerated: &[u8]) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b) || safe.contains(&b);
    if text.bytes().all(|b| plain(b) || tolerated.contains(&b) || b == b'%') {
        out.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn provider(token: &Token) -> Provider {
    let issuer = token.issuer();
    let has = |name: &str| token.value(name).is_some();
    if token.subject().starts_with("spiffe://") {
        Provider::Spiffe
    } else if has("job_workflow_ref") {
        Provider::GitHub
    } else if has("ci_config_ref_uri") {
        Provider::GitLab
    } else if has("organization_slug") && has("pipeline_slug") {
        Provider::Buildkite
    } else if has("oidc.circleci.com/project-id") {
        Provider::CircleCi
    } else if issuer == "https://oidc.codefresh.io" || (has("pipeline_name") && has("account_name")) {
        Provider::Codefresh
    } else if has("kubernetes.io") {
        Provider::Kubernetes
    } else if matches!(issuer, "https://issuer.enforce.dev" | "https://issuer.chainops.dev") {
        Provider::Chainguard
    } else if has("email") {
        Provider::Email
    } else {
        Provider::Uri
    }
}

fn subject(token: &Token, provider: Provider) -> Result<certificate::Identity, TokenError> {
    let unusable = |reason: String| TokenError::Identity { issuer: token.issuer().to_owned(), reason };
    let need = |name: &str| {
        token
            .claim(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| unusable(format!("the claim {name:?} is missing")))
    };
    let uri = match provider {
        Provider::Email => {
            let address = need("email")?;
            let verified = token.value("email_verified");
            let verified = verified.is_some_and(|v| v.as_bool() == Some(true) || v.as_str() == Some("true"));
            if !verified && token.value("email_verified").is_some() {
                return Err(unusable(format!("the issuer says that the address {address} is not verified")));
            }
            let valid = address.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && domain.split_once('.').is_some_and(|(host, rest)| !host.is_empty() && !rest.is_empty())
            });
            if !valid {
                return Err(unusable(format!("{address:?} is not an e-mail address")));
            }
            return Ok(certificate::Identity::Email(address.to_owned()));
        }
        Provider::GitHub => format!("{}/{}", github_url(token.issuer()), need("job_workflow_ref")?),
        Provider::GitLab => format!("https://{}", need("ci_config_ref_uri")?),
        Provider::Buildkite => {
            format!("https://buildkite.com/{}/{}", need("organization_slug")?, need("pipeline_slug")?)
        }
        Provider::CircleCi => format!(
            "https://circleci.com/api/v2/projects/{}/pipeline-definitions/{}",
            need("oidc.circleci.com/project-id")?,
            need("oidc.circleci.com/pipeline-definition-id")?
        ),
        Provider::Codefresh => format!(
            "{}/{}/{}:{}/{}",
            token.claim("platform_url").unwrap_or("https://g.codefresh.io"),
            need("account_name")?,
            need("pipeline_name")?,
            need("account_id")?,
            need("pipeline_id")?
        ),
        Provider::Kubernetes => {
            let inner = |path: &[&str]| {
                path.iter()
                    .try_fold(token.value("kubernetes.io")?, |value, key| value.get(key))
                    .and_then(serde_json::Value::as_str)
                    .filter(|value| !value.is_empty())
            };
            match (inner(&["namespace"]), inner(&["serviceaccount", "name"])) {
                (Some(namespace), Some(account)) => {
                    format!("https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}")
                }
                _ => {
                    return Err(unusable(
                        "its claim \"kubernetes.io\" lacks the namespace or the service account".to_owned(),
                    ));
                }
            }
        }
        Provider::Spiffe => token.subject().to_owned(),
        Provider::Chainguard => format!("{}/{}", token.issuer().trim_end_matches('/'), token.subject()),
        Provider::Uri => {
            if !token.subject().contains("://") {
                return Err(unusable(
                    "it has neither an e-mail address, nor the claims of a known CI system, nor a URI as its subject".to_owned(),
                ));
            }
            token.subject().to_owned()
        }
    };
    Ok(certificate::Identity::Uri(as_written(&uri)))
}

/// A claim's template: literal text and token claims in turn; empty where the value cannot be foretold.
enum Part {
    Text(&'static str),
    Claim(&'static str),
    /// The forge's own address.
    Url,
}
use Part::{Claim as C, Text as T, Url as U};

const GITHUB: &[(&str, &[Part])] = &[
    ("github-workflow-trigger", &[C("event_name")]),
    ("github-workflow-sha", &[C("sha")]),
    ("github-workflow-name", &[C("workflow")]),
    ("github-workflow-repository", &[C("repository")]),
    ("github-workflow-ref", &[C("ref")]),
    ("build-signer-uri", &[U, T("/"), C("job_workflow_ref")]),
    ("build-signer-digest", &[C("job_workflow_sha")]),
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-uri", &[U, T("/"), C("repository")]),
    ("source-repository-digest", &[C("sha")]),
    ("source-repository-ref", &[C("ref")]),
    ("source-repository-identifier", &[C("repository_id")]),
    ("source-repository-owner-uri", &[U, T("/"), C("repository_owner")]),
    ("source-repository-owner-identifier", &[C("repository_owner_id")]),
    ("build-config-uri", &[U, T("/"), C("workflow_ref")]),
    ("build-config-digest", &[C("workflow_sha")]),
    ("build-trigger", &[C("event_name")]),
    (
        "run-invocation-uri",
        &[
            T("https://github.com/"),
            C("repository"),
            T("/actions/runs/"),
            C("run_id"),
            T("/attempts/"),
            C("run_attempt"),
        ],
    ),
    ("source-repository-visibility-at-signing", &[C("repository_visibility")]),
    ("deployment-environment", &[C("environment")]),
];

const GITLAB: &[(&str, &[Part])] = &[
    ("build-signer-uri", &[T("https://"), C("ci_config_ref_uri")]),
    ("build-signer-digest", &[C("ci_config_sha")]),
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-uri", &[U, T("/"), C("project_path")]),
    ("source-repository-digest", &[C("sha")]),
    ("source-repository-identifier", &[C("project_id")]),
    ("source-repository-owner-uri", &[U, T("/"), C("namespace_path")]),
    ("source-repository-owner-identifier", &[C("namespace_id")]),
    ("build-config-uri", &[T("https://"), C("ci_config_ref_uri")]),
    ("build-config-digest", &[C("ci_config_sha")]),
    ("build-trigger", &[C("pipeline_source")]),
    ("run-invocation-uri", &[U, T("/"), C("project_path"), T("/-/jobs/"), C("job_id")]),
    ("source-repository-visibility-at-signing", &[C("project_visibility")]),
    ("deployment-environment", &[C("environment")]),
];

const BUILDKITE: &[(&str, &[Part])] = &[
    ("run-invocation-uri", &[]),
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-digest", &[C("build_commit")]),
    ("build-trigger", &[C("build_source")]),
];

const CIRCLECI: &[(&str, &[Part])] = &[
    ("build-config-uri", &[]),
    ("build-signer-uri", &[]),
    ("run-invocation-uri", &[]),
    ("runner-environment", &[]),
    ("source-repository-ref", &[C("oidc.circleci.com/vcs-ref")]),
    ("source-repository-uri", &[C("oidc.circleci.com/vcs-origin")]),
];

const CODEFRESH: &[(&str, &[Part])] = &[
    ("build-config-uri", &[]),
    ("build-signer-uri", &[]),
    ("run-invocation-uri", &[]),
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-uri", &[C("scm_repo_url")]),
    ("source-repository-ref", &[C("scm_ref")]),
];

/// The claims whose values follow from the token, and those that the certificate will have with values that do not:
/// Fulcio's template needs something that is missing here or is not text, or an address that only its operator knows.
fn claims(token: &Token, provider: Provider) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (table, url) = match provider {
        Provider::GitHub => (GITHUB, github_url(token.issuer())),
        Provider::GitLab => (GITLAB, "https://gitlab.com".to_owned()),
        Provider::Buildkite => (BUILDKITE, String::new()),
        Provider::CircleCi => (CIRCLECI, String::new()),
        Provider::Codefresh => (CODEFRESH, String::new()),
        _ => (&[][..], String::new()),
    };
    let public = public_issuer(token.issuer());
    let mut claims = BTreeMap::new();
    let mut uncertain = BTreeSet::new();
    for (name, template) in table {
        let value: Option<String> = template
            .iter()
            .map(|part| match part {
                T(text) => Some(*text),
                U => Some(url.as_str()),
                C(claim) => token.claim(claim),
            })
            .collect();
        if template.is_empty()
            || value.is_none()
            || (!public && template.iter().any(|part| matches!(part, U)))
        {
            uncertain.insert((*name).to_owned());
        }
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            claims.insert((*name).to_owned(), value);
        }
    }
    if provider == Provider::GitLab
        && let (Some(kind), Some(name)) = (token.claim("ref_type"), token.claim("ref"))
    {
        let folder = if kind == "branch" { "heads" } else { "tags" };
        claims.insert("source-repository-ref".to_owned(), format!("refs/{folder}/{name}"));
    }
    claims.insert("token-subject".to_owned(), token.subject().to_owned());
    (claims, uncertain)
}
