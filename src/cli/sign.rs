//! `mcptrust sign`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::json::Digest;
use mcptrust::lockfile;
use mcptrust::signing::bundle::{self, Bundle, Content};
use mcptrust::signing::keys::SigningKey;
use mcptrust::signing::rules::{Flags, Rules};
use mcptrust::signing::verify::Options;
use mcptrust::signing::{NamedBundle, Outcome, Statement};

use super::context::Context;
use super::{Exit, files, keyless, keys, lock, verify};

/// Arguments of `sign`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The private key: a file, "-" for standard input, or env:NAME; without, sign keyless with an identity
    #[arg(long, value_name = "KEY", conflicts_with_all = keyless::FLAGS)]
    key: Option<String>,
    /// Sign beside other signers, in a bundle file of this name
    #[arg(long, value_name = "NAME", value_parser = signer_name)]
    name: Option<String>,
    /// Where the bundle goes [default: beside the lockfile]
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    bundle: Option<PathBuf>,
    /// Print the exact statement that would be signed, for a KMS or another client, and sign nothing
    #[arg(long, conflicts_with = "key")]
    print_statement: bool,
    #[command(flatten)]
    keyless: keyless::KeylessArgs,
}

fn signer_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err("expected 1 to 64 letters, digits, \"-\" and \"_\"".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let path = args.bundle.clone().unwrap_or_else(|| verify::bundle_path(context, args.name.as_deref()));
    if args.print_statement {
        let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
        let payload = statement(context, &bytes, &path)?.to_payload()?;
        context.print(|out| out.write_all(&payload))?;
        return Ok(Exit::Pass);
    }
    let Some(place) = &args.key else { return keyless::run(context, &args.keyless, &path) };
    let signed = with_key(context, place, &path)?;
    context.note(&format!(
        "Signed {} as number {} with key sha256:{}: {}",
        context.lockfile_name(),
        signed.sequence,
        signed.hint,
        path.display()
    ));
    Ok(Exit::Pass)
}

/// What was signed.
pub(crate) struct Signed {
    pub(crate) sequence: u64,
    pub(crate) hint: Digest,
}

/// Signs with a private key; the bundle is verified before it is put in place.
pub(crate) fn with_key(context: &Context, place: &str, path: &Path) -> anyhow::Result<Signed> {
    let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
    let statement = statement(context, &bytes, path)?;
    let key: SigningKey = keys::signing_key(context, place)?;
    let public = key.public_key()?;
    let hint = public.hint();
    let bundle = Bundle::with_key(statement.sign(&key)?, hint).to_bytes();
    let flags = Flags { key: Some(public), ..Flags::default() };
    let rules: Rules = flags.into_rules()?.context("a key is a rule")?;
    let name = path.display().to_string();
    let named = [NamedBundle { name: &name, bytes: &bundle }];
    let outcome = mcptrust::signing::verify(&bytes, &named, &rules, None, &Options::default(), context.now)?;
    if let Outcome::Refused(_) = outcome {
        bail!("the new signature does not verify, and was not written: please report this");
    }
    files::write_atomically(path, &bundle)?;
    Ok(Signed { sequence: statement.sequence, hint })
}

/// The statement to sign; it follows the bundle that it replaces.
pub(crate) fn statement(context: &Context, bytes: &[u8], path: &Path) -> anyhow::Result<Statement> {
    let lockfile = lock::read(context, bytes)?;
    if lockfile.servers.is_empty() {
        bail!("{} has no servers: there is nothing to sign", context.lockfile_name());
    }
    let (sequence, previous) = match files::read_optional(path, bundle::LIMITS.max_bytes)? {
        None => (1, None),
        Some(old) => follow(&old).with_context(|| {
            format!("{} cannot be followed; move it away to begin anew at number 1", path.display())
        })?,
    };
    Ok(Statement::for_lockfile(bytes, &lockfile, sequence, previous))
}

fn follow(old: &[u8]) -> anyhow::Result<(u64, Option<Digest>)> {
    let Content::Envelope(envelope) = Bundle::parse(old)?.content else {
        bail!("it holds a plain signature, which has no number");
    };
    let statement = Statement::parse(&envelope.payload)?;
    let sequence = statement.sequence.checked_add(1).context("its number is the largest there is")?;
    Ok((sequence, Some(statement.subject_digest)))
}
