//! `mcptrust lock`

use std::collections::BTreeMap;

use anyhow::bail;
use mcptrust::drift;
use mcptrust::finding::{Finding, Severity, changes_digest, codes};
use mcptrust::json::{Digest, Value};
use mcptrust::lockfile::{self, Lockfile, Server};
use mcptrust::report::{self, Written};
use mcptrust::surface::Kind;

use super::context::Context;
use super::options::{Format, LimitArgs, Output, ServerArgs};
use super::sources::{self, Prefer};
use super::{Exit, capture, config, files};

/// Arguments of `lock`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Take a server out of the lockfile
    #[arg(long, value_name = "NAME", conflicts_with_all = ["names", "name", "mcp_config", "values_from", "command", "public_env"])]
    pub(crate) remove: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How drift against the existing lockfile gets approved.
pub(crate) enum Approval<'a> {
    /// By asking, where somebody can be asked.
    Ask,
    /// By the digest of what was shown.
    Digest(&'a Digest),
}

pub(crate) fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    relock(context, &args, Prefer::ClientFile, &Approval::Ask)
}

/// Captures, compares, and writes what is approved.
pub(crate) fn relock(
    context: &Context,
    args: &Args,
    prefer: Prefer,
    approval: &Approval<'_>,
) -> anyhow::Result<Exit> {
    if !args.remove.is_empty() && args.limits.given() {
        bail!("--remove starts no server: limits make no sense here");
    }
    let folder = context.base();
    if !folder.is_dir() {
        bail!("{} is no directory: make it first, or name another --lockfile", folder.display());
    }
    let old_bytes = files::read_optional(context.lockfile(), lockfile::MAX_BYTES)?;
    let old = match &old_bytes {
        Some(bytes) => Some(read(context, bytes)?),
        None => None,
    };
    let (new, mut findings, captured) = capture_into(context, args, old.as_ref(), prefer)?;
    let bytes = new.to_bytes();
    let secrets = findings.iter().any(|finding| finding.code == codes::CAPTURE_SECRET_ECHOED.id);
    let mut report = report::Lock {
        lockfile: context.lockfile_name(),
        digest: Digest::of(&bytes),
        written: Written::Created,
        servers: captured,
        volatile: volatile(&new),
        findings: Vec::new(),
        changes: None,
        accept: None,
        fail_on: args.output.fail_on,
    };
    if secrets {
        report.findings = findings;
        report.written = Written::AwaitingApproval;
        show(context, args.output.format, &report)?;
        context.note(
            "Nothing was written: a lockfile is committed, and it would hold the value of a variable. \
             If the value is no secret, say so with --public-env NAME.",
        );
        return Ok(Exit::Findings);
    }
    let Some(old) = old else {
        if matches!(approval, Approval::Digest(_)) {
            bail!(
                "{} does not exist, so there is no drift to accept: use \"mcptrust lock\"",
                context.lockfile_name()
            );
        }
        // A first lock has nothing to drift from, but what hides in a text is shown all the same.
        let all = drift::compare(&Lockfile::default(), &new);
        findings.extend(all.into_iter().filter(|finding| finding.code == codes::HIDDEN_TEXT.id));
        report.findings = findings;
        files::write_atomically(context.lockfile(), &bytes)?;
        show(context, args.output.format, &report)?;
        return Ok(exit(report.outcome()));
    };
    let drift = drift::compare(&old, &new);
    let changes = changes_digest(&Digest::of(&old.to_bytes()), &Digest::of(&bytes), &drift);
    let quiet = drift.is_empty();
    findings.extend(drift);
    report.findings = findings;
    if quiet {
        if let Approval::Digest(given) = approval {
            bail!(
                "there is no drift now, and the digest sha256:{given} is of another comparison: nothing was written"
            );
        }
        report.written = Written::Unchanged;
        report.digest = Digest::of(old_bytes.as_deref().unwrap_or_default());
        show(context, args.output.format, &report)?;
        return Ok(exit(report.outcome()));
    }
    report.changes = Some(changes);
    report.accept = Some(accept_command(context, &args.servers, &args.remove, prefer, &changes));
    report.written = Written::AwaitingApproval;
    let asked =
        matches!(approval, Approval::Ask) && args.output.format == Format::Human && context.interactive();
    let approved = match approval {
        Approval::Digest(given) if **given == changes => true,
        Approval::Digest(given) => {
            show(context, args.output.format, &report)?;
            context.note(&format!(
                "This is not the drift that was approved: expected sha256:{given}, got sha256:{changes}. \
                 Nothing was written."
            ));
            return Ok(Exit::Findings);
        }
        Approval::Ask if asked => {
            show(context, args.output.format, &report)?;
            context.confirm(&format!("Write these changes to {}?", report.lockfile))?
        }
        Approval::Ask => false,
    };
    if !approved {
        if asked {
            context.note("Nothing was written.");
        } else {
            show(context, args.output.format, &report)?;
        }
        return Ok(Exit::Findings);
    }
    files::write_atomically(context.lockfile(), &bytes)?;
    report.written = Written::Updated;
    if asked {
        context.note(&format!("Wrote {}. Sign it anew with \"mcptrust sign\".", report.lockfile));
    } else {
        show(context, args.output.format, &report)?;
    }
    Ok(Exit::Pass)
}

/// Reads a lockfile's bytes, naming the file in errors.
pub(crate) fn read<'a>(context: &Context, bytes: &'a [u8]) -> anyhow::Result<Lockfile<'a>> {
    Lockfile::parse(bytes).map_err(|error| anyhow::Error::from(error).context(context.lockfile_name()))
}

