//! Files: read within limits, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context as _, bail};

/// The directory that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        bail!("cannot read {name}: it is a directory");
    }
    let size = file.metadata().map_or(0, |meta| usize::try_from(meta.len()).unwrap_or(0));
    let mut bytes = Vec::with_capacity(size.min(limit) + 1);
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > limit {
        bail!("{name} has more than {limit} bytes, and more are not read");
    }
    Ok(bytes)
}

/// Reads a file, or nothing where there is none.
pub(crate) fn read_optional(path: &Path, limit: usize) -> anyhow::Result<Option<Vec<u8>>> {
    if path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
        return read(path, limit).map(Some);
    }
    Ok(None)
}

/// Writes a file so that at every moment either the old or the new one is there, whole.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}; what was there before is untouched", path.display());
    // A link is followed, so that it goes on pointing where it did.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut temporary = temporary_beside(&target).with_context(failed)?;
    temporary.write_all(bytes).with_context(failed)?;
    keep_mode(&target, temporary.as_file()).with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)?;
    temporary.persist(&target).map_err(|e| e.error).with_context(failed)?;
    sync_directory(&target);
    Ok(())
}

/// Writes a private file that must not exist yet. Its mode is 0600 from the first moment.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut temporary = temporary_beside(path).with_context(failed)?;
    temporary.write_all(bytes).with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)?;
    temporary.persist_noclobber(path).map_err(|e| e.error).with_context(failed)?;
    sync_directory(path);
    Ok(())
}

/// A temporary file in the same directory; `tempfile` makes it with mode 0600.
fn temporary_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".mcptrust-").suffix(".tmp").tempfile_in(folder(path))
}

#[cfg(unix)]
fn keep_mode(target: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = match fs::metadata(target) {
        Ok(meta) => meta.permissions().mode() & 0o777,
        Err(_) => 0o666 & !umask(),
    };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn umask() -> u32 {
    // There is no way to read it but to set it.
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::umask(mask);
    mask.bits()
}

#[cfg(not(unix))]
fn keep_mode(_target: &Path, _file: &File) -> io::Result<()> {
    Ok(())
}

/// Makes the new name last; systems that cannot do so for directories are left alone.
fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(folder(path)) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let missing = dir.path().join("none/a");
        let error = format!("{:#}", write_atomically(&missing, b"x").unwrap_err());
        assert!(error.contains("what was there before is untouched"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn private_files_are_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        write_private(&path, b"one").unwrap();
        assert!(write_private(&path, b"two").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn reading_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(
            read(&path, 4).unwrap_err().to_string().ends_with("has more than 4 bytes, and more are not read")
        );
        assert!(read(dir.path(), 4).unwrap_err().to_string().ends_with("it is a directory"));
        assert!(read_optional(&dir.path().join("none"), 4).unwrap().is_none());
    }
}
