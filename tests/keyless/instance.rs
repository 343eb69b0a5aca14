//! A private Sigstore and everything that a signing needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use mcptrust::local_sigstore::{Clock, IssuerKind, Options, Running, start};
use mcptrust::signing::keyless::{
    Error, Gate, Identity, NetworkOptions, Services, SignOptions, Signed, sign_statement,
};
use mcptrust::signing::trust::{self, TrustMaterial};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

/// A statement about a file, as `mcptrust sign` makes it.
pub(crate) fn statement() -> Vec<u8> {
    let digest = "ab".repeat(32);
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{}},"predicateType":"https://mcptrust.dev/lockfile/v1","subject":[{{"digest":{{"sha256":"{digest}"}},"name":"mcp-lock.json"}}]}}"#
    )
    .into_bytes()
}

pub(crate) struct Instance {
    pub(crate) running: Running,
    pub(crate) trust: TrustedRoot,
    pub(crate) services: Services,
    _dir: tempfile::TempDir,
}

impl Instance {
    pub(crate) async fn start() -> Instance {
        Instance::with_clock(Clock::system()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Instance {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new(dir.path());
        options.clock = clock;
        let running = start(options).await.unwrap();
        let trust = TrustedRoot::from_file(running.trusted_root()).unwrap();
        let config = std::fs::read_to_string(running.signing_config()).unwrap();
        let services = Services::from_json(&config, Timestamp::now(), false).unwrap();
        Instance { running, trust, services, _dir: dir }
    }

    pub(crate) fn email(&self, email: &str) -> Identity {
        Identity::parse(&self.running.mint(IssuerKind::Email, &[("email", email)]).unwrap()).unwrap()
    }

    pub(crate) fn github(&self) -> Identity {
        Identity::parse(&self.running.mint(IssuerKind::Github, &[]).unwrap()).unwrap()
    }

    pub(crate) async fn sign(&self, identity: &Identity) -> Result<Signed, Error> {
        self.sign_with(identity, network(), &|_| Ok(())).await
    }

    pub(crate) async fn sign_with(
        &self,
        identity: &Identity,
        network: NetworkOptions,
        gate: Gate<'_>,
    ) -> Result<Signed, Error> {
        self.sign_with_services(identity, &self.services, network, gate).await
    }

    pub(crate) async fn sign_with_services(
        &self,
        identity: &Identity,
        services: &Services,
        network: NetworkOptions,
        gate: Gate<'_>,
    ) -> Result<Signed, Error> {
        let checks = AtomicUsize::new(0);
        let options = SignOptions {
            now: Timestamp::now(),
            network,
            gate,
            confirm: &|_| true,
            check: &|bundle, _| {
                checks.fetch_add(1, Ordering::Relaxed);
                self.verify(bundle, identity).map_err(|e| e.to_string())
            },
            progress: &|_| {},
        };
        let signed = self.sign_as(identity, services, &options).await;
        if signed.is_ok() {
            assert_eq!(checks.load(Ordering::Relaxed), 1, "the finished bundle was not checked");
        }
        signed
    }

    pub(crate) async fn sign_as(
        &self,
        identity: &Identity,
        services: &Services,
        options: &SignOptions<'_>,
    ) -> Result<Signed, Error> {
        let trust = serde_json::to_vec(&self.trust).unwrap();
        let trust = TrustMaterial::from_json(&trust, trust::Source::File("test".to_owned()), None).unwrap();
        sign_statement(&statement(), identity, services, &trust, options).await
    }

    /// A stranger's verifier.
    pub(crate) fn verify(&self, bundle: &[u8], identity: &Identity) -> Result<(), sigstore_verify::Error> {
        let bundle = Bundle::from_json(std::str::from_utf8(bundle).unwrap()).unwrap();
        let says = identity.predicted();
        let policy = VerificationPolicy::new(says.identity.as_str(), &says.issuer);
        let digest = Sha256Hash::from_hex(&"ab".repeat(32)).unwrap();
        Verifier::new(&self.trust)?.verify(digest, &bundle, &policy).map(|_| ())
    }
}

/// Short times, so that giving up is quick.
pub(crate) fn network() -> NetworkOptions {
    NetworkOptions {
        request_timeout: Duration::from_secs(10),
        attempts: 3,
        backoff: Duration::from_millis(2),
        max_backoff: Duration::from_millis(5),
        ..NetworkOptions::default()
    }
}