type CapturedInto = (Lockfile<'static>, Vec<Finding>, BTreeMap<String, report::Captured>);

fn capture_into(
    context: &Context,
    args: &Args,
    old: Option<&Lockfile<'_>>,
    prefer: Prefer,
) -> anyhow::Result<CapturedInto> {
    let mut new = old.cloned().map(Lockfile::into_owned).unwrap_or_default();
    if let Some(project) = config::project(context)? {
        new.project = Some(project.into());
    }
    if !args.remove.is_empty() {
        for name in &args.remove {
            if new.servers.remove(name).is_none() {
                bail!("{} has no server called {name:?}", context.lockfile_name());
            }
        }
        return Ok((new, Vec::new(), BTreeMap::new()));
    }
    let wanted = sources::wanted(context, &args.servers, old, prefer)?;
    let version = |name: &str| Some(old?.servers.get(name)?.surface.protocol_version.to_string());
    let mut captures = capture::whole(capture::all(context, &wanted, &args.limits, &version)?)?;
    let mut findings = Vec::new();
    let mut counts = BTreeMap::new();
    for one in wanted {
        let Some(captured) = captures.remove(&one.name) else { continue };
        findings.extend(
            captured.findings.into_iter().filter(|finding| !is_public(finding, &args.servers.public_env)),
        );
        counts.insert(one.name.clone(), count(&captured.surface));
        let volatile = old.and_then(|old| old.servers.get(&one.name)).map(|server| server.volatile.clone());
        let server =
            Server { source: one.source, volatile: volatile.unwrap_or_default(), surface: captured.surface };
        new.servers.insert(one.name, server);
    }
    Ok((new, findings, counts))
}

/// Whether a finding is about the value of a variable that is no secret.
pub(crate) fn is_public(finding: &Finding, public: &[String]) -> bool {
    finding.code == codes::CAPTURE_SECRET_ECHOED.id && public.iter().any(|name| names(finding, name))
}

/// Whether a finding is about a variable.
fn names(finding: &Finding, variable: &str) -> bool {
    let about = finding.after.as_ref().and_then(|after| after.get("variable"));
    about.and_then(Value::as_str) == Some(variable)
}

pub(crate) fn count(surface: &mcptrust::surface::Surface<'_>) -> report::Captured {
    let counts = Kind::ALL.into_iter().map(|kind| (kind, surface.definitions(kind).len())).collect();
    report::Captured { protocol_version: surface.protocol_version.to_string(), counts }
}

/// The volatile pointers of every server that has some.
pub(crate) fn volatile(lockfile: &Lockfile<'_>) -> report::Volatile {
    let some = lockfile.servers.iter().filter(|(_, server)| !server.volatile.is_empty());
    some.map(|(name, server)| (name.clone(), server.volatile.clone())).collect()
}

fn show(context: &Context, format: Format, report: &report::Lock) -> anyhow::Result<()> {
    let style = context.style();
    if format == Format::Human && context.global.quiet && report.outcome() == report::Outcome::Pass {
        return Ok(());
    }
    context.print(|mut out| match format {
        Format::Human => report::human::lock(&mut out, report, context.finding_limit(), &style),
        Format::Json => report::json::lock(&mut out, report),
    })
}

pub(crate) fn exit(outcome: report::Outcome) -> Exit {
    match outcome {
        report::Outcome::Pass => Exit::Pass,
        report::Outcome::Findings => Exit::Findings,
    }
}

/// The command that approves what was shown: the same servers from the same place.
pub(crate) fn accept_command(
    context: &Context,
    servers: &ServerArgs,
    remove: &[String],
    prefer: Prefer,
    changes: &Digest,
) -> String {
    let mut words = vec!["mcptrust".to_owned(), "accept".to_owned()];
    if context.global.lockfile.as_os_str() != "mcp-lock.json" {
        words.extend(["--lockfile".to_owned(), context.lockfile_name()]);
    }
    words.extend(["--changes".to_owned(), format!("sha256:{changes}")]);
    for name in remove {
        words.extend(["--remove".to_owned(), name.clone()]);
    }
    let client_file = context.beside(sources::MCP_JSON);
    if let Some(path) = &servers.values_from {
        words.extend(["--values-from".to_owned(), path.display().to_string()]);
    }
    match (&servers.mcp_config, prefer) {
        _ if servers.values_from.is_some() => {}
        (Some(path), _) => words.extend(["--mcp-config".to_owned(), path.display().to_string()]),
        (None, Prefer::ClientFile) if servers.name.is_none() && remove.is_empty() && client_file.exists() => {
            words.extend(["--mcp-config".to_owned(), client_file.display().to_string()]);
        }
        _ => {}
    }
    for name in &servers.public_env {
        words.extend(["--public-env".to_owned(), name.clone()]);
    }
    words.extend(servers.names.iter().cloned());
    if let Some(name) = &servers.name {
        words.extend(["--name".to_owned(), name.clone()]);
        for env in &servers.env {
            words.extend(["--env".to_owned(), env.clone()]);
        }
        for (env, other) in &servers.env_from {
            words.extend(["--env-from".to_owned(), format!("{env}={other}")]);
        }
        words.push("--".to_owned());
        words.extend(servers.command.iter().cloned());
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What fails a comparison when nothing else is said.
pub(crate) const FAIL_ON: Severity = Severity::Low;
