//! Where changes are gathered: one sink for each definition or part that differs.

use std::collections::BTreeSet;

use super::shape::Shape;
use super::text::{self, quote};
use super::{generic, merge::differing};
use crate::finding::codes::{self, CodeInfo};
use crate::finding::{Direction, Finding, Severity, Subject};
use crate::json::{Value, compact, pointer};

/// A value before and after; at least one of them is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'v, 'a> {
    pub(super) before: Option<&'v Value<'a>>,
    pub(super) after: Option<&'v Value<'a>>,
}

impl<'v, 'a> Pair<'v, 'a> {
    pub(super) fn new(before: Option<&'v Value<'a>>, after: Option<&'v Value<'a>>) -> Self {
        Pair { before, after }
    }

    pub(super) fn both(before: &'v Value<'a>, after: &'v Value<'a>) -> Self {
        Pair { before: Some(before), after: Some(after) }
    }

    /// Added, removed or changed.
    pub(super) fn direction(&self) -> Direction {
        match (self.before, self.after) {
            (None, _) => Direction::Added,
            (_, None) => Direction::Removed,
            _ => Direction::Changed,
        }
    }

    /// Whether one side is absent and the other one satisfies `neutral`, so that nothing is said by it.
    pub(super) fn says_nothing(&self, neutral: impl Fn(&Value<'_>) -> bool) -> bool {
        match (self.before, self.after) {
            (None, Some(value)) | (Some(value), None) => neutral(value),
            _ => false,
        }
    }

    /// `was added`, `was removed` or `changed`, with short values.
    pub(super) fn sentence(&self) -> String {
        match (self.before, self.after) {
            (Some(before), Some(after)) => format!("changed from {} to {}", excerpt(before), excerpt(after)),
            (None, Some(after)) => format!("was added: {}", excerpt(after)),
            (Some(before), None) => format!("was removed: it was {}", excerpt(before)),
            (None, None) => "changed".to_owned(),
        }
    }
}

/// What is being compared, and what was found in it.
pub(super) struct Sink<'p> {
    server: Option<&'p str>,
    kind: Subject,
    name: Option<&'p str>,
    /// Where the definition stands in the server's entry; empty for parts, whose pointers are whole already.
    base: String,
    /// Pointers that both sides agree to leave out of drift.
    volatile: &'p [String],
    found: Vec<Finding>,
    /// Hidden texts that were told already, by pointer and detail.
    told: BTreeSet<(String, String)>,
    /// Pointers whose difference is told by a change at another pointer.
    claimed: BTreeSet<String>,
}

impl<'p> Sink<'p> {
    /// A sink for a part of a server, or for the whole of it.
    pub(super) fn part(server: &'p str, kind: Subject, volatile: &'p [String]) -> Self {
        Sink::new(Some(server), kind, None, String::new(), volatile)
    }

    /// A sink for a definition that stands at `base` in the server's entry.
    pub(super) fn definition(
        server: &'p str,
        kind: Subject,
        name: &'p str,
        base: String,
        volatile: &'p [String],
    ) -> Self {
        Sink::new(Some(server), kind, Some(name), base, volatile)
    }

    /// A sink for the lockfile as a whole.
    pub(super) fn lockfile() -> Self {
        Sink::new(None, Subject::Lockfile, None, String::new(), &[])
    }

    fn new(
        server: Option<&'p str>,
        kind: Subject,
        name: Option<&'p str>,
        base: String,
        volatile: &'p [String],
    ) -> Self {
        Sink {
            server,
            kind,
            name,
            base,
            volatile,
            found: Vec::new(),
            told: BTreeSet::new(),
            claimed: BTreeSet::new(),
        }
    }

    /// What the sentences are about, for example `tool "read_file"`.
    pub(super) fn subject(&self) -> String {
        let word = match self.kind {
            Subject::Tool => "tool",
            Subject::Prompt => "prompt",
            Subject::Resource => "resource",
            Subject::ResourceTemplate => "resource template",
            Subject::Lockfile => return "the lockfile".to_owned(),
            _ => return format!("server {}", quote(self.server.unwrap_or_default())),
        };
        format!("{word} {}", quote(self.name.unwrap_or_default()))
    }

    /// Adds a change with its code's usual severity.
    pub(super) fn add(
        &mut self,
        code: &'static CodeInfo,
        direction: Direction,
        at: &str,
        pair: Pair<'_, '_>,
        message: String,
    ) {
        self.add_as(code, code.severity, direction, at, pair, message);
    }

    /// Adds a change with another severity, and a change for every hidden text that came with it.
    pub(super) fn add_as(
        &mut self,
        code: &'static CodeInfo,
        severity: Severity,
        direction: Direction,
        at: &str,
        pair: Pair<'_, '_>,
        message: String,
    ) {
        let agreed = severity > Severity::Info && self.is_volatile(at);
        let (severity, message) = if agreed {
            (Severity::Info, format!("{message} (listed as volatile: agreed to be left out of drift)"))
        } else {
            (severity, message)
        };
        self.push(code, severity, direction, at, pair, message);
        self.hidden(at, pair);
    }

    /// Says that something is spelled differently and means the same.
    pub(super) fn same_meaning(&mut self, at: &str, pair: Pair<'_, '_>, message: String) {
        self.add(codes::SAME_MEANING, pair.direction(), at, pair, message);
    }

    /// Says that the difference at a pointer is told by a change elsewhere.
    pub(super) fn claim(&mut self, at: &str) {
        self.claimed.insert(at.to_owned());
    }

    /// How many changes there are so far: a mark for [`Sink::since`] and [`Sink::rewind`].
    pub(super) fn mark(&self) -> usize {
        self.found.len()
    }

