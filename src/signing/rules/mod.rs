//! Trust rules: who may sign, and how many must.
//!
//! A rule is the verifier's word. It names a key or an identity, and a bundle is checked against that and
//! nothing else: a rule by key never looks at a certificate, a rule by identity never at a bare key.

mod config;
mod flags;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::SigningCertificate;
use super::keys::PublicKey;
use crate::json::{self, Digest, Json, Object};

pub use config::KeyLoader;
pub use flags::Flags;
pub use pattern::{Matcher, Pattern, PatternError};

/// Who may sign, and how many distinct signers must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How many distinct signers must have signed; at least one.
    threshold: usize,
    /// The project that the lockfile must belong to.
    project: Option<String>,
    signers: Vec<SignerRule>,
}

/// One signer. Several rules of one name are several ways in which one signer may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerRule {
    /// The signer's name, as reports show it.
    pub name: String,
    /// What identifies the signer.
    pub method: Method,
    /// The project this signer may sign for.
    pub project: Option<String>,
    /// Whether a key's signature must stand in a transparency log.
    pub require_log: bool,
    /// Whether a plain signature over the file's bytes is not enough.
    pub require_statement: bool,
}

/// What identifies a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A key the verifier holds.
    Key(PublicKey),
    /// An identity in a certificate.
    Identity(IdentityRule),
}

/// What a certificate must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRule {
    /// Who vouched for the identity.
    pub issuer: Matcher,
    /// The subject alternative name.
    pub identity: Option<Matcher>,
    /// Claims that must stand in the certificate, by name.
    pub claims: BTreeMap<String, String>,
}

/// One field that a rule wants and a bundle does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The field, as rules spell it.
    pub field: String,
    /// What the rule expects.
    pub expected: String,
    /// What was found; `None` where there is nothing.
    pub got: Option<String>,
}

impl Mismatch {
    pub(super) fn new(
        field: impl Into<String>,
        expected: impl Into<String>,
        got: Option<impl Into<String>>,
    ) -> Self {
        Self { field: field.into(), expected: expected.into(), got: got.map(Into::into) }
    }
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The file is not TOML of the documented shape.
    #[error("the trust rules cannot be read: {0}")]
    Toml(String),
    /// A rule is wrong in itself.
    #[error("{}{message}", line.map_or_else(String::new, |line| format!("line {line}: ")))]
    Rule {
        /// Line in the file, from 1; `None` for command-line flags.
        line: Option<usize>,
        /// What is wrong and what to do.
        message: String,
    },
}

impl RulesError {
    fn flag(message: impl Into<String>) -> Self {
        Self::Rule { line: None, message: message.into() }
    }
}

impl Rules {
    /// Makes rules from valid parts.
    ///
    /// # Errors
    /// A threshold of zero or one that cannot be met; no signer; one key or identity under two names.
    pub fn new(
        threshold: usize,
        project: Option<String>,
        signers: Vec<SignerRule>,
    ) -> Result<Self, RulesError> {
        let names: BTreeSet<&str> = signers.iter().map(|signer| signer.name.as_str()).collect();
        if signers.is_empty() {
            return Err(RulesError::flag(
                "no signer is named; give `--key`, an identity, or a [[trust.signer]] in mcptrust.toml",
            ));
        }
        if threshold == 0 {
            return Err(RulesError::flag("`threshold` is 0, which would trust anybody; expected at least 1"));
        }
        if threshold > names.len() {
            return Err(RulesError::flag(format!(
                "`threshold` is {threshold} and only {} distinct signers are named, so it can never be met",
                names.len()
            )));
        }
        for (index, signer) in signers.iter().enumerate() {
            let earlier = signers.get(..index).unwrap_or_default();
            if let Some(other) = earlier.iter().find(|other| other.method == signer.method) {
                return Err(RulesError::flag(format!(
                    "the signers {:?} and {:?} are the same key or identity; one signer counts once",
                    other.name, signer.name
                )));
            }
        }
        Ok(Self { threshold, project, signers })
    }

    /// How many distinct signers must have signed.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// The project that the lockfile must belong to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The signers, in the order they were named.
    #[must_use]
    pub fn signers(&self) -> &[SignerRule] {
        &self.signers
    }

    /// Whether any rule needs Sigstore's trust material.
    #[must_use]
    pub fn need_trust_material(&self) -> bool {
        self.signers.iter().any(|signer| signer.require_log || matches!(signer.method, Method::Identity(_)))
    }

