//! `mcptrust verify`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::drift;
use mcptrust::lockfile::{self, Lockfile};
use mcptrust::report;
use mcptrust::signing::facts::{SignerFacts, compare_signers};
use mcptrust::signing::verify::{Difference, Options, Report, Status};
use mcptrust::signing::{Bundle, NamedBundle, Outcome, TrustMaterial, Verified, bundle};

use super::context::Context;
use super::options::{Format, Output, TrustArgs};
use super::{Exit, config, convert, files, lock, state, trust_root};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A bundle of the version before: what changed about the signer is reported
    #[arg(long, value_name = "FILE")]
    previous: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    output: Output,
}

impl Args {
    /// What "init" verifies with.
    pub(crate) fn plain(trust: TrustArgs, output: Output) -> Self {
        Args { previous: Vec::new(), trust, output }
    }
}

/// A bundle file.
pub(crate) struct BundleFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl BundleFile {
    /// Who signed, as the bundle says.
    pub(crate) fn said_by(&self) -> anyhow::Result<SignerFacts> {
        let bundle = Bundle::parse(&self.bytes).with_context(|| self.name.clone())?;
        SignerFacts::said_by(&bundle).with_context(|| format!("{} does not say who signed it", self.name))
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let trust = config::trust(context, &args.trust)?.with_context(|| {
        format!(
            "nothing says who may have signed: name a public key (--key mcptrust.pub), an identity \
             (--certificate-identity with --certificate-oidc-issuer), or write a [[trust.signer]] into {}",
            context.beside(config::NAME).display()
        )
    })?;
    let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
    let (outcome, material) = check(context, &args.trust, &trust, &bytes)?;
    let mut report = report(context, &args.trust, &args.output, &trust, material.as_ref(), &outcome, &bytes)?;
    if !args.previous.is_empty() {
        let before = previous(context, args, &trust, material.as_ref(), &bytes)?;
        let authentic =
            outcome.report().bundles.iter().filter(|b| matches!(b.status, Status::Accepted { .. }));
        let after: Vec<_> =
            authentic.filter_map(|b| b.authentic.as_ref().map(|a| a.signer.clone())).collect();
        report.findings.extend(compare_signers(&before, &after));
    }
    show(context, args.output.format, &report)?;
    Ok(lock::exit(report.outcome()))
}

/// Who signed before. A signature that cannot be checked with what is at hand is taken at its word, and said to be.
fn previous(
    context: &Context,
    args: &Args,
    trust: &config::Trust,
    material: Option<&TrustMaterial>,
    bytes: &[u8],
) -> anyhow::Result<Vec<SignerFacts>> {
    let bundles = bundles(context, &args.previous)?;
    let named: Vec<_> = bundles.iter().map(|b| NamedBundle { name: &b.name, bytes: &b.bytes }).collect();
    let checked =
        mcptrust::signing::verify(bytes, &named, &trust.rules, material, &Options::default(), context.now)?;
    let mut signers = Vec::new();
    for (file, report) in bundles.iter().zip(&checked.report().bundles) {
        if let Some(authentic) = &report.authentic {
            signers.push(authentic.signer.clone());
            continue;
        }
        signers.push(file.said_by()?);
        context.warn(&format!("{}: the signature could not be checked; the signer is as it says", file.name));
    }
    Ok(signers)
}

/// Verifies a lockfile's bytes by the bundles that stand beside it or are named.
pub(crate) fn check<'a>(
    context: &Context,
    args: &TrustArgs,
    trust: &config::Trust,
    bytes: &'a [u8],
) -> anyhow::Result<(Outcome<'a>, Option<TrustMaterial>)> {
    let bundles = bundles(context, &args.bundle)?;
    if bundles.is_empty() {
        bail!(
            "{} is not signed: there is no {}; sign it with \"mcptrust sign\"",
            context.lockfile_name(),
            bundle_path(context, None).display()
        );
    }
    let named: Vec<_> = bundles.iter().map(|b| NamedBundle { name: &b.name, bytes: &b.bytes }).collect();
    let material = material(context, args, trust)?;
    let options = Options { max_age: args.max_age, min_sequence: args.min_sequence };
    let outcome =
        mcptrust::signing::verify(bytes, &named, &trust.rules, material.as_ref(), &options, context.now)
            .with_context(|| context.lockfile_name())?;
    Ok((outcome, material))
}

