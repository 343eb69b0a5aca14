//! `mcptrust sign` with an identity instead of a key.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use mcptrust::lockfile;
use mcptrust::report::escape;
use mcptrust::signing::keyless::{
    DEFAULT_AUDIENCE, DEFAULT_CLIENT_ID, ExpectedIdentity, Identity, Interaction, Interactive, LogIn,
    NetworkOptions, Notice, Places, PredictedCertificate, Progress, Refusal, Services, SignOptions, Signed,
    SourceOptions, Transport, find, is_token, sign_statement,
};
use mcptrust::signing::verify::Options;
use mcptrust::signing::{NamedBundle, Outcome, Rules, TrustMaterial};

use super::context::Context;
use super::options::TrustArgs;
use super::sign::Follow;
use super::trust_root::{self, InstanceArgs};
use super::{Exit, config, files, lock, sign};

/// What makes no sense beside a key.
pub(crate) const FLAGS: [&str; 14] = [
    "identity_token",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_audience",
    "login",
    "expect_identity",
    "expect_issuer",
    "yes",
    "signing_config",
    "timeout",
    "allow_plain_http",
    "trusted_root",
    "staging",
    "tuf_url",
];

/// How long the services may take together where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(150);

/// Arguments of keyless signing.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Keyless")]
pub(crate) struct KeylessArgs {
    /// The identity token: the token itself, a file, or "-" for standard input
    #[arg(long, value_name = "TOKEN")]
    identity_token: Option<String>,
    /// The OIDC issuer to log in at [default: the signing config's]
    #[arg(long, value_name = "URL")]
    oidc_issuer: Option<String>,
    /// The client identifier to log in with [default: sigstore]
    #[arg(long, value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The audience that the token is for [default: sigstore]
    #[arg(long, value_name = "NAME")]
    oidc_audience: Option<String>,
    /// How to log in where no token is given or found
    #[arg(long, value_name = "HOW")]
    login: Option<Login>,
    /// The identity that must be signing; checked before anything becomes public
    #[arg(long, value_name = "IDENTITY")]
    expect_identity: Option<String>,
    /// The issuer that must vouch for it
    #[arg(long, value_name = "URL", requires = "expect_identity")]
    expect_issuer: Option<String>,
    /// Do not ask before the identity becomes public for ever
    #[arg(long, short)]
    yes: bool,
    /// The services to use [default: the public-good instance's]
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,
    /// Seconds for all of it, retries included; a log-in by a person has 300 of its own [default: 150]
    #[arg(long, value_name = "SECONDS", value_parser = super::options::seconds)]
    timeout: Option<Duration>,
    /// Speak to services of a private instance over plain http, beyond this machine as well
    #[arg(long)]
    allow_plain_http: bool,
    #[command(flatten)]
    instance: InstanceArgs,
}

/// How a person logs in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Login {
    /// In a browser on this machine.
    Browser,
    /// On another device, with a short code.
    Device,
    /// In any browser, bringing back a code.
    Code,
    /// Not at all.
    Never,
}

/// Authorities and services to sign with.
struct Instance {
    material: TrustMaterial,
    services: Services,
}

/// Who may have made the bundle that is followed.
pub(crate) struct Authorities {
    rules: Option<Rules>,
    material: TrustMaterial,
}

impl Authorities {
    pub(crate) fn load(context: &Context, args: &KeylessArgs) -> anyhow::Result<Self> {
        let material = trust_root::trusted(context, &args.instance)?.material()?;
        Ok(Authorities { rules: expected(context, args)?, material })
    }

    pub(crate) fn follow(&self, sequence: Option<u64>) -> Follow<'_> {
        Follow { rules: self.rules.as_ref(), material: Some(&self.material), sequence }
    }
}

pub(crate) fn run(
    context: &Context,
    args: &KeylessArgs,
    path: &Path,
    sequence: Option<u64>,
) -> anyhow::Result<Exit> {
    let bytes = files::read(context.lockfile(), lockfile::MAX_BYTES)?;
    lock::read(context, &bytes)?;
    let instance = instance(context, args)?;
    let rules = expected(context, args)?;
    let follow = Follow { rules: rules.as_ref(), material: Some(&instance.material), sequence };
    let statement = sign::statement(context, &bytes, path, &follow)?;
    let payload = statement.to_payload()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let signed = runtime.block_on(sign_now(context, args, &instance, rules.as_ref(), &bytes, &payload));
    let signed = match signed {
        Ok(signed) => signed,
        Err(error) => {
            let refused = error.downcast_ref().is_some_and(mcptrust::signing::keyless::Error::is_refusal);
            if refused {
                context.error(&error);
                return Ok(Exit::Findings);
            }
            return Err(error);
        }
    };
    files::write_atomically(path, &signed.bundle)?;
    let entries: Vec<_> =
        signed.entries.iter().map(|(log, index)| format!("entry {index} of {log}")).collect();
    context.note(&format!(
        "Signed {} as number {} by {} ({}): {}\nRecorded: {}",
        context.lockfile_name(),
        statement.sequence,
        escape::terminal(signed.certificate.identity.as_str()),
        escape::terminal(&signed.certificate.issuer),
        path.display(),
        escape::terminal(&entries.join(", "))
    ));
    Ok(Exit::Pass)
}

