//! What a server declares beside its definitions, and how it is started.

use super::generic::{self, is_empty_object};
use super::merge::differing;
use super::prose;
use super::shape::{Shape, set_difference};
use super::sink::{Pair, Sink, excerpt};
use super::text::quote;
use crate::finding::codes;
use crate::finding::{Direction, Finding, Subject};
use crate::json::{Object, Value, pointer};
use crate::lockfile::Source;
use crate::surface::Surface;

/// Compares how a server is started.
pub(super) fn source(server: &str, before: &Source, after: &Source) -> Vec<Finding> {
    let mut sink = Sink::part(server, Subject::Source, &[]);
    let (b, a) = (before.to_json(), after.to_json());
    let (whole_before, whole_after) = (wrap("source", b), wrap("source", a));
    if let (Some(Value::Object(b)), Some(Value::Object(a))) =
        (whole_before.get("source"), whole_after.get("source"))
    {
        for (key, before, after) in differing(b, a) {
            source_member(&mut sink, &pointer::join("/source", key), key, Pair::new(before, after));
        }
    }
    sink.cover(Shape::Plain, &whole_before, &whole_after, codes::SOURCE_CHANGED);
    sink.finish()
}

fn source_member(sink: &mut Sink<'_>, at: &str, key: &str, pair: Pair<'_, '_>) {
    let subject = sink.subject();
    let (code, message) = match key {
        "command" => (codes::SOURCE_COMMAND_CHANGED, format!("the command of {subject} {}", pair.sentence())),
        "args" => (
            codes::SOURCE_ARGUMENTS_CHANGED,
            format!("the arguments of {subject} changed: {}", arguments(pair)),
        ),
        "transport" => {
            (codes::SOURCE_TRANSPORT_CHANGED, format!("the transport of {subject} {}", pair.sentence()))
        }
        "cwd" => (
            codes::SOURCE_DIRECTORY_CHANGED,
            format!("the folder in which {subject} is started {}", pair.sentence()),
        ),
        "env" => return environment(sink, at, pair),
        "envFrom" => return environment_from(sink, at, pair),
        _ => return generic::walk(sink, at, pair, codes::SOURCE_CHANGED),
    };
    sink.add(code, pair.direction(), at, pair, message);
}

fn arguments(pair: Pair<'_, '_>) -> String {
    let list = |value: Option<&Value<'_>>| -> Vec<Value<'static>> {
        let items = value.and_then(Value::as_array).unwrap_or_default();
        items.iter().map(Value::to_owned_json).collect()
    };
    let (before, after) = (list(pair.before), list(pair.after));
    let changed: Vec<usize> =
        (0..before.len().max(after.len())).filter(|i| before.get(*i) != after.get(*i)).collect();
    if let ([index], true) = (changed.as_slice(), before.len() == after.len()) {
        let word = |list: &[Value<'_>]| list.get(*index).map(excerpt).unwrap_or_default();
        return format!("argument {} was {} and is {}", index + 1, word(&before), word(&after));
    }
    let line = |list: &[Value<'_>]| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.iter().map(excerpt).collect::<Vec<_>>().join(" ")
        }
    };
    format!(
        "they were {} and are {}",
        super::sink::shorten(&line(&before)),
        super::sink::shorten(&line(&after))
    )
}

fn environment(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    let before = pair.before.and_then(Value::as_array).unwrap_or_default();
    let after = pair.after.and_then(Value::as_array).unwrap_or_default();
    let (removed, added) = set_difference(before, after);
    let subject = sink.subject();
    for name in added {
        let message = format!("{subject} is now given the environment variable {}", excerpt(name));
        sink.add(codes::SOURCE_ENVIRONMENT_ADDED, Direction::Added, at, Pair::new(None, Some(name)), message);
    }
    for name in removed {
        let message = format!("{subject} is no longer given the environment variable {}", excerpt(name));
        sink.add(
            codes::SOURCE_ENVIRONMENT_REMOVED,
            Direction::Removed,
            at,
            Pair::new(Some(name), None),
            message,
        );
    }
    sink.claim(at);
}

