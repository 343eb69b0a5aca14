//! Servers that do nothing wrong, and things that are not wrong although they look like it.

use std::ffi::OsString;
use std::time::Duration;

use super::support::{Fixture, summary, text};
use mcptrust::capture::Captured;

#[tokio::test]
async fn a_well_behaved_server_is_captured_without_findings() {
    for words in [&["well"][..], &["well", "--modern"]] {
        let captured = Fixture::hostile(words).captured().await;
        assert_eq!(captured.surface.count(), 1);
        assert_eq!(
            text(Some(&captured.surface.tools["echo"])),
            r#"{"description":"A tool.","inputSchema":{"type":"object"},"name":"echo"}"#
        );
        assert_eq!(summary(&captured.findings), [""; 0]);
    }
}

#[tokio::test]
async fn two_captures_are_equal() {
    for words in [&["many", "50", "7"][..], &["many", "50", "7", "--modern"]] {
        let first = Fixture::hostile(words).captured().await.surface;
        assert_eq!(first.tools.len(), 50);
        assert_eq!(first, Fixture::hostile(words).captured().await.surface);
    }
}

#[tokio::test]
async fn what_comes_in_between_is_survived() {
    for mode in ["interleave", "noise", "pretty-noise", "flood-stderr", "batch", "late-log"] {
        let captured = Fixture::hostile(&[mode]).captured().await;
        assert_eq!(captured.surface.count(), 1, "{mode}");
    }
}

#[tokio::test]
async fn the_first_answer_may_take_longer_than_the_others() {
    let fixture = Fixture::hostile(&["slow", "4000"]).limits(|limits| {
        limits.startup_timeout = Duration::from_secs(60);
        limits.request_timeout = Duration::from_secs(3);
    });
    assert_eq!(fixture.captured().await.surface.count(), 1);
}

#[tokio::test]
async fn a_server_gets_the_named_variables_and_few_others() {
    let mut fixture = Fixture::hostile(&["well"]).env("API_TOKEN", "s3cr3t-t0ken");
    fixture.launch.base_env.push((OsString::from("AWS_SECRET_ACCESS_KEY"), OsString::from("x")));
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), "env | cut -d= -f1 | sort >&2; exit 1".to_owned()];
    let error = fixture.run().await.outcome.unwrap_err();
    let names = error.stderr();
    assert!(names.iter().any(|name| name == "API_TOKEN"), "{names:?}");
    assert!(names.iter().any(|name| name == "PATH"), "{names:?}");
    let allowed = ["API_TOKEN", "PATH", "HOME", "USER", "LOGNAME", "LANG", "TERM", "TMPDIR", "SHELL", "TZ"];
    // What the shell sets for itself.
    let shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    for name in names {
        assert!(
            allowed.contains(&name.as_str())
                || shell.contains(&name.as_str())
                || name.starts_with("LC_")
                || name.starts_with("XDG_"),
            "{name} was passed on"
        );
    }
}

#[tokio::test]
async fn a_server_is_started_where_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), "pwd >&2; exit 1".to_owned()];
    fixture.launch.cwd = Some(dir.path().to_owned());
    let error = fixture.run().await.outcome.unwrap_err();
    assert_eq!(error.stderr(), [dir.path().canonicalize().unwrap().display().to_string()]);
}

/// What `fixture_rmcp` declares, whatever the era.
fn check_rmcp(captured: &Captured, version: &str) {
    let surface = &captured.surface;
    assert_eq!(surface.protocol_version, version);
    assert_eq!(text(surface.server_info.as_ref()), r#"{"name":"fixture-rmcp","version":"1.0.0"}"#);
    assert_eq!(text(surface.capabilities.as_ref()), r#"{"prompts":{},"resources":{},"tools":{}}"#);
    assert_eq!(surface.instructions.as_deref(), Some("Add before you forget."));
    assert_eq!(surface.tools.keys().collect::<Vec<_>>(), ["add", "forget"]);
    let add = &surface.tools["add"];
    assert_eq!(text(add.get("annotations")), r#"{"readOnlyHint":true,"title":"Add"}"#);
    assert_eq!(text(add.pointer("/inputSchema/required")), r#"["a","b"]"#);
    assert_eq!(text(surface.prompts["greeting"].pointer("/arguments/0/name")), r#""name""#);
    assert_eq!(
        text(surface.resources.get("file:///readme")),
        r#"{"annotations":{"audience":["user"]},"name":"readme","uri":"file:///readme"}"#
    );
    assert_eq!(
        text(surface.resources.get("file:///license")),
        r#"{"name":"license","uri":"file:///license"}"#
    );
    assert_eq!(
        text(surface.resource_templates.get("file:///{path}")),
        r#"{"name":"file","uriTemplate":"file:///{path}"}"#
    );
    assert_eq!(surface.count(), 6);
    assert_eq!(summary(&captured.findings), [""; 0]);
}

#[tokio::test]
async fn the_official_sdk_is_read_in_both_eras() {
    let both = Fixture::rmcp(&[]).captured().await;
    check_rmcp(&both, "2026-07-28");
    check_rmcp(&Fixture::rmcp(&["modern"]).captured().await, "2026-07-28");
    check_rmcp(&Fixture::rmcp(&["legacy"]).captured().await, "2025-11-25");
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        check_rmcp(&Fixture::rmcp(&[]).prefer(version).captured().await, version);
    }
    // Locked in the legacy era, and modern only by now.
    check_rmcp(&Fixture::rmcp(&["modern"]).prefer("2025-11-25").captured().await, "2026-07-28");
}
