//! The private Sigstore in one process, seen by a client over real connections.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

mod faults;
mod keys;
mod log;
mod login;
mod refusals;
mod restart;
mod signing;

use mcptrust::local_sigstore::{IssuerKind, Options, Running, start};
use reqwest::{Client, redirect};
use sigstore_oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::{SigningConfig, TrustedRoot};
use sigstore_types::Bundle;
use sigstore_verify::{VerificationPolicy, VerificationResult, Verifier};
use tempfile::TempDir;

const EMAIL: &str = "dev@example.com";
const WORKFLOW: &str = "https://github.com/acme/widgets/.github/workflows/release.yml@refs/heads/main";

/// An instance in a directory of its own.
async fn instance() -> (TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let running = start(Options::new(dir.path())).await.unwrap();
    (dir, running)
}

/// A client that sees what the wire holds: no proxy, no redirects followed.
fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .unwrap()
}

fn email_token(running: &Running) -> IdentityToken {
    IdentityToken::from_jwt(&running.mint(IssuerKind::Email, &[("email", EMAIL)]).unwrap()).unwrap()
}

async fn sign(
    running: &Running,
    token: IdentityToken,
    artifact: &[u8],
) -> Result<Bundle, sigstore_sign::Error> {
    signer(running, token).sign(artifact).await
}

fn signer(running: &Running, token: IdentityToken) -> sigstore_sign::Signer {
    let config = SigningConfig::from_file(running.signing_config()).unwrap();
    let services = SigningServices::from_signing_config(&config).unwrap();
    SigningContext::new(services).with_http_client(client()).signer(token)
}

fn verify(
    running: &Running,
    artifact: &[u8],
    bundle: &Bundle,
    identity: &str,
    issuer: &str,
) -> Result<VerificationResult, sigstore_verify::Error> {
    let root = TrustedRoot::from_file(running.trusted_root()).unwrap();
    Verifier::new(&root)?.verify(artifact, bundle, &VerificationPolicy::new(identity, issuer))
}
