//! `mcptrust diff`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::capture::Captured;
use mcptrust::drift;
use mcptrust::finding::changes_digest;
use mcptrust::json::Digest;
use mcptrust::lockfile::{self, Lockfile, Server};
use mcptrust::report;
use mcptrust::signing::bundle;
use mcptrust::signing::facts::{SignerFacts, compare_signers};

use super::context::Context;
use super::options::{Format, LimitArgs, Output, ServerArgs, TrustArgs};
use super::sources::Prefer;
use super::verify::BundleFile;
use super::{Exit, capture, config, files, git, lock, sources, verify};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Locked servers to compare with the live ones (all without), or two lockfiles
    #[arg(value_name = "NAME|FILE")]
    what: Vec<String>,
    /// Compare the lockfile of a git revision instead of live servers
    #[arg(long, value_name = "REV", conflicts_with_all = ["what", "command"])]
    base: Option<String>,
    /// With --base: compare with the lockfile of this revision, not of the work tree
    #[arg(long, value_name = "REV", requires = "base")]
    head: Option<String>,
    /// The client file whose values the servers' variables get; without, they come from the environment alone
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "command"])]
    values_from: Option<PathBuf>,
    /// A variable whose value is no secret and may show up in what the server declares
    #[arg(long, value_name = "NAME", conflicts_with = "base")]
    public_env: Vec<String>,
    /// Start this command instead of the one that is recorded
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    /// All servers as they are recorded.
    pub(crate) fn plain(
        trust: TrustArgs,
        output: Output,
        limits: LimitArgs,
        values_from: Option<PathBuf>,
        public_env: Vec<String>,
    ) -> Self {
        Args {
            what: Vec::new(),
            base: None,
            head: None,
            values_from,
            public_env,
            command: Vec::new(),
            trust,
            output,
            limits,
        }
    }
}

pub(crate) fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    if let Some(base) = &args.base {
        refuse_others(&args, "two revisions")?;
        return revisions(context, &args, base);
    }
    if let [before, after] = args.what.as_slice()
        && args.command.is_empty()
        && is_file(before)
        && is_file(after)
    {
        refuse_others(&args, "two lockfiles")?;
        context.refuse_lockfile("two lockfiles are named by their paths")?;
        return compare(context, &args, &Side::file(Path::new(before))?, &Side::file(Path::new(after))?);
    }
    live(context, &args)
}

/// A name that ends like a lockfile's, or stands for a file with a directory.
fn is_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|e| e == "json")
        || (text.contains('/') && Path::new(text).is_file())
}

/// No argument is ever silently ignored.
fn refuse_others(args: &Args, what: &str) -> anyhow::Result<()> {
    if args.trust != TrustArgs::default() {
        bail!("{what} are compared as they are: verify each with \"mcptrust verify --lockfile FILE\"");
    }
    if args.values_from.is_some() || !args.public_env.is_empty() {
        bail!("{what} are compared without starting a server: variables make no sense here");
    }
    if args.limits.given() {
        bail!("{what} are compared without starting a server: limits make no sense here");
    }
    Ok(())
}

/// One side of a comparison of files: a lockfile and the bundles beside it.
struct Side {
    label: String,
    lockfile: Vec<u8>,
    bundles: Vec<BundleFile>,
}

impl Side {
    fn file(path: &Path) -> anyhow::Result<Self> {
        Ok(Side {
            label: path.display().to_string(),
            lockfile: files::read(path, lockfile::MAX_BYTES)?,
            bundles: verify::beside(path)?,
        })
    }

    fn revision(context: &Context, revision: &str) -> anyhow::Result<Self> {
        let (base, path) = (context.base(), context.lockfile());
        let lockfile = git::show(&base, revision, path, lockfile::MAX_BYTES)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bundles = Vec::new();
        for name in git::list(&base, revision)?.into_iter().filter(|name| verify::is_bundle_of(&file, name)) {
            let bytes = git::show(&base, revision, Path::new(&name), bundle::LIMITS.max_bytes)?;
            bundles.push(BundleFile { name: format!("{name} at {revision}"), bytes });
        }
        Ok(Side { label: format!("{} at {revision}", context.lockfile_name()), lockfile, bundles })
    }

    /// Who signed, as the bundles say.
    fn signers(&self) -> anyhow::Result<Vec<SignerFacts>> {
        self.bundles.iter().map(BundleFile::said_by).collect()
    }
}

fn revisions(context: &Context, args: &Args, base: &str) -> anyhow::Result<Exit> {
    let after = match &args.head {
        Some(head) => Side::revision(context, head)?,
        None => Side::file(context.lockfile())?,
    };
    compare(context, args, &Side::revision(context, base)?, &after)
}

fn compare(context: &Context, args: &Args, before: &Side, after: &Side) -> anyhow::Result<Exit> {
    let old = Lockfile::parse(&before.lockfile).with_context(|| before.label.clone())?;
    let new = Lockfile::parse(&after.lockfile).with_context(|| after.label.clone())?;
    let mut findings = drift::compare(&old, &new);
    // Where nobody signed before there is no signer to compare with.
    if !before.bundles.is_empty() {
        let signers = compare_signers(&before.signers()?, &after.signers()?);
        if !signers.is_empty() {
            context.note("The signers are those that the bundles name; the signatures were not verified.");
        }
        findings.extend(signers);
    }
    let report = report::Diff {
        before: before.label.clone(),
        after: after.label.clone(),
        signed_by: None,
        servers: counts(&new),
        volatile: lock::volatile(&new),
        findings,
        changes: None,
        accept: None,
        fail_on: args.output.fail_on,
    };
    show(context, args.output.format, &report)?;
    Ok(lock::exit(report.outcome()))
}

