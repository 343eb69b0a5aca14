//! From results to a surface: what is kept, what is left out, what is refused.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Failure;
use crate::finding::{CodeInfo, Direction, Finding, Subject, codes};
use crate::json::{self, Json, Object, Value};
use crate::mcp::{self, Hello};
use crate::surface::{self, Definitions, Kind, Surface};

/// Where a modern server says who it is (MCP 2026-07-28, `DiscoverResult`).
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// A surface in the making.
#[derive(Debug)]
pub(super) struct Assembly {
    surface: Surface<'static>,
    lists: Vec<(Kind, List)>,
}

/// One list, read from its first page to its last.
#[derive(Debug, Default, PartialEq)]
pub(super) struct List {
    definitions: Definitions<'static>,
    /// Fields of the results that no specification names: for each, the distinct values over the pages.
    other: BTreeMap<String, Vec<Json>>,
    entries: usize,
    missing: bool,
    read: bool,
}

impl Assembly {
    pub(super) fn new(hello: Hello) -> Result<Self, Failure> {
        let Hello { era, method, version, mut result } = hello;
        let meta = result.remove("_meta");
        let server_info = match era {
            mcp::Era::Legacy => result.remove("serverInfo"),
            mcp::Era::Modern => meta.and_then(|meta| match meta {
                Value::Object(mut meta) => meta.remove(SERVER_INFO),
                _ => None,
            }),
        };
        let capabilities = match result.remove("capabilities") {
            None => None,
            Some(value @ Value::Object(_)) => Some(value),
            Some(other) => return Err(shape(method, "/capabilities", "an object", &other)),
        };
        let instructions = match result.remove("instructions") {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => return Err(shape(method, "/instructions", "a string", &other)),
        };
        result.remove("protocolVersion");
        leave_out(&mut result);
        let mut other = Object::default();
        if !result.is_empty() {
            other.insert(method, Value::Object(result));
        }
        let surface = Surface {
            protocol_version: Cow::Borrowed(version),
            server_info,
            capabilities,
            instructions,
            other,
            ..Surface::default()
        };
        Ok(Assembly { surface, lists: Vec::new() })
    }

    /// Whether the capabilities name this kind. `null` is how some serializers write absence.
    pub(super) fn declares(&self, kind: Kind) -> bool {
        let declared = self.surface.capabilities.as_ref().and_then(|all| all.get(kind.capability()));
        !matches!(declared, None | Some(Value::Null | Value::Bool(false)))
    }

    /// How many definitions there are of all other kinds.
    pub(super) fn count_without(&self, kind: Kind) -> usize {
        self.lists.iter().filter(|(other, _)| *other != kind).map(|(_, list)| list.len()).sum()
    }

    pub(super) fn add(&mut self, kind: Kind, list: List) {
        self.lists.push((kind, list));
    }

    /// Puts a second reading in the place of the first, and tells whether they differ.
    pub(super) fn replace(&mut self, kind: Kind, list: List) -> bool {
        for (other, first) in &mut self.lists {
            if *other == kind {
                let differs = *first != list;
                *first = list;
                return differs;
            }
        }
        self.lists.push((kind, list));
        true
    }

    pub(super) fn into_parts(self, server: &str) -> (Surface<'static>, Vec<Finding>) {
        let mut findings = self.findings();
        for finding in &mut findings {
            finding.server = Some(server.to_owned());
        }
        let mut surface = self.surface;
        for (kind, list) in self.lists {
            if !list.other.is_empty() {
                let fields: Object<'static> = list
                    .other
                    .into_iter()
                    .map(|(field, mut values)| {
                        // Pages come in any order; the values of a set are kept in one.
                        values.sort_by_cached_key(json::canonical);
                        (field, Value::Array(values))
                    })
                    .collect();
                surface.other.insert(kind.list_method(), Value::Object(fields));
            }
            *surface.definitions_mut(kind) = list.definitions;
        }
        (surface, findings)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (kind, list) in &self.lists {
            if list.missing {
                findings.push(finding(
                    codes::CAPTURE_LIST_MISSING,
                    (*kind).into(),
                    Direction::Changed,
                    format!(
                        "The server declares the capability {}, and does not know the method {}.",
                        kind.capability(),
                        kind.list_method()
                    ),
                ));
            }
        }
        for kind in [Kind::Tool, Kind::Prompt, Kind::Resource] {
            let capability = kind.capability();
            let mut lists =
                self.lists.iter().filter(|(other, _)| other.capability() == capability).peekable();
            if lists.peek().is_some() && lists.all(|(_, list)| list.len() == 0) {
                findings.push(finding(
                    codes::CAPTURE_EMPTY_LIST,
                    kind.into(),
                    Direction::Changed,
                    format!("The server declares the capability {capability}, and lists none."),
                ));
            }
        }
        if self.lists.iter().all(|(_, list)| list.len() == 0) {
            findings.push(finding(
                codes::CAPTURE_NO_DEFINITIONS,
                Subject::Server,
                Direction::Changed,
                "The server declares no tool, no prompt and no resource at all.".to_owned(),
            ));
        }
        findings
    }
}

