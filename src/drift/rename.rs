//! Which of the added definitions is a removed one under a new name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::json::{Digest, Value, canonical, write_canonical};
use crate::surface::Kind;

/// A definition with its name.
pub(super) type Named<'v, 'a> = (&'v str, &'v Value<'a>);

/// Beyond this many removed or added definitions, only definitions that are the same but for their names
/// are matched: comparing each with each would take too long.
const MAX_SIMILAR: usize = 64;
/// The most features of a definition that are compared.
const MAX_FEATURES: usize = 512;
/// Common features, of all features of both, in percent.
const THRESHOLD: usize = 60;
/// A definition with fewer features says too little to be recognised by likeness.
const MIN_FEATURES: usize = 8;

/// Removed and added definitions that belong together; each index stands at most once.
pub(super) fn find(kind: Kind, removed: &[Named<'_, '_>], added: &[Named<'_, '_>]) -> Vec<(usize, usize)> {
    if removed.is_empty() || added.is_empty() {
        return Vec::new();
    }
    let mut pairs = exact(kind, removed, added);
    let rest = |count: usize, used: BTreeSet<usize>| -> Vec<usize> {
        (0..count).filter(|i| !used.contains(i)).collect()
    };
    let left = rest(removed.len(), pairs.iter().map(|(b, _)| *b).collect());
    let right = rest(added.len(), pairs.iter().map(|(_, a)| *a).collect());
    if left.len() <= MAX_SIMILAR && right.len() <= MAX_SIMILAR {
        pairs.extend(similar(kind, removed, added, &left, &right));
    }
    pairs.sort_unstable();
    pairs
}

/// The same but for name and title: matched by content in the order of names.
fn exact(kind: Kind, removed: &[Named<'_, '_>], added: &[Named<'_, '_>]) -> Vec<(usize, usize)> {
    let mut index: BTreeMap<Digest, VecDeque<usize>> = BTreeMap::new();
    for (at, (_, definition)) in removed.iter().enumerate() {
        index.entry(content(kind, definition)).or_default().push_back(at);
    }
    let partner = |(at, (_, definition)): (usize, &Named<'_, '_>)| {
        Some((index.get_mut(&content(kind, definition))?.pop_front()?, at))
    };
    added.iter().enumerate().filter_map(partner).collect()
}

fn content(kind: Kind, definition: &Value<'_>) -> Digest {
    let mut bytes = Vec::new();
    match definition {
        Value::Object(members) => {
            for (key, value) in members.iter().filter(|(key, _)| *key != kind.id_field() && *key != "title") {
                write_canonical(&Value::from(key), &mut bytes);
                write_canonical(value, &mut bytes);
            }
        }
        other => write_canonical(other, &mut bytes),
    }
    Digest::of(&bytes)
}

/// The best pairs by common features, best first.
fn similar(
    kind: Kind,
    removed: &[Named<'_, '_>],
    added: &[Named<'_, '_>],
    left: &[usize],
    right: &[usize],
) -> Vec<(usize, usize)> {
    let features = |from: &[Named<'_, '_>], indices: &[usize]| -> Vec<(usize, BTreeSet<u64>)> {
        let one = |i: &usize| from.get(*i).map(|(_, definition)| (*i, features(kind, definition)));
        indices.iter().filter_map(one).filter(|(_, features)| features.len() >= MIN_FEATURES).collect()
    };
    let (left, right) = (features(removed, left), features(added, right));
    let mut scored = Vec::new();
    for (b, before) in &left {
        for (a, after) in &right {
            let common = before.intersection(after).count();
            let all = before.len() + after.len() - common;
            if common * 100 >= all * THRESHOLD {
                scored.push((common * 1000 / all.max(1), *b, *a));
            }
        }
    }
    scored.sort_by_key(|(score, b, a)| (std::cmp::Reverse(*score), *b, *a));
    let (mut used_before, mut used_after) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (_, b, a) in scored {
        if !used_before.contains(&b) && !used_after.contains(&a) {
            used_before.insert(b);
            used_after.insert(a);
            pairs.push((b, a));
        }
    }
    pairs
}

/// Hashes of the words of its texts and of the places and values of everything else.
fn features(kind: Kind, definition: &Value<'_>) -> BTreeSet<u64> {
    let mut out = BTreeSet::new();
    if let Some(members) = definition.as_object() {
        let kept = members.iter().filter(|(key, _)| *key != kind.id_field() && *key != "title");
        kept.for_each(|(key, value)| collect(value, hash(&(0u64, key)), &mut out));
    }
    out
}

fn collect(value: &Value<'_>, place: u64, out: &mut BTreeSet<u64>) {
    if out.len() >= MAX_FEATURES {
        return;
    }
    match value {
        Value::String(text) => {
            for word in
                text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(MAX_FEATURES)
            {
                out.insert(hash(&(place, word.to_lowercase())));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, place, out)),
        Value::Object(members) => {
            out.insert(place);
            members.iter().for_each(|(key, value)| collect(value, hash(&(place, key)), out));
        }
        other => {
            out.insert(hash(&(place, canonical(other))));
        }
    }
}

/// The default hasher has fixed keys, so the same definitions always give the same pairs.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Json, Limits, parse};

    fn json(text: &str) -> Json {
        parse(text.as_bytes(), &Limits::default()).unwrap().into_owned()
    }

    fn tool(name: &str, description: &str) -> Json {
        json(&format!(
            r#"{{"name":"{name}","description":"{description}","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string"}}}}}}}}"#
        ))
    }

    #[test]
    fn the_same_definition_under_another_name_is_found() {
        let (a, b, c) = (tool("a", "Reads."), tool("b", "Reads."), tool("c", "Writes."));
        assert_eq!(find(Kind::Tool, &[("a", &a)], &[("b", &b), ("c", &c)]), [(0, 0)]);
    }

    #[test]
    fn a_small_edit_does_not_hide_a_rename_but_another_tool_does_not_look_like_one() {
        let old = tool("read", "Reads a file from the disk and returns its content as text.");
        let new = tool("get", "Reads a file from the disk and returns its content as plain text.");
        let other = tool("get", "Sends an email message through the company server after asking nobody.");
        assert_eq!(find(Kind::Tool, &[("read", &old)], &[("get", &new)]), [(0, 0)]);
        assert_eq!(find(Kind::Tool, &[("read", &old)], &[("get", &other)]), []);
    }

    #[test]
    fn each_definition_is_used_once_and_the_best_pair_wins() {
        let old = tool("a", "Reads one file from the disk quickly and returns text.");
        let near = tool("b", "Reads one file from the disk slowly and returns text.");
        let nearer = tool("c", "Reads one file from the disk quickly and returns texts.");
        let same = tool("d", "Reads one file from the disk quickly and returns text.");
        assert_eq!(find(Kind::Tool, &[("a", &old)], &[("b", &near), ("c", &nearer), ("d", &same)]), [(0, 2)]);
    }

    #[test]
    fn thousands_of_equal_definitions_are_matched_in_the_order_of_names() {
        let one = tool("x", "Reads.");
        let names: Vec<String> = (0..5_000).map(|i| format!("tool{i:05}")).collect();
        let all: Vec<Named<'_, '_>> = names.iter().map(|name| (name.as_str(), &one)).collect();
        let pairs = find(Kind::Tool, &all, &all);
        assert_eq!(pairs.len(), 5_000);
        assert!(pairs.iter().all(|(b, a)| a == b));
    }
}
