//! Private keys and passphrases from where users keep them.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use mcptrust::signing::keys::{SigningKey, is_encrypted};
use zeroize::Zeroizing;

use super::context::Context;
use super::files;

/// More than any key needs.
pub(crate) const MAX_KEY_BYTES: usize = 64 << 10;

/// The environment variable that holds a passphrase.
pub(crate) const PASSPHRASE: &str = "MCPTRUST_PASSPHRASE";

/// Reads a private key from a file, from standard input (`-`) or from the environment (`env:NAME`).
pub(crate) fn signing_key(context: &Context, place: &str) -> anyhow::Result<SigningKey> {
    let bytes = Zeroizing::new(bytes(context, place)?);
    let passphrase = if is_encrypted(&bytes) { Some(passphrase(context, place)?) } else { None };
    let key = SigningKey::from_pem(&bytes, passphrase.as_ref().map(|p| p.as_str()));
    let key = key.with_context(|| place.to_owned())?;
    if place != "-" && !place.starts_with("env:") {
        warn_if_readable(context, Path::new(place));
    }
    Ok(key)
}

fn bytes(context: &Context, place: &str) -> anyhow::Result<Vec<u8>> {
    if place == "-" {
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_KEY_BYTES)?;
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(bytes);
    }
    if let Some(name) = place.strip_prefix("env:") {
        let value = context.env(name).filter(|value| !value.is_empty());
        return value.map(String::into_bytes).with_context(|| {
            format!(
                "the environment variable {name} is not set: expected it to hold a private key in PEM form"
            )
        });
    }
    let path = Path::new(place);
    if !path.exists() {
        bail!(
            "{place} does not exist: make a key pair with \"mcptrust keygen\", or name another key with --key"
        );
    }
    files::read(path, MAX_KEY_BYTES)
}

#[cfg(unix)]
fn warn_if_readable(context: &Context, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = std::fs::metadata(path) else { return };
    let mode = meta.permissions().mode() & 0o777;
    if meta.is_file() && mode & 0o077 != 0 {
        let name = path.display();
        context.warn(&format!("{name} can be read by others (mode {mode:04o}): run \"chmod 600 {name}\""));
    }
}

#[cfg(not(unix))]
fn warn_if_readable(_context: &Context, _path: &Path) {}

fn passphrase(context: &Context, place: &str) -> anyhow::Result<Zeroizing<String>> {
    if let Some(passphrase) = context.env(PASSPHRASE) {
        return Ok(Zeroizing::new(passphrase));
    }
    if !context.interactive() {
        bail!("{place} is encrypted and nobody can be asked: set {PASSPHRASE}");
    }
    Ok(Zeroizing::new(rpassword::prompt_password(format!("Passphrase of {place}: "))?))
}

/// A passphrase for a new key, asked for twice or taken from the environment; nothing where none is wanted.
pub(crate) fn new_passphrase(context: &Context, ask: bool) -> anyhow::Result<Option<Zeroizing<String>>> {
    if let Some(passphrase) = context.env(PASSPHRASE) {
        return Ok(Some(Zeroizing::new(passphrase)));
    }
    if !ask {
        return Ok(None);
    }
    if !context.interactive() {
        bail!("nobody can be asked for a passphrase: set {PASSPHRASE}");
    }
    let first = Zeroizing::new(rpassword::prompt_password("Passphrase for the new key: ")?);
    let second = Zeroizing::new(rpassword::prompt_password("The same again: ")?);
    if first != second {
        bail!("the two passphrases differ: nothing was written");
    }
    Ok(Some(first))
}
