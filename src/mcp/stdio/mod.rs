//! Messages over the standard input and output of a child process (MCP, transports, stdio).
//!
//! The child leads a process group of its own, and the whole group is ended on every path: politely when all is
//! well, at once when the connection is dropped. Standard error is drained, and its end kept for error messages.

mod group;
mod lines;
mod tail;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use self::group::Group;
use self::lines::{Line, Lines};
use self::tail::{Drain, Tail};
use super::error::{Ending, Error, How};
use super::link::{Connector, Link, Outgoing, Received};

/// How long a server may take to exit once its standard input is closed.
const GRACE: Duration = Duration::from_secs(2);

/// How long it may take after it was asked to terminate.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// How often a process is looked at while it is expected to exit.
const POLL: Duration = Duration::from_millis(10);

/// How long the end of a closed stream is waited for, when the process is known to be gone.
const SETTLE: Duration = Duration::from_millis(500);

/// How many lines are kept of what a server says after it was told goodbye.
const MAX_LATE_LINES: usize = 100;

/// How to start a server, with its whole environment. Nothing is inherited.
#[derive(Debug)]
pub struct StdioConnector {
    command: String,
    args: Vec<String>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    max_line: usize,
    tail: Tail,
}

impl StdioConnector {
    /// `env` is the complete environment of the server; `max_line` bounds one message in bytes.
    pub fn new(
        command: &str,
        args: &[String],
        env: Vec<(OsString, OsString)>,
        cwd: Option<&Path>,
        max_line: usize,
    ) -> Self {
        StdioConnector {
            command: command.to_owned(),
            args: args.to_vec(),
            env,
            cwd: cwd.map(Path::to_owned),
            max_line,
            tail: Tail::default(),
        }
    }

    /// The last lines that the newest process wrote to standard error: hostile text.
    pub fn stderr_tail(&self) -> String {
        self.tail.text()
    }

    fn spawn_error(&self, source: io::Error) -> Error {
        let command = self.command.clone();
        // A script whose interpreter is missing is "not found" too, but it is there.
        if source.kind() == io::ErrorKind::NotFound && !Path::new(&command).exists() {
            Error::CommandNotFound { command }
        } else {
            Error::Spawn { command, source }
        }
    }
}

impl Connector for StdioConnector {
    type Link = StdioLink;

    async fn connect(&self) -> Result<StdioLink, Error> {
        let mut command = Command::new(&self.command);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            if !cwd.is_dir() {
                return Err(Error::WorkingDirectory { path: cwd.clone() });
            }
            command.current_dir(cwd);
        }
        Group::prepare(&mut command);
        let mut child = command.spawn().map_err(|source| self.spawn_error(source))?;
        let group = Group::of(&child);
        let missing = |doing| Error::Io { doing, source: io::Error::other("the stream is missing") };
        let stdin = child.stdin.take().ok_or_else(|| missing("opening the server's standard input"))?;
        let stdout = child.stdout.take().ok_or_else(|| missing("opening the server's standard output"))?;
        let stderr = child.stderr.take().ok_or_else(|| missing("opening the server's standard error"))?;
        Ok(StdioLink {
            group,
            child,
            stdin: Some(stdin),
            lines: Lines::new(BufReader::with_capacity(64 << 10, stdout), self.max_line),
            stderr: self.tail.drain(stderr),
        })
    }
}

/// A running server process and its streams.
#[derive(Debug)]
pub struct StdioLink {
    // Dropped first: the group is killed while its leader has not been reaped, so its number is still its own.
    group: Group,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: Drain,
}

impl StdioLink {
    /// How the server ended, once its standard output has ended.
    async fn ending(&mut self, unfinished: bool) -> Ending {
        let how = self.wait_for_exit(SETTLE).await.unwrap_or(How::Closed);
        if how != How::Closed {
            self.stderr.wait(SETTLE).await;
        }
        Ending { how, unfinished }
    }

    async fn wait_for_exit(&mut self, at_most: Duration) -> Option<How> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(how) = self.group.exited(&mut self.child) {
                return Some(how);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(POLL).await;
        }
    }

    /// Ends every process of the group: asks first, unless the leader is gone, and does not ask twice.
    async fn end(&mut self) {
        drop(self.stdin.take());
        if self.group.exited(&mut self.child).is_none() {
            self.group.terminate();
            self.wait_for_exit(TERM_GRACE).await;
        }
        self.group.kill(&mut self.child);
        // Reaped after the kill, so that the group's number cannot have been given to somebody else.
        let _ = timeout(SETTLE, self.child.wait()).await;
        self.stderr.wait(SETTLE).await;
    }
}

impl Link for StdioLink {
    async fn send(&mut self, message: Outgoing<'_>) -> Result<(), Error> {
        let Some(stdin) = self.stdin.as_mut() else { return Ok(()) };
        let mut line = Vec::with_capacity(message.body.len() + 1);
        line.extend_from_slice(message.body.as_bytes());
        line.push(b'\n');
        let sent = async {
            stdin.write_all(&line).await?;
            stdin.flush().await
        };
        match sent.await {
            Ok(()) => Ok(()),
            // The server is gone: reading says how, and what it still had to say.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(Error::Io { doing: "writing to the server", source }),
        }
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        match self.lines.next().await? {
            Line::Whole(line) => Ok(Received::Message(line)),
            Line::End { unfinished } => Ok(Received::Ended(self.ending(unfinished).await)),
        }
    }

    async fn finish(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        drop(self.stdin.take());
        let mut late = Vec::new();
        let deadline = Instant::now() + GRACE;
        loop {
            match timeout(POLL, self.lines.next()).await {
                Ok(Ok(Line::Whole(line))) if late.len() < MAX_LATE_LINES => late.push(line),
                Ok(Ok(Line::Whole(_))) => {}
                Ok(Ok(Line::End { .. }) | Err(_)) => break,
                // Nothing to read, and nobody left to write: a grandchild may hold the stream open.
                Err(_) if self.group.exited(&mut self.child).is_some() => break,
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        self.wait_for_exit(deadline.saturating_duration_since(Instant::now())).await;
        self.end().await;
        Ok(late)
    }

    async fn abandon(&mut self) {
        self.end().await;
    }
}
