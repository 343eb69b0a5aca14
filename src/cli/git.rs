//! What git says about files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Whether git would pick up a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// There is no repository here.
    Outside,
    /// The file is ignored.
    Ignored,
    /// A commit could take it in.
    Exposed,
}

fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Asks git about a file that may not exist yet. Without the git program, a repository is taken to track it.
pub(crate) fn tracking(directory: &Path, file: &str) -> Tracking {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    if !directory.ancestors().any(|dir| dir.join(".git").exists()) {
        return Tracking::Outside;
    }
    let ignored = git(&directory).args(["check-ignore", "--quiet", "--", file]).status();
    if ignored.is_ok_and(|status| status.success()) { Tracking::Ignored } else { Tracking::Exposed }
}

/// Adds a file to the `.gitignore` of its directory.
pub(crate) fn ignore(directory: &Path, file: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(".gitignore");
    let failed = || format!("cannot write {}", path.display());
    let before = fs::read(&path).unwrap_or_default();
    let mut out = OpenOptions::new().create(true).append(true).open(&path).with_context(failed)?;
    let start = if before.last().is_some_and(|b| *b != b'\n') { "\n" } else { "" };
    out.write_all(format!("{start}/{file}\n").as_bytes()).with_context(failed)?;
    Ok(path)
}

/// A file as it was in a revision.
pub(crate) fn show(directory: &Path, revision: &str, file: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let commit = commit(directory, revision)?;
    let name = file.file_name().context("the lockfile has no name")?.to_string_lossy();
    let spec = format!("{commit}:./{name}");
    let size = git(directory).args(["cat-file", "-s", &spec]).output().context("cannot run git")?;
    let size: usize = String::from_utf8_lossy(&size.stdout).trim().parse().unwrap_or(0);
    if size > limit {
        bail!("{name} at {revision} has more than {limit} bytes, and more are not read");
    }
    let output = git(directory)
        .args(["show", "--no-textconv", &spec])
        .stderr(Stdio::piped())
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git has no {name} at {revision}: {}", said.trim());
    }
    Ok(output.stdout)
}

/// The commit that a revision names. An empty one would stand for the index.
fn commit(directory: &Path, revision: &str) -> anyhow::Result<String> {
    let spec = format!("{revision}^{{commit}}");
    let output = git(directory)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options", &spec])
        .output()
        .context("cannot run git")?;
    let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if revision.is_empty() || !output.status.success() || commit.is_empty() {
        bail!("{revision:?} is no git revision here");
    }
    Ok(commit)
}

/// The names of the files that stood in a directory in a revision.
pub(crate) fn list(directory: &Path, revision: &str) -> anyhow::Result<Vec<String>> {
    let commit = commit(directory, revision)?;
    let output = git(directory)
        .args(["ls-tree", "-z", "--name-only", &commit, "./"])
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        bail!("git cannot list the files at {revision}");
    }
    let names = output.stdout.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
    Ok(names.filter(|name| !name.is_empty()).collect())
}
