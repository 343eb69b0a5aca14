//! The `[trust]` table of `mcptrust.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{IdentityRule, Matcher, Method, Pattern, Rules, RulesError, SignerRule};
use crate::signing::certificate::claim_name;
use crate::signing::keys::PublicKey;

/// Gives the bytes of the key file that a rule names, or says why it cannot.
pub type KeyLoader<'l> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'l;

/// The whole file; tables other than `[trust]` belong to others.
#[derive(Deserialize)]
struct RawFile {
    trust: Option<RawTrust>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTrust {
    threshold: Option<Spanned<i64>>,
    project: Option<String>,
    #[serde(default)]
    signer: Vec<Spanned<RawSigner>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSigner {
    name: Spanned<String>,
    key: Option<Spanned<String>>,
    issuer: Option<Spanned<String>>,
    issuer_regexp: Option<Spanned<String>>,
    identity: Option<Spanned<String>>,
    identity_regexp: Option<Spanned<String>>,
    #[serde(default)]
    claims: BTreeMap<Spanned<String>, Spanned<String>>,
    project: Option<String>,
    #[serde(default)]
    require_log: bool,
    #[serde(default)]
    require_statement: bool,
}

impl Rules {
    /// Reads the `[trust]` table; `None` where the file has none.
    ///
    /// `load` is called with each key's path as the rule spells it.
    ///
    /// # Errors
    /// [`RulesError`] with the line, for unknown fields and for rules that would trust too much or nobody.
    pub fn from_toml(text: &str, load: &mut KeyLoader<'_>) -> Result<Option<Self>, RulesError> {
        let raw: RawFile = toml::from_str(text)
            .map_err(|error| RulesError::Toml(error.to_string().trim_end().to_owned()))?;
        let Some(trust) = raw.trust else { return Ok(None) };
        let line = |offset: usize| Some(1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count());
        let threshold = match &trust.threshold {
            None => 1,
            Some(threshold) => usize::try_from(*threshold.get_ref()).unwrap_or(0),
        };
        let signers = trust
            .signer
            .into_iter()
            .map(|signer| {
                let start = signer.span().start;
                signer_rule(signer.into_inner(), load)
                    .map_err(|(at, message)| RulesError::Rule { line: line(at.unwrap_or(start)), message })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let threshold_line = trust.threshold.as_ref().and_then(|threshold| line(threshold.span().start));
        Self::new(threshold, trust.project, signers).map(Some).map_err(|error| match error {
            RulesError::Rule { line: None, message } => RulesError::Rule { line: threshold_line, message },
            other => other,
        })
    }
}

/// A message with the byte offset it belongs to; `None` stands for the rule as a whole.
type Problem = (Option<usize>, String);

fn signer_rule(raw: RawSigner, load: &mut KeyLoader<'_>) -> Result<SignerRule, Problem> {
    if raw.name.get_ref().trim().is_empty() {
        return Err((
            Some(raw.name.span().start),
            "`name` is empty; reports call the signer by it".to_owned(),
        ));
    }
    let by_identity = raw.issuer.is_some()
        || raw.issuer_regexp.is_some()
        || raw.identity.is_some()
        || raw.identity_regexp.is_some()
        || !raw.claims.is_empty();
    let method = match (raw.key, by_identity) {
        (Some(key), true) => {
            return Err((
                Some(key.span().start),
                "a signer is named by `key` or by `issuer` and `identity`, not by both; \
                 two entries of one name are two ways for one signer"
                    .to_owned(),
            ));
        }
        (None, false) => {
            return Err((None, "the signer has neither `key` nor `issuer` and `identity`".to_owned()));
        }
        (Some(path), false) => {
            let at = Some(path.span().start);
            let bytes =
                load(path.get_ref()).map_err(|reason| (at, format!("key {:?}: {reason}", path.get_ref())))?;
            let key = PublicKey::from_pem(&bytes)
                .map_err(|error| (at, format!("key {:?}: {error}", path.get_ref())))?;
            Method::Key(key)
        }
        (None, true) => {
            let issuer = matcher("issuer", raw.issuer, raw.issuer_regexp)?.ok_or_else(|| {
                (
                    None,
                    "the signer has no `issuer`: an identity means nothing without who vouches for it"
                        .to_owned(),
                )
            })?;
            let identity = matcher("identity", raw.identity, raw.identity_regexp)?;
            Method::Identity(
                IdentityRule::new(issuer, identity, claims(raw.claims)?)
                    .map_err(|message| (None, message))?,
            )
        }
    };
    Ok(SignerRule {
        name: raw.name.into_inner(),
        method,
        project: raw.project,
        require_log: raw.require_log,
        require_statement: raw.require_statement,
    })
}

fn matcher(
    name: &str,
    exact: Option<Spanned<String>>,
    pattern: Option<Spanned<String>>,
) -> Result<Option<Matcher>, Problem> {
    match (exact, pattern) {
        (None, None) => Ok(None),
        (Some(_), Some(pattern)) => {
            Err((Some(pattern.span().start), format!("`{name}` and `{name}-regexp` exclude each other")))
        }
        (Some(exact), None) if exact.get_ref().is_empty() => {
            Err((Some(exact.span().start), format!("`{name}` is empty")))
        }
        (Some(exact), None) => Ok(Some(Matcher::Exact(exact.into_inner()))),
        (None, Some(pattern)) => Pattern::new(pattern.get_ref())
            .map(|compiled| Some(Matcher::Pattern(compiled)))
            .map_err(|error| (Some(pattern.span().start), error.to_string())),
    }
}

fn claims(raw: BTreeMap<Spanned<String>, Spanned<String>>) -> Result<BTreeMap<String, String>, Problem> {
    let mut claims = BTreeMap::new();
    for (key, value) in raw {
        let name = claim_name(key.get_ref())
            .ok_or_else(|| (Some(key.span().start), unknown_claim(key.get_ref())))?;
        if claims.insert(name, value.into_inner()).is_some() {
            return Err((
                Some(key.span().start),
                format!("the claim {:?} stands there twice", key.get_ref()),
            ));
        }
    }
    Ok(claims)
}

pub(super) fn unknown_claim(name: &str) -> String {
    let names: Vec<&str> = crate::signing::certificate::CLAIMS.iter().map(|info| info.name).collect();
    format!(
        "unknown claim {name:?}; expected one of {}, or an extension later than these by its object identifier",
        names.join(", ")
    )
}
