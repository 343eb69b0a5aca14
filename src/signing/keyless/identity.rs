//! Who a token speaks for, and what the certificate authority will write into the certificate about it.
//!
//! What is predicted here is known before anything is sent, so that a wrong identity is noticed before it is public.
//! The tables follow Fulcio's own configuration for the public-good instance (`config/identity/config.yaml`).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::token::{Token, TokenError};

/// The issuer of GitHub Actions' tokens.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A subject alternative name as Fulcio writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An e-mail address (`rfc822Name`).
    Email(String),
    /// A workload (`uniformResourceIdentifier`).
    Uri(String),
}

impl Subject {
    /// The name without its kind, as rules compare it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Subject::Email(name) | Subject::Uri(name) => name,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a certificate says about its holder: predicted from a token, or read from the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictedCertificate {
    /// The identity provider (Fulcio's extension 1.8).
    pub issuer: String,
    /// The subject alternative name.
    pub subject: Subject,
    /// Fulcio's extensions by their registered names in kebab case, such as `source-repository-ref`.
    pub claims: BTreeMap<String, String>,
}

/// One way in which an identity is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The rule that was compared with, where rules have names.
    pub rule: Option<String>,
    /// What was compared: `identity`, `issuer`, or a claim's name.
    pub field: String,
    /// What the rule wants.
    pub expected: String,
    /// What the token or certificate says.
    pub got: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(rule) = &self.rule {
            write!(f, "{rule}: ")?;
        }
        write!(f, "{}: expected {}, got {}", self.field, self.expected, self.got)
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
    pub fn check(&self, certificate: &PredictedCertificate) -> Result<(), Vec<Mismatch>> {
        let mut mismatches = Vec::new();
        let mut compare = |field: &str, expected: &str, got: &str| {
            if expected != got {
                mismatches.push(Mismatch {
                    rule: None,
                    field: field.to_owned(),
                    expected: expected.to_owned(),
                    got: got.to_owned(),
                });
            }
        };
        compare("identity", &self.identity, certificate.subject.as_str());
        if let Some(issuer) = &self.issuer {
            compare("issuer", issuer, &certificate.issuer);
        }
        if mismatches.is_empty() { Ok(()) } else { Err(mismatches) }
    }
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
        let subject = subject(&token, provider)?;
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
        let claims = claims(&token, provider);
        Ok(Identity {
            predicted: PredictedCertificate { issuer, subject, claims },
            token,
            provider,
            federated,
        })
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
        match &self.predicted.subject {
            Subject::Email(address) => address,
            Subject::Uri(_) => self.token.subject(),
        }
    }

    /// Compares what a certificate says with what was predicted. Claims that only one side has are no difference:
    /// instances are configured differently. Subject and issuer must be equal.
    ///
    /// # Errors
    /// Every field that differs.
    pub fn compare(&self, actual: &PredictedCertificate) -> Result<(), Vec<Mismatch>> {
        let mut mismatches = Vec::new();
        let mut differs = |field: &str, expected: &str, got: &str| {
            mismatches.push(Mismatch {
                rule: None,
                field: field.to_owned(),
                expected: expected.to_owned(),
                got: got.to_owned(),
            });
        };
        let expected = &self.predicted;
        let same_kind = std::mem::discriminant(&expected.subject) == std::mem::discriminant(&actual.subject);
        if !same_kind || plain(expected.subject.as_str()) != plain(actual.subject.as_str()) {
            differs("identity", expected.subject.as_str(), actual.subject.as_str());
        }
        if expected.issuer != actual.issuer && self.federated.as_ref() != Some(&actual.issuer) {
            differs("issuer", &expected.issuer, &actual.issuer);
        }
        // Elsewhere than on the public instances, URLs are built on addresses that only the instance knows.
        let exact = public_issuer(self.token.issuer());
        for (name, got) in &actual.claims {
            let Some(wanted) = expected.claims.get(name) else { continue };
            if plain(wanted) != plain(got) && (exact || !wanted.contains("://")) {
                differs(name, wanted, got);
            }
        }
        if mismatches.is_empty() { Ok(()) } else { Err(mismatches) }
    }
}

