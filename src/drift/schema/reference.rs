//! `$ref` within the document.

use super::super::sink::Pair;
use super::{At, Walker};
use crate::finding::codes;
use crate::json::{Object, Value, pointer};

/// The longest chain of references that lead to references.
const MAX_HOPS: usize = 16;
/// The deepest nesting of followed references.
const MAX_DEPTH: usize = 32;

/// A schema with its own reference replaced by what it leads to.
struct Resolved<'a> {
    schema: Value<'a>,
    /// Pointers, within the schema, of all that was passed on the way.
    passed: Vec<String>,
}

impl Walker<'_, '_, '_, '_> {
    /// Compares two schemas of which at least one has a `$ref` that the other has not, by what they lead to.
    /// False where a reference cannot be followed: then the change of the reference is told as such.
    pub(super) fn reference(&mut self, at: &At, before: &Value<'_>, after: &Value<'_>) -> bool {
        let (b_ref, a_ref) = (before.get("$ref"), after.get("$ref"));
        let pair = Pair::new(b_ref, a_ref);
        let (Some(b), Some(a)) = (resolve(self.roots.0, before), resolve(self.roots.1, after)) else {
            return false;
        };
        // Two references that are being followed already lead round in a circle: nothing new is found there.
        let step = (key(at, b_ref), key(at, a_ref));
        if self.following.contains(&step) || self.following.len() >= MAX_DEPTH {
            self.reference_changed(at, pair, true);
            self.sink.claim(&at.pointer);
            return true;
        }
        let mark = self.sink.mark();
        self.following.push(step);
        self.schema(at, &b.schema, &a.schema);
        self.following.pop();
        let same = self.sink.since(mark).iter().all(|finding| finding.code == codes::SAME_MEANING.id);
        if same {
            self.sink.rewind(mark);
            let root = self.root_pointer(at);
            self.moved.extend(b.passed.iter().chain(&a.passed).map(|p| format!("{root}{p}")));
            let here = pointer::join(&at.pointer, "$ref");
            let message = format!("{} leads to the same schema, written differently", at.label());
            self.sink.same_meaning(&here, pair, message);
        } else {
            self.reference_changed(at, pair, true);
        }
        self.sink.claim(&at.pointer);
        true
    }

    /// Where the schema that references start from stands in the definition.
    fn root_pointer(&self, at: &At) -> String {
        let end = at.pointer.get(1..).and_then(|rest| rest.find('/')).map_or(at.pointer.len(), |end| end + 1);
        at.pointer.get(..end).unwrap_or_default().to_owned()
    }
}

fn key(at: &At, reference: Option<&Value<'_>>) -> String {
    match reference.and_then(Value::as_str) {
        Some(reference) => reference.to_owned(),
        None => at.pointer.clone(),
    }
}

/// Follows a schema's own reference; what stands beside a reference stays and wins. Nothing where it leads
/// out of the document, nowhere, or round in a circle.
fn resolve<'a>(root: &Value<'a>, schema: &Value<'a>) -> Option<Resolved<'a>> {
    let mut out = Resolved { schema: schema.clone(), passed: Vec::new() };
    for _ in 0..MAX_HOPS {
        let Value::Object(mut members) = out.schema else { return Some(out) };
        let Some(reference) = members.remove("$ref") else {
            out.schema = Value::Object(members);
            return Some(out);
        };
        let target = local(reference.as_str()?)?;
        let found = root.pointer(&target)?;
        out.schema = match found {
            Value::Object(found) => {
                // What a neighbour of the reference hides was not compared, so it is not known to be old.
                if members.keys().all(|key| !found.contains_key(key)) {
                    out.passed.push(target);
                }
                Value::Object(overlay(found, members))
            }
            Value::Bool(_) if members.is_empty() => found.clone(),
            _ => return None,
        };
    }
    None
}

fn overlay<'a>(below: &Object<'a>, above: Object<'a>) -> Object<'a> {
    let mut out = below.clone();
    for (key, value) in above {
        out.insert(key, value);
    }
    out
}

/// The pointer of a reference within the document, its percent-encoding undone.
fn local(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(digit(rest.next())? * 16 + digit(rest.next())?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pointers_within_the_document_are_followed() {
        assert_eq!(local("#").as_deref(), Some(""));
        assert_eq!(local("#/$defs/a%20b").as_deref(), Some("/$defs/a b"));
        assert_eq!(local("#/$defs/a~1b").as_deref(), Some("/$defs/a~1b"));
        for outside in ["other.json", "https://example.com/s#/a", "#anchor", "#/%zz", "#/%ff"] {
            assert_eq!(local(outside), None, "{outside}");
        }
    }
}
