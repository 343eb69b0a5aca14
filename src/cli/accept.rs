//! `mcptrust accept`

use mcptrust::json::Digest;

use super::Exit;
use super::context::Context;
use super::lock::{self, Approval};
use super::options::{LimitArgs, Output, ServerArgs};
use super::sources::Prefer;

/// Arguments of `accept`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The digest that "diff" or "lock" printed
    #[arg(long, value_name = "sha256:DIGEST", value_parser = digest)]
    changes: Digest,
    /// Take a server out of the lockfile
    #[arg(long, value_name = "NAME", conflicts_with_all = ["names", "name", "mcp_config", "values_from", "command", "public_env"])]
    remove: Vec<String>,
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    limits: LimitArgs,
}

fn digest(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").ok_or("expected \"sha256:\" and 64 hexadecimal digits")?;
    hex.parse().map_err(|error: mcptrust::json::DigestError| error.to_string())
}

pub(crate) fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    let Args { changes, remove, servers, output, limits } = args;
    let lock = lock::Args { servers, remove, output, limits };
    lock::relock(context, &lock, Prefer::Lockfile, &Approval::Digest(&changes))
}