impl List {
    /// A list that the server does not know.
    pub(super) fn missing() -> Self {
        List { missing: true, read: true, ..List::default() }
    }

    /// Whether no page of it has been read.
    pub(super) fn is_unread(&self) -> bool {
        !self.read
    }

    pub(super) fn len(&self) -> usize {
        self.definitions.len()
    }

    pub(super) fn add_page(&mut self, kind: Kind, mut page: Object<'static>) -> Result<(), Failure> {
        self.read = true;
        let method = kind.list_method();
        let pointer = format!("/{}", kind.plural());
        let entries = match page.remove(kind.plural()) {
            Some(Value::Array(entries)) => entries,
            Some(other) => return Err(shape(method, &pointer, "an array", &other)),
            None => {
                let error = mcp::Error::Shape { method, pointer, expected: "an array", got: "nothing" };
                return Err(error.into());
            }
        };
        for entry in entries {
            self.add_entry(kind, entry)?;
        }
        page.remove("_meta");
        leave_out(&mut page);
        for (field, value) in page {
            let values = self.other.entry(field.into_owned()).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, kind: Kind, entry: Json) -> Result<(), Failure> {
        self.entries += 1;
        let index = self.entries;
        let mut definition = match entry {
            Value::Object(definition) => definition,
            other => return Err(Failure::NotAnObject { kind, index, got: other.type_name() }),
        };
        let name = match definition.get(kind.id_field()) {
            Some(Value::String(name)) => name.clone().into_owned(),
            Some(other) => return Err(Failure::NoName { kind, index, got: other.type_name() }),
            None => return Err(Failure::NoName { kind, index, got: "nothing" }),
        };
        if let Err(error) = surface::check_name(&name) {
            return Err(Failure::BadName { kind, index, name, why: error.to_string() });
        }
        if kind == Kind::Resource {
            leave_out_of_resource(&mut definition);
        }
        if self.definitions.contains_key(name.as_str()) {
            return Err(Failure::DuplicateName { kind, name });
        }
        self.definitions.insert(Cow::Owned(name), Value::Object(definition));
        Ok(())
    }
}

/// Takes out what belongs to the envelope of a result and changes by nature. A member that is not what the
/// specification says it is could hold anything, and stays.
fn leave_out(result: &mut Object<'static>) {
    take_if(result, "ttlMs", |value| value.as_number().is_some());
    take_if(result, "cacheScope", |value| matches!(value.as_str(), Some("public" | "private")));
    take_if(result, "resultType", |value| value.as_str() == Some("complete"));
}

/// Takes out what changes with the contents of a resource.
fn leave_out_of_resource(resource: &mut Object<'static>) {
    take_if(resource, "size", |value| value.as_number().is_some());
    if let Some(Value::Object(annotations)) = resource.get_mut("annotations") {
        take_if(annotations, "lastModified", |value| value.as_str().is_some_and(is_time));
    }
}

fn take_if(object: &mut Object<'static>, key: &str, expected: impl Fn(&Value<'_>) -> bool) {
    if object.get(key).is_some_and(expected) {
        object.remove(key);
    }
}

/// Whether `text` can be an ISO 8601 time, and so cannot carry a message.
fn is_time(text: &str) -> bool {
    text.len() <= 40
        && text.bytes().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b'+' | b'-' | b':' | b'.' | b'W')
        })
}

/// A finding of the capture, with the severity of its code. The server's name is added at the end.
pub(super) fn finding(code: &CodeInfo, kind: Subject, direction: Direction, message: String) -> Finding {
    Finding {
        code: code.id,
        severity: code.severity,
        direction,
        server: None,
        kind,
        name: None,
        pointer: String::new(),
        before: None,
        after: None,
        message,
    }
}

fn shape(method: &'static str, pointer: &str, expected: &'static str, got: &Value<'_>) -> Failure {
    mcp::Error::Shape { method, pointer: pointer.to_owned(), expected, got: got.type_name() }.into()
}