fn instance(context: &Context, args: &KeylessArgs) -> anyhow::Result<Instance> {
    if args.instance.trusted_root.is_some() != args.signing_config.is_some() {
        bail!(
            "a private instance is named by --trusted-root and --signing-config together: give both or neither"
        );
    }
    let trusted = trust_root::trusted(context, &args.instance)?;
    let material = trusted.material()?;
    let (config, name) = match &args.signing_config {
        Some(path) => {
            let bytes = files::read(path, 1 << 20)?;
            (String::from_utf8(bytes).ok(), path.display().to_string())
        }
        None => (trusted.signing_config, "the signing config".to_owned()),
    };
    let config = config.with_context(|| format!("{name}: not there or not UTF-8"))?;
    // Services on this machine are spoken to over plain http either way.
    let services =
        Services::from_json(&config, context.now, args.allow_plain_http).with_context(|| name.clone())?;
    Ok(Instance { material, services })
}

/// The rules that the identity must satisfy: --expect-identity, or those of the configuration.
fn expected(context: &Context, args: &KeylessArgs) -> anyhow::Result<Option<Rules>> {
    if args.expect_identity.is_some() {
        return Ok(None);
    }
    Ok(config::trust(context, &TrustArgs::default())?.map(|trust| trust.rules))
}

fn gate(
    args: &KeylessArgs,
    rules: Option<&Rules>,
    certificate: &PredictedCertificate,
) -> Result<(), Vec<Refusal>> {
    if let Some(identity) = &args.expect_identity {
        let expected = ExpectedIdentity { identity: identity.clone(), issuer: args.expect_issuer.clone() };
        return expected.check(certificate);
    }
    rules.map_or(Ok(()), |rules| certificate.check(rules))
}

async fn sign_now(
    context: &Context,
    args: &KeylessArgs,
    instance: &Instance,
    rules: Option<&Rules>,
    bytes: &[u8],
    payload: &[u8],
) -> anyhow::Result<Signed> {
    let network = NetworkOptions { deadline: args.timeout, ..NetworkOptions::default() };
    let identity = identity(context, args, instance, &network).await?;
    let ask = context.interactive() && !args.yes;
    // A person may take their time over the question, and the clock runs meanwhile.
    let deadline = args.timeout.or((!ask).then_some(PATIENCE));
    let network = NetworkOptions { deadline, ..network };
    let options = SignOptions {
        now: context.now,
        network,
        gate: &|certificate| gate(args, rules, certificate),
        confirm: &|certificate| !ask || consent(context, certificate),
        check: &|bundle, now| check(instance, bytes, bundle, now),
        progress: &|progress| tell(context, &progress),
    };
    Ok(sign_statement(payload, &identity, &instance.services, &instance.material, &options).await?)
}

/// Our own verifier has the last word, with the identity that the certificate names.
fn check(instance: &Instance, bytes: &[u8], bundle: &[u8], now: Timestamp) -> Result<(), String> {
    let rules = sign::own_rules(bundle).map_err(|e| format!("{e:#}"))?.ok_or("it has no certificate")?;
    let named = [NamedBundle { name: "new bundle", bytes: bundle }];
    let material = Some(&instance.material);
    let outcome = mcptrust::signing::verify(bytes, &named, &rules, material, &Options::default(), now);
    match outcome.map_err(|e| e.to_string())? {
        Outcome::Verified(..) => Ok(()),
        Outcome::Refused(report) => Err(match report.bundles.first().map(|b| &b.status) {
            Some(mcptrust::signing::verify::Status::Refused(problem)) => problem.to_string(),
            _ => "it does not satisfy the rule of its own identity".to_owned(),
        }),
    }
}

fn consent(context: &Context, certificate: &PredictedCertificate) -> bool {
    let mut text = format!(
        "This becomes public for ever, in certificate and transparency logs:\n  identity  {}\n  issuer    {}\n",
        escape::terminal(certificate.identity.as_str()),
        escape::terminal(&certificate.issuer)
    );
    for (name, value) in &certificate.claims {
        text.push_str(&format!("  {}  {}\n", escape::terminal(name), escape::terminal(value)));
    }
    let _ = write!(io::stderr(), "{text}");
    context.confirm("Sign?").unwrap_or(false)
}

