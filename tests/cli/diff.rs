use std::process::Command;

use serde_json::json;

use crate::support::{Project, changed, fixture};

#[test]
fn a_quiet_server_gives_no_drift_and_says_that_nothing_is_verified() {
    let project = Project::new();
    project.lock().code(0);
    project.run(["diff"]).code(0).says("No drift").says("Not verified");
    project.run(["diff", "files"]).code(0);
    project.run(["diff", "other"]).code(2).says("has no server called \"other\": it has files");
}

#[test]
fn every_change_has_its_code_and_place() {
    let project = Project::new();
    project.lock().code(0);
    project.serve(&changed("/tools/0/annotations/readOnlyHint", json!(false)));
    let report = project.run(["diff", "--format", "json"]).code(1).json();
    let finding = &report["findings"][0];
    assert_eq!(finding["severity"], "critical");
    for key in ["code", "severity", "server", "kind", "name", "pointer", "before", "after", "message"] {
        assert!(finding.get(key).is_some(), "{key}: {finding}");
    }
    assert_eq!((&finding["server"], &finding["name"]), (&json!("files"), &json!("read_file")));
    assert_eq!(finding["pointer"], "/annotations/readOnlyHint");
    project.serve(&changed("/serverInfo/version", json!("1.0.1")));
    project.run(["diff"]).code(1).says("1.0.1");
    project.run(["diff", "--fail-on", "moderate"]).code(0);
}

#[test]
fn another_command_can_be_compared_with_what_is_locked() {
    let project = Project::new();
    project.lock().code(0);
    let program = fixture("fixture_hostile");
    let program = program.to_str().unwrap();
    project.run(["diff", "files", "--", program, "well"]).code(1).says("read_file");
    project.run(["diff", "--", program, "well"]).code(2).says("name it");
    project.run(["diff", "files", "--", program, "exit"]).code(2).says("no answer is not \"no drift\"");
}

#[test]
fn two_lockfiles_are_compared() {
    let project = Project::new();
    project.lock().code(0);
    project.write("old.json", project.read("mcp-lock.json"));
    project.write("new.json", project.read("mcp-lock.json").replace("Reads a file.", "Reads all files."));
    project.run(["diff", "old.json", "old.json"]).code(0);
    project.run(["diff", "old.json", "new.json"]).code(1).says("read_file");
    project.run(["diff", "old.json", "gone.json"]).code(2).says("cannot read gone.json");
    project.run(["diff", "old.json", "new.json", "--key", "x.pub"]).code(2).says("compared as they are");
}

#[test]
fn git_revisions_are_compared() {
    let project = Project::new();
    project.lock().code(0);
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(args);
        assert!(command.current_dir(project.path()).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "mcp-lock.json"]);
    git(&["commit", "--quiet", "-m", "one"]);
    project.run(["diff", "--base", "HEAD"]).code(0);
    project
        .write("mcp-lock.json", project.read("mcp-lock.json").replace("Reads a file.", "Reads all files."));
    project.run(["diff", "--base", "HEAD"]).code(1).says("read_file").says("mcp-lock.json at HEAD");
    project.run(["diff", "--base", "HEAD", "--head", "HEAD"]).code(0);
    project.run(["diff", "--base", "nonsense"]).code(2).says("\"nonsense\" is no git revision here");
    project.run(["diff", "--base", "--output=x"]).code(2);
    // As an unset variable in a script; it would stand for the index.
    project.run(["diff", "--base", ""]).code(2).says("is no git revision here");
}

