//! `mcptrust inspect`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use mcptrust::json::{Digest, Limits, Value, parse};
use mcptrust::lockfile::{self, Lockfile};
use mcptrust::report::inspect;
use mcptrust::signing::Bundle;

use super::context::Context;
use super::options::Format;
use super::{Exit, convert, files};

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A lockfile or a signature bundle [default: the lockfile]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    if args.file.is_some() && context.global.lockfile.as_os_str() != "mcp-lock.json" {
        bail!("--lockfile and FILE both name what to show: give one of them");
    }
    let path = args.file.as_deref().unwrap_or(context.lockfile());
    let name = path.display().to_string();
    let bytes = files::read(path, lockfile::MAX_BYTES)?;
    let style = context.style();
    if is_bundle(&bytes) {
        let bundle = Bundle::parse(&bytes).with_context(|| name.clone())?;
        let shown = convert::inspected(&name, &bundle)?;
        context.print(|mut out| match args.format {
            Format::Human => inspect::bundle(&mut out, &shown, &style),
            Format::Json => inspect::bundle_json(&mut out, &shown),
        })?;
        return Ok(Exit::Pass);
    }
    let lockfile = Lockfile::parse(&bytes).with_context(|| name.clone())?;
    let digest = Digest::of(&bytes);
    context.print(|mut out| match args.format {
        Format::Human => inspect::lockfile(&mut out, &name, &digest, &lockfile, &style),
        Format::Json => inspect::lockfile_json(&mut out, &name, &digest, &lockfile),
    })?;
    Ok(Exit::Pass)
}

fn is_bundle(bytes: &[u8]) -> bool {
    let limits = Limits { max_bytes: lockfile::MAX_BYTES, max_depth: lockfile::LIMITS.max_depth };
    let value = parse(bytes, &limits);
    value.is_ok_and(|value| value.get("mediaType").and_then(Value::as_str).is_some())
}