fn counts(lockfile: &Lockfile<'_>) -> BTreeMap<String, usize> {
    lockfile.servers.iter().map(|(name, server)| (name.clone(), server.surface.count())).collect()
}

fn live(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
    let (old, signed_by) = match config::trust(context, &args.trust)? {
        None => {
            if args.trust != TrustArgs::default() {
                bail!(
                    "the flags speak of signatures, and nothing says who may have signed: give --key, an identity or a rule"
                );
            }
            (lock::read(context, &bytes)?, None)
        }
        Some(trust) => match verify::require(context, &args.trust, &args.output, &trust, &bytes)? {
            Ok((lockfile, report)) => (lockfile.into_inner(), Some(report.signers)),
            Err(refused) => {
                verify::show(context, args.output.format, &refused)?;
                context.note("No server was started: the lockfile is not verified.");
                return Ok(Exit::Findings);
            }
        },
    };
    for name in &args.what {
        if !old.servers.contains_key(name) {
            let known: Vec<_> = old.servers.keys().map(String::as_str).collect();
            let hint = if is_file(name) { "; two lockfiles are compared when both are named" } else { "" };
            bail!(
                "{} has no server called {name:?}: it has {}{hint}",
                context.lockfile_name(),
                known.join(", ")
            );
        }
    }
    let override_command = !args.command.is_empty();
    let wanted = if override_command {
        let [name] = args.what.as_slice() else {
            bail!(
                "the command behind \"--\" starts one server: name it, as in \"mcptrust diff NAME -- COMMAND\""
            );
        };
        let server = old.servers.get(name).context("the server is locked")?;
        vec![sources::overridden(name, &server.source, &args.command)?]
    } else {
        sources::recorded(context, &old, &args.what, args.values_from.as_deref())?
    };
    let version = |name: &str| Some(old.servers.get(name)?.surface.protocol_version.to_string());
    let captures = capture::all(context, &wanted, &args.limits, &version)?;
    let mut live = BTreeMap::new();
    let mut failed = Vec::new();
    for (name, result) in captures {
        match result {
            Ok(captured) => drop(live.insert(name, captured)),
            Err(error) => failed.push(error),
        }
    }
    let report = live_report(context, args, &old, live, signed_by, failed.is_empty() && !override_command)?;
    if !report.servers.is_empty() {
        show(context, args.output.format, &report)?;
    }
    if failed.is_empty() {
        return Ok(lock::exit(report.outcome()));
    }
    let texts: Vec<_> = failed.iter().map(ToString::to_string).collect();
    bail!(
        "no answer is not \"no drift\": {} of {} servers failed\n{}",
        failed.len(),
        wanted.len(),
        texts.join("\n")
    )
}

fn live_report(
    context: &Context,
    args: &Args,
    old: &Lockfile<'_>,
    mut live: BTreeMap<String, Captured>,
    signed_by: Option<Vec<String>>,
    acceptable: bool,
) -> anyhow::Result<report::Diff> {
    let mut new = old.clone().into_owned();
    // As a relock would write it, so that the digest fits.
    if let Some(project) = config::project(context)? {
        new.project = Some(project.into());
    }
    // What is not compared is the same on both sides.
    let mut findings = Vec::new();
    let names: Vec<String> = live.keys().cloned().collect();
    let mut counts = BTreeMap::new();
    for name in names {
        let (Some(captured), Some(server)) = (live.remove(&name), new.servers.get_mut(&name)) else {
            continue;
        };
        counts.insert(name, captured.surface.count());
        findings.extend(captured.findings.into_iter().filter(|f| !lock::is_public(f, &args.public_env)));
        *server = Server { surface: captured.surface, ..server.clone() };
    }
    let drift = drift::compare(old, &new);
    let changes = changes_digest(&Digest::of(&old.to_bytes()), &Digest::of(&new.to_bytes()), &drift);
    let changes = (acceptable && !drift.is_empty()).then_some(changes);
    let accept = changes.map(|changes| {
        let servers = ServerArgs {
            names: args.what.clone(),
            values_from: args.values_from.clone(),
            public_env: args.public_env.clone(),
            ..ServerArgs::default()
        };
        lock::accept_command(context, &servers, &[], Prefer::Lockfile, &changes)
    });
    let mut all = drift;
    all.extend(findings);
    Ok(report::Diff {
        before: context.lockfile_name(),
        after: "the live servers".to_owned(),
        signed_by,
        servers: counts,
        volatile: lock::volatile(old),
        findings: all,
        changes,
        accept,
        fail_on: args.output.fail_on,
    })
}

fn show(context: &Context, format: Format, report: &report::Diff) -> anyhow::Result<()> {
    if format == Format::Human && context.global.quiet && report.outcome() == report::Outcome::Pass {
        return Ok(());
    }
    let style = context.style();
    context.print(|mut out| match format {
        Format::Human => report::human::diff(&mut out, report, context.finding_limit(), &style),
        Format::Json => report::json::diff(&mut out, report),
    })
}
