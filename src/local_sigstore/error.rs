//! Why the private Sigstore could not start, or could not answer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{FaultKind, Service};

/// Why the private Sigstore could not be started or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the directory could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was attempted: `read`, `write`, and so on.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process serves this directory.
    #[error("{} is in use by another local Sigstore; stop that one, or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the directory does not hold what it should.
    #[error("{} is damaged: {problem}; move the directory away to start with new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An address could not be listened on.
    #[error(
        "cannot listen on {address} for {service}: {source}; stop the program that holds the port, or name other ports"
    )]
    Listen {
        /// The service.
        service: Service,
        /// Its address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The address listened on says nothing about the name that clients use.
    #[error("{bind} is every address of this machine: say which host name clients use")]
    HostNeeded {
        /// The address asked for.
        bind: std::net::IpAddr,
    },
    /// A fault that means nothing for the service it was meant for.
    #[error("the fault `{fault}` does not apply to {service}")]
    FaultDoesNotApply {
        /// The fault.
        fault: FaultKind,
        /// The service.
        service: Service,
    },
    /// A fault that is none.
    #[error("`{text}` is no fault: expected SERVICE:KIND or SERVICE:KIND*TIMES, as in `rekor:status=429*2`")]
    UnknownFault {
        /// What was given.
        text: String,
    },
    /// A key or certificate could not be made.
    #[error("cannot make {what}: {failure}")]
    Make {
        /// What was being made.
        what: &'static str,
        /// What went wrong.
        failure: Failure,
    },
}

impl Error {
    /// Wraps a failure in `action` on `path`.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Wraps a failure to make `what`.
    pub(super) fn make(what: &'static str) -> impl FnOnce(Failure) -> Self {
        move |failure| Self::Make { what, failure }
    }
}

/// An encoding or a key operation that failed: nobody's input is at fault.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub(super) String);

impl From<der::Error> for Failure {
    fn from(error: der::Error) -> Self {
        Self(format!("DER encoding: {error}"))
    }
}

impl From<aws_lc_rs::error::Unspecified> for Failure {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self("the cryptographic library refused the operation".to_owned())
    }
}

impl From<aws_lc_rs::error::KeyRejected> for Failure {
    fn from(error: aws_lc_rs::error::KeyRejected) -> Self {
        Self(format!("key: {error}"))
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self(format!("random numbers: {error}"))
    }
}
