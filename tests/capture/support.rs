//! Starting fixtures, and looking for processes that were left behind.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mcptrust::capture::{Captured, Error, Launch, Limits, Progress, capture};
use mcptrust::finding::Finding;
use mcptrust::json::Value;
use tempfile::TempDir;

/// Limits that a well-behaved fixture never meets, and a hanging one meets soon.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.startup_timeout = Duration::from_secs(60);
    limits.request_timeout = Duration::from_secs(60);
    limits
}

/// A fixture in the making.
pub(crate) struct Fixture {
    pub(crate) launch: Launch,
    pub(crate) limits: Limits,
    pub(crate) prefer: Option<&'static str>,
    dir: TempDir,
}

/// One run, and what was left of it.
pub(crate) struct Run {
    pub(crate) outcome: Result<Captured, Error>,
    pub(crate) progress: Vec<String>,
    pub(crate) started: usize,
}

impl Fixture {
    /// `fixture_hostile` in a mode, with the arguments that it needs.
    pub(crate) fn hostile(words: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        args.extend(["--pids".to_owned(), dir.path().join("pids").display().to_string()]);
        let launch = Launch {
            expanded: Vec::new(),
            name: "fixture".to_owned(),
            command: example("fixture_hostile").display().to_string(),
            args,
            env: Vec::new(),
            base_env: std::env::vars_os().collect(),
            cwd: None,
        };
        Fixture { launch, limits: limits(), prefer: None, dir }
    }

    /// `fixture_hostile` with the surface in `json`, and more arguments.
    pub(crate) fn surface(json: &str, words: &[&str]) -> Self {
        let mut fixture = Fixture::hostile(words);
        let path = fixture.dir.path().join("surface.json");
        std::fs::write(&path, json).unwrap();
        fixture.launch.args.extend(["--surface".to_owned(), path.display().to_string()]);
        fixture
    }

    /// `fixture_rmcp`: a server on the official SDK.
    pub(crate) fn rmcp(words: &[&str]) -> Self {
        let mut fixture = Fixture::hostile(&[]);
        fixture.launch.command = example("fixture_rmcp").display().to_string();
        fixture.launch.args = words.iter().map(|word| (*word).to_owned()).collect();
        fixture
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.launch.env.push((name.to_owned(), OsString::from(value)));
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Asked in the legacy era without a probe, and not waited for after the first answer.
    pub(crate) fn impatient(self) -> Self {
        self.prefer("2025-11-25").limits(|limits| limits.request_timeout = Duration::from_millis(250))
    }

    pub(crate) fn prefer(mut self, version: &'static str) -> Self {
        self.prefer = Some(version);
        self
    }

    /// Captures, and checks that no process is left.
    pub(crate) async fn run(&self) -> Run {
        let progress = Mutex::new(Vec::new());
        let observer = |step: Progress<'_>| progress.lock().unwrap().push(format!("{step:?}"));
        let outcome = capture(&self.launch, &self.limits, self.prefer, &observer).await;
        let pids = self.pids();
        assert_gone(&pids).await;
        Run { outcome, progress: progress.into_inner().unwrap(), started: pids.len() }
    }

    pub(crate) async fn captured(&self) -> Captured {
        self.run().await.outcome.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The whole message of the error that has to come.
    pub(crate) async fn error(&self) -> String {
        match self.run().await.outcome {
            Ok(captured) => panic!("captured {:?}", captured.surface),
            Err(error) => error.to_string(),
        }
    }

    /// The message without the server's name in front.
    pub(crate) async fn message(&self) -> String {
        match self.run().await.outcome {
            Ok(captured) => panic!("captured {:?}", captured.surface),
            Err(error) => error.message().to_owned(),
        }
    }

    /// Every process that the fixture says it started.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.dir.path().join("pids")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// A program of `examples/`, which cargo builds with the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is not built; run `cargo test` without `--test`, or `cargo build --examples` first",
        path.display()
    );
    path
}

/// Waits until none of them runs; what is killed takes a moment to go.
pub(crate) async fn assert_gone(pids: &[i32]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left: Vec<_> = pids.iter().filter(|pid| alive(**pid)).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "processes are left: {left:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process runs; one that waits to be reaped by its parent does not.
pub(crate) fn alive(pid: i32) -> bool {
    let Some(number) = rustix::process::Pid::from_raw(pid) else { return false };
    if rustix::process::test_kill_process(number).is_err() {
        return false;
    }
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])),
        Err(_) => !std::path::Path::new("/proc/self/stat").exists(),
    }
}

/// `code severity name pointer`, a line each. A finding about a variable names it in `after`, and no other has one.
pub(crate) fn summary(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            assert_eq!(finding.server.as_deref(), Some("fixture"));
            assert_eq!(finding.before, None);
            let variable =
                finding.after.as_ref().map(|after| after.get("variable").unwrap().as_str().unwrap());
            assert_eq!(variable.is_some(), finding.code == "capture-secret-echoed");
            let name = finding.name.as_deref().unwrap_or("-");
            format!("{} {} {} {name} {}", finding.code, finding.severity, finding.kind, finding.pointer)
        })
        .collect()
}

/// A value as compact text, to compare with.
pub(crate) fn text(value: Option<&Value<'_>>) -> String {
    value.map_or("nothing".to_owned(), mcptrust::json::compact)
}