    /// Requires a log entry for every signer.
    #[must_use]
    pub fn with_required_log(mut self) -> Self {
        for signer in &mut self.signers {
            signer.require_log = true;
        }
        self
    }

    /// A digest over what the rules demand, so that two runs can be seen to have used the same.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_parts(&[b"mcptrust/rules/v1\n", &json::canonical(&self.to_json())])
    }

    /// The rules as JSON; keys stand in it by their hint.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut signers: Vec<(Vec<u8>, Json)> = self
            .signers
            .iter()
            .map(|signer| {
                let signer = signer.to_json();
                (json::canonical(&signer), signer)
            })
            .collect();
        signers.sort_by(|a, b| a.0.cmp(&b.0));
        let mut top = Object::new();
        top.insert("threshold", u64::try_from(self.threshold).unwrap_or(u64::MAX));
        if let Some(project) = &self.project {
            top.insert("project", project.clone());
        }
        top.insert("signers", signers.into_iter().map(|(_, signer)| signer).collect::<Vec<_>>());
        Json::from(top)
    }
}

impl SignerRule {
    /// A signer with nothing but a name and a method.
    #[must_use]
    pub fn new(name: impl Into<String>, method: Method) -> Self {
        Self { name: name.into(), method, project: None, require_log: false, require_statement: false }
    }

    fn to_json(&self) -> Json {
        let mut fields = Object::new();
        fields.insert("name", self.name.clone());
        if let Some(project) = &self.project {
            fields.insert("project", project.clone());
        }
        if self.require_log {
            fields.insert("require-log", true);
        }
        if self.require_statement {
            fields.insert("require-statement", true);
        }
        match &self.method {
            Method::Key(key) => {
                fields.insert("key", key.hint().to_string());
            }
            Method::Identity(rule) => {
                let mut insert = |name: &'static str, pattern: &'static str, matcher: &Matcher| match matcher
                {
                    Matcher::Exact(text) => fields.insert(name, text.clone()),
                    Matcher::Pattern(regexp) => fields.insert(pattern, regexp.as_str().to_owned()),
                };
                insert("issuer", "issuer-regexp", &rule.issuer);
                if let Some(identity) = &rule.identity {
                    insert("identity", "identity-regexp", identity);
                }
                if !rule.claims.is_empty() {
                    let claims: Object<'static> =
                        rule.claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                    fields.insert("claims", claims);
                }
            }
        }
        Json::from(fields)
    }
}

/// Claims that say by themselves who signed, so that a rule may go without an identity.
const IDENTIFYING_CLAIMS: [&str; 3] =
    ["source-repository-uri", "source-repository-identifier", "token-subject"];

impl IdentityRule {
    /// Makes a rule about a certificate.
    ///
    /// # Errors
    /// A message where the rule would accept signers that nobody named.
    pub fn new(
        issuer: Matcher,
        identity: Option<Matcher>,
        claims: BTreeMap<String, String>,
    ) -> Result<Self, String> {
        if identity.is_none() && !IDENTIFYING_CLAIMS.iter().any(|claim| claims.contains_key(*claim)) {
            return Err(format!(
                "the rule names an issuer and nobody at it; add `identity`, or one of the claims {}",
                IDENTIFYING_CLAIMS.join(", ")
            ));
        }
        Ok(Self { issuer, identity, claims })
    }

    /// What the certificate does not fulfil, in the order of the rule; empty where it matches.
    #[must_use]
    pub fn mismatches(&self, certificate: &SigningCertificate) -> Vec<Mismatch> {
        self.mismatches_of(&certificate.issuer, certificate.identity.as_str(), &certificate.claims)
    }

    /// The same for a certificate that is not there yet: its issuer, its subject alternative name, its claims.
    #[must_use]
    pub fn mismatches_of(
        &self,
        issuer: &str,
        identity: &str,
        claims: &BTreeMap<String, String>,
    ) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        if !self.issuer.matches(issuer) {
            mismatches.push(Mismatch::new("issuer", self.issuer.to_string(), Some(issuer)));
        }
        if let Some(rule) = self.identity.as_ref().filter(|rule| !rule.matches(identity)) {
            mismatches.push(Mismatch::new("identity", rule.to_string(), Some(identity)));
        }
        for (name, expected) in &self.claims {
            let got = claims.get(name);
            if got != Some(expected) {
                mismatches.push(Mismatch::new(name.as_str(), expected.as_str(), got.map(String::as_str)));
            }
        }
        mismatches
    }
}
