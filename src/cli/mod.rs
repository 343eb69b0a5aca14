//! The command line: arguments in, exit code out. The only room that prints, prompts, and reads the clock or the
//! environment.

mod accept;
mod capture;
mod config;
mod context;
mod convert;
mod demo;
mod diff;
mod files;
mod git;
mod init;
mod inspect;
mod keygen;
mod keyless;
mod keys;
mod local_sigstore;
mod lock;
mod options;
mod progress;
mod sign;
mod sources;
mod state;
mod trust_root;
mod verify;

use clap::{Parser, Subcommand};

use context::Context;
use options::Global;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All well.
    Pass,
    /// Something was found: a bad signature, drift, a rule that blocks.
    Findings,
    /// It could not be decided: usage, a missing file, an unreachable server.
    Undecided,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Pass => 0.into(),
            Exit::Findings => 1.into(),
            Exit::Undecided => 2.into(),
        }
    }
}

/// Lockfiles for MCP servers, signed and verified offline.
#[derive(Debug, Parser)]
#[command(name = "mcptrust", version, propagate_version = true, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Exit codes: 0 all well; 1 a finding (bad signature, drift); 2 could not be decided \
                          (usage, missing file, unreachable server).";

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of these per run")]
enum Command {
    /// Lock, make a key pair, sign, verify and diff in one go
    Init(init::Args),
    /// Capture what servers declare into the lockfile
    Lock(lock::Args),
    /// Approve exactly the drift that was shown, and relock
    Accept(accept::Args),
    /// Make a key pair
    Keygen(keygen::Args),
    /// Sign the lockfile
    Sign(sign::Args),
    /// Verify the lockfile's signatures, offline
    Verify(verify::Args),
    /// Compare live servers, lockfiles or git revisions
    Diff(diff::Args),
    /// Show what a lockfile or a signature bundle holds
    Inspect(inspect::Args),
    /// Show or update the authorities that keyless signatures are checked with
    TrustRoot(trust_root::Args),
    /// Run a private Sigstore in one process, for development and tests
    LocalSigstore(local_sigstore::Args),
    /// Tell the whole story on embedded parts, offline: lock, sign both ways, verify, drift, tamper
    Demo(demo::Args),
    /// The server of the demo
    #[command(hide = true)]
    DemoServer(demo::ServerArgs),
}

pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Undecided } else { Exit::Pass };
        }
    };
    let context = Context::new(cli.global);
    let alone = matches!(cli.command, Command::TrustRoot(_) | Command::LocalSigstore(_) | Command::Demo(_));
    if alone && let Err(error) = context.refuse_lockfile("this command reads none") {
        context.error(&error);
        return Exit::Undecided;
    }
    let result = match cli.command {
        Command::Init(args) => init::run(&context, args),
        Command::Lock(args) => lock::run(&context, args),
        Command::Accept(args) => accept::run(&context, args),
        Command::Keygen(args) => keygen::run(&context, &args),
        Command::Sign(args) => sign::run(&context, &args),
        Command::Verify(args) => verify::run(&context, &args),
        Command::Diff(args) => diff::run(&context, args),
        Command::Inspect(args) => inspect::run(&context, &args),
        Command::TrustRoot(args) => trust_root::run(&context, &args),
        Command::LocalSigstore(args) => local_sigstore::run(&context, &args),
        Command::Demo(args) => demo::run(&context, &args),
        Command::DemoServer(args) => demo::serve(&args),
    };
    result.unwrap_or_else(|error| {
        context.error(&error);
        Exit::Undecided
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_of_every_command_fit_together() {
        super::Cli::command().debug_assert();
    }
}
