use std::fs;

use serde_json::{Value, json};

use crate::support::Project;

const VERIFY: [&str; 3] = ["verify", "--key", "mcptrust.pub"];

#[test]
fn a_signed_lockfile_verifies_and_says_by_whom() {
    let project = Project::signed();
    project.run(VERIFY).code(0).says("mcp-lock.json");
    let report = project.run(["verify", "--key", "mcptrust.pub", "--format", "json"]).code(0).json();
    assert_eq!(report["result"], "pass");
    assert_eq!(report["findings"], json!([]));
}

#[test]
fn tampering_is_explained_definition_by_definition() {
    let project = Project::signed();
    let before = project.read("mcp-lock.json");
    project.write("mcp-lock.json", before.replace("Reads a file.", "Reads a file and mails it."));
    let ran = project.run(["verify", "--key", "mcptrust.pub", "--format", "json"]).code(1);
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((&findings[0]["kind"], &findings[0]["name"]), (&json!("tool"), &json!("read_file")));
    project.run(VERIFY).code(1).says("read_file");
}

#[test]
fn converted_line_endings_are_named() {
    let project = Project::signed();
    project.write("mcp-lock.json", project.read("mcp-lock.json").replace('\n', "\r\n"));
    project.run(VERIFY).code(1).says("line endings were converted");
}

#[test]
fn somebody_must_be_named() {
    let project = Project::signed();
    project.run(["verify"]).code(2).says("nothing says who may have signed").says("--key mcptrust.pub");
    project.write("mcptrust.toml", "[trust]\n[[trust.signer]]\nname = \"us\"\nkey = \"mcptrust.pub\"\n");
    project.run(["verify"]).code(0).says("us");
    project.write("mcptrust.toml", "[trust]\n[[trust.signer]]\nname = \"us\"\nkey = \"gone.pub\"\n");
    project.run(["verify"]).code(2).says("gone.pub");
    project.write("mcptrust.toml", "[trsut]\n");
    project.run(["verify"]).code(2).says("unknown key \"trsut\"");
}

#[test]
fn another_key_is_not_enough() {
    let project = Project::signed();
    project.run(["keygen", "--output", "other"]).code(0);
    project.run(["verify", "--key", "other.pub"]).code(1);
}

#[test]
fn a_threshold_needs_distinct_signers() {
    let project = Project::signed();
    project.run(["keygen", "--output", "other"]).code(0);
    let rules = "[trust]\nthreshold = 2\n[[trust.signer]]\nname = \"one\"\nkey = \"mcptrust.pub\"\n\
                 [[trust.signer]]\nname = \"two\"\nkey = \"other.pub\"\n";
    project.write("mcptrust.toml", rules);
    project.run(["verify"]).code(1);
    project.run(["sign", "--key", "mcptrust.key", "--name", "again"]).code(0);
    project.run(["verify"]).code(1);
    project.run(["sign", "--key", "other.key", "--name", "lead"]).code(0);
    project.run(["verify"]).code(0);
}

#[test]
fn the_sequence_follows_the_bundle_that_is_replaced() {
    let project = Project::signed();
    let first = project.run(["inspect", "mcp-lock.json.sigstore.json", "--format", "json"]).code(0).json();
    project.run(["sign", "--key", "mcptrust.key"]).code(0).says("as number 2");
    let second = project.run(["inspect", "mcp-lock.json.sigstore.json", "--format", "json"]).code(0).json();
    let statement = |report: &Value| report["inspect"]["bundle"]["statement"]["facts"].clone();
    assert_eq!(statement(&first)["sequence"], 1);
    assert_eq!(statement(&second)["sequence"], 2);
    assert_eq!(statement(&first)["previous"], Value::Null);
    assert_ne!(statement(&second)["previous"], Value::Null);
    project.run(["verify", "--key", "mcptrust.pub", "--min-sequence", "2"]).code(0);
    project.run(["verify", "--key", "mcptrust.pub", "--min-sequence", "3"]).code(1);
    project.write("mcp-lock.json.sigstore.json", "{}");
    project.run(["sign", "--key", "mcptrust.key"]).code(2).says("cannot be followed; move it away");
}

#[test]
fn bad_bundles_are_named() {
    let project = Project::signed();
    let path = project.file("mcp-lock.json.sigstore.json");
    let good = fs::read_to_string(&path).unwrap();
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut bundle: Value = serde_json::from_str(&good).unwrap();
        change(&mut bundle);
        project.write("mcp-lock.json.sigstore.json", bundle.to_string());
        project.run(VERIFY).code(1)
    };
    edit(&|b| {
        let twice = b["dsseEnvelope"]["signatures"][0].clone();
        b["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(twice);
    })
    .says("signature");
    edit(&|b| b["dsseEnvelope"]["signatures"] = json!([]));
    edit(&|b| b["dsseEnvelope"]["payloadType"] = json!("application/json")).says("payload type");
    edit(&|b| b["surprise"] = json!(1)).says("surprise");
    project.write("mcp-lock.json.sigstore.json", &good[..good.len() / 2]);
    project.run(VERIFY).code(1).says("JSON");
    // The bundle of another lockfile, by the same key.
    let other = Project::new();
    other.write("mcptrust.key", project.read("mcptrust.key"));
    let mut surface = crate::support::surface();
    surface["instructions"] = json!("Another project.");
    other.serve(&surface);
    other.lock().code(0);
    other.run(["sign", "--key", "mcptrust.key"]).code(0);
    project.write("mcp-lock.json.sigstore.json", other.read("mcp-lock.json.sigstore.json"));
    project.run(VERIFY).code(1).says("instructions");
    fs::remove_file(path).unwrap();
    project.run(VERIFY).code(2).says("mcp-lock.json is not signed").says("mcptrust sign");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let project = Project::signed();
    let both = ["verify", "--key", "mcptrust.pub", "--certificate-identity", "a@example.com"];
    project.run(both).code(2).says("contradict");
    project.run(["verify", "--certificate-identity", "a@example.com"]).code(2).says("issuer");
}
