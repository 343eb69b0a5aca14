//! Why a server could not be captured, with its name and what it said last.

use std::fmt;

use super::echo::Secrets;
use crate::mcp;
use crate::mcp::text::{escape, quote};
use crate::surface::Kind;

/// What happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The session could not be opened or finished.
    #[error(transparent)]
    Session(#[from] mcp::Error),
    /// More definitions than allowed.
    #[error("the server declares more than {limit} definitions; if it is meant to, raise --max-definitions")]
    TooManyDefinitions {
        /// The limit.
        limit: usize,
    },
    /// Something in a list that is no definition.
    #[error("entry {index} of {} is {got}, expected an object", kind.list_method())]
    NotAnObject {
        /// Of which list.
        kind: Kind,
        /// Counted from 1, over all pages.
        index: usize,
        /// What it is.
        got: &'static str,
    },
    /// A definition that cannot be told from the others.
    #[error("entry {index} of {} has {got} at /{}, expected a string", kind.list_method(), kind.id_field())]
    NoName {
        /// Of which list.
        kind: Kind,
        /// Counted from 1, over all pages.
        index: usize,
        /// What is there.
        got: &'static str,
    },
    /// A name that readers could take for another.
    #[error("entry {index} of {} has the {} {}: {why}", kind.list_method(), kind.id_field(), quote(name))]
    BadName {
        /// Of which list.
        kind: Kind,
        /// Counted from 1, over all pages.
        index: usize,
        /// The name, hostile text.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two definitions of one name: nobody can say which of them a client would use.
    #[error("{} declares {} twice; which one a client uses is undefined", kind.list_method(), quote(name))]
    DuplicateName {
        /// Of which list.
        kind: Kind,
        /// The name.
        name: String,
    },
}

/// A failed capture: which server, what happened, and the end of what it wrote to standard error.
///
/// The text is safe to print: escaped, and without the values of the variables that the server was given.
#[derive(Debug)]
pub struct Error {
    server: String,
    message: String,
    stderr: Vec<String>,
    failure: Box<Failure>,
}

impl Error {
    pub(super) fn new(server: &str, failure: Failure, stderr: &str, secrets: &Secrets) -> Self {
        Error {
            server: server.to_owned(),
            message: secrets.redact(&failure.to_string()),
            // Redacted as a whole, since a value may have lines of its own.
            stderr: secrets.redact(stderr).lines().map(escape).collect(),
            failure: Box::new(failure),
        }
    }

    /// The server's name in the lockfile.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What happened, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The last lines that the server wrote to standard error.
    pub fn stderr(&self) -> &[String] {
        &self.stderr
    }

    /// What happened, for programs. Its texts are not redacted.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}: {}", quote(&self.server), self.message)?;
        if !self.stderr.is_empty() {
            f.write_str("\n  it wrote to standard error at the end:")?;
        }
        for line in &self.stderr {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

// No source: it would print the same again, and what was redacted.
impl std::error::Error for Error {}
