//! Capture: a live server in, a surface out, within limits.
//!
//! The server is started (see [`Launch`] for what it gets to see), asked what it is and for every list that its
//! capabilities declare, and ended. What it declares is kept whole and raw; anything that would make the surface
//! shorter than the truth is an error.

mod assemble;
mod echo;
mod error;
mod launch;

pub use error::{Error, Failure};
pub use launch::Launch;

pub use crate::mcp::{Era, Limits};

use crate::finding::Finding;
use crate::mcp::{self, Connector, Hello, Link, Listing, Session};
use crate::surface::{Kind, Surface};

use assemble::{Assembly, List};

/// How often a list is read again because the server says that it has changed.
const MAX_READINGS: u32 = 4;

/// What was captured.
#[derive(Debug)]
pub struct Captured {
    /// What the server declares.
    pub surface: Surface<'static>,
    /// What a reviewer should know about it that is no drift.
    pub findings: Vec<Finding>,
    /// The era that was negotiated.
    pub era: Era,
}

/// How far a capture has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The server is being started; the second attempt is a fresh process after the first could not be opened.
    Started {
        /// From 1.
        attempt: u32,
    },
    /// The session is open.
    Answered {
        /// The era that was negotiated.
        era: Era,
        /// The version that was negotiated.
        version: &'a str,
    },
    /// Another page has been read.
    Listed {
        /// Of which list.
        kind: Kind,
        /// How many definitions of it there are so far.
        count: usize,
    },
}

/// Where progress is reported to.
pub type Observer<'a> = dyn Fn(Progress<'_>) + Send + Sync + 'a;

/// Starts a server and captures its surface.
///
/// `prefer` is the protocol version to ask for first, which is the one that a lockfile holds. When the returned future
/// is dropped, the server and every process of its group are killed at once.
///
/// # Errors
/// Whatever keeps the surface from being read whole; the server has been ended then.
pub async fn capture(
    launch: &Launch,
    limits: &Limits,
    prefer: Option<&str>,
    progress: &Observer<'_>,
) -> Result<Captured, Error> {
    let connector = launch.connector(limits);
    let secrets = echo::Secrets::of(&launch.env, &launch.expanded);
    match capture_over(&connector, &launch.name, limits, prefer, progress).await {
        Ok(mut captured) => {
            captured.findings.extend(secrets.findings(&launch.name, &captured.surface));
            Ok(captured)
        }
        Err(failure) => Err(Error::new(&launch.name, failure, &connector.stderr_tail(), &secrets)),
    }
}

/// Captures a surface over any transport; `server` is the name that findings carry.
///
/// # Errors
/// As [`capture`], without the server's name and what it wrote.
pub async fn capture_over<C: Connector>(
    connector: &C,
    server: &str,
    limits: &Limits,
    prefer: Option<&str>,
    progress: &Observer<'_>,
) -> Result<Captured, Failure> {
    let connecting = |attempt| progress(Progress::Started { attempt });
    let (mut session, hello) = mcp::open(connector, limits, prefer, &connecting).await?;
    let era = hello.era;
    progress(Progress::Answered { era, version: hello.version });
    match read(&mut session, hello, limits, progress).await {
        Ok(assembly) => {
            session.finish().await?;
            let (surface, findings) = assembly.into_parts(server);
            Ok(Captured { surface, findings, era })
        }
        Err(failure) => {
            session.abandon().await;
            Err(failure)
        }
    }
}

async fn read<L: Link>(
    session: &mut Session<L>,
    hello: Hello,
    limits: &Limits,
    progress: &Observer<'_>,
) -> Result<Assembly, Failure> {
    let mut assembly = Assembly::new(hello)?;
    for kind in Kind::ALL {
        if assembly.declares(kind) {
            let list = read_list(session, kind, &assembly, limits, progress).await?;
            assembly.add(kind, list);
        }
    }
    // A server may register more after it was opened, and says so. A list is taken when it is the same twice.
    for kind in Kind::ALL {
        let mut readings = 1;
        while assembly.declares(kind) && session.take_changed(kind) {
            readings += 1;
            if readings > MAX_READINGS {
                let method = kind.list_method();
                return Err(mcp::Error::Unsettled { method, attempts: MAX_READINGS }.into());
            }
            let list = read_list(session, kind, &assembly, limits, progress).await?;
            if !assembly.replace(kind, list) {
                break;
            }
        }
    }
    Ok(assembly)
}

async fn read_list<L: Link>(
    session: &mut Session<L>,
    kind: Kind,
    assembly: &Assembly,
    limits: &Limits,
    progress: &Observer<'_>,
) -> Result<List, Failure> {
    let mut list = List::default();
    let mut listing = Listing::new(kind);
    let others = assembly.count_without(kind);
    loop {
        let page = match session.next_page(&mut listing).await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(list),
            // The capability `resources` promises resources, and says nothing of templates.
            Err(mcp::Error::MethodNotFound { .. }) if kind == Kind::ResourceTemplate && list.is_unread() => {
                return Ok(List::missing());
            }
            Err(error) => return Err(error.into()),
        };
        list.add_page(kind, page)?;
        if others.saturating_add(list.len()) > limits.max_definitions {
            return Err(Failure::TooManyDefinitions { limit: limits.max_definitions });
        }
        progress(Progress::Listed { kind, count: list.len() });
    }
}
