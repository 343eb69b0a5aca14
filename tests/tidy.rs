//! The shape of the house: arrows between rooms point down, files stay short, lints are not switched off.
//!
//! The picture that this enforces is in `docs/architecture.md`.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by layer, the lowest first. Rooms on one line do not know each other.
const LAYERS: [&[&str]; 9] = [
    &["json"],
    &["surface"],
    &["finding"],
    &["lockfile", "clients", "mcp"],
    &["signing", "capture"],
    &["drift", "policy"],
    &["report"],
    &["local_sigstore", "proxy"],
    &["cli"],
];
const MAX_LINES: usize = 600;

#[test]
fn arrows_between_rooms_point_down() {
    let mut wrong = Vec::new();
    for file in sources(&["src"]) {
        let path = file.strip_prefix(root()).unwrap().strip_prefix("src").unwrap();
        let room = match path.iter().next().unwrap().to_str().unwrap() {
            "lib.rs" => continue, // declares the rooms
            "main.rs" => "cli",
            first => first.trim_end_matches(".rs"),
        };
        let from = layer(room).unwrap_or_else(|| panic!("src/{room} is in no layer of tests/tidy.rs"));
        let text = without_comments(&fs::read_to_string(&file).unwrap());
        for used in used_rooms(&text, path).iter().filter(|used| *used != room) {
            match layer(used) {
                Some(to) if to < from => {}
                Some(_) => wrong.push(format!("src/{}: {room} (layer {from}) uses {used}", path.display())),
                None => wrong.push(format!("src/{}: `{used}` is no room", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that do not point down:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_short_and_lints_stay_on() {
    let mut wrong = Vec::new();
    for file in sources(&["src", "tests", "benches", "examples", "fuzz/fuzz_targets"]) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines, at most {MAX_LINES}", file.display()));
        }
        for attribute in [concat!("#[al", "low("), concat!("#![al", "low(")] {
            if text.contains(attribute) {
                wrong.push(format!("{}: `{attribute}`; use #[expect(.., reason = \"..\")]", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_use_lines_sees_every_form() {
    let text = "use crate::json;\nuse crate::{\n    drift::compare,\n    surface::{Kind, report},\n};\nlet x = crate::finding::codes();\n";
    let found = used_rooms(text, Path::new("signing/keys.rs"));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["drift", "finding", "json", "surface"]);
    let text = "use super::super::report::html;\nmod tests {\n    use super::drift;\n}\n";
    assert_eq!(used_rooms(text, Path::new("signing/keys.rs")), BTreeSet::from(["report".to_owned()]));
    assert!(used_rooms("use super::report;", Path::new("signing/keys.rs")).is_empty());
    assert_eq!(used_rooms("use super::report;", Path::new("signing/mod.rs")).len(), 1);
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The first segments of all paths that start at the crate's root.
fn used_rooms(text: &str, path: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        if !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_$".contains(c)) {
            heads(&text[at + "crate::".len()..], &mut found);
        }
    }
    // `super` chains at the outermost level of a file that climb to the root; inner modules stay in their room
    let depth = path.with_extension("").iter().filter(|part| *part != "mod").count();
    for line in text.lines() {
        let Some(line) =
            line.split_once("use ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"))
        else {
            continue;
        };
        let chain = "super::".repeat(depth);
        if let Some(rest) = line.1.strip_prefix(&chain) {
            heads(rest, &mut found);
        }
    }
    found
}

/// The identifier that a path starts with, or those of a group in braces.
fn heads(rest: &str, found: &mut BTreeSet<String>) {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else {
        found.insert(word(rest));
        return;
    };
    let (mut nested, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => nested += 1,
            '}' if nested > 0 => nested -= 1,
            ',' | '}' if nested == 0 => {
                found.extend(Some(word(group[start..at].trim())).filter(|head| !head.is_empty()));
                start = at + 1;
                if c == '}' {
                    return;
                }
            }
            _ => {}
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below these directories, in a fixed order.
fn sources(directories: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = directories.iter().map(|name| root().join(name)).collect();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(directories != ["src"] || !found.is_empty(), "no sources found");
    found
}
