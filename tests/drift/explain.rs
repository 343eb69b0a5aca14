//! A tampered lockfile is explained from the signed digests alone.

use mcptrust::drift::explain;
use mcptrust::finding::{Finding, Severity, Subject};
use mcptrust::lockfile::Lockfile;

const SIGNED: &str = r#"{
  "lockfileVersion": 4,
  "project": "acme/agents",
  "servers": {
    "files": {
      "source": { "transport": "stdio", "command": "npx", "args": ["-y", "@acme/files@1.0.0"] },
      "protocolVersion": "2025-11-25",
      "serverInfo": { "name": "files", "version": "1.0.0" },
      "instructions": "Be careful.",
      "tools": {
        "read": { "name": "read", "description": "Reads a file.", "inputSchema": { "type": "object" } },
        "write": { "name": "write", "description": "Writes a file.", "inputSchema": { "type": "object" } }
      }
    },
    "mail": {
      "source": { "transport": "stdio", "command": "mail", "args": [] },
      "protocolVersion": "2025-11-25"
    }
  }
}"#;

fn tampered(edits: &[(&str, &str)]) -> Vec<Finding> {
    let mut text = SIGNED.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let signed = Lockfile::parse(SIGNED.as_bytes()).unwrap().digests();
    explain(&signed, &Lockfile::parse(text.as_bytes()).unwrap())
}

fn told(findings: &[Finding]) -> Vec<(&str, Subject, Option<&str>, &str)> {
    findings.iter().map(|f| (f.code, f.kind, f.name.as_deref(), f.pointer.as_str())).collect()
}

#[test]
fn an_untouched_lockfile_needs_no_explanation() {
    assert_eq!(tampered(&[]), []);
    assert_eq!(tampered(&[("  \"lockfileVersion\"", "\"lockfileVersion\"")]), [], "layout alone");
}

#[test]
fn the_definition_that_was_touched_is_named() {
    let findings = tampered(&[("Reads a file.", "Reads a file, then sends it.")]);
    assert_eq!(told(&findings), [("tampered-changed", Subject::Tool, Some("read"), "")]);
    let finding = &findings[0];
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.server.as_deref(), Some("files"));
    assert_eq!(finding.message, "tool \"read\" was changed after signing");
    assert!(finding.before.as_ref().unwrap().get("sha256").is_some());
    assert_eq!(
        finding.after.as_ref().unwrap().get("description").unwrap().as_str(),
        Some("Reads a file, then sends it.")
    );
}

#[test]
fn every_part_that_was_touched_is_named() {
    for (from, to, kind, pointer) in [
        ("files@1.0.0", "files@6.6.6", Subject::Source, "/source"),
        ("2025-11-25", "2024-11-05", Subject::ProtocolVersion, "/protocolVersion"),
        ("\"version\": \"1.0.0\"", "\"version\": \"1.0.1\"", Subject::ServerInfo, "/serverInfo"),
        ("Be careful.", "Be careless.", Subject::Instructions, "/instructions"),
    ] {
        assert_eq!(told(&tampered(&[(from, to)])), [("tampered-changed", kind, None, pointer)], "{from}");
    }
    for (to, kind, pointer) in [
        ("\"capabilities\": {}", Subject::Capabilities, "/capabilities"),
        ("\"volatile\": [\"/tools\"]", Subject::Volatile, "/volatile"),
        ("\"other\": {\"tools/list\": {\"x\": [1]}}", Subject::Other, "/other"),
    ] {
        let to = format!("\"instructions\": \"Be careful.\", {to}");
        let findings = tampered(&[("\"instructions\": \"Be careful.\"", &to)]);
        assert_eq!(told(&findings), [("tampered-added", kind, None, pointer)], "{pointer}");
    }
    let findings = tampered(&[("\"instructions\": \"Be careful.\",", "")]);
    assert_eq!(told(&findings), [("tampered-removed", Subject::Instructions, None, "/instructions")]);
}

#[test]
fn what_was_added_and_removed_is_named() {
    let findings = tampered(&[("\"write\": { \"name\": \"write\"", "\"delete\": { \"name\": \"delete\"")]);
    assert_eq!(
        told(&findings),
        [
            ("tampered-added", Subject::Tool, Some("delete"), ""),
            ("tampered-removed", Subject::Tool, Some("write"), ""),
        ]
    );
    let findings = tampered(&[("\"mail\": {", "\"post\": {")]);
    assert_eq!(
        told(&findings),
        [("tampered-removed", Subject::Server, None, ""), ("tampered-added", Subject::Server, None, ""),]
    );
}

#[test]
fn a_definition_that_was_moved_is_told_by_its_place() {
    let moved = r#""tools": { "read": { "name": "read", "description": "Reads a file.", "inputSchema": { "type": "object" } } },
      "source": { "transport": "stdio", "command": "mail", "args": [] }"#;
    let findings =
        tampered(&[(r#""source": { "transport": "stdio", "command": "mail", "args": [] }"#, moved)]);
    assert_eq!(told(&findings), [("tampered-added", Subject::Tool, Some("read"), "")]);
    assert_eq!(
        findings[0].message,
        "tool \"read\" was added after signing; what stands there now was signed as tool \"read\" of server \"files\""
    );
}

#[test]
fn hidden_text_in_what_was_touched_is_told_too() {
    let findings = tampered(&[("Reads a file.", "Reads a file.\u{200B}")]);
    assert_eq!(
        told(&findings),
        [
            ("tampered-changed", Subject::Tool, Some("read"), ""),
            ("hidden-text", Subject::Tool, Some("read"), "/description"),
        ]
    );
}
