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

/// The kinds that say all with their name.
const NAMES: [(FaultKind, &str); 12] = [
    (FaultKind::Refuse, "refuse"),
    (FaultKind::Reset, "reset"),
    (FaultKind::Stall, "stall"),
    (FaultKind::Truncate, "truncate"),
    (FaultKind::WrongCertificate, "wrong-certificate"),
    (FaultKind::WrongIdentity, "wrong-identity"),
    (FaultKind::BadSct, "bad-sct"),
    (FaultKind::WrongKeyInEntry, "wrong-key-in-entry"),
    (FaultKind::BadProof, "bad-proof"),
    (FaultKind::BadCheckpoint, "bad-checkpoint"),
    (FaultKind::WrongDigest, "wrong-digest"),
    (FaultKind::BadToken, "bad-token"),
];

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMES.iter().find(|(kind, _)| kind == self)) {
            (_, Some((_, name))) => f.write_str(name),
            (Self::ClockOff(off), None) => write!(f, "clock-off={off:#}"),
            (Self::Status(status), None) => write!(f, "status={status}"),
            (other, None) => write!(f, "{other:?}"),
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

    /// Reads `SERVICE:KIND` or `SERVICE:KIND*TIMES`: `fulcio:refuse`, `rekor:status=429*2`,
    /// `timestamp:clock-off=-1h`.
    ///
    /// # Errors
    /// Where the text is of another form, or names a fault that means nothing for the service.
    pub fn parse(text: &str) -> Result<(Service, Self), Error> {
        let unknown = || Error::UnknownFault { text: text.to_owned() };
        let (service, rest) = text.split_once(':').ok_or_else(unknown)?;
        let service = Service::ALL.into_iter().find(|known| known.id() == service).ok_or_else(unknown)?;
        let (kind, times) = match rest.split_once('*') {
            Some((kind, times)) => (kind, Some(times.parse().map_err(|_| unknown())?)),
            None => (rest, None),
        };
        let kind = match (kind.split_once('='), NAMES.iter().find(|(_, name)| *name == kind)) {
            (_, Some((kind, _))) => *kind,
            (Some(("status", status)), _) => {
                let status: u16 = status.parse().map_err(|_| unknown())?;
                if !(200..=599).contains(&status) {
                    return Err(unknown());
                }
                FaultKind::Status(status)
            }
            (Some(("clock-off", off)), _) => FaultKind::ClockOff(off.parse().map_err(|_| unknown())?),
            _ => return Err(unknown()),
        };
        let fault = Self { kind, times };
        fault.check(service)?;
        Ok((service, fault))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        let hour = SignedDuration::from_hours(1);
        let with_value = [FaultKind::Status(429), FaultKind::ClockOff(hour), FaultKind::ClockOff(-hour)];
        for kind in NAMES.into_iter().map(|(kind, _)| kind).chain(with_value) {
            for service in Service::ALL {
                let text = format!("{}:{kind}", service.id());
                if kind.applies_to(service) {
                    assert_eq!(Fault::parse(&text).unwrap(), (service, Fault::always(kind)), "{text}");
                    let twice = Fault::parse(&format!("{text}*2")).unwrap();
                    assert_eq!(twice, (service, Fault::times(kind, 2)), "{text}");
                } else {
                    assert!(matches!(Fault::parse(&text), Err(Error::FaultDoesNotApply { .. })), "{text}");
                }
            }
        }
        for text in
            ["", "rekor", "rekor:", "mars:refuse", "rekor:status=99", "rekor:status=x", "rekor:reset*x"]
        {
            assert!(matches!(Fault::parse(text), Err(Error::UnknownFault { .. })), "{text}");
        }
    }
}
