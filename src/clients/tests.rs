use super::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "SET" => Some("value".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[test]
fn variables_expand_as_in_a_shell() {
    let expand = |text| expand(text, &environment);
    assert_eq!(expand("a${SET}b").unwrap(), "avalueb");
    assert_eq!(expand("${NONE:-x}${EMPTY:-y}${EMPTY}").unwrap(), "xy");
    assert_eq!(expand("$SET ${ ${1x} $$ ${SET").unwrap(), "$SET ${ ${1x} $$ ${SET");
    let error = expand("${NONE}/${SET}/${OTHER}").unwrap_err();
    assert_eq!(error.to_string(), "not set in the environment: NONE, OTHER");
    assert_eq!(variables("--token=${SET} ${NONE:-x}"), ["SET", "NONE"]);
}

#[test]
fn a_bad_entry_does_not_hide_its_siblings() {
    let text = br#"{"mcpServers": {
        "good": {"command": "npx", "args": ["-y", "x@1"], "env": {"A": "${B}"}, "disabled": false},
        "null-args": {"type": "stdio", "command": "run", "args": null},
        "no-command": {"args": []},
        "bad-args": {"command": "run", "args": "x"},
        "bad-env": {"command": "run", "env": {"A": 1}},
        "remote": {"url": "https://example.com/mcp"},
        "typed": {"type": "http", "url": "https://example.com/mcp"},
        "number": 7
    }}"#;
    let entries = parse_mcp_json(text).unwrap();
    let good = entries["good"].as_ref().unwrap();
    assert_eq!((good.command.as_str(), good.args.len(), good.env["A"].as_str()), ("npx", 2, "${B}"));
    assert!(entries["null-args"].as_ref().unwrap().args.is_empty());
    let error = |name: &str| entries[name].as_ref().unwrap_err().to_string();
    assert_eq!(error("no-command"), "expected a \"command\"");
    assert_eq!(error("bad-args"), "\"args\": expected an array of strings, got string");
    assert_eq!(error("bad-env"), "\"env\": expected a string, got number");
    assert_eq!(error("number"), "\"mcpServers\": expected an object, got number");
    assert!(error("remote").starts_with("it is reached over HTTP, and only servers"));
    assert!(error("typed").starts_with("it is reached over http, and only servers"));
}

#[test]
fn a_file_without_servers_says_what_was_expected() {
    let error = parse_mcp_json(b"{}").unwrap_err();
    assert_eq!(error.to_string(), "expected an object \"mcpServers\" with one member for each server");
    let error = parse_mcp_json(b"{").unwrap_err();
    assert!(error.to_string().starts_with("not strict JSON: line 1, column 2"));
}