    /// The changes since a mark.
    pub(super) fn since(&self, mark: usize) -> &[Finding] {
        self.found.get(mark..).unwrap_or_default()
    }

    /// Takes back the changes since a mark.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.found.truncate(mark);
    }

    /// All that was found.
    pub(super) fn finish(self) -> Vec<Finding> {
        self.found
    }

    /// Adds a change for whatever differs and is covered by no change yet: nothing is ever lost, whatever
    /// the walks above leave out.
    pub(super) fn cover(
        &mut self,
        shape: Shape,
        before: &Value<'_>,
        after: &Value<'_>,
        code: &'static CodeInfo,
    ) {
        let covered: BTreeSet<String> = self
            .found
            .iter()
            .filter(|finding| finding.code != codes::HIDDEN_TEXT.id)
            .map(|finding| finding.pointer.clone())
            .chain(self.claimed.iter().cloned())
            .collect();
        let mut lost = Vec::new();
        uncovered(&covered, shape, String::new(), Pair::both(before, after), &mut lost);
        for (at, pair) in lost {
            generic::walk(self, &at, pair, code);
        }
    }

    fn push(
        &mut self,
        code: &'static CodeInfo,
        severity: Severity,
        direction: Direction,
        at: &str,
        pair: Pair<'_, '_>,
        message: String,
    ) {
        let finding = Finding {
            code: code.id,
            severity,
            direction,
            server: self.server.map(str::to_owned),
            kind: self.kind,
            name: self.name.map(str::to_owned),
            pointer: at.to_owned(),
            before: pair.before.map(Value::to_owned_json),
            after: pair.after.map(Value::to_owned_json),
            message,
        };
        self.found.push(finding);
    }

    /// A source says how the server is started, not what it declares: it cannot be agreed away.
    fn is_volatile(&self, at: &str) -> bool {
        if matches!(self.kind, Subject::Source | Subject::Volatile | Subject::Server | Subject::Lockfile) {
            return false;
        }
        let whole = format!("{}{at}", self.base);
        self.volatile.iter().any(|agreed| is_under(&whole, agreed))
    }

    fn hidden(&mut self, at: &str, pair: Pair<'_, '_>) {
        let Some(after) = pair.after else { return };
        let mut found = text::appeared(pair.before, after, at);
        if pair.before.is_none() {
            let key = at.rsplit('/').next().unwrap_or_default();
            let key = pointer::split(&format!("/{key}")).unwrap_or_default().concat();
            found.extend(text::hidden(&key).into_iter().map(|hidden| (at.to_owned(), hidden)));
        }
        for (pointer, hidden) in found {
            self.hidden_at(&pointer, Pair::new(None, Some(after)), &hidden, at);
        }
    }

    fn hidden_at(&mut self, pointer: &str, pair: Pair<'_, '_>, hidden: &text::Hidden, outer: &str) {
        if !self.told.insert((pointer.to_owned(), hidden.detail.clone())) {
            return;
        }
        let inner = pointer.strip_prefix(outer).unwrap_or_default();
        let value = pair.after.and_then(|after| after.pointer(inner));
        let shown = Pair::new(None, value.filter(|value| value.as_str().is_some()));
        let place = if pointer.is_empty() { String::new() } else { format!(" at {}", quote(pointer)) };
        let message = format!("text of {}{place} hides {hidden}: a model reads it", self.subject());
        self.push(codes::HIDDEN_TEXT, codes::HIDDEN_TEXT.severity, Direction::Added, pointer, shown, message);
    }
}

/// Gathers what differs at a pointer that no change covers: neither one there nor one above it, nor, where
/// it cannot be taken apart by member, one below it.
fn uncovered<'v, 'a>(
    covered: &BTreeSet<String>,
    shape: Shape,
    at: String,
    pair: Pair<'v, 'a>,
    lost: &mut Vec<(String, Pair<'v, 'a>)>,
) {
    if covered.contains(&at) {
        return;
    }
    let (before, after) = match (pair.before, pair.after) {
        (Some(before), Some(after)) if shape.equal(before, after) => return,
        (Some(Value::Object(before)), Some(Value::Object(after))) => (before, after),
        (Some(Value::Object(gone)), None) if !gone.is_empty() => {
            for (key, value) in gone.iter() {
                let here = pointer::join(&at, key);
                uncovered(covered, shape.member(key, value), here, Pair::new(Some(value), None), lost);
            }
            return;
        }
        (None, Some(Value::Object(new))) if !new.is_empty() => {
            for (key, value) in new.iter() {
                let here = pointer::join(&at, key);
                uncovered(covered, shape.member(key, value), here, Pair::new(None, Some(value)), lost);
            }
            return;
        }
        _ => {
            let below = format!("{at}/");
            let covered_below = covered.range(below.clone()..).next().is_some_and(|p| p.starts_with(&below));
            if !covered_below {
                lost.push((at, pair));
            }
            return;
        }
    };
    for (key, before, after) in differing(before, after) {
        let shape = before.or(after).map_or(Shape::Plain, |value| shape.member(key, value));
        uncovered(covered, shape, pointer::join(&at, key), Pair::new(before, after), lost);
    }
}

fn is_under(pointer: &str, ancestor: &str) -> bool {
    pointer.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A value in few words.
pub(super) fn excerpt(value: &Value<'_>) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) if items.len() > 12 => format!("a list of {} elements", items.len()),
        Value::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Value::Object(members) if members.len() > 12 => format!("an object of {} members", members.len()),
        other => shorten(&compact(other)),
    }
}

/// Cuts what is too long for a sentence.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
