use proptest::prelude::*;

use super::*;
use crate::json::{Limits, parse};

const SMALL: &str = r#"{
  "lockfileVersion": 4,
  "project": "acme/agents",
  "servers": {
    "files": {
      "capabilities": {
        "tools": {}
      },
      "instructions": "Be careful.",
      "prompts": {},
      "protocolVersion": "2025-11-25",
      "resourceTemplates": {},
      "resources": {},
      "serverInfo": {
        "name": "files",
        "version": "1.0e2"
      },
      "source": {
        "args": [
          "-y",
          "files@1.0.0"
        ],
        "command": "npx",
        "env": [
          "API_TOKEN"
        ],
        "envFrom": {
          "TOKEN": "ACME_TOKEN"
        },
        "transport": "stdio"
      },
      "tools": {
        "read": {
          "inputSchema": {
            "maximum": 1.0e2,
            "type": "object"
          },
          "name": "read"
        }
      },
      "volatile": [
        "/tools/read/description"
      ]
    }
  }
}
"#;

fn error(text: &str) -> String {
    Lockfile::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_lockfile_reads_and_writes_byte_for_byte() {
    let lockfile = Lockfile::parse(SMALL.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(lockfile.to_bytes()).unwrap(), SMALL);
    let tree = lockfile.digests();
    let value = tree.to_json();
    assert_eq!(Tree::from_json(&value).unwrap(), tree);
    assert_eq!(lockfile.clone().into_owned(), lockfile);
}

#[test]
fn each_part_of_a_server_changes_its_own_digest_alone() {
    let tree = |text: &str| Lockfile::parse(text.as_bytes()).unwrap().digests().servers["files"].clone();
    let before = tree(SMALL);
    let edits: [(&str, &str, &str); 8] = [
        ("npx", "npm", "source"),
        ("TOKEN\": \"ACME_TOKEN", "TOKEN\": \"OTHER_TOKEN", "source"),
        ("2025-11-25", "2025-06-18", "protocolVersion"),
        ("\"name\": \"files\"", "\"name\": \"file\"", "serverInfo"),
        ("\"tools\": {}", "\"tools\": {\"listChanged\": true}", "capabilities"),
        ("Be careful.", "Be bold.", "instructions"),
        ("/tools/read/description", "/tools/read", "volatile"),
        ("\"type\": \"object\"", "\"type\": \"array\"", "tools"),
    ];
    for (from, to, part) in edits {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        let after = tree(&text);
        let changed = |at: &str| {
            let pick = |d: &ServerDigests| {
                let tree = Tree { servers: [("files".to_owned(), d.clone())].into() }.to_json();
                tree.get("files").unwrap().get(at).cloned()
            };
            pick(&before) != pick(&after)
        };
        for at in
            ["source", "protocolVersion", "serverInfo", "capabilities", "instructions", "volatile", "tools"]
        {
            assert_eq!(changed(at), at == part, "{part}: {at}");
        }
    }
}

#[test]
fn bad_lockfiles_get_clear_errors() {
    let cases: [(String, &str); 21] = [
        (
            String::new(),
            "the lockfile is empty: restore it from version control, or make it anew with \"mcptrust lock\"",
        ),
        (
            "{".to_owned(),
            "the lockfile is not strict JSON: line 1, column 2: the text ends too early: expected a key in double quotes",
        ),
        (
            SMALL[..300].to_owned(),
            "the lockfile is not strict JSON: line 14, column 13: the text ends too early: expected the end of a string",
        ),
        (
            SMALL.replace("\"project\"", "\"servers\""),
            "the lockfile is not strict JSON: line 4, column 3: duplicate key \"servers\": two readers could disagree about its value",
        ),
        (
            format!("{SMALL}x"),
            "the lockfile is not strict JSON: line 47, column 1: trailing data behind the value",
        ),
        ("[]".to_owned(), ": expected an object, got array"),
        ("{}".to_owned(), "/lockfileVersion: missing"),
        (
            SMALL.replace(": 4", ": 3"),
            "lockfile version 3 holds hashes only and cannot be compared or explained: expected version 4; make it anew with \"mcptrust lock\" and sign it again",
        ),
        (
            "{\"version\":\"2.0\",\"tools\":{}}".to_owned(),
            "lockfile version 2 holds hashes only and cannot be compared or explained: expected version 4; make it anew with \"mcptrust lock\" and sign it again",
        ),
        (
            "{\"version\":1}".to_owned(),
            "lockfile version 1 holds hashes only and cannot be compared or explained: expected version 4; make it anew with \"mcptrust lock\" and sign it again",
        ),
        (
            SMALL.replace(": 4", ": 5"),
            "lockfile version 5 is not supported: expected version 4; update mcptrust",
        ),
        (SMALL.replace(": 4", ": \"4\""), "/lockfileVersion: expected a number, got string"),
        (
            SMALL.replace("\"instructions\"", "\"instruction\""),
            "/servers/files/instruction: unknown member: expected source, protocolVersion, serverInfo, capabilities, instructions, tools, prompts, resources, resourceTemplates, other and volatile",
        ),
        (SMALL.replace("\"transport\"", "\"transports\""), "/servers/files/source/transport: missing"),
        (
            SMALL.replace("\"stdio\"", "\"carrier pigeon\""),
            "/servers/files/source/transport: unknown transport: expected \"stdio\"",
        ),
        (
            SMALL.replace("\"name\": \"read\"", "\"name\": \"write\""),
            "/servers/files/tools/read/name: expected the name under which it stands, got \"write\"",
        ),
        (
            SMALL.replace("\"read\"", "\"re\\u0000ad\""),
            "/servers/files/tools/re\0ad: the name holds the control character U+0000",
        ),
        (
            SMALL.replace("\"read\"", "\"cafe\\u0301\""),
            "/servers/files/tools/cafe\u{301}: the name is not in Unicode normalisation form C (NFC)",
        ),
        (SMALL.replace("\"-y\"", "1"), "/servers/files/source/args/0: expected a string, got number"),
        (
            SMALL.replace("\"/tools/read/description\"", "\"tools\""),
            "/servers/files/volatile: expected JSON pointers (RFC 6901) that are not empty",
        ),
        (
            SMALL.replace("\"API_TOKEN\"", "\"B\", \"A\""),
            "/servers/files/source/env: expected a sorted list without repetition",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(&text), expected);
    }
}

#[test]
fn an_oversized_lockfile_is_refused_before_it_is_read() {
    let big = vec![b' '; MAX_BYTES + 1];
    let expected =
        "the lockfile is not strict JSON: line 1, column 1: 268435457 bytes: expected at most 268435456";
    assert_eq!(Lockfile::parse(&big).unwrap_err().to_string(), expected);
}

#[test]
fn a_tree_is_read_strictly() {
    let tree = Lockfile::parse(SMALL.as_bytes()).unwrap().digests().to_json();
    let text = crate::json::compact(&tree);
    let edited = |from: &str, to: &str| {
        let text = text.replacen(from, to, 1);
        let value = parse(text.as_bytes(), &Limits::default()).unwrap().into_owned();
        Tree::from_json(&value).unwrap_err().to_string()
    };
    assert_eq!(edited("\"source\"", "\"sauce\""), "/files/sauce: unknown member");
    let digest = tree.pointer("/files/source").unwrap().as_str().unwrap().to_owned();
    assert_eq!(
        edited(&digest, &digest.to_uppercase()),
        "/files/source: expected 64 lower-case hexadecimal digits"
    );
    assert_eq!(edited(&digest, &digest[1..]), "/files/source: expected 64 lower-case hexadecimal digits");
    assert_eq!(edited("\"prompts\":{}", "\"prompts\":[]"), "/files/prompts: expected an object");
}

proptest! {
    #[test]
    fn lockfiles_survive_the_round_trip(
        project in proptest::option::of("[a-z/]{1,9}"),
        instructions in proptest::option::of(any::<String>()),
        names in proptest::collection::btree_set("[a-z_.é ]{1,12}", 0..4),
        body in crate::json::tests::any_json(),
    ) {
        let names: Vec<_> = names.into_iter().filter(|name| crate::surface::check_name(name).is_ok()).collect();
        let mut surface = Surface { protocol_version: "2025-11-25".into(), ..Surface::default() };
        surface.instructions = instructions.map(Cow::Owned);
        for kind in Kind::ALL {
            for name in &names {
                let mut definition = Object::new();
                definition.insert(kind.id_field(), name.clone());
                definition.insert("body", body.clone());
                surface.definitions_mut(kind).insert(Cow::Owned(name.clone()), Value::Object(definition));
            }
        }
        let source = Source::Stdio {
            command: "run".to_owned(), args: names.clone(), env: Vec::new(), env_from: BTreeMap::new(), cwd: None,
        };
        let server = Server { source, volatile: Vec::new(), surface };
        let lockfile = Lockfile { project: project.map(Cow::Owned), servers: [("s".to_owned(), server)].into() };
        let bytes = lockfile.to_bytes();
        let again = Lockfile::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &lockfile);
        prop_assert_eq!(&again.to_bytes(), &bytes);
        prop_assert_eq!(again.digests(), lockfile.digests());
        prop_assert_eq!(Tree::from_json(&lockfile.digests().to_json()).unwrap(), lockfile.digests());
    }

    #[test]
    fn the_reader_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100), cut in 0..SMALL.len()) {
        let _ = Lockfile::parse(&bytes);
        let mut text = SMALL.as_bytes().to_vec();
        for (i, b) in bytes.iter().enumerate() {
            if let Some(at) = text.get_mut(cut + i * 3) { *at = *b; }
        }
        let _ = Lockfile::parse(&text);
        let _ = Lockfile::parse(&text[..cut]);
    }
}
