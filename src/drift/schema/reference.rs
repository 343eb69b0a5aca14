//! `$ref` within the document.

use super::super::sink::Pair;
use super::{At, Walker};
use crate::finding::codes;
use crate::json::{Json, Object, Value, pointer};

/// The longest chain of references that lead to references.
const MAX_HOPS: usize = 16;
/// The deepest nesting of followed references.
const MAX_DEPTH: usize = 32;
/// The most values that are copied by following references in one schema.
const MAX_COPIED: usize = 200_000;

/// A schema with its own reference replaced by what it leads to.
struct Resolved {
    schema: Json,
    /// Pointers, within the schema, of all that was passed on the way.
    passed: Vec<String>,
}

impl Walker<'_, '_, '_, '_> {
    /// Compares two schemas of which at least one has a `$ref` that the other has not, by what they lead to.
    /// False where a reference cannot be followed: then the change of the reference is told as such.
    pub(super) fn reference(&mut self, at: &At, before: &Value<'_>, after: &Value<'_>) -> bool {
        let (b_ref, a_ref) = (before.get("$ref"), after.get("$ref"));
        let pair = Pair::new(b_ref, a_ref);
        let step = (key(at, b_ref), key(at, a_ref));
        if self.following.contains(&step) {
            // Round in a circle: they are the same if everything else on the way is, and that is being compared.
            self.same_target(at, pair);
            return true;
        }
        let bare = is_bare(before) && is_bare(after);
        if let Some(same) = self.followed.get(&step).copied().filter(|_| bare) {
            if same {
                self.same_target(at, pair)
            } else {
                self.reference_changed(at, pair, true)
            }
            self.sink.claim(&at.pointer);
            return true;
        }
        let Some((b, a)) = self.follow(before, after) else { return false };
        let mark = self.sink.mark();
        self.following.push(step.clone());
        self.schema(at, &b.schema, &a.schema);
        self.following.pop();
        let same = self.sink.since(mark).iter().all(|finding| finding.code == codes::SAME_MEANING.id);
        if same {
            self.sink.rewind(mark);
            let root = self.root_pointer(at);
            self.moved.extend(b.passed.iter().chain(&a.passed).map(|p| format!("{root}{p}")));
            self.same_target(at, pair);
        } else {
            self.reference_changed(at, pair, true);
        }
        if bare {
            self.followed.insert(step, same);
        }
        self.sink.claim(&at.pointer);
        true
    }

    fn same_target(&mut self, at: &At, pair: Pair<'_, '_>) {
        let here = pointer::join(&at.pointer, "$ref");
        let message = format!("{} leads to the same schema, written differently", at.label());
        self.sink.same_meaning(&here, pair, message);
    }

    /// Follows both sides, unless that goes too deep or has copied too much already: references that fan out
    /// can lead to far more than the document holds.
    fn follow(&mut self, before: &Value<'_>, after: &Value<'_>) -> Option<(Resolved, Resolved)> {
        if self.following.len() >= MAX_DEPTH || self.holds_documents {
            return None;
        }
        let (b, a) = (resolve(self.roots.0, before)?, resolve(self.roots.1, after)?);
        self.copied = self.copied.saturating_add(size(&b.schema) + size(&a.schema));
        (self.copied <= MAX_COPIED).then_some((b, a))
    }

    /// Where the schema that references start from stands in the definition.
    fn root_pointer(&self, at: &At) -> String {
        let end = at.pointer.get(1..).and_then(|rest| rest.find('/')).map_or(at.pointer.len(), |end| end + 1);
        at.pointer.get(..end).unwrap_or_default().to_owned()
    }
}

/// Nothing stands beside the reference, so what it leads to is all there is.
fn is_bare(schema: &Value<'_>) -> bool {
    schema.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("$ref"))
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.iter().map(|(_, member)| size(member)).sum::<usize>(),
        _ => 1,
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
fn resolve(root: &Value<'_>, schema: &Value<'_>) -> Option<Resolved> {
    let mut out = Resolved { schema: schema.to_owned_json(), passed: Vec::new() };
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
                if !goes_with(&members, found, root) {
                    return None;
                }
                // What a neighbour of the reference hides was not compared, so it is not known to be old.
                if members.keys().all(|key| !found.contains_key(key)) {
                    out.passed.push(target);
                }
                Value::Object(overlay(found, members))
            }
            Value::Bool(_) if members.is_empty() => found.to_owned_json(),
            _ => return None,
        };
    }
    None
}

/// Whether what stands beside a reference can be laid over what it leads to. Texts can. In 2020-12 everything
/// else holds beside what the reference says, so it must not say the same keyword; before 2019-09 it is ignored.
fn goes_with(beside: &Object<'_>, found: &Object<'_>, root: &Value<'_>) -> bool {
    let dialect = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let ignored = dialect.contains("/draft-0");
    let is_text = |key: &str| matches!(key, "description" | "title" | "$comment" | "examples" | "deprecated");
    beside.keys().all(|key| is_text(key) || (!ignored && !found.contains_key(key)))
}

/// A subschema with an `$id` is a document of its own, in which references start anew. They are not followed then.
pub(super) fn holds_documents(root: &Value<'_>) -> bool {
    match root {
        Value::Array(items) => items.iter().any(is_document),
        Value::Object(members) => members.iter().any(|(_, member)| is_document(member)),
        _ => false,
    }
}

fn is_document(value: &Value<'_>) -> bool {
    value.get("$id").is_some_and(|id| id.as_str().is_some()) || holds_documents(value)
}

fn overlay(below: &Object<'_>, above: Object<'static>) -> Object<'static> {
    let mut out = below.clone().into_owned();
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
