//! The directory that the instance lives in: keys, log, configuration. One process at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::keys::{Key, TokenKey};
use super::{Error, Failure, Ports, pem};

const PRIVATE_KEY: &str = "PRIVATE KEY";

/// An open directory, locked while this lives.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(Error::file("create", path))?;
        let lock_path = path.join(".lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(Error::file("open", &lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::InUse { path: path.to_owned() }),
            Err(errno) => Err(Error::file("lock", lock_path)(errno.into())),
        }
    }

    /// The path of a file in the directory.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The file's bytes; `None` where there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    /// Writes a file whole or not at all: a temporary file, synchronised, then renamed.
    pub(super) fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), Error> {
        let path = self.join(name);
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
                .tempfile_in(&self.path)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(Error::file("write", path.clone()))
    }

    /// The key `NAME.key` (PKCS#8, mode 0600), made by the first call.
    pub(super) fn key(&self, name: &str) -> Result<Key, Error> {
        self.key_as(name, || Key::generate()?.to_pkcs8(), Key::from_pkcs8)
    }

    /// The same for the key that signs tokens.
    pub(super) fn token_key(&self, name: &str) -> Result<TokenKey, Error> {
        self.key_as(name, || TokenKey::generate()?.to_pkcs8(), TokenKey::from_pkcs8)
    }

    fn key_as<K>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, Failure>,
        read: impl FnOnce(&[u8]) -> Result<K, Failure>,
    ) -> Result<K, Error> {
        let file = format!("{name}.key");
        let damaged = |problem: String| Error::Damaged { path: self.join(&file), problem };
        let der = match self.read(&file)? {
            Some(text) => std::str::from_utf8(&text)
                .ok()
                .and_then(|text| pem::decode(PRIVATE_KEY, text))
                .ok_or_else(|| damaged("it is not a PEM private key".to_owned()))?,
            None => {
                let der = make().map_err(Error::make("a key"))?;
                self.write(&file, 0o600, pem::encode(PRIVATE_KEY, &der).as_bytes())?;
                der
            }
        };
        read(&der).map_err(|failure| damaged(failure.to_string()))
    }

    /// The DER certificate in `NAME.pem`, made by `make` where there is none.
    pub(super) fn certificate(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, Failure>,
    ) -> Result<Vec<u8>, Error> {
        let file = format!("{name}.pem");
        match self.read(&file)? {
            Some(text) => std::str::from_utf8(&text)
                .ok()
                .and_then(|text| pem::decode("CERTIFICATE", text))
                .ok_or_else(|| Error::Damaged {
                    path: self.join(&file),
                    problem: "it is not a PEM certificate".to_owned(),
                }),
            None => {
                let der = make().map_err(Error::make("a certificate"))?;
                self.write(&file, 0o644, pem::encode("CERTIFICATE", &der).as_bytes())?;
                Ok(der)
            }
        }
    }

    /// What the last run with this directory was reached at.
    pub(super) fn instance(&self) -> Result<Option<Instance>, Error> {
        let Some(bytes) = self.read(INSTANCE)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::Damaged { path: self.join(INSTANCE), problem: error.to_string() })
    }

    /// Remembers what this run is reached at.
    pub(super) fn set_instance(&self, instance: &Instance) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec_pretty(instance)
            .map_err(|error| Error::file("write", INSTANCE)(error.into()))?;
        bytes.push(b'\n');
        self.write(INSTANCE, 0o644, &bytes)
    }
}

const INSTANCE: &str = "instance.json";

/// The host name and ports of an instance. Identities hold the issuer's URL, so these last as long as the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instance {
    pub(super) host: String,
    pub(super) ports: Ports,
}
