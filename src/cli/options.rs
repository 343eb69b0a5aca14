//! Arguments that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mcptrust::finding::Severity;
use mcptrust::mcp::Limits;

use super::trust_root::InstanceArgs;

/// Arguments of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The lockfile; servers are started, and files beside it are looked for, in its directory
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        default_value = "mcp-lock.json",
        help_heading = "Common options"
    )]
    pub(crate) lockfile: PathBuf,
    /// Say only what was found
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub(crate) quiet: bool,
    /// Say more, and show every finding in full
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub(crate) verbose: bool,
    /// Whether to use colour; "auto" heeds NO_COLOR and asks whether the output is a terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Common options")]
    pub(crate) color: Color,
}

/// Whether to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs; see docs/report.schema.json.
    Json,
}

/// The form of a report, and what fails.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: Format,
    /// The lowest severity that makes the exit code 1
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = severity)]
    pub(crate) fail_on: Severity,
}

fn severity(word: &str) -> Result<Severity, String> {
    word.parse().map_err(|error: mcptrust::finding::SeverityError| error.to_string())
}

/// Bounds on what a server may send, and how long it may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Bytes of one message [default: 16777216]
    #[arg(long, value_name = "BYTES")]
    max_message_bytes: Option<usize>,
    /// Bytes of all messages of one server [default: 134217728]
    #[arg(long, value_name = "BYTES")]
    max_total_bytes: Option<usize>,
    /// Pages of one list [default: 1000]
    #[arg(long, value_name = "N")]
    max_pages: Option<usize>,
    /// Definitions of one server [default: 200000]
    #[arg(long, value_name = "N")]
    max_definitions: Option<usize>,
    /// Seconds until a server's first answer; package runners download first [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    startup_timeout: Option<Duration>,
    /// Seconds for each later request [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    request_timeout: Option<Duration>,
    /// Servers that are captured at one time
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "expected a number of seconds, such as 30 or 2.5".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero() && *d <= MOST);
    duration.ok_or_else(|| "expected more than 0 and at most 86400 seconds".to_owned())
}

const MOST: Duration = Duration::from_secs(86_400);

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        let set = |field: &mut usize, value: Option<usize>| *field = value.unwrap_or(*field);
        set(&mut limits.max_message_bytes, self.max_message_bytes);
        set(&mut limits.max_total_bytes, self.max_total_bytes);
        set(&mut limits.max_pages, self.max_pages);
        set(&mut limits.max_definitions, self.max_definitions);
        limits.startup_timeout = self.startup_timeout.unwrap_or(limits.startup_timeout);
        limits.request_timeout = self.request_timeout.unwrap_or(limits.request_timeout);
        limits
    }
}

/// Which servers, and how they are reached.
#[derive(Debug, Default, Args)]
pub(crate) struct ServerArgs {
    /// Servers of the client file or the lockfile; all without
    #[arg(value_name = "NAME", conflicts_with = "name")]
    pub(crate) names: Vec<String>,
    /// The name of the server that the command behind "--" starts
    #[arg(long, value_name = "NAME", requires = "command")]
    pub(crate) name: Option<String>,
    /// A variable that the server gets from the environment; its name alone is recorded
    #[arg(long, value_name = "NAME", requires = "name", value_parser = variable)]
    pub(crate) env: Vec<String>,
    /// A variable that the server gets under another name
    #[arg(long, value_name = "NAME=OTHER", requires = "name", value_parser = env_from)]
    pub(crate) env_from: Vec<(String, String)>,
    /// A variable whose value is no secret and may show up in what the server declares
    #[arg(long, value_name = "NAME")]
    pub(crate) public_env: Vec<String>,
    /// The client file that names the servers
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    pub(crate) mcp_config: Option<PathBuf>,
    /// Start what is locked, with the variables' values that this client file sets
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "mcp_config"])]
    pub(crate) values_from: Option<PathBuf>,
    /// The command that starts the server
    #[arg(last = true, value_name = "COMMAND", requires = "name", conflicts_with = "names")]
    pub(crate) command: Vec<String>,
}

/// What stands behind a "=" may be a secret, so it is not repeated.
fn variable(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('=') {
        return Err("expected a name alone: the value comes from the environment".to_owned());
    }
    Ok(text.to_owned())
}

fn env_from(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, other)) if !name.is_empty() && !other.is_empty() => {
            Ok((name.to_owned(), other.to_owned()))
        }
        _ => Err("expected NAME=OTHER: the server's name for the variable, then yours".to_owned()),
    }
}

/// Who may have signed.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Who may sign")]
pub(crate) struct TrustArgs {
    /// The trust rules [default: mcptrust.toml beside the lockfile]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The public key that must have signed
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The certificate's subject alternative name, exactly
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) certificate_identity: Option<String>,
    /// The same as a regular expression, anchored at both ends
    #[arg(long, value_name = "REGEXP")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// The OIDC issuer, exactly
    #[arg(long, value_name = "URL")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// The same as a regular expression, anchored at both ends
    #[arg(long, value_name = "REGEXP")]
    pub(crate) certificate_oidc_issuer_regexp: Option<String>,
    /// The GitHub repository that the signing workflow ran in
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) github_repository: Option<String>,
    /// The signing workflow's file under .github/workflows/
    #[arg(long, value_name = "FILE")]
    pub(crate) github_workflow: Option<String>,
    /// The git reference that the signing workflow ran on
    #[arg(long, value_name = "REF")]
    pub(crate) github_ref: Option<String>,
    /// The GitLab project that the signing pipeline ran in
    #[arg(long, value_name = "GROUP/PROJECT")]
    pub(crate) gitlab_project: Option<String>,
    /// A claim of the certificate, by its name or object identifier
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) certificate_claim: Vec<String>,
    /// Demand a transparency log entry from signatures by key as well
    #[arg(long)]
    pub(crate) require_log: bool,
    /// The signature bundle [default: all that stand beside the lockfile]
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Vec<PathBuf>,
    /// The longest time since the signature was made, by verified time, such as "30d" or "12h"
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) max_age: Option<jiff::SignedDuration>,
    /// The least sequence number of the signed statement
    #[arg(long, value_name = "N")]
    pub(crate) min_sequence: Option<u64>,
    /// A file that remembers the highest sequence number seen, and refuses an older one
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) instance: InstanceArgs,
}

impl LimitArgs {
    /// Whether any limit is given.
    pub(crate) fn given(&self) -> bool {
        let sizes = [self.max_message_bytes, self.max_total_bytes, self.max_pages, self.max_definitions];
        let times = [self.startup_timeout, self.request_timeout];
        sizes.iter().any(Option::is_some) || times.iter().any(Option::is_some) || self.jobs != 8
    }
}

fn age(text: &str) -> Result<jiff::SignedDuration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    let seconds = number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0);
    let wrong = || "expected a number and a unit (s, m, h, d or w), such as \"30d\"".to_owned();
    seconds.map(jiff::SignedDuration::from_secs).ok_or_else(wrong)
}
