//! What is started, and what it gets to see of the caller's environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::mcp::{Limits, StdioConnector};

/// Variables that every program needs to find its files and speak the user's language, and that hold no secrets.
const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TERM", "TMPDIR", "SHELL", "TZ"];

/// The same by the first part of their names.
const INHERITED_PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// What Windows needs in addition; names are compared without case there.
const INHERITED_WINDOWS: [&str; 18] = [
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
];

/// How to start a server over stdio.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its name in the lockfile, for messages.
    pub name: String,
    /// The program: a path, or a name that is looked up in the `PATH` of `base_env`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Named variables with their values, in addition to what is inherited. The values are taken for secrets: one
    /// that shows up in the surface is reported, and none is repeated in an error message.
    pub env: Vec<(String, OsString)>,
    /// Further variables whose values are secrets: those that were put into the command, an argument or `cwd`. The
    /// server does not get them by name.
    pub expanded: Vec<(String, OsString)>,
    /// The caller's whole environment. Only `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_*`, `TERM`, `TMPDIR`,
    /// `SHELL`, `TZ`, `XDG_*`, and what Windows needs, are passed on.
    pub base_env: Vec<(OsString, OsString)>,
    /// Where to start it; the current directory without.
    pub cwd: Option<PathBuf>,
}

impl Launch {
    pub(super) fn connector(&self, limits: &Limits) -> StdioConnector {
        StdioConnector::new(
            &self.command,
            &self.args,
            self.environment(),
            self.cwd.as_deref(),
            limits.max_message_bytes,
        )
    }

    /// The environment that the server gets.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = self.base_env.iter().filter(|(name, _)| inherits(name, cfg!(windows))).cloned();
        let named = self.env.iter().map(|(name, value)| (OsString::from(name), value.clone()));
        inherited.chain(named).collect()
    }
}

fn inherits(name: &OsStr, windows: bool) -> bool {
    let Some(name) = name.to_str() else { return false };
    if windows {
        let name = name.to_ascii_uppercase();
        return INHERITED.contains(&name.as_str()) || INHERITED_WINDOWS.contains(&name.as_str());
    }
    INHERITED.contains(&name) || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_variables_are_inherited() {
        let base =
            ["PATH", "HOME", "LC_ALL", "XDG_CACHE_HOME", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "Path"];
        let launch = Launch {
            name: "x".into(),
            command: "x".into(),
            args: Vec::new(),
            env: vec![("API_TOKEN".into(), "t".into())],
            expanded: Vec::new(),
            base_env: base.iter().map(|name| (OsString::from(name), OsString::from("v"))).collect(),
            cwd: None,
        };
        let names: Vec<_> = launch.environment().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PATH", "HOME", "LC_ALL", "XDG_CACHE_HOME", "API_TOKEN"]);
    }

    #[test]
    fn windows_compares_names_without_case() {
        assert!(inherits(OsStr::new("Path"), true));
        assert!(inherits(OsStr::new("SystemRoot"), true));
        assert!(!inherits(OsStr::new("SystemRoot"), false));
        assert!(!inherits(OsStr::new("GITHUB_TOKEN"), true));
    }
}
