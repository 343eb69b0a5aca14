//! A project directory and the command in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with a server whose surface is a file.
pub(crate) struct Project {
    dir: TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        // Lines are wrapped for people, so spaces and line ends are one.
        let folded = all.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(folded.contains(&wanted), "expected {text:?}\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }

    /// The codes of the findings in a JSON report.
    pub(crate) fn codes(&self) -> Vec<String> {
        let report = self.json();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }
}

/// A program that is built with the tests.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let path = exe.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is not built: run \"cargo build --examples\"", path.display());
    path
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Project { dir: tempfile::tempdir().unwrap() };
        project.serve(&surface());
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.file(name), text).unwrap();
    }

    /// Sets what the server declares.
    pub(crate) fn serve(&self, surface: &Value) {
        self.write("surface.json", surface.to_string());
    }

    /// The command that starts the server.
    pub(crate) fn server(&self) -> Vec<String> {
        let program = fixture("fixture_hostile");
        vec![program.to_str().unwrap().to_owned(), "--surface".to_owned(), "surface.json".to_owned()]
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcptrust"));
        command.current_dir(self.path()).stdin(Stdio::null());
        for name in ["MCPTRUST_PASSPHRASE", "NO_COLOR", "GITHUB_ACTIONS", "SIGSTORE_ID_TOKEN"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Ran {
        finish(self.command().args(args))
    }

    /// Locks the server under the name `files`.
    pub(crate) fn lock(&self) -> Ran {
        let mut args = vec!["lock".to_owned(), "--name".to_owned(), "files".to_owned(), "--".to_owned()];
        args.extend(self.server());
        self.run(args)
    }

    /// Locks, makes a key pair and signs.
    pub(crate) fn signed() -> Self {
        let project = Self::new();
        project.lock().code(0);
        project.run(["keygen"]).code(0);
        project.run(["sign", "--key", "mcptrust.key"]).code(0);
        project
    }
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A small server: one tool, one prompt.
pub(crate) fn surface() -> Value {
    json!({
        "serverInfo": {"name": "files", "version": "1.0.0"},
        "capabilities": {"tools": {}, "prompts": {}},
        "instructions": "Read before you write.",
        "tools": [{
            "name": "read_file",
            "description": "Reads a file.",
            "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
            "annotations": {"readOnlyHint": true}
        }],
        "prompts": [{"name": "summary", "description": "Summarises a file."}]
    })
}

/// The surface with one place set to another value.
pub(crate) fn changed(pointer: &str, value: Value) -> Value {
    let mut surface = surface();
    *surface.pointer_mut(pointer).unwrap() = value;
    surface
}
