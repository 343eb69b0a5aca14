//! `mcptrust keygen`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::signing::keys::SigningKey;

use super::Exit;
use super::context::Context;
use super::git::{self, Tracking};
use super::{files, keys};

/// Arguments of `keygen`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the pair goes: PATH.key and PATH.pub [default: mcptrust beside the lockfile]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Ask for a passphrase; without, MCPTRUST_PASSPHRASE is used where it is set
    #[arg(long)]
    passphrase: bool,
    /// Add the private key to .gitignore where git would pick it up
    #[arg(long)]
    gitignore: bool,
}

/// The two files of a pair.
pub(crate) struct Pair {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

impl Pair {
    pub(crate) fn at(stem: &Path) -> Self {
        let with = |ending: &str| {
            let mut path = stem.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        Pair { private: with(".key"), public: with(".pub") }
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let stem = args.output.clone().unwrap_or_else(|| context.beside("mcptrust"));
    let pair = Pair::at(&stem);
    make(context, &pair, args.passphrase, args.gitignore)?;
    let (private, public) = (pair.private.display(), pair.public.display());
    context.print(|out| {
        writeln!(out, "{private}  the private key, mode 0600: keep it secret, and never commit it")?;
        writeln!(out, "{public}  the public key: commit it; verifiers need it")
    })?;
    Ok(Exit::Pass)
}

/// Makes a pair; refuses to overwrite, and to put the private key where git would pick it up.
pub(crate) fn make(context: &Context, pair: &Pair, ask: bool, add_to_gitignore: bool) -> anyhow::Result<()> {
    for path in [&pair.private, &pair.public] {
        if path.symlink_metadata().is_ok() {
            let name = path.display();
            bail!(
                "{name} exists and is never overwritten: move it away, or choose another place with --output"
            );
        }
    }
    hide_from_git(context, &pair.private, add_to_gitignore)?;
    let passphrase = keys::new_passphrase(context, ask)?;
    let key = SigningKey::generate()?;
    let private = key.to_pem(passphrase.as_ref().map(|p| p.as_str()))?;
    let public = key.public_key()?.to_pem()?;
    files::write_private(&pair.private, private.as_bytes())?;
    files::write_atomically(&pair.public, public.as_bytes())
}

fn hide_from_git(context: &Context, private: &Path, add: bool) -> anyhow::Result<()> {
    let folder = files::folder(private);
    let name = private.file_name().context("the key's path has no file name")?.to_string_lossy();
    if git::tracking(folder, &name) != Tracking::Exposed {
        return Ok(());
    }
    let add = add
        || (context.interactive()
            && context.confirm(&format!("git would pick up {name}. Add it to .gitignore?"))?);
    if !add {
        bail!(
            "{} is in a git repository and not ignored, so it could be committed: nothing was written; \
             give --gitignore to add it to .gitignore, or choose another place with --output",
            private.display()
        );
    }
    let ignore = git::ignore(folder, &name)?;
    context.note(&format!("Added {name} to {}", ignore.display()));
    if git::tracking(folder, &name) == Tracking::Exposed {
        bail!("{name} is still not ignored by git: a later rule takes it back in; nothing was written");
    }
    Ok(())
}
