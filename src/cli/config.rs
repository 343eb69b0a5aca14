//! `mcptrust.toml`: where the lockfile belongs, and who may sign it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::signing::Rules;
use mcptrust::signing::keys::PublicKey;
use mcptrust::signing::rules::Flags;

use super::context::Context;
use super::files;
use super::keys::MAX_KEY_BYTES;
use super::options::TrustArgs;

pub(crate) const NAME: &str = "mcptrust.toml";
const MAX_BYTES: usize = 1 << 20;

/// Trust rules and where they came from.
pub(crate) struct Trust {
    pub(crate) rules: Rules,
    pub(crate) from: String,
}

/// The file's text and path.
struct File {
    path: PathBuf,
    text: String,
}

fn file(context: &Context, named: Option<&Path>) -> anyhow::Result<Option<File>> {
    let (path, bytes) = match named {
        Some(path) => (path.to_owned(), Some(files::read(path, MAX_BYTES)?)),
        None => {
            let path = context.beside(NAME);
            let bytes = files::read_optional(&path, MAX_BYTES)?;
            (path, bytes)
        }
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{}: not UTF-8", path.display()))?;
    check(&text).with_context(|| path.display().to_string())?;
    Ok(Some(File { path, text }))
}

/// A misspelled table must not be a rule that is silently not there.
fn check(text: &str) -> anyhow::Result<()> {
    let table: toml::Table =
        toml::from_str(text).map_err(|e| anyhow::anyhow!("{}", e.to_string().trim_end()))?;
    match table.keys().find(|key| !["project", "trust"].contains(&key.as_str())) {
        Some(key) => bail!("unknown key {key:?}: expected project and [trust]"),
        None => Ok(()),
    }
}

/// The project that the file names.
pub(crate) fn project(context: &Context) -> anyhow::Result<Option<String>> {
    let Some(file) = file(context, None)? else { return Ok(None) };
    let table: toml::Table = toml::from_str(&file.text)?;
    match table.get("project") {
        None => Ok(None),
        Some(toml::Value::String(project)) if !project.is_empty() => Ok(Some(project.clone())),
        Some(_) => bail!("{}: project: expected a string such as \"acme/agents\"", file.path.display()),
    }
}

/// The rules from the command line, which win, or from the file; nothing where neither names a signer.
pub(crate) fn trust(context: &Context, args: &TrustArgs) -> anyhow::Result<Option<Trust>> {
    let key = match &args.key {
        Some(path) => {
            let bytes = files::read(path, MAX_KEY_BYTES)?;
            Some(PublicKey::from_pem(&bytes).with_context(|| path.display().to_string())?)
        }
        None => None,
    };
    let flags = Flags {
        key,
        identity: args.certificate_identity.clone(),
        identity_regexp: args.certificate_identity_regexp.clone(),
        issuer: args.certificate_oidc_issuer.clone(),
        issuer_regexp: args.certificate_oidc_issuer_regexp.clone(),
        github_repository: args.github_repository.clone(),
        github_workflow: args.github_workflow.clone(),
        github_ref: args.github_ref.clone(),
        gitlab_project: args.gitlab_project.clone(),
        claims: args.certificate_claim.clone(),
        require_log: args.require_log,
    };
    if let Some(rules) = flags.into_rules()? {
        if args.config.is_some() {
            bail!("--config names rules, and so do the other flags: give one or the other");
        }
        let from = match &args.key {
            Some(path) => format!("--key {}", path.display()),
            None => "the command line".to_owned(),
        };
        return Ok(Some(Trust { rules, from }));
    }
    let Some(file) = file(context, args.config.as_deref())? else { return Ok(None) };
    let folder = file.path.parent().map(Path::to_owned).unwrap_or_default();
    let mut load = |key: &str| files::read(&folder.join(key), MAX_KEY_BYTES).map_err(|e| format!("{e:#}"));
    let rules = Rules::from_toml(&file.text, &mut load).with_context(|| file.path.display().to_string())?;
    let from = file.path.display().to_string();
    let rules = rules.map(|rules| if args.require_log { rules.with_required_log() } else { rules });
    match rules {
        Some(rules) => Ok(Some(Trust { rules, from })),
        None if args.config.is_some() => bail!("{from} has no [trust] table with a signer"),
        None => Ok(None),
    }
}
