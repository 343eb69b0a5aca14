//! The cache: one directory for each repository, numbered generations in it, and a file that names the current one.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use sigstore_tuf::{FileStore, StoreRepository, Updater};
use tempfile::TempDir;

use super::super::keyless::causes;
use super::{Error, Material, Repository, fetch};
use crate::json::Digest;

const CURRENT: &str = "current";
const UPDATED: &str = "updated";
const DELETE: &str = "Delete it and run `mcptrust trust-root update`";
const CHECK: &str = "Check its permissions and the space on its disk";

/// One repository's place in the cache.
pub(super) struct Place<'a> {
    directory: PathBuf,
    repository: &'a Repository,
}

/// Reads what the last update put into the cache below `directory`; nothing when there was none.
///
/// All of it is verified again from the pinned root, as of the day it was fetched: a cache does not lose its value
/// by growing old, and how old it is stands in [`Material::updated`].
///
/// # Errors
/// When the cache cannot be read or does not verify.
pub fn cached(repository: &Repository, directory: &Path) -> Result<Option<Material>, Error> {
    let place = Place::new(directory, repository);
    match place.current()? {
        Some(number) => place.read(&place.generation(number)).map(Some),
        None => Ok(None),
    }
}

impl<'a> Place<'a> {
    pub(super) fn new(cache: &Path, repository: &'a Repository) -> Place<'a> {
        // The host is for people; the digest keeps repositories of one host apart.
        let url = repository.url.as_str().trim_end_matches('/');
        let host = repository.url.host_str().unwrap_or_default();
        let keep = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let host: String = host.chars().map(|c| if keep(c) { c } else { '_' }).collect();
        let digest: String = Digest::of(url.as_bytes()).to_string().chars().take(16).collect();
        Place { directory: cache.join(format!("{host}-{digest}")), repository }
    }

    /// A new directory with a copy of the current generation, from which the update starts: what that has seen is
    /// the floor below which nothing is accepted.
    pub(super) fn begin(&self) -> Result<TempDir, Error> {
        std::fs::create_dir_all(&self.directory).map_err(|e| self.failed(&e))?;
        let next = tempfile::Builder::new().prefix("update-").tempdir_in(&self.directory);
        let next = next.map_err(|e| self.failed(&e))?;
        if let Some(number) = self.current()? {
            copy(&self.generation(number), next.path()).map_err(|e| self.failed(&e))?;
        }
        Ok(next)
    }

    /// Makes the new directory the current generation and removes the one before the last.
    pub(super) fn commit(&self, next: TempDir, material: &Material) -> Result<(), Error> {
        write(next.path(), UPDATED, &format!("{}\n", material.updated)).map_err(|e| self.failed(&e))?;
        // The store's own writes are best effort: what cannot be read back was not written.
        if self.read(next.path())? != *material {
            let reason = "what was written is not what was read back".to_owned();
            return Err(Error::Cache { path: self.directory.clone(), reason, remedy: CHECK });
        }
        let number = self.current()?.map_or(1, |number| number.saturating_add(1));
        let target = self.generation(number);
        // Left over from an update that was interrupted before it became current.
        match std::fs::remove_dir_all(&target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(self.failed(&error)),
            _ => {}
        }
        std::fs::rename(next.keep(), &target).map_err(|e| self.failed(&e))?;
        write(&self.directory, CURRENT, &format!("{number}\n")).map_err(|e| self.failed(&e))?;
        // The last generation stays for readers that have just looked at `current`.
        if number > 2 {
            let _ = std::fs::remove_dir_all(self.generation(number - 2));
        }
        Ok(())
    }

    /// The number of the current generation; nothing when there is none.
    fn current(&self) -> Result<Option<u64>, Error> {
        let path = self.directory.join(CURRENT);
        match std::fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => {
                    Err(Error::Cache { path, reason: "it does not hold a number".to_owned(), remedy: DELETE })
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Cache { path, reason: error.to_string(), remedy: CHECK }),
        }
    }

    fn generation(&self, number: u64) -> PathBuf {
        self.directory.join(number.to_string())
    }

    fn read(&self, directory: &Path) -> Result<Material, Error> {
        let damaged = |reason: String| Error::Cache { path: directory.to_owned(), reason, remedy: DELETE };
        let updated = std::fs::read_to_string(directory.join(UPDATED))
            .map_err(|e| damaged(format!("{UPDATED}: {e}")))?;
        let updated: Timestamp =
            updated.trim().parse().map_err(|_| damaged(format!("{UPDATED} does not hold a time")))?;
        let tuf = |e: sigstore_tuf::Error| damaged(format!("it does not verify: {}", causes(&e)));
        // The store is only read: one that is attached for writing would repair the cache while it is judged.
        let source = StoreRepository::new(Generation(FileStore::new(directory)));
        let updater = Updater::new(source, &self.repository.root).map_err(tuf)?;
        ready(fetch::run(updater, self.repository, updated))
            .ok_or_else(|| damaged("reading it would have to wait".to_owned()))?
            .map_err(tuf)
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::Cache { path: self.directory.clone(), reason: error.to_string(), remedy: CHECK }
    }
}

/// The store's files under the names that a repository has for them.
struct Generation(FileStore);

impl sigstore_tuf::MetadataStore for Generation {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        if let Some(target) = name.strip_prefix("targets/") {
            // With consistent snapshots a repository's target names begin with their digest, the store's do not.
            let plain = target
                .split_once('.')
                .filter(|(digest, _)| digest.len() >= 64)
                .map_or(target, |(_, rest)| rest);
            return self.0.load(&format!("targets/{plain}"));
        }
        match name.split_once('.') {
            Some((number, role)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                match role {
                    "root.json" => self.0.load(&format!("root_history/{name}")),
                    _ => self.0.load(role),
                }
            }
            _ => self.0.load(name),
        }
    }

    fn store(&self, _: &str, _: &[u8]) -> sigstore_tuf::Result<()> {
        Ok(())
    }
}

/// The result of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Replaces a small file at once.
fn write(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name))?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
