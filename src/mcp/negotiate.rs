//! Opening a session: finding out which era a server speaks, and which version of it.
//!
//! A server that nobody knows is probed with `server/discover`. A result, or an error that only a modern server
//! sends, means the modern era, and there is no way back from it. Any other error means the legacy era. Where the
//! probe ends the server, or nothing comes back, a fresh connection is made and opened with `initialize`.

use serde_json::{Map, Value as Params, json};

use super::error::Error;
use super::limits::Limits;
use super::link::{Connector, Link};
use super::session::{Session, client_info, client_meta, complete, object, refused};
use super::version::{Era, LEGACY_VERSIONS, MODERN_VERSIONS, NEWEST_LEGACY, NEWEST_MODERN, common};
use crate::json::{Object, Value};

/// MCP 2026-07-28: the version is not supported; `data.supported` names those that are.
const UNSUPPORTED_VERSION: i64 = -32022;

/// MCP 2026-07-28: header mismatch, and a client capability that is required.
const MODERN_ONLY: [i64; 2] = [-32020, -32021];

/// What the server said about itself when the session was opened.
#[derive(Debug)]
pub struct Hello {
    /// The era that was agreed.
    pub era: Era,
    /// The request that opened it: `initialize` or `server/discover`.
    pub method: &'static str,
    /// The negotiated protocol version.
    pub version: &'static str,
    /// The whole result, as it was sent.
    pub result: Object<'static>,
}

/// Connects and opens a session. `connecting` is called before each connection with its number, from 1.
///
/// `prefer` is the version that a lockfile holds: its era is tried first. A version that this client does not speak
/// counts as no preference.
///
/// # Errors
/// Whatever keeps the session from being opened. The server has been ended then.
pub async fn open<C: Connector>(
    connector: &C,
    limits: &Limits,
    prefer: Option<&str>,
    connecting: &(dyn Fn(u32) + Send + Sync),
) -> Result<(Session<C::Link>, Hello), Error> {
    let known = |versions: &[&'static str]| {
        prefer.and_then(|prefer| versions.iter().find(|version| **version == prefer).copied())
    };
    connecting(1);
    let mut session = Session::new(connector.connect().await?, limits);
    let preferred_legacy = known(&LEGACY_VERSIONS);
    let first = match preferred_legacy {
        Some(version) => session.initialize(version).await.map(Step::Open),
        None => session.discover(known(&MODERN_VERSIONS).unwrap_or(NEWEST_MODERN)).await,
    };
    let mut version = NEWEST_LEGACY;
    let error = match first {
        Ok(Step::Open(hello)) => return Ok((session, hello)),
        Ok(Step::Initialize(named)) => {
            version = named;
            match session.initialize(named).await {
                Ok(hello) => return Ok((session, hello)),
                // A server may have been upset by the probe: it deserves a clean start.
                Err(error @ (Error::Ended { .. } | Error::Refused { .. })) => error,
                Err(error) => return fail(session, error).await,
            }
        }
        Ok(Step::Restart(error)) => error,
        // A server that was locked in the legacy era and refuses it now may have moved on.
        Err(error @ Error::Refused { .. }) if preferred_legacy.is_some() => error,
        Err(error) => return fail(session, error).await,
    };
    session.abandon().await;

    connecting(2);
    let mut session = Session::new(connector.connect().await?, limits);
    if preferred_legacy.is_some() {
        return match session.discover(NEWEST_MODERN).await {
            Ok(Step::Open(hello)) => Ok((session, hello)),
            // The refusal of what was asked first says more than the refusal of the second guess.
            Ok(_) | Err(_) => fail(session, error).await,
        };
    }
    match session.initialize(version).await {
        Ok(hello) => Ok((session, hello)),
        Err(error) => fail(session, error).await,
    }
}

async fn fail<L: Link>(session: Session<L>, error: Error) -> Result<(Session<L>, Hello), Error> {
    session.abandon().await;
    Err(error)
}

