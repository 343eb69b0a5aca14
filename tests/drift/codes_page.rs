//! `docs/drift-codes.md` is written from the table of codes.

use std::fmt::Write as _;
use std::path::Path;

use mcptrust::finding::Severity;
use mcptrust::finding::codes::{ALL, SECTIONS};

#[test]
fn the_page_of_codes_is_in_step_with_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/drift-codes.md");
    let expected = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &expected).unwrap();
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "docs/drift-codes.md is out of step: run UPDATE_DOCS=1 cargo test --test drift codes_page"
    );
}

fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str("\n| Code | Severity | In short |\n|---|---|---|\n");
    for severity in Severity::ALL.iter().rev() {
        for info in ALL.iter().filter(|info| info.severity == *severity) {
            writeln!(out, "| [`{0}`](#{0}) | {1} | {2} |", info.id, info.severity, info.title).unwrap();
        }
    }
    for section in SECTIONS {
        writeln!(out, "\n## {}", section.title).unwrap();
        for info in section.codes {
            writeln!(out, "\n### {}\n", info.id).unwrap();
            writeln!(out, "**{}.** Severity: {}.\n", info.title, info.severity).unwrap();
            writeln!(out, "{}\n\n*What to do:* {}", info.meaning, info.action).unwrap();
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Drift codes

<!-- Written from src/finding/codes.rs by a test: UPDATE_DOCS=1 cargo test --test drift codes_page -->

Every finding has a code. The severity in this table is the usual one; where a finding carries another one, its code
says so here. By default everything above `info` makes a command end with exit code 1 (`--fail-on`).

| Severity | Means |
|---|---|
| `critical` | looks like an attack, or takes a safeguard away |
| `high` | steers the model, or widens what it may do |
| `moderate` | changes what callers may do or see |
| `low` | worth knowing |
| `info` | spelled differently, means the same |

No difference at all, and so no finding: the order of keys in an object, the order of `required`, `enum` and `type` in a
schema, the order in which a server lists its definitions, and the spelling of a number (`1`, `1.0` and `1e0` are one
value). Every other array is ordered.

Drift under a pointer that both lockfiles list in `volatile` is reported as `info`, with a note. Hidden text keeps its
severity there, and so do the source and the `volatile` list itself.
";