#[test]
fn with_a_rule_nothing_is_started_before_the_lockfile_is_verified() {
    let project = Project::signed();
    project.run(["diff", "--key", "mcptrust.pub"]).code(0).says("No drift");
    let marker = project.file("started");
    let text = project.read("mcp-lock.json");
    let evil = text.replace(
        &format!("\"command\": {}", json!(fixture("fixture_hostile").to_str().unwrap())),
        &format!("\"command\": {}", json!(format!("touch {}; exit 1", marker.display()))),
    );
    let evil = evil.replace("\"command\": \"touch", "\"command\": \"sh\", \"cwd\": \"touch");
    assert_ne!(evil, text);
    project.write("mcp-lock.json", evil);
    project.run(["diff", "--key", "mcptrust.pub"]).code(1).says("No server was started");
    assert!(!marker.exists());
}

#[test]
fn a_changed_signer_is_drift() {
    let project = Project::signed();
    let copy = |from: &str, to: &str| std::fs::copy(project.file(from), project.file(to)).unwrap();
    copy("mcp-lock.json", "old.json");
    copy("mcp-lock.json.sigstore.json", "old.json.sigstore.json");
    project.run(["diff", "old.json", "mcp-lock.json"]).code(0);
    project.run(["keygen", "--output", "other"]).code(0);
    project
        .run(["sign", "--key", "other.key"])
        .code(2)
        .says("nobody who may sign here made it")
        .says("--sequence");
    project.run(["sign", "--key", "other.key", "--sequence", "2"]).code(0);
    let ran = project.run(["diff", "old.json", "mcp-lock.json", "--format", "json"]).code(1);
    assert_eq!(ran.codes(), ["signer-key-changed"]);
    let verify = ["verify", "--key", "other.pub", "--previous", "old.json.sigstore.json"];
    project.run(verify).code(1).says("signer-key-changed").says("could not be checked");
    project.run(["verify", "--key", "other.pub", "--previous", "mcp-lock.json.sigstore.json"]).code(0);
}

#[test]
fn no_argument_is_silently_ignored() {
    let project = Project::new();
    project.lock().code(0);
    let twice = ["diff", "mcp-lock.json", "mcp-lock.json"];
    project.run(twice).code(0);
    for more in [["--max-age", "1d"], ["--min-sequence", "1"], ["--state", "x"], ["--github-ref", "main"]] {
        project.run(twice.iter().chain(&more)).code(2).says("compared as they are");
    }
    project.run(twice.iter().chain(&["--max-pages", "1"])).code(2).says("limits make no sense here");
    project.run(["diff", "--bundle", "x"]).code(2).says("nothing says who may have signed");
}

#[test]
fn a_removed_signature_is_drift() {
    let project = Project::signed();
    let copy = |from: &str, to: &str| std::fs::copy(project.file(from), project.file(to)).unwrap();
    copy("mcp-lock.json", "old.json");
    copy("mcp-lock.json.sigstore.json", "old.json.sigstore.json");
    std::fs::remove_file(project.file("mcp-lock.json.sigstore.json")).unwrap();
    assert_eq!(
        project.run(["diff", "old.json", "mcp-lock.json", "--format", "json"]).code(1).codes(),
        ["signer-removed"]
    );
}

#[test]
fn a_client_file_that_nobody_signed_chooses_no_value_for_a_verified_command() {
    let project = Project::new();
    let program = fixture("fixture_hostile");
    let config = |value: &str| {
        let entry =
            json!({"command": program, "args": ["echo-env", "ACME_MODE"], "env": {"ACME_MODE": value}});
        project.write(".mcp.json", json!({"mcpServers": {"files": entry}}).to_string());
    };
    config("abc");
    project.run(["lock"]).code(0);
    project.run(["keygen"]).code(0);
    project.run(["sign", "--key", "mcptrust.key"]).code(0);
    config("${HOME}");
    project.run(["diff", "--key", "mcptrust.pub"]).code(2).says("ACME_MODE, which is not set");
    config("abc");
    project.run(["diff", "--key", "mcptrust.pub", "--values-from", ".mcp.json"]).code(0);
    let mut command = project.command();
    crate::support::finish(command.args(["diff", "--key", "mcptrust.pub"]).env("ACME_MODE", "abc")).code(0);
}
