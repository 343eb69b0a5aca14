//! Which servers are meant, and how each is started.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::capture::Launch;
use mcptrust::clients::{Entry, EntryError, expand, parse_mcp_json, variables};
use mcptrust::lockfile::{Lockfile, Source, check_server_name, secret_argument};
use mcptrust::report::escape;

use super::context::Context;
use super::files;
use super::options::ServerArgs;

/// The client file of a project.
pub(crate) const MCP_JSON: &str = ".mcp.json";
const MAX_BYTES: usize = 16 << 20;

/// Variables that every server gets anyway, and whose values may show up.
const SHOWN: [&str; 5] = ["HOME", "PWD", "USER", "LOGNAME", "TMPDIR"];

/// A server to capture.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// What the client file sets, by variable; not expanded.
    values: BTreeMap<String, String>,
}

type Entries = BTreeMap<String, Result<Entry, EntryError>>;

/// Where servers are looked for when none is given by command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefer {
    /// The client file first, then the lockfile.
    ClientFile,
    /// The lockfile, unless a client file is named.
    Lockfile,
}

/// The servers that the arguments mean.
pub(crate) fn wanted(
    context: &Context,
    args: &ServerArgs,
    locked: Option<&Lockfile<'_>>,
    prefer: Prefer,
) -> anyhow::Result<Vec<Wanted>> {
    if let Some(name) = &args.name {
        return Ok(vec![given(name, args)?]);
    }
    if let Some(path) = &args.values_from {
        let locked = locked.with_context(|| {
            format!("--values-from starts what is locked, and {} does not exist", context.lockfile_name())
        })?;
        return recorded(context, locked, &args.names, Some(path));
    }
    let path = args.mcp_config.clone().unwrap_or_else(|| context.beside(MCP_JSON));
    let entries = match (&args.mcp_config, prefer) {
        (Some(path), _) => read(path)?,
        (None, Prefer::ClientFile) if path.exists() => read(&path)?,
        _ => Entries::new(),
    };
    let recorded = locked.map(|lockfile| &lockfile.servers);
    let known = |name: &str| entries.contains_key(name) || recorded.is_some_and(|s| s.contains_key(name));
    let all: BTreeSet<&String> =
        entries.keys().chain(recorded.into_iter().flat_map(BTreeMap::keys)).collect();
    let names: Vec<String> =
        if args.names.is_empty() { all.iter().copied().cloned().collect() } else { args.names.clone() };
    if names.is_empty() {
        let why = if path.exists() { "names none" } else { "does not exist" };
        bail!(
            "no server to lock: {} {why}; name one, as in \
             \"mcptrust lock --name files -- npx -y @modelcontextprotocol/server-filesystem@2026.8.31 .\"",
            path.display()
        );
    }
    let mut out = BTreeMap::new();
    for name in names {
        if !known(&name) {
            let all: Vec<_> = all.into_iter().map(|name| escape::terminal(name)).collect();
            let listed = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            bail!("no server is called {name:?}: known are {listed}");
        }
        let one = match (entries.get(&name), recorded.and_then(|s| s.get(&name))) {
            (Some(entry), _) => {
                let entry = entry.as_ref().map_err(Clone::clone);
                let entry = entry.with_context(|| format!("{}: server {name:?}", path.display()))?;
                from_entry(&name, entry)?
            }
            (None, Some(server)) => {
                Wanted { name: name.clone(), source: server.source.clone(), values: BTreeMap::new() }
            }
            (None, None) => continue,
        };
        out.insert(name, one);
    }
    Ok(out.into_values().collect())
}

/// Locked servers by name, all without, started as the lockfile says. Their variables come from the environment, and
/// from a client file only where the user named one: the lockfile signs names, and a file that nobody signed must not
/// choose what a verified command runs with.
pub(crate) fn recorded(
    context: &Context,
    locked: &Lockfile<'_>,
    names: &[String],
    client_file: Option<&Path>,
) -> anyhow::Result<Vec<Wanted>> {
    if locked.servers.is_empty() {
        bail!("{} has no servers", context.lockfile_name());
    }
    if let Some(name) = names.iter().find(|name| !locked.servers.contains_key(*name)) {
        let known: Vec<_> = locked.servers.keys().map(|name| escape::terminal(name)).collect();
        bail!("{} has no server called {name:?}: it has {}", context.lockfile_name(), known.join(", "));
    }
    let mut entries = match client_file {
        Some(path) => read(path)?,
        None => Entries::new(),
    };
    let chosen = locked.servers.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let one = |(name, server): (&String, &mcptrust::lockfile::Server<'_>)| {
        let values = match entries.remove(name) {
            Some(Ok(entry)) => entry.env,
            _ => BTreeMap::new(),
        };
        Wanted { name: name.clone(), source: server.source.clone(), values }
    };
    Ok(chosen.map(one).collect())
}

