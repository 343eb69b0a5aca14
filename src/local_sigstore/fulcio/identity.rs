//! From a token's claims to what the certificate says: the subject alternative name, and Fulcio's extensions.

use serde_json::Value;

use super::super::oidc::{Claims, IssuerKind};

/// The subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Email(String),
    Uri(String),
}

/// Who the certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    /// What a proof of possession must sign.
    pub(super) challenge: String,
    pub(super) subject: Subject,
    /// Arc under 1.3.6.1.4.1.57264.1, and value, in order; empty ones are left out.
    pub(super) extensions: Vec<(u32, String)>,
}

/// Arc of the issuer, as Fulcio's registry numbers it: the old, raw form.
const ISSUER_RAW: u32 = 1;
const ISSUER: u32 = 8;
const TOKEN_SUBJECT: u32 = 24;

enum Part {
    Text(&'static str),
    Claim(&'static str),
}

use Part::{Claim, Text};

const GITHUB: Part = Text("https://github.com/");
const GITHUB_SUBJECT: &[Part] = &[GITHUB, Claim("job_workflow_ref")];

/// Fulcio's own templates for GitHub Actions (its `github-workflow` metadata).
const GITHUB_EXTENSIONS: &[(u32, &[Part])] = &[
    (2, &[Claim("event_name")]),
    (3, &[Claim("sha")]),
    (4, &[Claim("workflow")]),
    (5, &[Claim("repository")]),
    (6, &[Claim("ref")]),
    (9, &[GITHUB, Claim("job_workflow_ref")]),
    (10, &[Claim("job_workflow_sha")]),
    (11, &[Claim("runner_environment")]),
    (12, &[GITHUB, Claim("repository")]),
    (13, &[Claim("sha")]),
    (14, &[Claim("ref")]),
    (15, &[Claim("repository_id")]),
    (16, &[GITHUB, Claim("repository_owner")]),
    (17, &[Claim("repository_owner_id")]),
    (18, &[GITHUB, Claim("workflow_ref")]),
    (19, &[Claim("workflow_sha")]),
    (20, &[Claim("event_name")]),
    (
        21,
        &[
            GITHUB,
            Claim("repository"),
            Text("/actions/runs/"),
            Claim("run_id"),
            Text("/attempts/"),
            Claim("run_attempt"),
        ],
    ),
    (22, &[Claim("repository_visibility")]),
    (23, &[Claim("environment")]),
];

impl Principal {
    /// Who a verified token is about.
    ///
    /// # Errors
    /// The message for the client, where a claim is missing or cannot stand in a certificate.
    pub(super) fn new(kind: IssuerKind, issuer: String, claims: &Claims) -> Result<Self, String> {
        let token_subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut extensions = vec![(ISSUER_RAW, issuer.clone())];
        let (challenge, subject) = match kind {
            IssuerKind::Email => {
                let email = email(claims)?;
                (email.to_owned(), Subject::Email(email.to_owned()))
            }
            IssuerKind::Github => {
                let uri = fill(GITHUB_SUBJECT, claims)?;
                if !uri.is_ascii() {
                    return Err("the workflow's URI cannot stand in a certificate".to_owned());
                }
                for (arc, template) in GITHUB_EXTENSIONS {
                    extensions.push((*arc, fill(template, claims)?));
                }
                (token_subject.clone(), Subject::Uri(uri))
            }
        };
        extensions.push((ISSUER, issuer));
        extensions.push((TOKEN_SUBJECT, token_subject));
        extensions.sort_by_key(|(arc, _)| *arc);
        extensions.retain(|(_, value)| !value.is_empty());
        Ok(Self { challenge, subject, extensions })
    }
}

fn email(claims: &Claims) -> Result<&str, String> {
    let email = claims.get("email").and_then(Value::as_str).ok_or("the token has no email claim")?;
    match claims.get("email_verified") {
        Some(Value::Bool(true)) => {}
        Some(Value::String(text)) if text == "true" => {}
        _ => return Err("email_verified claim was false".to_owned()),
    }
    let sound = email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if sound && email.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(email)
    } else {
        Err("email address is not valid".to_owned())
    }
}

fn fill(template: &[Part], claims: &Claims) -> Result<String, String> {
    template
        .iter()
        .map(|part| match part {
            Text(text) => Ok((*text).to_owned()),
            Claim(name) => claim(name, claims),
        })
        .collect()
}

/// A claim as text. Only `environment` may be absent: not every job has one.
fn claim(name: &str, claims: &Claims) -> Result<String, String> {
    match claims.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None if name == "environment" => Ok(String::new()),
        None => Err(format!("value <{name}> not present in either claims or defaults")),
    }
}
