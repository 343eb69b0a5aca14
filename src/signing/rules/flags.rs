//! Rules from the command line: one signer, named by flags.

use std::collections::BTreeMap;

use super::config::unknown_claim;
use super::{IdentityRule, Matcher, Method, Pattern, Rules, RulesError, SignerRule};
use crate::signing::certificate::claim_name;
use crate::signing::keys::PublicKey;

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
const GITHUB: &str = "https://github.com";
const GITLAB_ISSUER: &str = "https://gitlab.com";

/// What the flags of `verify` say. Fields that are not given are `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--key`, already read.
    pub key: Option<PublicKey>,
    /// `--certificate-identity`.
    pub identity: Option<String>,
    /// `--certificate-identity-regexp`.
    pub identity_regexp: Option<String>,
    /// `--certificate-oidc-issuer`.
    pub issuer: Option<String>,
    /// `--certificate-oidc-issuer-regexp`.
    pub issuer_regexp: Option<String>,
    /// `--github-repository OWNER/NAME`.
    pub github_repository: Option<String>,
    /// `--github-workflow FILE`, a file under `.github/workflows/`.
    pub github_workflow: Option<String>,
    /// `--github-ref REF`, such as `refs/heads/main`.
    pub github_ref: Option<String>,
    /// `--gitlab-project GROUP/PROJECT`.
    pub gitlab_project: Option<String>,
    /// `--certificate-claim NAME=VALUE`.
    pub claims: Vec<String>,
    /// `--require-log`.
    pub require_log: bool,
}

impl Flags {
    /// Turns the flags into rules for one signer; `None` where no flag names one.
    ///
    /// # Errors
    /// [`RulesError::Rule`] where flags contradict each other, or name too little.
    pub fn into_rules(self) -> Result<Option<Rules>, RulesError> {
        let by_identity = self.names_identity();
        let require_log = self.require_log;
        let (name, method) = match (self.key.clone(), by_identity) {
            (None, false) => return Ok(None),
            (Some(_), true) => {
                return Err(RulesError::flag(
                    "`--key` and certificate flags contradict each other: a signer is named by a key or by an identity",
                ));
            }
            (Some(key), false) => ("--key", Method::Key(key)),
            (None, true) => ("command line", Method::Identity(self.identity_rule()?)),
        };
        let signer = SignerRule { require_log, ..SignerRule::new(name, method) };
        Rules::new(1, None, vec![signer]).map(Some)
    }

    fn names_identity(&self) -> bool {
        [
            &self.identity,
            &self.identity_regexp,
            &self.issuer,
            &self.issuer_regexp,
            &self.github_repository,
            &self.github_workflow,
            &self.github_ref,
            &self.gitlab_project,
        ]
        .iter()
        .any(|flag| flag.is_some())
            || !self.claims.is_empty()
    }

    fn identity_rule(self) -> Result<IdentityRule, RulesError> {
        let mut claims = parse_claims(&self.claims)?;
        let mut issuer = matcher("--certificate-oidc-issuer", self.issuer, self.issuer_regexp)?;
        let mut identity = matcher("--certificate-identity", self.identity, self.identity_regexp)?;
        let by_github =
            self.github_repository.is_some() || self.github_workflow.is_some() || self.github_ref.is_some();
        if let (Some(_), true) = (&self.gitlab_project, by_github) {
            return Err(RulesError::flag(
                "`--gitlab-project` and the `--github-*` flags contradict each other",
            ));
        }
        if by_github {
            let repository = self.github_repository.ok_or_else(|| {
                RulesError::flag(
                    "`--github-workflow` and `--github-ref` need `--github-repository OWNER/NAME`",
                )
            })?;
            check_path("--github-repository", "OWNER/NAME", &repository, 2..=2)?;
            let host = github(issuer.as_ref())?;
            add_claim(&mut claims, "source-repository-uri", format!("{host}/{repository}"))?;
            if let Some(reference) = &self.github_ref {
                if !reference.starts_with("refs/") {
                    return Err(RulesError::flag(format!(
                        "`--github-ref {reference}` is not a full ref; write `refs/heads/{reference}` or `refs/tags/{reference}`"
                    )));
                }
                add_claim(&mut claims, "source-repository-ref", reference.clone())?;
            }
            if let Some(workflow) = self.github_workflow {
                if identity.is_some() {
                    return Err(RulesError::flag(
                        "`--github-workflow` and `--certificate-identity` both name the workflow; give one of them",
                    ));
                }
                identity = Some(github_workflow(
                    &format!("{host}/{repository}"),
                    &workflow,
                    self.github_ref.as_deref(),
                )?);
            }
            issuer.get_or_insert_with(|| Matcher::Exact(GITHUB_ISSUER.to_owned()));
        }
        if let Some(project) = self.gitlab_project {
            check_path("--gitlab-project", "GROUP/PROJECT", &project, 2..=20)?;
            let host = gitlab(issuer.as_ref())?;
            add_claim(&mut claims, "source-repository-uri", format!("{host}/{project}"))?;
            issuer.get_or_insert_with(|| Matcher::Exact(GITLAB_ISSUER.to_owned()));
        }
        let issuer = issuer.ok_or_else(|| {
            RulesError::flag(
                "no issuer is given; add `--certificate-oidc-issuer URL`: an identity means nothing without who vouches for it",
            )
        })?;
        IdentityRule::new(issuer, identity, claims).map_err(RulesError::flag)
    }
}

