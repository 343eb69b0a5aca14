//! Drift: two surfaces in, changes out, schema-aware.
//!
//! Every difference becomes at least one [`Finding`], with a pointer that leads to it, its severity and a
//! sentence for a reviewer. Specialised walks know what a difference means; whatever they leave out becomes
//! a change of its own, so nothing is lost. The order of keys, and of the arrays `required`, `enum` and
//! `type` of a schema, is no difference; numbers compare by their exact value.
//!
//! Pointers of definitions start at the definition. Pointers of parts start at the server's entry in the
//! lockfile, for example `/source/args` or `/serverInfo/version`.
//!
//! Messages hold text from servers: short, but as it came. Whoever shows them escapes them.

mod annotations;
mod definition;
mod explain;
mod generic;
mod merge;
mod parts;
mod prompt;
mod prose;
mod rename;
mod schema;
mod shape;
mod sink;
pub mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::finding::codes::{self, CodeInfo};
use crate::finding::{Direction, Finding, Subject};
use crate::json::{Value, pointer};
use crate::lockfile::{Lockfile, Server};
use crate::surface::{Definitions, Kind, Surface};

pub use explain::explain;

use merge::merge;
use sink::{Pair, Sink, excerpt};

/// Compares two lockfiles. The most severe change comes first, then by server, kind, name and pointer.
pub fn compare(before: &Lockfile<'_>, after: &Lockfile<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    if before.project != after.project {
        out.extend(project(before.project.as_deref(), after.project.as_deref()));
    }
    for (name, before, after) in merge(&before.servers, &after.servers, |b, a| b.cmp(a)) {
        match (before, after) {
            (Some(before), Some(after)) => server(name, before, after, &mut out),
            (None, Some(after)) => out.extend(server_added(name, after)),
            (Some(before), None) => out.extend(server_removed(name, before)),
            (None, None) => {}
        }
    }
    sort(&mut out);
    out
}

/// Compares two entries of one server: its source, what is left out of drift, and what it declares.
pub fn compare_servers(name: &str, before: &Server<'_>, after: &Server<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    server(name, before, after, &mut out);
    sort(&mut out);
    out
}

/// Compares what a server declares.
pub fn compare_surfaces(server: &str, before: &Surface<'_>, after: &Surface<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    surface(server, before, after, &[], &mut out);
    sort(&mut out);
    out
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (f.server.clone(), f.kind, f.name.clone(), f.pointer.clone(), f.code);
        b.severity
            .cmp(&a.severity)
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.message.cmp(&b.message))
    });
}

fn project(before: Option<&str>, after: Option<&str>) -> Vec<Finding> {
    let mut sink = Sink::lockfile();
    let (before, after) = (before.map(Value::from), after.map(Value::from));
    let pair = Pair::new(before.as_ref(), after.as_ref());
    let message = format!("the project that the lockfile is made for {}", pair.sentence());
    sink.add(codes::PROJECT_CHANGED, pair.direction(), "/project", pair, message);
    sink.finish()
}

fn server_added(name: &str, server: &Server<'_>) -> Vec<Finding> {
    let mut sink = Sink::part(name, Subject::Server, &[]);
    let entry = server.to_json();
    let command = entry.pointer("/source/command").map(excerpt).unwrap_or_default();
    let message =
        format!("{} was added: it runs {command} and declares {}", sink.subject(), counts(&server.surface));
    sink.add(codes::SERVER_ADDED, Direction::Added, "", Pair::new(None, Some(&entry)), message);
    sink.finish()
}

fn server_removed(name: &str, server: &Server<'_>) -> Vec<Finding> {
    let mut sink = Sink::part(name, Subject::Server, &[]);
    let entry = server.to_json();
    let message = format!("{} was removed: it declared {}", sink.subject(), counts(&server.surface));
    sink.add(codes::SERVER_REMOVED, Direction::Removed, "", Pair::new(Some(&entry), None), message);
    sink.finish()
}

