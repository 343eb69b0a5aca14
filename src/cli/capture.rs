//! Captures several servers at one time.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use mcptrust::capture::{Captured, Error};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::context::Context;
use super::options::LimitArgs;
use super::progress::Board;
use super::sources::{self, Wanted};

/// What came of each server, by name.
pub(crate) type Captures = BTreeMap<String, Result<Captured, Error>>;

/// Captures all servers; `prefer` gives the protocol version to ask a server for first.
///
/// On Ctrl-C or a termination signal every server is ended, and this is an error.
pub(crate) fn all(
    context: &Context,
    wanted: &[Wanted],
    limits: &LimitArgs,
    prefer: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Captures> {
    let mut jobs = Vec::new();
    for one in wanted {
        jobs.push((sources::launch(context, one)?, prefer(&one.name)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let board = Arc::new(Board::new(context.global.quiet));
    let slots = Arc::new(Semaphore::new(usize::from(limits.jobs)));
    let limits = Arc::new(limits.limits());
    runtime.block_on(async move {
        let mut tasks = JoinSet::new();
        for (launch, prefer) in jobs {
            let (board, slots, limits) = (Arc::clone(&board), Arc::clone(&slots), Arc::clone(&limits));
            tasks.spawn(async move {
                let _slot = slots.acquire().await;
                let name = launch.name.clone();
                let progress = |progress: mcptrust::capture::Progress<'_>| board.update(&name, progress);
                let result = mcptrust::capture::capture(&launch, &limits, prefer.as_deref(), &progress).await;
                board.done(&name);
                (launch.name, result)
            });
        }
        let mut out = Captures::new();
        let gather = async {
            while let Some(ended) = tasks.join_next().await {
                let (name, result) = ended.context("a capture ended unexpectedly")?;
                out.insert(name, result);
            }
            anyhow::Ok(())
        };
        // Dropping the tasks ends the servers.
        tokio::select! {
            done = gather => done?,
            signal = interrupted() => bail!("{signal}: the servers were ended, and nothing was written"),
        }
        Ok(out)
    })
}

#[cfg(unix)]
async fn interrupted() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    tokio::select! {
        result = tokio::signal::ctrl_c() => match result {
            Ok(()) => "interrupted",
            Err(_) => std::future::pending().await,
        },
        _ = terminate.recv() => "terminated",
        _ = hangup.recv() => "the terminal was closed",
    }
}

#[cfg(not(unix))]
async fn interrupted() -> &'static str {
    match tokio::signal::ctrl_c().await {
        Ok(()) => "interrupted",
        Err(_) => std::future::pending().await,
    }
}

/// The captures where all succeeded; otherwise one error that names each server that failed.
pub(crate) fn whole(captures: Captures) -> anyhow::Result<BTreeMap<String, Captured>> {
    let count = captures.len();
    let mut good = BTreeMap::new();
    let mut failed = Vec::new();
    for (name, result) in captures {
        match result {
            Ok(captured) => {
                good.insert(name, captured);
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    if failed.is_empty() {
        return Ok(good);
    }
    let others = count - failed.len();
    let rest = if others > 0 { format!("\n({others} of {count} servers answered)") } else { String::new() };
    bail!("{}{rest}", failed.join("\n"))
}
