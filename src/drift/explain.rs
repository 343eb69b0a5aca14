//! Why a lockfile is not the one that was signed, from the signed digests alone.

use std::collections::BTreeMap;

use super::merge::merge;
use super::sink::{Pair, Sink};
use super::text::quote;
use crate::finding::codes;
use crate::finding::{Direction, Finding, Subject};
use crate::json::{Digest, Json, Object, Value, pointer};
use crate::lockfile::{Lockfile, Server, ServerDigests, Tree};
use crate::surface::Kind;

/// Names every server, part and definition whose digest is not the signed one. Nothing is found where only
/// the layout of the file differs, or its `project`, which has no digest of its own.
///
/// What was signed is known by its digest only, so `before` holds `{"sha256": ...}`.
pub fn explain(signed: &Tree, actual: &Lockfile<'_>) -> Vec<Finding> {
    let digests = actual.digests();
    let known = places(signed);
    let mut out = Vec::new();
    for (name, before, after) in merge(&signed.servers, &digests.servers, |b, a| b.cmp(a)) {
        match (before, after, actual.servers.get(name)) {
            (Some(before), Some(after), Some(server)) => {
                out.extend(explain_server(name, before, after, server, &known))
            }
            (None, _, Some(server)) => {
                let mut sink = Sink::part(name, Subject::Server, &[]);
                let entry = server.to_json();
                let message = format!("{} was added: it is not what was signed", sink.subject());
                sink.add(codes::TAMPERED_ADDED, Direction::Added, "", Pair::new(None, Some(&entry)), message);
                out.extend(sink.finish());
            }
            _ => {
                let mut sink = Sink::part(name, Subject::Server, &[]);
                let message = format!("{} was removed: it was signed", sink.subject());
                sink.add(codes::TAMPERED_REMOVED, Direction::Removed, "", Pair::new(None, None), message);
                out.extend(sink.finish());
            }
        }
    }
    super::sort(&mut out);
    out
}

/// Where each signed definition stands, by digest: a definition that was moved is named as such.
fn places(signed: &Tree) -> BTreeMap<Digest, String> {
    let mut out = BTreeMap::new();
    for (server, digests) in &signed.servers {
        for (kind, definitions) in &digests.surface.definitions {
            for (name, digest) in definitions {
                out.insert(*digest, format!("{kind} {} of server {}", quote(name), quote(server)));
            }
        }
    }
    out
}

fn explain_server(
    name: &str,
    before: &ServerDigests,
    after: &ServerDigests,
    server: &Server<'_>,
    known: &BTreeMap<Digest, String>,
) -> Vec<Finding> {
    let mut out = Vec::new();
    if before == after {
        return out;
    }
    let entry = server.to_json();
    for (subject, before, after) in parts(before, after) {
        if before == after {
            continue;
        }
        let mut sink = Sink::part(name, subject, &[]);
        let what = format!("{} of {}", words(subject), sink.subject());
        let value = entry.get(subject.as_str());
        tampered(&mut sink, &format!("/{}", subject.as_str()), &what, before, after, value, known);
        out.extend(sink.finish());
    }
    for kind in Kind::ALL {
        let none = BTreeMap::new();
        let before = before.surface.definitions.get(&kind).unwrap_or(&none);
        let after = after.surface.definitions.get(&kind).unwrap_or(&none);
        for (definition, before, after) in merge(before, after, |b, a| b.cmp(a)) {
            if before == after {
                continue;
            }
            let base = pointer::join(&format!("/{}", kind.plural()), definition);
            let mut sink = Sink::definition(name, kind.into(), definition, base, &[]);
            let what = sink.subject();
            let value = server.surface.definitions(kind).get(definition.as_str());
            tampered(&mut sink, "", &what, before.copied(), after.copied(), value, known);
            out.extend(sink.finish());
        }
    }
    out
}

type Part = (Subject, Option<Digest>, Option<Digest>);

fn parts(before: &ServerDigests, after: &ServerDigests) -> [Part; 7] {
    let (b, a) = (&before.surface, &after.surface);
    [
        (Subject::Source, Some(before.source), Some(after.source)),
        (Subject::Volatile, before.volatile, after.volatile),
        (Subject::ProtocolVersion, Some(b.protocol_version), Some(a.protocol_version)),
        (Subject::ServerInfo, b.server_info, a.server_info),
        (Subject::Capabilities, b.capabilities, a.capabilities),
        (Subject::Instructions, b.instructions, a.instructions),
        (Subject::Other, b.other, a.other),
    ]
}

fn words(part: Subject) -> &'static str {
    match part {
        Subject::Source => "the source",
        Subject::Volatile => "the volatile list",
        Subject::ProtocolVersion => "the protocol version",
        Subject::ServerInfo => "the serverInfo",
        Subject::Capabilities => "the capabilities",
        Subject::Instructions => "the instructions",
        _ => "a part",
    }
}

fn tampered(
    sink: &mut Sink<'_>,
    at: &str,
    what: &str,
    before: Option<Digest>,
    after: Option<Digest>,
    value: Option<&Value<'_>>,
    known: &BTreeMap<Digest, String>,
) {
    let origin = match after.and_then(|digest| known.get(&digest)) {
        Some(place) => format!("; what stands there now was signed as {place}"),
        None => String::new(),
    };
    let signed = before.map(reference);
    let pair = Pair::new(signed.as_ref(), value);
    let (code, message) = match (before, after) {
        (None, _) => (codes::TAMPERED_ADDED, format!("{what} was added after signing{origin}")),
        (_, None) => (codes::TAMPERED_REMOVED, format!("{what} was removed after signing")),
        _ => (codes::TAMPERED_CHANGED, format!("{what} was changed after signing{origin}")),
    };
    sink.add(code, pair.direction(), at, pair, message);
}

fn reference(digest: Digest) -> Json {
    Value::Object([("sha256", digest.to_string())].into_iter().collect::<Object<'static>>())
}
