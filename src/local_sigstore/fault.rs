//! Faults on purpose, so that a client's handling of a failing service can be tested over a real connection.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{Error, Service};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Connections are refused: nothing listens on the port.
    Refuse,
    /// Connections are accepted, then reset.
    Reset,
    /// Connections are accepted; no answer ever comes.
    Stall,
    /// Every request is answered with this status.
    Status(u16),
    /// The answer ends half-way through its body.
    Truncate,
    /// The service's clock is off by this much. Not for the transparency log, which tells no time.
    ClockOff(SignedDuration),
    /// Fulcio: the certificate is for another key. Timestamp authority: the token is another authority's.
    WrongCertificate,
    /// Fulcio: the certificate names another identity.
    WrongIdentity,
    /// Fulcio: the certificate timestamp is signed by an unknown key.
    BadSct,
    /// Rekor: the entry names another key than the request.
    WrongKeyInEntry,
    /// Rekor: one hash of the inclusion proof is wrong.
    BadProof,
    /// Rekor: the checkpoint's signature is not the log's.
    BadCheckpoint,
    /// Timestamp authority: the token is over another digest.
    WrongDigest,
    /// Issuer: the token is signed by an unknown key.
    BadToken,
}

impl FaultKind {
    /// Whether the fault means anything for the service.
    #[must_use]
    pub fn applies_to(self, service: Service) -> bool {
        match self {
            Self::Refuse | Self::Reset | Self::Stall | Self::Status(_) | Self::Truncate => true,
            Self::ClockOff(_) => service != Service::Rekor,
            Self::WrongCertificate => matches!(service, Service::Fulcio | Service::Timestamp),
            Self::WrongIdentity | Self::BadSct => service == Service::Fulcio,
            Self::WrongKeyInEntry | Self::BadProof | Self::BadCheckpoint => service == Service::Rekor,
            Self::WrongDigest => service == Service::Timestamp,
            Self::BadToken => service == Service::Oidc,
        }
    }

    /// Whether it is done to connections, before any request is read.
    fn of_connections(self) -> bool {
        matches!(self, Self::Refuse | Self::Reset | Self::Stall)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("refuse"),
            Self::Reset => f.write_str("reset"),
            Self::Stall => f.write_str("stall"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Truncate => f.write_str("truncate"),
            Self::ClockOff(off) => write!(f, "clock off by {off:#}"),
            Self::WrongCertificate => f.write_str("wrong certificate"),
            Self::WrongIdentity => f.write_str("wrong identity"),
            Self::BadSct => f.write_str("bad SCT"),
            Self::WrongKeyInEntry => f.write_str("wrong key in the entry"),
            Self::BadProof => f.write_str("bad proof"),
            Self::BadCheckpoint => f.write_str("bad checkpoint"),
            Self::WrongDigest => f.write_str("wrong digest"),
            Self::BadToken => f.write_str("bad token"),
        }
    }
}

/// A fault, and how often it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// For how many requests, after which the service is well; `None` for all of them. It counts connections
    /// for [`FaultKind::Reset`] and [`FaultKind::Stall`], and has no meaning for [`FaultKind::Refuse`].
    pub times: Option<u32>,
}

impl Fault {
    /// A fault that stays.
    #[must_use]
    pub const fn always(kind: FaultKind) -> Self {
        Self { kind, times: None }
    }

    /// A fault that goes away by itself.
    #[must_use]
    pub const fn times(kind: FaultKind, times: u32) -> Self {
        Self { kind, times: Some(times) }
    }

    pub(super) fn check(self, service: Service) -> Result<(), Error> {
        if self.kind.applies_to(service) {
            Ok(())
        } else {
            Err(Error::FaultDoesNotApply { fault: self.kind, service })
        }
    }
}

/// The fault of one service, as its listener and handlers see it.
pub(super) struct FaultState {
    current: Mutex<Option<Fault>>,
    changes: watch::Sender<u64>,
    seen: watch::Sender<u64>,
}

impl FaultState {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self { current: Mutex::new(fault), changes: watch::Sender::new(0), seen: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault>> {
        // nothing panics while the lock is held
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that strikes the next connection, counted.
    pub(super) fn take_for_connection(&self) -> Option<FaultKind> {
        self.take(true)
    }

    /// The fault that strikes the next request, counted.
    pub(super) fn take_for_request(&self) -> Option<FaultKind> {
        self.take(false)
    }

    fn take(&self, connection: bool) -> Option<FaultKind> {
        let mut current = self.lock();
        let fault = current.as_mut()?;
        if fault.kind.of_connections() != connection {
            return None;
        }
        let kind = fault.kind;
        match &mut fault.times {
            None => {}
            Some(0) => return None,
            Some(times) => *times -= 1,
        }
        Some(kind)
    }

    /// Whether the port must be closed.
    pub(super) fn refuses(&self) -> bool {
        self.lock().is_some_and(|fault| fault.kind == FaultKind::Refuse)
    }

    /// Sets the fault, and waits until the listener goes by it.
    pub(super) async fn set(&self, fault: Option<Fault>) {
        *self.lock() = fault;
        let mut version = 0;
        self.changes.send_modify(|changes| {
            *changes += 1;
            version = *changes;
        });
        // the sender lives in `self`, so that waiting cannot fail
        let _ = self.seen.subscribe().wait_for(|seen| *seen >= version).await;
    }

    /// The listener's side of [`FaultState::set`].
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The listener has gone by everything up to this version.
    pub(super) fn saw(&self, version: u64) {
        self.seen.send_replace(version);
    }
}
