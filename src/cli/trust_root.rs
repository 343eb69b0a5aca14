//! `mcptrust trust-root`, and the authorities that other commands use.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mcptrust::json::{Digest, Json, Object, Value, pretty};
use mcptrust::report::escape;
use mcptrust::signing::TrustMaterial;
use mcptrust::signing::keyless::{NetworkOptions, PUBLIC_GOOD, STAGING, Transport};
use mcptrust::signing::trust::Source;
use mcptrust::signing::trust_root::{self, Material, Repository};

use super::context::Context;
use super::options::Format;
use super::{Exit, convert, files};

const MAX_BYTES: usize = 16 << 20;

/// Days after which a copy is called stale.
const STALE_DAYS: i64 = 90;

/// Arguments of `trust-root`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Explain each authority, its key and its validity
    Show {
        #[command(flatten)]
        instance: InstanceArgs,
        /// The form of the report
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    /// Fetch the newest trust material from its TUF repository into the cache
    Update {
        #[command(flatten)]
        repository: RepositoryArgs,
        /// The first root.json of a custom repository, from its operator by a way you trust
        #[arg(long, value_name = "FILE", requires = "tuf_url")]
        root: Option<PathBuf>,
    },
}

/// Which Sigstore instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct InstanceArgs {
    /// The trusted root [default: the cached copy, or the embedded one]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["staging", "tuf_url"])]
    pub(crate) trusted_root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) repository: RepositoryArgs,
}

/// Which TUF repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct RepositoryArgs {
    /// Sigstore's staging instance instead of the public-good one
    #[arg(long, conflicts_with = "tuf_url")]
    pub(crate) staging: bool,
    /// The custom TUF repository that was fetched with "trust-root update"
    #[arg(long, value_name = "URL")]
    pub(crate) tuf_url: Option<String>,
}

impl InstanceArgs {
    /// Whether any flag names an instance.
    pub(crate) fn given(&self) -> bool {
        self.trusted_root.is_some() || self.repository.staging || self.repository.tuf_url.is_some()
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Show { instance, format } => show(context, instance, *format),
        Command::Update { repository, root } => update(context, repository, root.as_deref()),
    }
}

/// The bytes of a trusted root, and of the signing config that came with it.
pub(crate) struct Trusted {
    pub(crate) root: Vec<u8>,
    pub(crate) signing_config: Option<String>,
    source: Source,
    obtained: Option<jiff::Timestamp>,
}

impl Trusted {
    pub(crate) fn material(&self) -> anyhow::Result<TrustMaterial> {
        Ok(TrustMaterial::from_json(&self.root, self.source.clone(), self.obtained)?)
    }
}

/// The trust material that the flags name: a file, a cached copy, or the embedded one. Never the network.
pub(crate) fn trusted(context: &Context, args: &InstanceArgs) -> anyhow::Result<Trusted> {
    if let Some(path) = &args.trusted_root {
        let root = files::read(path, MAX_BYTES)?;
        let source = Source::File(path.display().to_string());
        return Ok(Trusted { root, signing_config: None, source, obtained: None });
    }
    let repository = repository(context, &args.repository, None)?;
    let cached = match cache(context) {
        Some(cache) => trust_root::cached(&repository, &cache)?,
        None => None,
    };
    // A new release may bring a newer copy than the one that was fetched once.
    let embedded: Option<jiff::Timestamp> = mcptrust::signing::trust::EMBEDDED_AS_OF.parse().ok();
    let newer = |material: &Material| args.repository.tuf_url.is_some() || Some(material.updated) > embedded;
    if let Some(Material { trusted_root, signing_config, url, updated, .. }) = cached.filter(newer) {
        let signing_config = signing_config.and_then(|bytes| String::from_utf8(bytes).ok());
        let source = Source::Tuf(url);
        return Ok(Trusted { root: trusted_root, signing_config, source, obtained: Some(updated) });
    }
    if let Some(url) = &args.repository.tuf_url {
        bail!(
            "nothing was fetched from {url} yet: run \"mcptrust trust-root update --tuf-url {url} --root FILE\""
        );
    }
    let (root, config, source) = if args.repository.staging {
        (sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT, STAGING, Source::Staging)
    } else {
        (sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT, PUBLIC_GOOD, Source::PublicGood)
    };
    Ok(Trusted { root: root.into(), signing_config: Some(config.to_owned()), source, obtained: embedded })
}

/// The trust material to verify with. One that has grown old is said to be.
pub(crate) fn material(context: &Context, args: &InstanceArgs) -> anyhow::Result<TrustMaterial> {
    let material = trusted(context, args)?.material()?;
    if let Some(days) = age_in_days(context, &material).filter(|days| *days > STALE_DAYS) {
        context.note(&format!(
            "The trusted root is {days} days old. Authorities that came or went since then are not known: \
             run \"mcptrust trust-root update\"."
        ));
    }
    Ok(material)
}

