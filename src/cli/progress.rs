//! Progress of captures: one line on standard error, where that is a terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};

use mcptrust::capture::Progress;
use mcptrust::report::escape;

/// The state of every server that is being captured.
pub(crate) struct Board {
    states: Mutex<BTreeMap<String, String>>,
    live: bool,
}

impl Board {
    pub(crate) fn new(quiet: bool) -> Self {
        Board { states: Mutex::default(), live: !quiet && io::stderr().is_terminal() }
    }

    /// Takes note of what a server's capture reports.
    pub(crate) fn update(&self, server: &str, progress: Progress<'_>) {
        let state = match progress {
            Progress::Started { attempt: 1 } => "starting (a package runner downloads first)".to_owned(),
            Progress::Started { attempt } => format!("starting, attempt {attempt}"),
            Progress::Answered { version, .. } => format!("speaks {}", escape::terminal(version)),
            Progress::Listed { kind, count } => format!("{count} {}", kind.plural()),
            _ => return,
        };
        self.states().insert(server.to_owned(), state);
        self.draw();
    }

    /// Takes a server off the line.
    pub(crate) fn done(&self, server: &str) {
        self.states().remove(server);
        self.draw();
    }

    fn states(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        if !self.live {
            return;
        }
        let states = self.states();
        let mut line = String::new();
        for (server, state) in states.iter() {
            let server = escape::terminal(server);
            let piece = format!("{}{server}: {state}", if line.is_empty() { "" } else { " · " });
            if line.chars().count() + piece.chars().count() > 76 {
                line.push_str(" …");
                break;
            }
            line.push_str(&piece);
        }
        // A line without a newline is replaced by the next one.
        let _ = write!(io::stderr(), "\r\u{1b}[2K{line}");
        let _ = io::stderr().flush();
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.states().clear();
        self.draw();
    }
}
