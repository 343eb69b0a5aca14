//! What keeps a session from being opened or finished.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::text::{escape, quote};
use crate::json;

/// Why a server could not be listened to. Text from the server is escaped in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command does not exist.
    #[error(
        "the command {} was not found; install it, check its spelling, or give its full path",
        quote(command)
    )]
    CommandNotFound {
        /// As it was asked for.
        command: String,
    },
    /// The command exists and cannot be started.
    #[error("the command {} cannot be started: {source}", quote(command))]
    Spawn {
        /// As it was asked for.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// The directory to start it in is not there.
    #[error("the working directory {} is not a directory", quote(&path.to_string_lossy()))]
    WorkingDirectory {
        /// As it was asked for.
        path: PathBuf,
    },
    /// Reading from or writing to the server failed.
    #[error("{doing} failed: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The server went away.
    #[error("the server {ending} before it answered {method}{noise}")]
    Ended {
        /// The request that was open.
        method: &'static str,
        /// How it went.
        ending: Ending,
        /// What it said that was no message.
        noise: Noise,
    },
    /// Nothing came back at all.
    #[error(
        "the server did not answer {method} within {}; if it needs longer to start, for example to download itself, \
         raise --startup-timeout{noise}",
        seconds(*limit)
    )]
    StartupTimeout {
        /// The request that was open.
        method: &'static str,
        /// How long was waited.
        limit: Duration,
        /// What it said that was no message.
        noise: Noise,
    },
    /// A later answer did not come.
    #[error(
        "the server did not answer {method} within {}; if it needs longer, raise --request-timeout{noise}",
        seconds(*limit)
    )]
    RequestTimeout {
        /// The request that was open.
        method: &'static str,
        /// How long was waited.
        limit: Duration,
        /// What it said that was no message.
        noise: Noise,
    },
    /// One message is over its limit.
    #[error("the server sent a line longer than {limit} bytes; if it is meant to, raise --max-message-bytes")]
    MessageTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Everything together is over its limit.
    #[error("the server sent more than {limit} bytes in all; if it is meant to, raise --max-total-bytes")]
    TotalTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More lines that are no messages than any server has reason to write.
    #[error(
        "the server wrote too much to standard output that is no message{noise}; \
         a server must write its log to standard error"
    )]
    TooMuchNoise {
        /// What it said.
        noise: Noise,
    },
    /// A list with more pages than allowed.
    #[error("{method} has more than {limit} pages; if it is meant to, raise --max-pages")]
    TooManyPages {
        /// The list.
        method: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A list that leads back to where it was.
    #[error("{method} repeats the cursor {}, so the list never ends", quote(cursor))]
    RepeatedCursor {
        /// The list.
        method: &'static str,
        /// The cursor that came twice.
        cursor: String,
    },
    /// A list that is never the same twice while the server says that it is changing.
    #[error(
        "{method} kept changing while it was read ({attempts} attempts); lock the server when it has settled"
    )]
    Unsettled {
        /// The list.
        method: &'static str,
        /// How often it was read.
        attempts: u32,
    },
    /// A message that is not JSON.
    #[error("the server sent a message that is not valid JSON: {detail}")]
    NotJson {
        /// What the parser says.
        detail: String,
    },
    /// An envelope with one key twice.
    #[error("the server sent a message with the key {} twice", quote(key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// An envelope that is not JSON-RPC 2.0.
    #[error("the server sent a message that is not JSON-RPC 2.0: {why}")]
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A response to something that was never asked.
    #[error(
        "the server answered a request with the id {}, which was never sent; the last one sent has the id {last}",
        escape(got)
    )]
    UnknownId {
        /// The id in the response, as raw JSON.
        got: String,
        /// The id of the last request that was sent.
        last: u64,
    },
    /// A second response to one request.
    #[error("the server answered the request with the id {id} a second time")]
    SecondReply {
        /// The id of the request.
        id: u64,
    },
    /// An error without an id.
    #[error("the server answered {method} with an error that names no request: {}", remote(*code, message))]
    Uncorrelated {
        /// The request that is open.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// Its message, hostile text.
        message: String,
    },
    /// The server refused.
    #[error("the server answered {method} with an error: {}", remote(*code, message))]
    Refused {
        /// The request.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// Its message, hostile text.
        message: String,
    },
    /// A declared list that does not exist.
    #[error(
        "the server declares the capability {capability}, and answers {method} with \"method not found\" (code -32601)"
    )]
    MethodNotFound {
        /// The list.
        method: &'static str,
        /// What was declared.
        capability: &'static str,
    },
    /// The contents of a result are not acceptable JSON.
    #[error("the result of {method} is not acceptable JSON: {source}")]
    Result {
        /// The request.
        method: &'static str,
        /// What is wrong and where in the result.
        source: json::ParseError,
    },
    /// A member of a result has the wrong type or is missing.
    #[error("the result of {method} has {got} at {pointer}, expected {expected}")]
    Shape {
        /// The request.
        method: &'static str,
        /// JSON pointer into the result; `""` is the result itself.
        pointer: String,
        /// What was expected.
        expected: &'static str,
        /// What was there.
        got: &'static str,
    },
    /// A result that is not the whole answer.
    #[error("the result of {method} has the result type {}, expected \"complete\"", quote(result_type))]
    Incomplete {
        /// The request.
        method: &'static str,
        /// What it called itself.
        result_type: String,
    },
    /// No protocol version in common.
    #[error(
        "the server offers the protocol versions {}; this client speaks 2024-11-05 to 2025-11-25 and 2026-07-28",
        list(offered)
    )]
    NoCommonVersion {
        /// What the server offers, hostile text.
        offered: Vec<String>,
    },
}

/// How a server went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// What became of it.
    pub how: How,
    /// Whether it left a message unfinished.
    pub unfinished: bool,
}

/// What became of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It exited with this status.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It closed its end of the connection.
    Closed,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::Exited(status) => write!(f, "exited with status {status}")?,
            How::Signalled(signal) => write!(f, "was ended by signal {signal}")?,
            How::Closed => f.write_str("closed its standard output")?,
        }
        if self.unfinished { f.write_str(" in the middle of a line,") } else { Ok(()) }
    }
}

/// What a server wrote to standard output that was no message: a count and the first line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noise {
    /// How many lines.
    pub lines: usize,
    /// How many bytes.
    pub bytes: usize,
    /// The start of the first, hostile text.
    pub first: String,
}

impl Noise {
    /// The longest start of a line that is kept, in bytes.
    const KEPT: usize = 200;

    pub(crate) fn add(&mut self, line: &[u8]) {
        if self.lines == 0 {
            self.first = String::from_utf8_lossy(line.get(..Self::KEPT).unwrap_or(line)).into_owned();
        }
        self.lines += 1;
        self.bytes = self.bytes.saturating_add(line.len());
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lines {
            0 => Ok(()),
            1 => write!(f, " (one line on its standard output was no message: {})", quote(&self.first)),
            lines => write!(
                f,
                " ({lines} lines on its standard output were no messages, the first: {})",
                quote(&self.first)
            ),
        }
    }
}

fn remote(code: i64, message: &str) -> String {
    format!("{} (code {code})", quote(message))
}

fn list(versions: &[String]) -> String {
    if versions.is_empty() {
        return "none".to_owned();
    }
    // A hostile server could name thousands.
    let shown: Vec<String> = versions.iter().take(8).map(|version| quote(version)).collect();
    let more = if versions.len() > shown.len() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn seconds(limit: Duration) -> String {
    if limit.subsec_nanos() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", limit.as_millis())
    }
}