fn public_issuer(issuer: &str) -> bool {
    matches!(
        issuer,
        GITHUB_ISSUER | "https://gitlab.com" | "https://agent.buildkite.com" | "https://oidc.codefresh.io"
    )
}

/// Fulcio's template engine escapes some characters, and Go's URL type others; neither changes who is meant.
fn plain(text: &str) -> String {
    let text = text
        .replace("&#43;", "+")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
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

fn subject(token: &Token, provider: Provider) -> Result<Subject, TokenError> {
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
            return Ok(Subject::Email(address.to_owned()));
        }
        Provider::GitHub => format!("https://github.com/{}", need("job_workflow_ref")?),
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
    Ok(Subject::Uri(uri))
}

/// A claim's template: literal text and token claims in turn.
enum Part {
    Text(&'static str),
    Claim(&'static str),
}
use Part::{Claim as C, Text as T};

const GITHUB: &[(&str, &[Part])] = &[
    ("github-workflow-trigger", &[C("event_name")]),
    ("github-workflow-sha", &[C("sha")]),
    ("github-workflow-name", &[C("workflow")]),
    ("github-workflow-repository", &[C("repository")]),
    ("github-workflow-ref", &[C("ref")]),
    ("build-signer-uri", &[T("https://github.com/"), C("job_workflow_ref")]),
    ("build-signer-digest", &[C("job_workflow_sha")]),
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-uri", &[T("https://github.com/"), C("repository")]),
    ("source-repository-digest", &[C("sha")]),
    ("source-repository-ref", &[C("ref")]),
    ("source-repository-identifier", &[C("repository_id")]),
    ("source-repository-owner-uri", &[T("https://github.com/"), C("repository_owner")]),
    ("source-repository-owner-identifier", &[C("repository_owner_id")]),
    ("build-config-uri", &[T("https://github.com/"), C("workflow_ref")]),
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
    ("source-repository-uri", &[T("https://gitlab.com/"), C("project_path")]),
    ("source-repository-digest", &[C("sha")]),
    ("source-repository-identifier", &[C("project_id")]),
    ("source-repository-owner-uri", &[T("https://gitlab.com/"), C("namespace_path")]),
    ("source-repository-owner-identifier", &[C("namespace_id")]),
    ("build-config-uri", &[T("https://"), C("ci_config_ref_uri")]),
    ("build-config-digest", &[C("ci_config_sha")]),
    ("build-trigger", &[C("pipeline_source")]),
    ("run-invocation-uri", &[T("https://gitlab.com/"), C("project_path"), T("/-/jobs/"), C("job_id")]),
    ("source-repository-visibility-at-signing", &[C("project_visibility")]),
    ("deployment-environment", &[C("environment")]),
];

const BUILDKITE: &[(&str, &[Part])] = &[
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-digest", &[C("build_commit")]),
    ("build-trigger", &[C("build_source")]),
];

const CIRCLECI: &[(&str, &[Part])] = &[
    ("source-repository-ref", &[C("oidc.circleci.com/vcs-ref")]),
    ("source-repository-uri", &[C("oidc.circleci.com/vcs-origin")]),
];

const CODEFRESH: &[(&str, &[Part])] = &[
    ("runner-environment", &[C("runner_environment")]),
    ("source-repository-uri", &[C("scm_repo_url")]),
    ("source-repository-ref", &[C("scm_ref")]),
];

/// The extensions whose values follow from the token. A template that needs a claim which is missing, or is not a
/// string, yields nothing: what Fulcio then writes is its own affair.
fn claims(token: &Token, provider: Provider) -> BTreeMap<String, String> {
    let table = match provider {
        Provider::GitHub => GITHUB,
        Provider::GitLab => GITLAB,
        Provider::Buildkite => BUILDKITE,
        Provider::CircleCi => CIRCLECI,
        Provider::Codefresh => CODEFRESH,
        _ => &[],
    };
    let mut claims = BTreeMap::new();
    for (name, template) in table {
        let value: Option<String> = template
            .iter()
            .map(|part| match part {
                T(text) => Some(*text),
                C(claim) => token.claim(claim),
            })
            .collect();
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
    claims
}