fn tell(context: &Context, progress: &Progress) {
    if !context.global.verbose {
        return;
    }
    match progress {
        Progress::Certificate => context.note("Asking for a certificate"),
        Progress::Timestamp { url } => {
            context.note(&format!("Asking for a timestamp: {}", escape::terminal(url)))
        }
        Progress::LogEntry { url } => {
            context.note(&format!("Recording the signature: {}", escape::terminal(url)))
        }
        _ => {}
    }
}

async fn identity(
    context: &Context,
    args: &KeylessArgs,
    instance: &Instance,
    network: &NetworkOptions,
) -> anyhow::Result<Identity> {
    let given = match &args.identity_token {
        None => None,
        Some(text) => Some(given_token(text)?),
    };
    let person = Person { context };
    let issuer = match &args.oidc_issuer {
        Some(url) => Some(url::Url::parse(url).with_context(|| format!("--oidc-issuer {url}"))?),
        None => instance.services.identity_provider.clone(),
    };
    let log_in = match args.login {
        None => Some(LogIn::Auto),
        Some(Login::Browser) => Some(LogIn::Browser),
        Some(Login::Device) => Some(LogIn::Device),
        Some(Login::Code) => Some(LogIn::OutOfBand),
        Some(Login::Never) => None,
    };
    // Without a terminal nobody can log in, unless it was asked for.
    let log_in = log_in.filter(|_| context.interactive() || args.login.is_some());
    let interactive = match (issuer, log_in) {
        (Some(issuer), Some(log_in)) => Some(Interactive {
            issuer,
            client_id: args.oidc_client_id.as_deref().unwrap_or(DEFAULT_CLIENT_ID),
            log_in,
            allow_plain_http: args.allow_plain_http,
            ask: &person,
        }),
        _ => None,
    };
    // Who asks for a log-in does not want to sign as the job that this happens to run in.
    let log_in_wanted =
        args.oidc_issuer.is_some() || args.login.is_some_and(|login| !matches!(login, Login::Never));
    let transport = Transport::new(network.clone())?;
    let options = SourceOptions {
        given: given.as_deref(),
        env: &|name| std::env::var(name).ok().filter(|_| !log_in_wanted),
        audience: args.oidc_audience.as_deref().unwrap_or(DEFAULT_AUDIENCE),
        now: context.now,
        places: Places::default(),
        ambient: !log_in_wanted,
        interactive,
    };
    let found = find(&transport, &options).await?;
    if context.global.verbose {
        context.note(&format!("Identity token from {}", found.source));
    }
    Ok(Identity::from_token(found.token)?)
}

fn given_token(text: &str) -> anyhow::Result<String> {
    const MOST: usize = 64 << 10;
    if text == "-" {
        let mut token = String::new();
        io::stdin()
            .lock()
            .take(u64::try_from(MOST)?)
            .read_to_string(&mut token)
            .context("cannot read standard input")?;
        return Ok(token);
    }
    if is_token(text) {
        return Ok(text.to_owned());
    }
    // What was given may be a secret in another form, so it is not repeated.
    let wrong =
        "--identity-token is neither a token nor a file that can be read (the value is not shown here)";
    let bytes = files::read(Path::new(text), MOST).map_err(|_| anyhow::anyhow!(wrong))?;
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("--identity-token names a file that is not UTF-8"))
}

/// Whoever sits at the terminal.
struct Person<'a> {
    context: &'a Context,
}

impl Interaction for Person<'_> {
    fn open_browser(&self, url: &str) -> bool {
        let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let display = cfg!(target_os = "macos")
            || cfg!(windows)
            || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| self.context.env(name).is_some());
        let mut command = if cfg!(windows) {
            let mut command = std::process::Command::new("rundll32");
            command.arg("url.dll,FileProtocolHandler");
            command
        } else {
            std::process::Command::new(program)
        };
        let silent = std::process::Stdio::null;
        command.arg(url).stdin(silent()).stdout(silent()).stderr(silent());
        display && command.status().is_ok_and(|status| status.success())
    }

    fn tell(&self, notice: Notice<'_>) {
        let text = match notice {
            Notice::BrowserOpened { url } => {
                format!("Log in in the browser. If none opened, go to:\n  {url}")
            }
            Notice::EnterCode { url, code } => format!("Go to {url} on any device and enter the code {code}"),
            Notice::BringCode { url } => format!("Go to:\n  {url}\nand bring back the code that it shows."),
            _ => return,
        };
        let _ = writeln!(io::stderr(), "{}", super::context::lines(&text));
    }

    fn read_code(&self) -> io::Result<String> {
        let mut err = io::stderr();
        write!(err, "Code: ")?;
        err.flush()?;
        let mut code = String::new();
        io::stdin().lock().read_line(&mut code)?;
        Ok(code.trim().to_owned())
    }
}