/// A locked server that another program stands in for; its variables stay as they are recorded.
pub(crate) fn overridden(name: &str, source: &Source, command: &[String]) -> anyhow::Result<Wanted> {
    let (program, rest) = command.split_first().context("expected a command behind \"--\"")?;
    let Source::Stdio { env, env_from, cwd, .. } = source else {
        bail!("server {name:?}: unknown transport")
    };
    let source = Source::Stdio {
        command: program.clone(),
        args: rest.to_vec(),
        env: env.clone(),
        env_from: env_from.clone(),
        cwd: cwd.clone(),
    };
    Ok(Wanted { name: name.to_owned(), source, values: BTreeMap::new() })
}

/// A server that a command line names.
pub(crate) fn given(name: &str, args: &ServerArgs) -> anyhow::Result<Wanted> {
    check_server_name(name)
        .map_err(|problem| anyhow::anyhow!("--name {}: {problem}", escape::terminal(name)))?;
    let (command, rest) = args.command.split_first().context("expected a command behind \"--\"")?;
    let mut env = args.env.clone();
    env.sort();
    env.dedup();
    let env_from: BTreeMap<_, _> = args.env_from.iter().cloned().collect();
    if let Some(twice) = env.iter().find(|name| env_from.contains_key(*name)) {
        bail!("{twice} is given by --env and by --env-from: give one of them");
    }
    let source = Source::Stdio { command: command.clone(), args: rest.to_vec(), env, env_from, cwd: None };
    checked(name, source, BTreeMap::new())
}

fn from_entry(name: &str, entry: &Entry) -> anyhow::Result<Wanted> {
    check_server_name(name)
        .map_err(|problem| anyhow::anyhow!("server {}: {problem}", escape::terminal(name)))?;
    let source = Source::Stdio {
        command: entry.command.clone(),
        args: entry.args.clone(),
        env: entry.env.keys().cloned().collect(),
        env_from: BTreeMap::new(),
        cwd: entry.cwd.clone(),
    };
    checked(name, source, entry.env.clone())
}

fn checked(name: &str, source: Source, values: BTreeMap<String, String>) -> anyhow::Result<Wanted> {
    let Source::Stdio { args, .. } = &source else { bail!("server {name:?}: unknown transport") };
    if let Some(secret) = secret_argument(args) {
        bail!(
            "server {name:?}: {secret}; pass it by the environment (--env NAME), or write the argument as \
             \"${{NAME}}\", which is replaced when the server starts"
        );
    }
    Ok(Wanted { name: name.to_owned(), source, values })
}

fn read(path: &Path) -> anyhow::Result<Entries> {
    parse_mcp_json(&files::read(path, MAX_BYTES)?).with_context(|| path.display().to_string())
}

/// How to start a server, with the values that its variables have here.
pub(crate) fn launch(context: &Context, wanted: &Wanted) -> anyhow::Result<Launch> {
    let Source::Stdio { command, args, env, env_from, cwd } = &wanted.source else {
        bail!("server {:?}: unknown transport", wanted.name);
    };
    let lookup = |name: &str| context.env(name);
    let server = || format!("server {:?}", wanted.name);
    let expanded = |text: &str| expand(text, &lookup).with_context(server);
    let texts = std::iter::once(command).chain(args).chain(cwd);
    let secrets = texts.flat_map(|text| variables(text)).filter(|name| !SHOWN.contains(name));
    let secrets = secrets.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
    let mut values: Vec<(String, OsString)> = Vec::new();
    for name in env {
        let value = match wanted.values.get(name) {
            Some(text) => OsString::from(expanded(text)?),
            None => std::env::var_os(name).with_context(|| missing(&wanted.name, name))?,
        };
        values.push((name.clone(), value));
    }
    for (name, other) in env_from {
        let value = std::env::var_os(other).with_context(|| missing(&wanted.name, other))?;
        values.push((name.clone(), value));
    }
    let base = context.base();
    let cwd = match cwd {
        Some(cwd) => Some(base.join(expanded(cwd)?)),
        None if base == Path::new(".") => None,
        None => Some(base),
    };
    Ok(Launch {
        name: wanted.name.clone(),
        command: expanded(command)?,
        args: args.iter().map(|arg| expanded(arg)).collect::<Result<_, _>>()?,
        env: values,
        expanded: secrets,
        base_env: context.environment(),
        cwd: cwd.map(|cwd: PathBuf| std::path::absolute(&cwd).unwrap_or(cwd)),
    })
}

fn missing(server: &str, variable: &str) -> String {
    format!(
        "server {server:?} needs the environment variable {variable}, which is not set: set it and try again"
    )
}
