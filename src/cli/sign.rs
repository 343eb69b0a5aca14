//! `mcptrust sign`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::json::Digest;
use mcptrust::lockfile;
use mcptrust::signing::bundle::{self, Bundle, Content};
use mcptrust::signing::facts::SignerFacts;
use mcptrust::signing::keys::SigningKey;
use mcptrust::signing::rules::{Flags, Rules};
use mcptrust::signing::verify::{Options, Status};
use mcptrust::signing::{NamedBundle, Outcome, Statement, TrustMaterial};

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
    /// The statement's number [default: one more than that of the bundle that is replaced, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: Option<u64>,
    /// Print the exact statement that would be signed, for a KMS or another client, and sign nothing
    #[arg(long, conflicts_with_all = [
        "key", "identity_token", "oidc_issuer", "oidc_client_id", "oidc_audience", "login", "yes", "signing_config",
        "timeout", "allow_plain_http",
    ])]
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
        let follow = keyless::Authorities::load(context, &args.keyless)?;
        let follow = follow.follow(args.sequence);
        let payload = statement(context, &bytes, &path, &follow)?.to_payload()?;
        context.print(|out| out.write_all(&payload))?;
        return Ok(Exit::Pass);
    }
    let Some(place) = &args.key else { return keyless::run(context, &args.keyless, &path, args.sequence) };
    let signed = with_key(context, place, &path, args.sequence)?;
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
pub(crate) fn with_key(
    context: &Context,
    place: &str,
    path: &Path,
    sequence: Option<u64>,
) -> anyhow::Result<Signed> {
    let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
    lock::read(context, &bytes)?;
    let key: SigningKey = keys::signing_key(context, place)?;
    let public = key.public_key()?;
    let hint = public.hint();
    let flags = Flags { key: Some(public), ..Flags::default() };
    let rules: Rules = flags.into_rules()?.context("a key is a rule")?;
    let follow = Follow { rules: Some(&rules), material: None, sequence };
    let statement = statement(context, &bytes, path, &follow)?;
    let bundle = Bundle::with_key(statement.sign(&key)?, hint).to_bytes();
    let name = path.display().to_string();
    let named = [NamedBundle { name: &name, bytes: &bundle }];
    let outcome = mcptrust::signing::verify(&bytes, &named, &rules, None, &Options::default(), context.now)?;
    if let Outcome::Refused(_) = outcome {
        bail!("the new signature does not verify, and was not written: please report this");
    }
    files::write_atomically(path, &bundle)?;
    Ok(Signed { sequence: statement.sequence, hint })
}

/// Who may be followed: a bundle by anybody else must not choose the number, nor the lockfile before.
pub(crate) struct Follow<'a> {
    pub(crate) rules: Option<&'a Rules>,
    pub(crate) material: Option<&'a TrustMaterial>,
    /// A number that was given.
    pub(crate) sequence: Option<u64>,
}

/// The statement to sign; it follows the bundle that it replaces.
pub(crate) fn statement(
    context: &Context,
    bytes: &[u8],
    path: &Path,
    follow: &Follow<'_>,
) -> anyhow::Result<Statement> {
    let lockfile = lock::read(context, bytes)?;
    if lockfile.servers.is_empty() {
        bail!("{} has no servers: there is nothing to sign", context.lockfile_name());
    }
    let (sequence, previous) = match files::read_optional(path, bundle::LIMITS.max_bytes)? {
        None => (follow.sequence.unwrap_or(1), None),
        Some(old) => {
            let after = || -> anyhow::Result<_> {
                let (number, previous) = numbered(&old)?;
                match (trusted(context, bytes, &old, follow)?, follow.sequence) {
                    (true, _) => {}
                    // What somebody else wrote there is not repeated.
                    (false, Some(sequence)) => return Ok((sequence, None)),
                    (false, None) => bail!("nobody who may sign here made it, or it was changed"),
                }
                let next = number.checked_add(1).context("its number is the largest there is")?;
                Ok((follow.sequence.unwrap_or(next), Some(previous)))
            };
            match (after(), follow.sequence) {
                (Ok(next), _) => next,
                (Err(_), Some(sequence)) => (sequence, None),
                (Err(error), None) => {
                    let name = path.display();
                    return Err(error.context(format!(
                        "{name} cannot be followed; move it away to begin anew at number 1, or give the number with --sequence"
                    )));
                }
            }
        }
    };
    Ok(Statement::for_lockfile(bytes, &lockfile, sequence, previous))
}

/// Whether a trusted signer made a bundle, for this lockfile or for the one before.
fn trusted(context: &Context, bytes: &[u8], old: &[u8], follow: &Follow<'_>) -> anyhow::Result<bool> {
    let from_file;
    let rules = match follow.rules {
        Some(rules) => rules,
        // Nobody is named: the identity that the bundle is by has to do.
        None => match own_rules(old)? {
            Some(rules) => {
                from_file = rules;
                &from_file
            }
            None => return Ok(false),
        },
    };
    let named = [NamedBundle { name: "the bundle", bytes: old }];
    let options = Options::default();
    let outcome = mcptrust::signing::verify(bytes, &named, rules, follow.material, &options, context.now)?;
    Ok(outcome.report().tampering.is_some()
        || outcome.report().bundles.iter().any(|b| matches!(b.status, Status::Accepted { .. })))
}

/// A rule for the identity that a bundle says it is by; nothing for a bundle by key.
pub(crate) fn own_rules(old: &[u8]) -> anyhow::Result<Option<Rules>> {
    let Some(SignerFacts::Identity { issuer, identity, .. }) = SignerFacts::said_by(&Bundle::parse(old)?)
    else {
        return Ok(None);
    };
    let flags =
        Flags { identity: Some(identity.as_str().to_owned()), issuer: Some(issuer), ..Flags::default() };
    Ok(flags.into_rules()?)
}

fn numbered(old: &[u8]) -> anyhow::Result<(u64, Digest)> {
    let Content::Envelope(envelope) = Bundle::parse(old)?.content else {
        bail!("it holds a plain signature, which has no number");
    };
    let statement = Statement::parse(&envelope.payload)?;
    Ok((statement.sequence, statement.subject_digest))
}
