//! What every command needs to know about its surroundings.

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcptrust::report::{Style, escape};

use super::files;
use super::options::{Color, Global};

/// The surroundings of a run.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) now: Timestamp,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        Context { global, now: Timestamp::now() }
    }

    /// The lockfile's path.
    pub(crate) fn lockfile(&self) -> &Path {
        &self.global.lockfile
    }

    /// The lockfile's path for messages.
    pub(crate) fn lockfile_name(&self) -> String {
        self.global.lockfile.display().to_string()
    }

    /// The directory of the lockfile: where its project is.
    pub(crate) fn base(&self) -> PathBuf {
        files::folder(&self.global.lockfile).to_owned()
    }

    /// A file beside the lockfile, spelled as short as it can be.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.global.lockfile.with_file_name(name)
    }

    /// Refuses a --lockfile that would mean nothing.
    pub(crate) fn refuse_lockfile(&self, why: &str) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.global.lockfile.as_os_str() == "mcp-lock.json",
            "--lockfile makes no sense here: {why}"
        );
        Ok(())
    }

    /// A variable of the environment, where it is Unicode.
    #[expect(clippy::unused_self, reason = "the one way to the environment")]
    pub(crate) fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The whole environment.
    #[expect(clippy::unused_self, reason = "the one way to the environment")]
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }

    /// How to write for a person on standard output.
    pub(crate) fn style(&self) -> Style {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let color = match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        let width = if terminal { terminal_width() } else { None };
        Style { color, width: width.unwrap_or(100), unicode: speaks_utf8() }
    }

    /// How many findings are shown in full.
    pub(crate) fn finding_limit(&self) -> usize {
        if self.global.verbose { usize::MAX } else { mcptrust::report::human::DEFAULT_LIMIT }
    }

    /// Writes results to standard output; a reader that went away is no error.
    #[expect(clippy::unused_self, reason = "the one way to standard output")]
    pub(crate) fn print(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Tells a person something on standard error. Server text must be escaped already.
    pub(crate) fn note(&self, text: &str) {
        if !self.global.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Warns on standard error, even when quiet.
    #[expect(clippy::unused_self, reason = "the one way to standard error")]
    pub(crate) fn warn(&self, text: &str) {
        let _ = writeln!(io::stderr(), "warning: {}", lines(text));
    }

    /// Says why it could not be decided.
    #[expect(clippy::unused_self, reason = "the one way to standard error")]
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let _ = writeln!(io::stderr(), "error: {}", lines(&chain(error)));
    }

    /// Whether a person can be asked.
    #[expect(clippy::unused_self, reason = "the one way to the terminal")]
    pub(crate) fn interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question; anything but yes is no.
    #[expect(clippy::unused_self, reason = "the one way to the terminal")]
    pub(crate) fn confirm(&self, question: &str) -> io::Result<bool> {
        let mut err = io::stderr();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    // Without a terminal the output is a file or a log, and those are UTF-8 today.
    !io::stdout().is_terminal() || locale.contains("utf-8") || locale.contains("utf8")
}

/// Escapes a text for the terminal, and keeps its line ends.
pub(crate) fn lines(text: &str) -> String {
    // Character by character: a backslash may belong to an escape that stands there already.
    let one = |c: char| {
        if c == '\n' { c.to_string() } else { escape::terminal(c.encode_utf8(&mut [0; 4])).into_owned() }
    };
    text.chars().map(one).collect()
}

/// An error and its causes, each said once.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