fn counts(surface: &Surface<'_>) -> String {
    let count = |kind: &Kind| {
        let word = match kind {
            Kind::Tool => "tool",
            Kind::Prompt => "prompt",
            Kind::Resource => "resource",
            Kind::ResourceTemplate => "resource template",
        };
        match surface.definitions(*kind).len() {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        }
    };
    let counts: Vec<String> = Kind::ALL.iter().filter_map(count).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

fn server(name: &str, before: &Server<'_>, after: &Server<'_>, out: &mut Vec<Finding>) {
    if before.source != after.source {
        out.extend(parts::source(name, &before.source, &after.source));
    }
    if before.volatile != after.volatile {
        out.extend(parts::volatile(name, &before.volatile, &after.volatile));
    }
    let agreed: Vec<String> =
        before.volatile.iter().filter(|p| after.volatile.contains(p)).cloned().collect();
    surface(name, &before.surface, &after.surface, &agreed, out);
}

fn surface(
    name: &str,
    before: &Surface<'_>,
    after: &Surface<'_>,
    volatile: &[String],
    out: &mut Vec<Finding>,
) {
    out.extend(parts::declared(name, before, after, volatile));
    for kind in Kind::ALL {
        definitions(name, kind, before.definitions(kind), after.definitions(kind), volatile, out);
    }
}

fn definitions(
    server: &str,
    kind: Kind,
    before: &Definitions<'_>,
    after: &Definitions<'_>,
    volatile: &[String],
    out: &mut Vec<Finding>,
) {
    let sink = |name| Sink::definition(server, kind.into(), name, base(kind, name), volatile);
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for (name, before, after) in merge(before, after, |b, a| b.cmp(a)) {
        match (before, after) {
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some(after)) => {
                let mut sink = sink(name);
                definition::compare(&mut sink, kind, before, after, false);
                out.extend(sink.finish());
            }
            (Some(before), None) => removed.push((name.as_ref(), before)),
            (None, Some(after)) => added.push((name.as_ref(), after)),
            (None, None) => {}
        }
    }
    let renamed = rename::find(kind, &removed, &added);
    for (b, a) in &renamed {
        let (Some((old, before)), Some((new, after))) = (removed.get(*b), added.get(*a)) else { continue };
        let mut sink = sink(new);
        rename(&mut sink, kind, old, new);
        definition::compare(&mut sink, kind, before, after, true);
        out.extend(sink.finish());
    }
    let (gone, come): (BTreeSet<usize>, BTreeSet<usize>) = renamed.iter().copied().unzip();
    let codes = Codes::of(kind);
    for (index, (name, definition)) in added.iter().enumerate() {
        if !come.contains(&index) {
            let mut sink = sink(name);
            let told = definition.get("description").map(|d| format!(": {}", excerpt(d))).unwrap_or_default();
            let message = format!("{} was added{told}", sink.subject());
            sink.add(codes.added, Direction::Added, "", Pair::new(None, Some(definition)), message);
            out.extend(sink.finish());
        }
    }
    for (index, (name, definition)) in removed.iter().enumerate() {
        if !gone.contains(&index) {
            let mut sink = sink(name);
            let message = format!("{} was removed", sink.subject());
            sink.add(codes.removed, Direction::Removed, "", Pair::new(Some(definition), None), message);
            out.extend(sink.finish());
        }
    }
}

fn rename(sink: &mut Sink<'_>, kind: Kind, old: &str, new: &str) {
    let (before, after) = (Value::from(old), Value::from(new));
    let message = format!("{} was {} before", sink.subject(), text::quote(old));
    let at = pointer::join("", kind.id_field());
    sink.add(Codes::of(kind).renamed, Direction::Changed, &at, Pair::both(&before, &after), message);
}

fn base(kind: Kind, name: &str) -> String {
    let mut base = format!("/{}", kind.plural());
    pointer::push(&mut base, name);
    base
}

/// The codes for definitions that come, go or change their name.
struct Codes {
    added: &'static CodeInfo,
    removed: &'static CodeInfo,
    renamed: &'static CodeInfo,
}

impl Codes {
    fn of(kind: Kind) -> Codes {
        match kind {
            Kind::Tool => {
                Codes { added: codes::TOOL_ADDED, removed: codes::TOOL_REMOVED, renamed: codes::TOOL_RENAMED }
            }
            Kind::Prompt => Codes {
                added: codes::PROMPT_ADDED,
                removed: codes::PROMPT_REMOVED,
                renamed: codes::PROMPT_RENAMED,
            },
            Kind::Resource => Codes {
                added: codes::RESOURCE_ADDED,
                removed: codes::RESOURCE_REMOVED,
                renamed: codes::RESOURCE_RENAMED,
            },
            Kind::ResourceTemplate => Codes {
                added: codes::RESOURCE_TEMPLATE_ADDED,
                removed: codes::RESOURCE_TEMPLATE_REMOVED,
                renamed: codes::RESOURCE_TEMPLATE_RENAMED,
            },
        }
    }
}
