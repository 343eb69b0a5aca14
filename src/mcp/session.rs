//! One session with one server: a request at a time, and everything that may come in between.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value as Params, json};

use super::envelope::{self, Fault, Message, RemoteError};
use super::error::{Error, Noise};
use super::limits::Limits;
use super::link::{Link, Outgoing, Received};
use super::version::Era;
use crate::json::{self, Json, Object, Value};
use crate::surface::Kind;

/// The name that servers see. It is fixed, because a server may answer differently to another client.
pub const CLIENT_NAME: &str = "mcptrust";

/// The version that servers see. It stays when mcptrust's own version changes, for the same reason.
pub const CLIENT_VERSION: &str = "1";

/// Bounds on a result. One level less than the JSON room allows, because a lockfile holds its parts deeper than a
/// result does, and what was captured must be readable there. The transport bounds the size.
const RESULT_LIMITS: json::Limits = json::Limits { max_bytes: usize::MAX, max_depth: 127 };

/// JSON-RPC 2.0: the method does not exist.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;

/// An open session. Made by [`super::open`].
#[derive(Debug)]
pub struct Session<L> {
    link: L,
    limits: Limits,
    /// The id of the last request; ids count from 1.
    last_id: u64,
    /// Whether this server has ever answered: before that, the longer time-out holds.
    answered: bool,
    received: usize,
    noise: Noise,
    changed: BTreeSet<&'static str>,
    /// Set when the modern era is agreed: the version that every request names.
    stateless: Option<&'static str>,
}

impl<L: Link> Session<L> {
    pub(super) fn new(link: L, limits: &Limits) -> Self {
        Session {
            link,
            limits: limits.clone(),
            last_id: 0,
            answered: false,
            received: 0,
            noise: Noise::default(),
            changed: BTreeSet::new(),
            stateless: None,
        }
    }

    pub(super) fn agreed(&mut self, era: Era, version: &'static str) {
        self.stateless = (era == Era::Modern).then_some(version);
        self.link.agreed(version);
    }

    /// Reads the next page of a list; `None` after the last.
    ///
    /// The page is the whole result without its `nextCursor`.
    ///
    /// # Errors
    /// Whatever keeps the page from being read whole; also a repeated cursor, too many pages, and a list that the
    /// server does not know.
    pub async fn next_page(&mut self, listing: &mut Listing) -> Result<Option<Object<'static>>, Error> {
        let kind = listing.kind;
        let method = kind.list_method();
        let mut params = Map::new();
        match &listing.next {
            Next::End => return Ok(None),
            Next::Start => {}
            Next::At(cursor) => {
                if listing.seen.len() >= self.limits.max_pages {
                    return Err(Error::TooManyPages { method, limit: self.limits.max_pages });
                }
                params.insert("cursor".to_owned(), Params::String(cursor.clone()));
            }
        }
        let result = match self.request(method, params).await? {
            Ok(result) => result,
            Err(error) if error.code == METHOD_NOT_FOUND => {
                return Err(Error::MethodNotFound { method, capability: kind.capability() });
            }
            Err(error) => return Err(refused(method, error)),
        };
        let mut page = object(method, &result)?;
        complete(method, &page)?;
        // Absence ends a list; null is how some serializers write absence. The empty string is a cursor.
        listing.next = match page.remove("nextCursor") {
            None | Some(Value::Null) => Next::End,
            Some(Value::String(cursor)) => {
                let cursor = cursor.into_owned();
                if !listing.seen.insert(cursor.clone()) {
                    return Err(Error::RepeatedCursor { method, cursor });
                }
                Next::At(cursor)
            }
            Some(other) => {
                return Err(Error::Shape {
                    method,
                    pointer: "/nextCursor".to_owned(),
                    expected: "a string",
                    got: other.type_name(),
                });
            }
        };
        Ok(Some(page))
    }

    /// Whether the server has announced a change of this list since the last call.
    pub fn take_changed(&mut self, kind: Kind) -> bool {
        self.changed.remove(kind.capability())
    }

    /// Ends the session in peace.
    ///
    /// # Errors
    /// A response that nobody asked for, sent after the last answer.
    pub async fn finish(mut self) -> Result<(), Error> {
        for line in self.link.finish().await? {
            for message in envelope::read(&line).unwrap_or_default() {
                if let Message::Response { id, .. } = message {
                    return Err(self.unexpected(id));
                }
            }
        }
        Ok(())
    }

    /// Ends the session after an error.
    pub async fn abandon(mut self) {
        self.link.abandon().await;
    }

    pub(super) async fn notify(&mut self, method: &'static str) -> Result<(), Error> {
        let body = json!({ "jsonrpc": "2.0", "method": method }).to_string();
        self.link.send(Outgoing { method: Some(method), body: &body }).await
    }

    /// Sends a request and waits for its answer: the raw text of the result, or the error that the server sent.
    pub(super) async fn request(
        &mut self,
        method: &'static str,
        mut params: Map<String, Params>,
    ) -> Result<Result<String, RemoteError>, Error> {
        if let Some(version) = self.stateless {
            params.insert("_meta".to_owned(), client_meta(version));
        }
        self.last_id += 1;
        let id = self.last_id;
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        let limit = if self.answered { self.limits.request_timeout } else { self.limits.startup_timeout };
        match tokio::time::timeout(limit, self.exchange(method, id, &body)).await {
            Ok(answer) => {
                let answer = answer?;
                self.answered = true;
                Ok(answer)
            }
            Err(_) if self.answered => {
                Err(Error::RequestTimeout { method, limit, noise: self.noise.clone() })
            }
            Err(_) => Err(Error::StartupTimeout { method, limit, noise: self.noise.clone() }),
        }
    }

    async fn exchange(
        &mut self,
        method: &'static str,
        id: u64,
        body: &str,
    ) -> Result<Result<String, RemoteError>, Error> {
        self.link.send(Outgoing { method: Some(method), body }).await?;
        loop {
            let line = match self.link.receive().await? {
                Received::Message(line) => line,
                Received::Ended(ending) => {
                    return Err(Error::Ended { method, ending, noise: self.noise.clone() });
                }
            };
            self.received = self.received.saturating_add(line.len()).saturating_add(1);
            if self.received > self.limits.max_total_bytes {
                return Err(Error::TotalTooLarge { limit: self.limits.max_total_bytes });
            }
            let messages = envelope::read(&line)?;
            if messages.is_empty() {
                self.skip(&line)?;
            }
            if let Some(answer) = self.handle(method, id, messages).await? {
                return Ok(answer);
            }
        }
    }

    async fn handle(
        &mut self,
        method: &'static str,
        open: u64,
        messages: Vec<Message<'_>>,
    ) -> Result<Option<Result<String, RemoteError>>, Error> {
        let mut answer = None;
        for message in messages {
            match message {
                Message::Notification { method } => self.note(&method),
                Message::Request { id, method } => self.reply(id, &method).await?,
                Message::Response { id: "null", outcome: Err(error) } => {
                    return Err(Error::Uncorrelated { method, code: error.code, message: error.message });
                }
                Message::Response { id, outcome } => {
                    if answer.is_some() || id.parse() != Ok(open) {
                        return Err(self.unexpected(id));
                    }
                    answer = Some(outcome.map(str::to_owned));
                }
            }
        }
        Ok(answer)
    }

    /// What a response is that does not belong to the open request.
    fn unexpected(&self, id: &str) -> Error {
        match id.parse::<u64>() {
            Ok(id) if (1..=self.last_id).contains(&id) => Error::SecondReply { id },
            _ => Error::UnknownId { got: id.to_owned(), last: self.last_id },
        }
    }

    fn skip(&mut self, line: &[u8]) -> Result<(), Error> {
        self.noise.add(line);
        if self.noise.lines > self.limits.max_noise_lines || self.noise.bytes > self.limits.max_noise_bytes {
            return Err(Error::TooMuchNoise { noise: self.noise.clone() });
        }
        Ok(())
    }

    fn note(&mut self, method: &str) {
        let capability = match method {
            "notifications/tools/list_changed" => "tools",
            "notifications/prompts/list_changed" => "prompts",
            "notifications/resources/list_changed" => "resources",
            _ => return,
        };
        self.changed.insert(capability);
    }

    /// `ping` gets its empty result; everything else is declined, because no client capability was declared.
    async fn reply(&mut self, id: &str, method: &str) -> Result<(), Error> {
        let outcome = if method == "ping" {
            r#""result":{}"#.to_owned()
        } else {
            format!(r#""error":{{"code":{METHOD_NOT_FOUND},"message":"Method not found"}}"#)
        };
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{outcome}}}"#);
        self.link.send(Outgoing { method: None, body: &body }).await
    }
}