/// GitHub's web address: its own, or that of a server or tenant whose issuer says so.
fn github(issuer: Option<&Matcher>) -> Result<String, RulesError> {
    let Some(url) = issuer_url(issuer)? else { return Ok(GITHUB.to_owned()) };
    if url.path() == "/_services/token" {
        return Ok(url.origin().ascii_serialization());
    }
    let tenant = url.host_str().and_then(|host| host.strip_prefix("token.actions."));
    match tenant.filter(|host| host.ends_with(".ghe.com")) {
        Some(host) => Ok(format!("https://{host}")),
        None => Ok(GITHUB.to_owned()),
    }
}

/// GitLab's web address: a GitLab server is its own issuer.
fn gitlab(issuer: Option<&Matcher>) -> Result<String, RulesError> {
    Ok(issuer_url(issuer)?.map_or_else(|| GITLAB_ISSUER.to_owned(), |url| url.origin().ascii_serialization()))
}

fn issuer_url(issuer: Option<&Matcher>) -> Result<Option<url::Url>, RulesError> {
    match issuer {
        None => Ok(None),
        Some(Matcher::Exact(issuer)) => url::Url::parse(issuer).map(Some).map_err(|error| {
            RulesError::flag(format!("`--certificate-oidc-issuer {issuer}` is no URL: {error}"))
        }),
        Some(Matcher::Pattern(_)) => Err(RulesError::flag(
            "the platform's address cannot be read from an issuer pattern; give `--certificate-oidc-issuer`",
        )),
    }
}

/// A workflow file of one repository, at one ref or at any.
fn github_workflow(repository: &str, workflow: &str, reference: Option<&str>) -> Result<Matcher, RulesError> {
    let file = workflow.strip_prefix(".github/workflows/").unwrap_or(workflow);
    let is_file = file.ends_with(".yml") || file.ends_with(".yaml");
    if file.contains(['/', '@']) || !is_file {
        return Err(RulesError::flag(format!(
            "`--github-workflow {workflow}` is no workflow file; write its file name, such as `release.yml`"
        )));
    }
    let uri = format!("{repository}/.github/workflows/{file}@");
    match reference {
        Some(reference) => Ok(Matcher::Exact(format!("{uri}{reference}"))),
        None => Pattern::new(&format!("^{}.+$", regex::escape(&uri)))
            .map(Matcher::Pattern)
            .map_err(|error| RulesError::flag(error.to_string())),
    }
}

fn check_path(
    flag: &str,
    shape: &str,
    path: &str,
    segments: std::ops::RangeInclusive<usize>,
) -> Result<(), RulesError> {
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let well_formed = path.split('/').all(plain) && segments.contains(&path.split('/').count());
    if well_formed {
        return Ok(());
    }
    Err(RulesError::flag(format!("`{flag} {path}` is not of the form {shape}")))
}

fn matcher(
    flag: &str,
    exact: Option<String>,
    pattern: Option<String>,
) -> Result<Option<Matcher>, RulesError> {
    match (exact, pattern) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(RulesError::flag(format!(
            "`{flag}` and `{flag}-regexp` contradict each other; give one of them"
        ))),
        (Some(exact), None) if exact.is_empty() => Err(RulesError::flag(format!("`{flag}` is empty"))),
        (Some(exact), None) => Ok(Some(Matcher::Exact(exact))),
        (None, Some(pattern)) => Pattern::new(&pattern)
            .map(|pattern| Some(Matcher::Pattern(pattern)))
            .map_err(|error| RulesError::flag(format!("`{flag}-regexp`: {error}"))),
    }
}

fn parse_claims(flags: &[String]) -> Result<BTreeMap<String, String>, RulesError> {
    let mut claims = BTreeMap::new();
    for flag in flags {
        let (name, value) = flag.split_once('=').ok_or_else(|| {
            RulesError::flag(format!("`--certificate-claim {flag}` is not of the form NAME=VALUE"))
        })?;
        let name = claim_name(name)
            .ok_or_else(|| RulesError::flag(format!("`--certificate-claim`: {}", unknown_claim(name))))?;
        add_claim(&mut claims, &name, value.to_owned())?;
    }
    Ok(claims)
}

fn add_claim(claims: &mut BTreeMap<String, String>, name: &str, value: String) -> Result<(), RulesError> {
    match claims.get(name) {
        Some(other) if *other != value => Err(RulesError::flag(format!(
            "the claim {name} is demanded to be {other:?} and {value:?}, which contradict each other"
        ))),
        _ => {
            claims.insert(name.to_owned(), value);
            Ok(())
        }
    }
}
