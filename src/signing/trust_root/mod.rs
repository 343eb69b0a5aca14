//! Trust material from a TUF repository, kept in a cache directory that the caller names.
//!
//! An update starts from a pinned root (embedded, or the file that the user trusts), follows its chain of successors,
//! and accepts nothing older than what the cache already holds. It is made beside the cache and put in place only
//! when all of it is verified, so a failed update leaves what was there. Reading the cache needs no network, and
//! verifies everything again from the pinned root as of the day it was fetched; how old that is, the caller shows.

mod cache;
mod fetch;

use std::path::PathBuf;

use jiff::Timestamp;
use sigstore_trust_root::{SigningConfig, SigstoreInstance, TrustedRoot};
use url::Url;

use super::keyless::{ServiceError, Transport, causes};

pub use cache::cached;

/// The targets' names in Sigstore's TUF repositories.
const TRUSTED_ROOT: &str = "trusted_root.json";
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

/// A TUF repository and the root that is trusted to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    url: Url,
    root: Vec<u8>,
}

impl Repository {
    /// The public-good instance's repository, with the embedded root.
    ///
    /// # Errors
    /// Does not happen with the embedded values.
    pub fn public_good() -> Result<Repository, Error> {
        Repository::instance(SigstoreInstance::PublicGood)
    }

    /// The staging instance's repository, with the embedded root.
    ///
    /// # Errors
    /// Does not happen with the embedded values.
    pub fn staging() -> Result<Repository, Error> {
        Repository::instance(SigstoreInstance::Staging)
    }

    fn instance(instance: SigstoreInstance) -> Result<Repository, Error> {
        Repository::custom(instance.tuf_url(), instance.tuf_root().to_vec())
    }

    /// Any repository, with a `root.json` that the user got from its operator by a way they trust.
    ///
    /// # Errors
    /// When the URL is none, or the root is no TUF root that its own keys sign.
    pub fn custom(url: &str, root: Vec<u8>) -> Result<Repository, Error> {
        let bad = |reason: String| Error::Anchor { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|e| bad(e.to_string()))?;
        if !matches!(parsed.scheme(), "https" | "http") || parsed.host_str().is_none() {
            return Err(bad("expected an http or https URL".to_owned()));
        }
        sigstore_tuf::TrustedMetadataSet::from_root(&root).map_err(|e| bad(causes(&e)))?;
        Ok(Repository { url: parsed, root })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

/// Trust material as a repository gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Material {
    /// The target `trusted_root.json`, verified.
    pub trusted_root: Vec<u8>,
    /// The target `signing_config.v0.2.json`, verified, where the repository has one.
    pub signing_config: Option<Vec<u8>>,
    /// The repository.
    pub url: String,
    /// When it was last fetched.
    pub updated: Timestamp,
    /// The version of the repository's root.
    pub root_version: u64,
    /// The version of the repository's timestamp, which grows with every change.
    pub timestamp_version: u64,
    /// When the repository wants it fetched again: the earliest expiry among its metadata.
    pub expires: Timestamp,
}

/// Why trust material was not updated or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository cannot be reached, or what it gave does not verify.
    #[error(transparent)]
    Repository(Box<ServiceError>),
    /// The root to begin with cannot be used.
    #[error("the TUF repository {url} cannot be used: {reason}. Get its root.json from its operator again")]
    Anchor {
        /// The repository's URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The cache cannot be read or written, or what is in it does not verify.
    #[error("the trust root cache {}: {reason}. {remedy}", path.display())]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// Fetches the repository's current trust material and puts it into the cache below `directory`.
///
/// # Errors
/// When the repository cannot be reached or does not verify, or the cache cannot be written. The cache then holds
/// what it held before.
pub async fn update(
    transport: &Transport,
    repository: &Repository,
    directory: &std::path::Path,
    now: Timestamp,
) -> Result<Material, Error> {
    let place = cache::Place::new(directory, repository);
    let next = place.begin()?;
    let material = fetch::fetch(transport, repository, next.path(), now).await?;
    place.commit(next, &material)?;
    Ok(material)
}

/// What cannot be parsed must not replace what can.
fn check(trusted_root: &[u8], signing_config: Option<&[u8]>) -> Result<(), String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "it is not text".to_owned());
    let root = TrustedRoot::from_json(&text(trusted_root)?).map_err(|e| format!("{TRUSTED_ROOT}: {e}"))?;
    sigstore_verify::Verifier::new(&root).map_err(|e| format!("{TRUSTED_ROOT}: {e}"))?;
    if let Some(config) = signing_config {
        SigningConfig::from_json(&text(config)?).map_err(|e| format!("{SIGNING_CONFIG}: {e}"))?;
    }
    Ok(())
}