/// How far a list has been read.
#[derive(Debug)]
pub struct Listing {
    kind: Kind,
    next: Next,
    seen: HashSet<String>,
}

#[derive(Debug)]
enum Next {
    Start,
    At(String),
    End,
}

impl Listing {
    /// A list that has not been begun.
    pub fn new(kind: Kind) -> Self {
        Listing { kind, next: Next::Start, seen: HashSet::new() }
    }
}

/// `_meta` of a request in the modern era: the version and who asks.
pub(super) fn client_meta(version: &str) -> Params {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": client_info(),
    })
}

/// Who asks.
pub(super) fn client_info() -> Params {
    json!({ "name": CLIENT_NAME, "version": CLIENT_VERSION })
}

pub(super) fn refused(method: &'static str, error: RemoteError) -> Error {
    Error::Refused { method, code: error.code, message: error.message }
}

/// Reads a result strictly; it has to be an object.
pub(super) fn object(method: &'static str, result: &str) -> Result<Object<'static>, Error> {
    let value: Json = json::parse(result.as_bytes(), &RESULT_LIMITS)
        .map_err(|source| Error::Result { method, source })?
        .into_owned();
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Error::Shape {
            method,
            pointer: "\"\"".to_owned(),
            expected: "an object",
            got: other.type_name(),
        }),
    }
}

/// Refuses a result that says it is not the whole answer (2026-07-28: `resultType`).
pub(super) fn complete(method: &'static str, result: &Object<'_>) -> Result<(), Error> {
    match result.get("resultType") {
        None => Ok(()),
        Some(Value::String(text)) if text == "complete" => Ok(()),
        Some(Value::String(text)) => {
            Err(Error::Incomplete { method, result_type: text.clone().into_owned() })
        }
        Some(other) => Err(Error::Shape {
            method,
            pointer: "/resultType".to_owned(),
            expected: "a string",
            got: other.type_name(),
        }),
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotJson(detail) => Error::NotJson { detail },
            Fault::DuplicateKey(key) => Error::DuplicateKey { key },
            Fault::Malformed(why) => Error::Malformed { why },
        }
    }
}