fn age_in_days(context: &Context, material: &TrustMaterial) -> Option<i64> {
    material.age(context.now).map(|age| age.as_hours() / 24)
}

/// Where fetched trust material is kept: `MCPTRUST_CACHE`, or the platform's place for caches.
fn cache(context: &Context) -> Option<PathBuf> {
    let set = |name: &str| context.env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = set("MCPTRUST_CACHE") {
        return Some(cache.join("trust-root"));
    }
    let platform = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Caches"))
    } else {
        set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
    };
    platform.map(|platform| platform.join("mcptrust/trust-root"))
}

fn anchor(cache: &Path, url: &str) -> PathBuf {
    cache.join(format!("anchor-{}.json", Digest::of(url.trim_end_matches('/').as_bytes())))
}

fn repository(context: &Context, args: &RepositoryArgs, root: Option<&Path>) -> anyhow::Result<Repository> {
    let Some(url) = &args.tuf_url else {
        return Ok(if args.staging { Repository::staging()? } else { Repository::public_good()? });
    };
    let cache = cache(context).context("there is no place for a cache: set MCPTRUST_CACHE")?;
    let root = match root {
        Some(path) => files::read(path, MAX_BYTES)?,
        None => files::read_optional(&anchor(&cache, url), MAX_BYTES)?
            .with_context(|| format!("{url} is not known yet: give its first root with --root FILE"))?,
    };
    Ok(Repository::custom(url, root)?)
}

fn update(context: &Context, args: &RepositoryArgs, root: Option<&Path>) -> anyhow::Result<Exit> {
    let repository = repository(context, args, root)?;
    let cache = cache(context).context("there is no place for a cache: set MCPTRUST_CACHE")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = Transport::new(NetworkOptions::default())?;
    let updated = runtime.block_on(trust_root::update(&transport, &repository, &cache, context.now))?;
    if let (Some(root), Some(url)) = (root, &args.tuf_url) {
        files::write_atomically(&anchor(&cache, url), &files::read(root, MAX_BYTES)?)?;
    }
    context.print(|out| {
        writeln!(out, "Fetched {}: root version {}", escape::terminal(&updated.url), updated.root_version)?;
        writeln!(out, "To be fetched again before {}", updated.expires)
    })?;
    Ok(Exit::Pass)
}

fn show(context: &Context, args: &InstanceArgs, format: Format) -> anyhow::Result<Exit> {
    let material = trusted(context, args)?.material()?;
    let used = convert::trust_root(context, &material);
    let usable = |authority: &mcptrust::signing::trust::Authority| {
        authority.valid_from <= context.now && authority.valid_until.is_none_or(|until| context.now <= until)
    };
    if format == Format::Json {
        let authorities = material.authorities().iter().map(|authority| {
            let mut entry = Object::new();
            entry.insert("role", authority.role.to_string());
            entry.insert("uri", authority.uri.clone());
            entry.insert("name", authority.name.clone());
            entry.insert("key", authority.key.clone().map_or(Value::Null, Value::from));
            entry.insert("validFrom", authority.valid_from.to_string());
            let until = authority.valid_until.map(|until| until.to_string());
            entry.insert("validUntil", until.map_or(Value::Null, Value::from));
            entry.insert("validNow", usable(authority));
            Json::Object(entry)
        });
        let mut root = Object::new();
        root.insert("used", used);
        root.insert("digest", format!("sha256:{}", material.digest()));
        root.insert("authorities", authorities.collect::<Vec<_>>());
        let mut document = Object::new();
        document.insert("schemaVersion", mcptrust::report::json::SCHEMA_VERSION);
        document.insert("command", "trust-root");
        document.insert("trustRoot", root);
        context.print(|out| out.write_all(pretty(&Json::Object(document)).as_bytes()))?;
        return Ok(Exit::Pass);
    }
    context.print(|out| {
        writeln!(out, "{}\nsha256:{}", escape::terminal(&used), material.digest())?;
        for authority in material.authorities() {
            let until = match authority.valid_until {
                Some(until) => format!("until {until}"),
                None => "with no end".to_owned(),
            };
            let now = if usable(authority) { "" } else { " (not valid now)" };
            writeln!(out, "\n{}{now}", authority.role)?;
            writeln!(out, "  name     {}", escape::terminal(&authority.name))?;
            writeln!(out, "  address  {}", escape::terminal(&authority.uri))?;
            if let Some(key) = &authority.key {
                writeln!(out, "  key      {}", escape::terminal(key))?;
            }
            writeln!(out, "  valid    from {} {until}", authority.valid_from)?;
        }
        Ok(())
    })?;
    Ok(Exit::Pass)
}
