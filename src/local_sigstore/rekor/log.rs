//! The log: an append-only file, the tree over it, and signed checkpoints (C2SP tlog-checkpoint).

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::keys::Key;
use super::super::{Error, Failure};
use super::tree::{Hash, TILE, Tree, leaf};

/// Length (four bytes, big-endian) and leaf hash stand before each entry.
const HEADER: usize = 4 + 32;
/// Entry bundles write a length in two bytes.
pub(super) const MAX_ENTRY: usize = u16::MAX as usize;

/// An open log.
pub(super) struct Log {
    file: File,
    length: u64,
    /// Where each entry stands in the file.
    places: Vec<(u64, usize)>,
    tree: Tree,
    by_leaf: HashMap<Hash, u64>,
    broken: bool,
    key: Key,
    origin: String,
}

/// Why an entry was not added.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    #[error("an equivalent entry already exists in the transparency log with index {0}")]
    Duplicate(u64),
    #[error("the entry is {0} bytes long; {MAX_ENTRY} is the most")]
    TooLong(usize),
    #[error("the log cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// An entry's place in the log, and the proof of it.
pub(super) struct Included {
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) hashes: Vec<Hash>,
}

impl Log {
    /// Opens the log, and reads it all. A last entry that was not wholly written was never promised: it goes.
    pub(super) fn open(path: &Path, key: Key, origin: String) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::file("open", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::file("read", path))?;
        let mut log = Self {
            file,
            length: 0,
            places: Vec::new(),
            tree: Tree::default(),
            by_leaf: HashMap::new(),
            broken: false,
            key,
            origin,
        };
        let mut rest = bytes.as_slice();
        while let Some((hash, entry)) = split_entry(rest) {
            if leaf(entry) != hash {
                let problem = format!("entry {} does not have its hash", log.tree.size());
                return Err(Error::Damaged { path: PathBuf::from(path), problem });
            }
            log.remember(hash, entry.len());
            rest = rest.get(HEADER + entry.len()..).unwrap_or_default();
        }
        if !rest.is_empty() {
            log.file.set_len(log.length).map_err(Error::file("mend", path))?;
        }
        Ok(log)
    }

    fn remember(&mut self, hash: Hash, length: usize) {
        self.by_leaf.insert(hash, self.tree.size());
        self.places.push((self.length + HEADER as u64, length));
        self.length += (HEADER + length) as u64;
        self.tree.push(hash);
    }

    /// Entries in the log.
    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// SHA-256 of the log's key, which names it.
    pub(super) fn id(&self) -> Hash {
        self.key.id()
    }

    /// The key that signs checkpoints.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Adds an entry; it is on the disk when this returns.
    pub(super) fn append(&mut self, entry: &[u8]) -> Result<Included, AppendError> {
        let length = u32::try_from(entry.len()).ok().filter(|_| entry.len() <= MAX_ENTRY);
        let length = length.ok_or(AppendError::TooLong(entry.len()))?;
        let hash = leaf(entry);
        if let Some(index) = self.by_leaf.get(&hash) {
            return Err(AppendError::Duplicate(*index));
        }
        if self.broken {
            return Err(io::Error::other("an earlier write failed").into());
        }
        let mut record = Vec::with_capacity(HEADER + entry.len());
        record.extend(length.to_be_bytes());
        record.extend(hash);
        record.extend(entry);
        if let Err(error) = self.file.write_all(&record).and_then(|()| self.file.sync_data()) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error.into());
        }
        let index = self.tree.size();
        self.remember(hash, entry.len());
        Ok(Included {
            index,
            size: self.tree.size(),
            root: self.tree.root(),
            hashes: self.tree.inclusion_proof(index).unwrap_or_default(),
        })
    }

    /// The checkpoint of the log as it stands, signed by its key, or by `impostor` in the log's name.
    pub(super) fn checkpoint(&self, impostor: Option<&Key>) -> Result<String, Failure> {
        let origin = &self.origin;
        let body = format!("{origin}\n{}\n{}\n", self.tree.size(), STANDARD.encode(self.tree.root()));
        // C2SP signed-note; an ECDSA key's identifier is the hash of the key alone
        let mut signature: Vec<u8> = self.id().iter().take(4).copied().collect();
        signature.extend(impostor.unwrap_or(&self.key).sign(body.as_bytes())?);
        Ok(format!("{body}\n\u{2014} {origin} {}\n", STANDARD.encode(signature)))
    }

    /// A tile of hashes.
    pub(super) fn tile(&self, level: u64, index: u64, width: u64) -> Option<Vec<u8>> {
        self.tree.tile(level, index, width)
    }

    /// The entry at index 0.
    pub(super) fn first_entry(&self) -> io::Result<Vec<u8>> {
        let (at, length) = self.places.first().copied().ok_or(io::ErrorKind::NotFound)?;
        let mut entry = vec![0; length];
        self.file.read_exact_at(&mut entry, at)?;
        Ok(entry)
    }

    /// A bundle of entries, each after its length in two bytes; `None` where the log does not have them all.
    pub(super) fn entries(&self, index: u64, width: u64) -> io::Result<Option<Vec<u8>>> {
        let from = index.checked_mul(TILE).and_then(|from| usize::try_from(from).ok());
        let places =
            from.and_then(|from| self.places.get(from..from.checked_add(usize::try_from(width).ok()?)?));
        let Some(places) = places else { return Ok(None) };
        let mut bundle = Vec::new();
        for (at, length) in places {
            let mut entry = vec![0; *length];
            self.file.read_exact_at(&mut entry, *at)?;
            let length = u16::try_from(*length).map_err(io::Error::other)?;
            bundle.extend(length.to_be_bytes());
            bundle.extend(entry);
        }
        Ok(Some(bundle))
    }
}

/// The first whole record.
fn split_entry(bytes: &[u8]) -> Option<(Hash, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some((*hash, rest.get(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Log, Error> {
        Log::open(path, Key::generate().unwrap(), "log.example.com".to_owned())
    }

    #[test]
    fn a_torn_last_entry_is_dropped_and_the_rest_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = open(&path).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        let root = log.tree.root();
        let length = log.length;
        log.append(b"three").unwrap();
        drop(log);
        let whole = std::fs::metadata(&path).unwrap().len();
        for cut in length..whole {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
            let mut log = open(&path).unwrap();
            assert_eq!((log.size(), log.tree.root()), (2, root), "cut at {cut}");
            assert_eq!(log.append(b"three").unwrap().index, 2);
        }
    }

    #[test]
    fn a_changed_entry_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = open(&path).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        drop(log);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = open(&path).err().unwrap().to_string();
        assert!(error.contains("damaged: entry 0 does not have its hash"), "{error}");
    }

    #[test]
    fn the_same_entry_has_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(&dir.path().join("log")).unwrap();
        log.append(b"one").unwrap();
        assert!(matches!(log.append(b"one"), Err(AppendError::Duplicate(0))));
        assert!(matches!(log.append(&vec![0; MAX_ENTRY + 1]), Err(AppendError::TooLong(_))));
        assert_eq!(log.size(), 1);
    }
}
