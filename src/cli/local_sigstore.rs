//! `mcptrust local-sigstore`

use std::net::IpAddr;
use std::path::PathBuf;

use mcptrust::local_sigstore::{Fault, Options, Ports, Service, WARNING, start};

use super::context::Context;
use super::{Exit, lock};

/// Arguments of `local-sigstore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where keys, log and configuration live; made if need be
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The address to listen on; anybody who reaches it can sign as anyone
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The host name in the services' addresses
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The first of four ports, in the order issuer, Fulcio, Rekor, timestamps [default: those of the last run, or free
    /// ones]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: Option<u16>,
    /// Make a service fail, to see what a client makes of it, such as "rekor:status=429*2"; see docs/local-sigstore.md
    #[arg(long, value_name = "SERVICE:KIND", value_parser = fault)]
    fault: Vec<(Service, Fault)>,
}

fn fault(text: &str) -> Result<(Service, Fault), String> {
    Fault::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut options = Options::new(&args.dir);
    options.bind = args.bind;
    options.host.clone_from(&args.host);
    options.faults.clone_from(&args.fault);
    if let Some(port) = args.port {
        options.ports = Ports { oidc: port, fulcio: port + 1, rekor: port + 2, timestamp: port + 3 };
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let running = start(options).await?;
        context.warn(WARNING);
        if !args.bind.is_loopback() {
            context.warn("it listens beyond this machine");
        }
        let urls = running.urls().clone();
        let root = lock::quoted(&running.trusted_root().display().to_string());
        let config = lock::quoted(&running.signing_config().display().to_string());
        let environment = running.environment();
        context.print(|out| {
            writeln!(out, "# e-mail issuer    {}", urls.email_issuer)?;
            writeln!(out, "# GitHub issuer    {}", urls.github_issuer)?;
            writeln!(out, "# Fulcio           {}", urls.fulcio)?;
            writeln!(out, "# Rekor            {}", urls.rekor)?;
            writeln!(out, "# timestamps       {}", urls.timestamp)?;
            writeln!(out, "# A token for an e-mail address:")?;
            writeln!(out, "#   curl '{}/token?email=dev@example.com'", urls.email_issuer)?;
            writeln!(out, "# As a GitHub Actions job would have it:")?;
            for (name, value) in environment {
                writeln!(out, "export {name}={}", lock::quoted(&value))?;
            }
            writeln!(out, "# mcptrust sign --trusted-root {root} --signing-config {config}")?;
            writeln!(out, "# Ready. Ctrl-C ends it.")
        })?;
        tokio::select! {
            ended = async { tokio::signal::ctrl_c().await } => {
                ended?;
                running.shutdown().await?;
            }
            ended = terminated() => {
                ended?;
                running.shutdown().await?;
            }
        }
        Ok(Exit::Pass)
    })
}

#[cfg(unix)]
async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> std::io::Result<()> {
    std::future::pending().await
}
