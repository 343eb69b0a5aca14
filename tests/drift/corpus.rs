//! One folder a drift: `before.json` and `after.json` are server entries of a lockfile (or whole lockfiles), and
//! `expected.json` is what is found. `UPDATE_CORPUS=1` writes the last one: read what it wrote.

use std::path::{Path, PathBuf};

use mcptrust::drift::compare;
use mcptrust::json::{Json, Limits, Object, Value, canonical, parse, pretty};
use mcptrust::lockfile::Lockfile;
use mcptrust::surface::Kind;

#[test]
fn every_drift_of_the_corpus_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    let mut failed = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 60, "the corpus has {} cases only", cases.len());
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let found = found(case);
        let path = case.join("expected.json");
        if update {
            std::fs::write(&path, pretty(&found)).unwrap();
        }
        if read(&path) != found {
            failed.push(format!("{name}:\n{}", pretty(&found)));
        }
    }
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn nothing_is_found_between_a_lockfile_and_itself() {
    for case in cases() {
        for side in ["before.json", "after.json"] {
            let bytes = lockfile(&case.join(side));
            let lockfile = Lockfile::parse(&bytes).unwrap();
            assert_eq!(compare(&lockfile, &lockfile), [], "{}", case.display());
        }
    }
}

#[test]
fn every_case_has_drift_in_both_directions_or_in_none() {
    for case in cases() {
        let (before, after) = (lockfile(&case.join("before.json")), lockfile(&case.join("after.json")));
        let (before, after) = (Lockfile::parse(&before).unwrap(), Lockfile::parse(&after).unwrap());
        let (there, back) = (compare(&before, &after), compare(&after, &before));
        assert_eq!(there.is_empty(), back.is_empty(), "{}", case.display());
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/drift");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn found(case: &Path) -> Json {
    let (before, after) = (lockfile(&case.join("before.json")), lockfile(&case.join("after.json")));
    let (before, after) = (Lockfile::parse(&before).unwrap(), Lockfile::parse(&after).unwrap());
    Value::Array(compare(&before, &after).iter().map(|finding| finding.to_json()).collect())
}

fn read(path: &Path) -> Json {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    parse(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_owned()
}

/// A whole lockfile, made from a server's entry where that is all there is. What every entry needs is filled in.
fn lockfile(path: &Path) -> Vec<u8> {
    let Value::Object(mut entry) = read(path) else { panic!("{}: expected an object", path.display()) };
    if entry.contains_key("lockfileVersion") {
        return canonical(&Value::Object(entry));
    }
    let defaults = br#"{"source":{"transport":"stdio","command":"npx","args":["-y","@acme/server"]},"protocolVersion":"2025-11-25"}"#;
    let Value::Object(defaults) = parse(defaults, &Limits::default()).unwrap().into_owned() else {
        unreachable!()
    };
    for (key, value) in defaults {
        if !entry.contains_key(&key) {
            entry.insert(key, value);
        }
    }
    for kind in Kind::ALL {
        let Some(Value::Object(definitions)) = entry.remove(kind.plural()) else { continue };
        let named = |(name, definition): (std::borrow::Cow<'static, str>, Json)| {
            let Value::Object(mut members) = definition else {
                panic!("{}: expected an object", path.display())
            };
            members.insert(kind.id_field(), name.to_string());
            (name, Value::Object(members))
        };
        entry.insert(kind.plural(), definitions.into_iter().map(named).collect::<Object<'static>>());
    }
    let servers: Object<'static> = [("acme", Value::Object(entry))].into_iter().collect();
    let mut out = Object::new();
    out.insert("lockfileVersion", 4u64);
    out.insert("servers", servers);
    canonical(&Value::Object(out))
}