fn environment_from(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    each_member(pair, |name, pair| {
        let at = pointer::join(at, name);
        let (subject, name) = (sink.subject(), quote(name));
        let (code, message) = match (pair.before, pair.after) {
            (None, Some(from)) => (
                codes::SOURCE_ENVIRONMENT_ADDED,
                format!(
                    "{subject} is now given the environment variable {name}, filled from {}",
                    excerpt(from)
                ),
            ),
            (Some(_), None) => (
                codes::SOURCE_ENVIRONMENT_REMOVED,
                format!("{subject} is no longer given the environment variable {name}"),
            ),
            _ => (
                codes::SOURCE_ENVIRONMENT_CHANGED,
                format!("what fills the environment variable {name} of {subject} {}", pair.sentence()),
            ),
        };
        sink.add(code, pair.direction(), &at, pair, message);
    });
}

/// Compares the list of pointers that are left out of drift.
pub(super) fn volatile(server: &str, before: &[String], after: &[String]) -> Vec<Finding> {
    let mut sink = Sink::part(server, Subject::Volatile, &[]);
    let list = |pointers: &[String]| {
        Value::Array(pointers.iter().map(|p| Value::from(p.as_str())).collect()).into_owned()
    };
    let (b, a) = (list(before), list(after));
    let (removed, added) = set_difference(b.as_array().unwrap_or_default(), a.as_array().unwrap_or_default());
    let subject = sink.subject();
    for pointer in added {
        let message = format!("drift of {subject} under {} is now left out", excerpt(pointer));
        sink.add(
            codes::VOLATILE_CHANGED,
            Direction::Widened,
            "/volatile",
            Pair::new(None, Some(pointer)),
            message,
        );
    }
    for pointer in removed {
        let message = format!("drift of {subject} under {} is no longer left out", excerpt(pointer));
        sink.add(
            codes::VOLATILE_CHANGED,
            Direction::Narrowed,
            "/volatile",
            Pair::new(Some(pointer), None),
            message,
        );
    }
    sink.finish()
}

/// Compares everything that a server declares but for its definitions.
pub(super) fn declared(
    server: &str,
    before: &Surface<'_>,
    after: &Surface<'_>,
    volatile: &[String],
) -> Vec<Finding> {
    let mut out = Vec::new();
    if before.protocol_version != after.protocol_version {
        let mut sink = Sink::part(server, Subject::ProtocolVersion, volatile);
        let (b, a) = (Value::from(&*before.protocol_version), Value::from(&*after.protocol_version));
        let pair = Pair::both(&b, &a);
        let message = format!("the protocol version of {} {}", sink.subject(), pair.sentence());
        sink.add(codes::PROTOCOL_VERSION_CHANGED, Direction::Changed, "/protocolVersion", pair, message);
        out.extend(sink.finish());
    }
    if before.server_info != after.server_info {
        let pair = Pair::new(before.server_info.as_ref(), after.server_info.as_ref());
        out.extend(part(
            server,
            Subject::ServerInfo,
            pair,
            volatile,
            server_info,
            codes::SERVER_INFO_CHANGED,
        ));
    }
    if before.capabilities != after.capabilities {
        let pair = Pair::new(before.capabilities.as_ref(), after.capabilities.as_ref());
        out.extend(part(
            server,
            Subject::Capabilities,
            pair,
            volatile,
            capabilities,
            codes::CAPABILITY_CHANGED,
        ));
    }
    if before.instructions != after.instructions {
        let mut sink = Sink::part(server, Subject::Instructions, volatile);
        let text = |text: &Option<std::borrow::Cow<'_, str>>| {
            text.as_deref().map(|text| Value::from(text).into_owned())
        };
        let (b, a) = (text(&before.instructions), text(&after.instructions));
        let what = format!("the instruction text of {}", sink.subject());
        let pair = Pair::new(b.as_ref(), a.as_ref());
        prose::compare(&mut sink, "/instructions", pair, &prose::INSTRUCTIONS, &what);
        out.extend(sink.finish());
    }
    if before.other != after.other {
        let mut sink = Sink::part(server, Subject::Other, volatile);
        for (key, before, after) in differing(&before.other, &after.other) {
            generic::walk(
                &mut sink,
                &pointer::join("/other", key),
                Pair::new(before, after),
                codes::RESULT_MEMBER_CHANGED,
            );
        }
        out.extend(sink.finish());
    }
    out
}

