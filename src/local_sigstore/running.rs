//! A running instance: where it is reached, what it is told, how it ends.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::directory::{Directory, Instance};
use super::oidc::{IssuerKind, Issuers, REQUEST_TOKEN};
use super::rekor::Rekor;
use super::service::{Desk, Port};
use super::{Clock, Error, Fault, Options, Service, timestamp, trust};

/// Where the services are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Urls {
    /// Both issuers' URLs begin with this.
    pub(super) issuers: String,
    /// The issuer of e-mail identities, as a token's `iss` and a certificate name it.
    pub email_issuer: String,
    /// The issuer of workflow identities.
    pub github_issuer: String,
    /// Fulcio's base URL.
    pub fulcio: String,
    /// Rekor's base URL.
    pub rekor: String,
    /// The timestamp authority's endpoint, whole.
    pub timestamp: String,
}

impl Urls {
    pub(super) fn new(instance: &Instance) -> Self {
        let base = |service| format!("http://{}:{}", instance.host, instance.ports.get(service));
        let issuers = base(Service::Oidc);
        Self {
            email_issuer: format!("{issuers}/{}", IssuerKind::Email.path()),
            github_issuer: format!("{issuers}/{}", IssuerKind::Github.path()),
            issuers,
            fulcio: base(Service::Fulcio),
            rekor: base(Service::Rekor),
            timestamp: format!("{}{}", base(Service::Timestamp), timestamp::PATH),
        }
    }
}

/// One desk for each service.
pub(super) struct Desks {
    oidc: Arc<Desk>,
    fulcio: Arc<Desk>,
    rekor: Arc<Desk>,
    timestamp: Arc<Desk>,
}

impl Desks {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        for (service, fault) in &options.faults {
            fault.check(*service)?;
        }
        let desk = |service| {
            let fault = options.faults.iter().rev().find(|(of, _)| *of == service).map(|(_, fault)| *fault);
            Desk::new(service, options.clock.clone(), fault)
        };
        Ok(Self {
            oidc: desk(Service::Oidc),
            fulcio: desk(Service::Fulcio),
            rekor: desk(Service::Rekor),
            timestamp: desk(Service::Timestamp),
        })
    }

    pub(super) fn get(&self, service: Service) -> &Arc<Desk> {
        match service {
            Service::Oidc => &self.oidc,
            Service::Fulcio => &self.fulcio,
            Service::Rekor => &self.rekor,
            Service::Timestamp => &self.timestamp,
        }
    }
}

/// A running private Sigstore. It ends when this is dropped; [`Running::shutdown`] ends it in good order.
pub struct Running {
    directory: Directory,
    urls: Urls,
    desks: Desks,
    issuers: Arc<Issuers>,
    rekor: Arc<Rekor>,
    clock: Clock,
    stop: watch::Sender<bool>,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Running {
    pub(super) fn new(
        directory: Directory,
        urls: Urls,
        desks: Desks,
        issuers: Arc<Issuers>,
        rekor: Arc<Rekor>,
        clock: Clock,
        services: impl Iterator<Item = (Port, Router)>,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for (port, router) in services {
            tasks.spawn(port.serve(router, stop.subscribe()));
        }
        Self { directory, urls, desks, issuers, rekor, clock, stop, tasks }
    }

    /// Where the services are reached.
    #[must_use]
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The trusted root: what a verifier needs.
    #[must_use]
    pub fn trusted_root(&self) -> PathBuf {
        self.directory.join(trust::TRUSTED_ROOT)
    }

    /// The signing config: what a signer needs.
    #[must_use]
    pub fn signing_config(&self) -> PathBuf {
        self.directory.join(trust::SIGNING_CONFIG)
    }

    /// Both in one file, as sigstore-python wants them.
    #[must_use]
    pub fn trust_config(&self) -> PathBuf {
        self.directory.join(trust::TRUST_CONFIG)
    }

    /// The variables that make any Sigstore client believe that it is a GitHub Actions job of this instance.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/actions?api-version=2.0", self.urls.github_issuer)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN.to_owned()),
        ]
    }

    /// A token, as the issuer's `token` endpoint would give it for these query parameters.
    ///
    /// # Errors
    /// Where the token cannot be signed.
    pub fn mint(&self, kind: IssuerKind, parameters: &[(&str, &str)]) -> Result<String, Error> {
        let wishes =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.issuers.mint(kind, &wishes, self.clock.now()).map_err(Error::make("a token"))
    }

    /// Makes a service fail from now on, or be well again. When this returns, the service goes by it.
    ///
    /// # Errors
    /// Where the fault means nothing for the service.
    pub async fn set_fault(&self, service: Service, fault: Option<Fault>) -> Result<(), Error> {
        if let Some(fault) = fault {
            fault.check(service)?;
        }
        self.desks.get(service).faults.set(fault).await;
        Ok(())
    }

    /// How many requests a service has had, those among them that a fault cut off.
    #[must_use]
    pub fn requests(&self, service: Service) -> u64 {
        self.desks.get(service).requests()
    }

    /// Entries in the transparency log; the first is its own.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        self.rekor.size()
    }

    /// Ends the services, letting what is under way finish for a moment.
    ///
    /// # Errors
    /// Where a service had already ended badly.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop.send_replace(true);
        self.wait().await
    }

    /// Waits until the services end, which by themselves they do not.
    ///
    /// # Errors
    /// Where a service ended badly.
    pub async fn wait(mut self) -> Result<(), Error> {
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.map_err(std::io::Error::other).and_then(|ended| ended);
            ended.map_err(Error::file("serve", self.directory.join("")))?;
        }
        Ok(())
    }
}
