//! A private Sigstore in one process, for development and tests, never for production.
//!
//! Four services on loopback, each speaking the API of the real one:
//! - an OpenID Connect issuer, for e-mail identities and for identities as of GitHub Actions workflows;
//! - Fulcio: certificates for ten minutes, with an embedded certificate timestamp;
//! - Rekor 2: a transparency log with inclusion proofs, checkpoints and tiles;
//! - a timestamp authority (RFC 3161).
//!
//! Keys, log and configuration live in a directory, and last as long as it does. The services can be told to
//! fail in many ways ([`FaultKind`]), so that a client's handling of it can be tested over real connections.
//!
//! ```no_run
//! # async fn example() -> Result<(), mcptrust::local_sigstore::Error> {
//! use mcptrust::local_sigstore::{Options, start};
//!
//! let running = start(Options::new("sigstore.d")).await?;
//! println!("{}", running.urls().fulcio);
//! running.wait().await
//! # }
//! ```

mod authority;
mod clock;
mod directory;
mod error;
mod fault;
mod fulcio;
mod keys;
mod oidc;
mod pem;
mod rekor;
mod running;
mod service;
mod timestamp;
mod trust;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use authority::Issuer;
use directory::{Directory, Instance};
use fulcio::Fulcio;
use oidc::Issuers;
use rekor::Rekor;
use running::Desks;
use service::Port;
use timestamp::{Signer, Timestamping};
use trust::Anchors;

pub use clock::Clock;
pub use error::{Error, Failure};
pub use fault::{Fault, FaultKind};
pub use oidc::IssuerKind;
pub use running::{Running, Urls};
pub use service::{Ports, Service};

/// What a user must be told before anything else.
pub const WARNING: &str = "This Sigstore is for development and tests. It authenticates nobody: whoever reaches \
                           its ports can sign as anyone. Never trust its root for anything else.";

/// How to start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Where keys, log and configuration live. It is made if need be; one process at a time can use it.
    pub dir: PathBuf,
    /// The address to listen on; loopback unless told otherwise.
    pub bind: IpAddr,
    /// The host name in the services' URLs; by default that of the directory's last run, or `localhost` on
    /// loopback, or the address. It is part of the issuers' URLs, and so of every identity.
    pub host: Option<String>,
    /// The ports.
    pub ports: Ports,
    /// The time that all services go by.
    pub clock: Clock,
    /// Faults from the beginning. Later ones are set with [`Running::set_fault`].
    pub faults: Vec<(Service, Fault)>,
}

impl Options {
    /// Loopback, remembered or free ports, the system's clock, no faults.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: None,
            ports: Ports::default(),
            clock: Clock::system(),
            faults: Vec::new(),
        }
    }

    fn host(&self, last: Option<&Instance>) -> Result<String, Error> {
        match (&self.host, last) {
            (Some(host), _) => Ok(host.clone()),
            (None, Some(last)) => Ok(last.host.clone()),
            (None, None) if self.bind.is_loopback() => Ok("localhost".to_owned()),
            (None, None) if self.bind.is_unspecified() => Err(Error::HostNeeded { bind: self.bind }),
            (None, None) => Ok(match self.bind {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            }),
        }
    }
}

/// Starts the services, in tasks of the current Tokio runtime; they answer when this returns.
///
/// # Errors
/// Where the directory, a port or a fault cannot be used. See [`Error`].
pub async fn start(options: Options) -> Result<Running, Error> {
    let directory = Directory::open(&options.dir)?;
    let last = directory.instance()?;
    let host = options.host(last.as_ref())?;

    // the ports first, since every URL holds one
    let desks = Desks::new(&options)?;
    let mut ports = Ports::default();
    let mut bound = Vec::new();
    for service in Service::ALL {
        let wanted = match (options.ports.get(service), &last) {
            (0, Some(last)) => last.ports.get(service),
            (wanted, _) => wanted,
        };
        let port = Port::bind(desks.get(service), options.bind, wanted)?;
        ports.set(service, port.address().port());
        bound.push(port);
    }
    let instance = Instance { host, ports };
    if last.as_ref() != Some(&instance) {
        directory.set_instance(&instance)?;
    }
    let urls = Urls::new(&instance);

    let issuers = Arc::new(Issuers::new(directory.token_key("oidc")?, urls.issuers.clone()));
    let now = options.clock.now();
    let fulcio = Arc::new(Fulcio {
        root: root(&directory, "fulcio", "fulcio", now)?,
        ct_log: directory.key("ctlog")?,
        issuers: Arc::clone(&issuers),
    });
    let rekor = Arc::new(Rekor::open(&directory.join("rekor.log"), directory.key("rekor")?)?);
    let timestamping = Arc::new(timestamping(&directory, now)?);

    let since = |issuer: &Issuer| issuer.since().map_err(Error::make("the trusted root"));
    Anchors {
        urls: &urls,
        since: since(&fulcio.root)?.max(since(&timestamping.root)?),
        fulcio_root: fulcio.root.der(),
        ct_key: fulcio.ct_log.spki(),
        rekor_key: &rekor.spki(),
        rekor_origin: rekor::ORIGIN,
        timestamp_chain: [timestamping.signer.der(), timestamping.root.der()],
    }
    .write(&directory)?;

    let routers = [
        oidc::router(Arc::clone(&issuers)),
        fulcio::router(fulcio),
        rekor::router(Arc::clone(&rekor)),
        timestamp::router(timestamping),
    ];
    Ok(Running::new(directory, urls, desks, issuers, rekor, options.clock, bound.into_iter().zip(routers)))
}

fn root(directory: &Directory, file: &str, name: &str, now: jiff::Timestamp) -> Result<Issuer, Error> {
    let key = directory.key(file)?;
    let der = directory.certificate(file, || authority::root(&key, &authority::name(name)?, now))?;
    Issuer::new(key, der).map_err(|failure| Error::Damaged {
        path: directory.join(&format!("{file}.pem")),
        problem: failure.to_string(),
    })
}

fn timestamping(directory: &Directory, now: jiff::Timestamp) -> Result<Timestamping, Error> {
    let root = root(directory, "tsa-root", "tsa-root", now)?;
    let key = directory.key("tsa")?;
    let der = directory.certificate("tsa", || authority::timestamping(&root, &key, now))?;
    let signer = Signer::new(key, der).map_err(|failure| Error::Damaged {
        path: directory.join("tsa.pem"),
        problem: failure.to_string(),
    })?;
    Ok(Timestamping { signer, root })
}