type Walk = fn(&mut Sink<'_>, &str, Pair<'_, '_>);

/// Walks an object that may be absent, and covers what the walk left out.
fn part(
    server: &str,
    kind: Subject,
    pair: Pair<'_, '_>,
    volatile: &[String],
    walk: Walk,
    code: &'static codes::CodeInfo,
) -> Vec<Finding> {
    let mut sink = Sink::part(server, kind, volatile);
    let at = format!("/{}", kind.as_str());
    if pair.says_nothing(is_empty_object) {
        generic::leaf(&mut sink, &at, pair, code);
        return sink.finish();
    }
    walk(&mut sink, &at, pair);
    let whole = |value: Option<&Value<'_>>| match value {
        Some(value) => wrap(kind.as_str(), value.to_owned_json()),
        None => Value::Object(Object::new()),
    };
    sink.cover(Shape::Plain, &whole(pair.before), &whole(pair.after), code);
    sink.finish()
}

fn wrap<'a>(key: &'a str, value: Value<'a>) -> Value<'a> {
    Value::Object([(key, value)].into_iter().collect())
}

fn server_info(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    each_member(pair, |key, pair| {
        let at = pointer::join(at, key);
        let subject = sink.subject();
        match key {
            "version" => {
                let message = format!("the version of {subject} {}", pair.sentence());
                sink.add(codes::SERVER_VERSION_CHANGED, pair.direction(), &at, pair, message);
            }
            "name" => {
                let message = format!("the name that {subject} gives itself {}", pair.sentence());
                sink.add(codes::SERVER_NAME_CHANGED, pair.direction(), &at, pair, message);
            }
            "title" => prose::compare(sink, &at, pair, &prose::TITLE, &format!("the title of {subject}")),
            "description" => {
                prose::compare(
                    sink,
                    &at,
                    pair,
                    &prose::DESCRIPTION,
                    &format!("the description of {subject}"),
                );
            }
            "icons" => generic::walk(sink, &at, pair, codes::ICONS_CHANGED),
            _ => generic::walk(sink, &at, pair, codes::SERVER_INFO_CHANGED),
        }
    });
}

fn capabilities(sink: &mut Sink<'_>, at: &str, pair: Pair<'_, '_>) {
    each_member(pair, |key, pair| {
        let at = pointer::join(at, key);
        if matches!(key, "experimental" | "extensions") {
            if pair.says_nothing(is_empty_object) {
                return generic::leaf(sink, &at, pair, codes::CAPABILITY_CHANGED);
            }
            return each_member(pair, |key, pair| capability(sink, &pointer::join(&at, key), key, pair));
        }
        capability(sink, &at, key, pair);
    });
}

fn capability(sink: &mut Sink<'_>, at: &str, key: &str, pair: Pair<'_, '_>) {
    let (subject, key) = (sink.subject(), quote(key));
    match (pair.before, pair.after) {
        (Some(before), Some(after)) if before.as_object().is_some() && after.as_object().is_some() => {
            each_member(pair, |detail, pair| {
                capability_detail(sink, &pointer::join(at, detail), detail, pair)
            });
        }
        (None, Some(_)) => {
            let message = format!("{subject} now declares the capability {key}");
            sink.add(codes::CAPABILITY_ADDED, Direction::Added, at, pair, message);
        }
        (Some(_), None) => {
            let message = format!("{subject} no longer declares the capability {key}");
            sink.add(codes::CAPABILITY_REMOVED, Direction::Removed, at, pair, message);
        }
        _ => {
            let message = format!("the capability {key} of {subject} {}", pair.sentence());
            sink.add(codes::CAPABILITY_CHANGED, Direction::Changed, at, pair, message);
        }
    }
}

/// An absent `listChanged` or `subscribe` means false.
fn capability_detail(sink: &mut Sink<'_>, at: &str, detail: &str, pair: Pair<'_, '_>) {
    let flag = matches!(detail, "listChanged" | "subscribe");
    if flag && pair.says_nothing(|value| *value == Value::Bool(false)) {
        let message = format!("{detail} of {} is written differently: absent means false", sink.subject());
        return sink.same_meaning(at, pair, message);
    }
    generic::walk(sink, at, pair, codes::CAPABILITY_CHANGED);
}

/// Calls `each` for the members in which two objects differ; an absent one has no members.
fn each_member<'v, 'a>(pair: Pair<'v, 'a>, mut each: impl FnMut(&'v str, Pair<'v, 'a>)) {
    match (pair.before, pair.after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            differing(before, after).for_each(|(key, before, after)| each(key, Pair::new(before, after)));
        }
        (Some(Value::Object(before)), None) => {
            before.iter().for_each(|(key, value)| each(key, Pair::new(Some(value), None)));
        }
        (None, Some(Value::Object(after))) => {
            after.iter().for_each(|(key, value)| each(key, Pair::new(None, Some(value))));
        }
        _ => {}
    }
}