/// The verified lockfile, or the report of why it is not: what must run on verified data starts here.
pub(crate) fn require<'a>(
    context: &Context,
    args: &TrustArgs,
    output: &Output,
    trust: &config::Trust,
    bytes: &'a [u8],
) -> anyhow::Result<Result<(Verified<Lockfile<'a>>, Report), report::Verify>> {
    let (outcome, material) = check(context, args, trust, bytes)?;
    let shown = report(context, args, output, trust, material.as_ref(), &outcome, bytes)?;
    Ok(match outcome {
        Outcome::Verified(lockfile, report) if shown.findings.is_empty() => Ok((lockfile, report)),
        _ => Err(shown),
    })
}

fn material(
    context: &Context,
    args: &TrustArgs,
    trust: &config::Trust,
) -> anyhow::Result<Option<TrustMaterial>> {
    if args.instance.given() || trust.rules.need_trust_material() {
        return trust_root::material(context, &args.instance).map(Some);
    }
    Ok(None)
}

/// Where a signer's bundle stands: beside the lockfile, with the signer's name where there is one.
pub(crate) fn bundle_path(context: &Context, signer: Option<&str>) -> PathBuf {
    let file = context.lockfile().file_name().unwrap_or_default().to_string_lossy();
    match signer {
        None => context.beside(&format!("{file}.sigstore.json")),
        Some(name) => context.beside(&format!("{file}.{name}.sigstore.json")),
    }
}

/// The named bundles, or all that stand beside the lockfile, in the order of their names.
pub(crate) fn bundles(context: &Context, named: &[PathBuf]) -> anyhow::Result<Vec<BundleFile>> {
    if named.is_empty() { beside(context.lockfile()) } else { read(named) }
}

/// All bundles that stand beside a lockfile, in the order of their names.
pub(crate) fn beside(lockfile: &Path) -> anyhow::Result<Vec<BundleFile>> {
    read(&found(lockfile)?)
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<BundleFile>> {
    let one = |path: &PathBuf| {
        let bytes = files::read(path, bundle::LIMITS.max_bytes)?;
        anyhow::Ok(BundleFile { name: path.display().to_string(), bytes })
    };
    paths.iter().map(one).collect()
}

/// The paths of the bundles that stand beside a lockfile, in the order of their names.
fn found(lockfile: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = files::folder(lockfile);
    let file = lockfile.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A pipe or a device would be waited for.
        if is_bundle_of(&file, &name) && std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file()) {
            found.push(lockfile.with_file_name(&name));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file's name is that of a bundle for the lockfile of this name.
pub(crate) fn is_bundle_of(lockfile: &str, name: &str) -> bool {
    let rest = name.strip_prefix(lockfile).and_then(|rest| rest.strip_suffix(".sigstore.json"));
    rest.is_some_and(|rest| rest.is_empty() || (rest.len() > 1 && rest.starts_with('.')))
}

/// The report of a verification, with the explanation of what was tampered with.
fn report(
    context: &Context,
    args: &TrustArgs,
    output: &Output,
    trust: &config::Trust,
    material: Option<&TrustMaterial>,
    outcome: &Outcome<'_>,
    bytes: &[u8],
) -> anyhow::Result<report::Verify> {
    let mut report = convert::verify(context, trust, material, outcome, output.fail_on);
    let parsed;
    let lockfile: Option<&Lockfile<'_>> = match outcome {
        Outcome::Verified(lockfile, _) => Some(lockfile),
        Outcome::Refused(_) => {
            parsed = Lockfile::parse(bytes).ok();
            parsed.as_ref()
        }
    };
    if let Some(lockfile) = lockfile {
        report.volatile = lock::volatile(lockfile);
    }
    if let Some(tampering) = &outcome.report().tampering
        && let (Difference::Content, Some(lockfile)) = (tampering.difference, lockfile)
    {
        report.findings = drift::explain(&tampering.tree, lockfile);
    }
    if let Some(error) = &outcome.report().unreadable {
        context.warn(&format!("{}: {error}", context.lockfile_name()));
    }
    if let (Outcome::Verified(_, verified), Some(path)) = (outcome, &args.state) {
        report.findings = state::check(context, path, verified)?;
    }
    Ok(report)
}

pub(crate) fn show(context: &Context, format: Format, report: &report::Verify) -> anyhow::Result<()> {
    if format == Format::Human && context.global.quiet && report.outcome() == report::Outcome::Pass {
        return Ok(());
    }
    let style = context.style();
    context.print(|mut out| match format {
        Format::Human => report::human::verify(&mut out, report, context.finding_limit(), &style),
        Format::Json => report::json::verify(&mut out, report),
    })
}