/// Where a probe leads.
enum Step {
    /// The session is open.
    Open(Hello),
    /// The server is of the legacy era: `initialize` with this version.
    Initialize(&'static str),
    /// The probe ended this connection; what is known about why.
    Restart(Error),
}

impl<L: Link> Session<L> {
    /// Probes with `server/discover` (MCP 2026-07-28).
    async fn discover(&mut self, ask_for: &'static str) -> Result<Step, Error> {
        const METHOD: &str = "server/discover";
        let mut version = ask_for;
        let mut tried = Vec::new();
        loop {
            tried.push(version);
            let mut params = Map::new();
            params.insert("_meta".to_owned(), client_meta(version));
            let answer = match self.request(METHOD, params).await {
                Ok(answer) => answer,
                Err(
                    error @ (Error::Ended { .. } | Error::StartupTimeout { .. } | Error::Uncorrelated { .. }),
                ) => return Ok(Step::Restart(error)),
                Err(error) => return Err(error),
            };
            let offered = match answer {
                Ok(result) => {
                    let result = object(METHOD, &result)?;
                    // Some servers answer whatever they are asked with an empty object.
                    let Some(offered) = result.get("supportedVersions") else {
                        return Ok(Step::Initialize(NEWEST_LEGACY));
                    };
                    complete(METHOD, &result)?;
                    let offered = versions(METHOD, offered)?;
                    if offered.iter().any(|offer| offer == version) {
                        self.agreed(Era::Modern, version);
                        return Ok(Step::Open(Hello { era: Era::Modern, method: METHOD, version, result }));
                    }
                    offered
                }
                Err(error) if error.code == UNSUPPORTED_VERSION && !error.supported.is_empty() => {
                    error.supported
                }
                Err(error) if MODERN_ONLY.contains(&error.code) => return Err(refused(METHOD, error)),
                Err(_) => return Ok(Step::Initialize(NEWEST_LEGACY)),
            };
            match common(&MODERN_VERSIONS, &offered) {
                Some(other) if !tried.contains(&other) => version = other,
                Some(_) => return Err(Error::NoCommonVersion { offered }),
                // The server itself names a version that needs `initialize`.
                None => match common(&LEGACY_VERSIONS, &offered) {
                    Some(legacy) => return Ok(Step::Initialize(legacy)),
                    None => return Err(Error::NoCommonVersion { offered }),
                },
            }
        }
    }

    /// Opens a session of the legacy era (MCP 2025-11-25, lifecycle).
    async fn initialize(&mut self, ask_for: &'static str) -> Result<Hello, Error> {
        const METHOD: &str = "initialize";
        let mut params = Map::new();
        params.insert("protocolVersion".to_owned(), Params::String(ask_for.to_owned()));
        params.insert("capabilities".to_owned(), json!({}));
        params.insert("clientInfo".to_owned(), client_info());
        let result = match self.request(METHOD, params).await? {
            Ok(result) => object(METHOD, &result)?,
            Err(error) => return Err(refused(METHOD, error)),
        };
        let offered = match result.get("protocolVersion") {
            Some(Value::String(offered)) => offered.as_ref(),
            other => return Err(shape(METHOD, "/protocolVersion", "a string", other)),
        };
        let Some(version) = LEGACY_VERSIONS.into_iter().find(|version| *version == offered) else {
            return Err(Error::NoCommonVersion { offered: vec![offered.to_owned()] });
        };
        self.agreed(Era::Legacy, version);
        self.notify("notifications/initialized").await?;
        Ok(Hello { era: Era::Legacy, method: METHOD, version, result })
    }
}

fn versions(method: &'static str, value: &Value<'_>) -> Result<Vec<String>, Error> {
    let list = value
        .as_array()
        .ok_or_else(|| shape(method, "/supportedVersions", "an array of strings", Some(value)))?;
    list.iter()
        .map(|item| match item.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(shape(method, "/supportedVersions", "an array of strings", Some(item))),
        })
        .collect()
}

fn shape(method: &'static str, pointer: &str, expected: &'static str, got: Option<&Value<'_>>) -> Error {
    let got = got.map_or("nothing", Value::type_name);
    Error::Shape { method, pointer: pointer.to_owned(), expected, got }
}
