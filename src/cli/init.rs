//! `mcptrust init`

use std::path::Path;

use anyhow::{Context as _, bail};

use super::context::Context;
use super::keygen::{self, Pair};
use super::options::{LimitArgs, Output, ServerArgs, TrustArgs};
use super::{Exit, config, diff, files, lock, sign, sources, verify};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    servers: ServerArgs,
    /// Ask for a passphrase for the new key; without, MCPTRUST_PASSPHRASE is used where it is set
    #[arg(long)]
    passphrase: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    let bundle = verify::bundle_path(context, None);
    let folder = context.base();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if context.lockfile().exists() && bundle.exists() {
        bail!(
            "{} exists and is signed: this project is initialised; use \"mcptrust lock\" to capture again, and \
             \"mcptrust diff\" to compare",
            context.lockfile_name()
        );
    }
    let output = || Output { format: super::options::Format::Human, fail_on: lock::FAIL_ON };
    let pair = Pair::at(&context.beside("mcptrust"));
    // What would fail at the end is found at the beginning.
    if pair.private.exists() != pair.public.exists() {
        bail!(
            "of the key pair {} and {} one file is missing: restore it, or move the other one away",
            pair.private.display(),
            pair.public.display()
        );
    }
    if context.beside(config::NAME).exists() && config::trust(context, &TrustArgs::default())?.is_none() {
        bail!(
            "{} names no signer: add a [[trust.signer]] with key = \"mcptrust.pub\"",
            context.beside(config::NAME).display()
        );
    }
    let public_env = args.servers.public_env.clone();
    step(context, "Lock")?;
    let locked =
        lock::Args { servers: args.servers, remove: Vec::new(), output: output(), limits: args.limits };
    let Exit::Pass =
        lock::relock(context, &locked, super::sources::Prefer::ClientFile, &lock::Approval::Ask)?
    else {
        return Ok(Exit::Findings);
    };
    step(context, "Sign")?;
    if pair.private.exists() {
        say(context, &format!("Using the key pair that is here: {}", pair.private.display()))?;
    } else {
        keygen::make(context, &pair, args.passphrase, true)?;
        say(context, &format!("Made {} and {}", pair.private.display(), pair.public.display()))?;
    }
    let config = context.beside(config::NAME);
    let wrote_config = !config.exists();
    if wrote_config {
        files::write_atomically(&config, STARTING_CONFIG.as_bytes())?;
        say(context, &format!("Wrote {}: it says who may sign", config.display()))?;
    }
    let signed = sign::with_key(context, &pair.private.display().to_string(), &bundle, None)?;
    say(context, &format!("Signed as number {}: {}", signed.sequence, bundle.display()))?;
    step(context, "Verify")?;
    let trust = TrustArgs::default;
    let verified = verify::run(context, &verify::Args::plain(trust(), output()))?;
    if verified != Exit::Pass {
        return Ok(verified);
    }
    step(context, "Compare with the live servers")?;
    let client_file = context.beside(sources::MCP_JSON);
    let client_file = locked.servers.mcp_config.or_else(|| client_file.exists().then_some(client_file));
    let compared =
        diff::run(context, diff::Args::plain(trust(), output(), locked.limits, client_file, public_env))?;
    if compared != Exit::Pass {
        return Ok(compared);
    }
    step(context, "Commit")?;
    let mut files = vec![context.lockfile(), &bundle, &pair.public, &config];
    let ignore = context.beside(".gitignore");
    if ignore.exists() {
        files.push(&ignore);
    }
    let names: Vec<_> = files.iter().map(|path: &&Path| lock::quoted(&path.display().to_string())).collect();
    context.print(|out| {
        writeln!(out, "git add {}", names.join(" "))?;
        writeln!(
            out,
            "Keep {} secret. In CI, run \"mcptrust verify\" and \"mcptrust diff\".",
            pair.private.display()
        )
    })?;
    Ok(Exit::Pass)
}

fn say(context: &Context, text: &str) -> anyhow::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    context.print(|out| writeln!(out, "{text}"))
}

fn step(context: &Context, title: &str) -> anyhow::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    let style = context.style();
    context.print(|out| match style.color {
        true => writeln!(out, "\n\u{1b}[1m{title}\u{1b}[0m"),
        false => writeln!(out, "\n== {title}"),
    })
}

const STARTING_CONFIG: &str = "\
# Where the lockfile belongs: written into it, and signed.
# project = \"acme/agents\"

# Who may sign it.
[trust]
threshold = 1
# project = \"acme/agents\"  # the signed statement must name this project

[[trust.signer]]
name = \"project key\"
key = \"mcptrust.pub\"
";
