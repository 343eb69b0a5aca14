//! The values that a server was given, where they must not show up.

use std::borrow::Cow;
use std::ffi::OsString;

use crate::finding::{Direction, Finding, Subject, codes};
use crate::json::{Json, Object, Value, pointer};
use crate::mcp::text::{escape, quote};
use crate::surface::{Kind, Surface};

/// Shorter values are too likely to be an ordinary word.
const SHORTEST: usize = 8;

/// Values of passed variables, each with the variable's name.
#[derive(Debug)]
pub(super) struct Secrets(Vec<Secret>);

#[derive(Debug)]
struct Secret {
    name: String,
    value: String,
}

impl Secrets {
    pub(super) fn of(env: &[(String, OsString)], expanded: &[(String, OsString)]) -> Self {
        let mut secrets: Vec<Secret> = env
            .iter()
            .chain(expanded)
            .filter_map(|(name, value)| {
                let value = value.to_str()?;
                (value.len() >= SHORTEST).then(|| Secret { name: name.clone(), value: value.to_owned() })
            })
            .collect();
        // One value may hold another: the longer one is taken out first.
        secrets.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| a.name.cmp(&b.name)));
        Secrets(secrets)
    }

    /// `text` with every value replaced by the name of its variable.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            let escaped = escape(&secret.value);
            for value in [secret.value.as_str(), escaped.as_str()] {
                if text.contains(value) {
                    text = text.replace(value, &format!("[value of {}]", secret.name));
                }
            }
        }
        text
    }

    /// One finding for each variable and definition (or other part of the surface) that holds its value.
    pub(super) fn findings(&self, server: &str, surface: &Surface<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for secret in &self.0 {
            for (subject, what, value) in parts(surface) {
                if let Some(at) = find(&secret.value, &value) {
                    findings.push(self.finding(server, secret, subject, None, what, &at));
                }
            }
            for kind in Kind::ALL {
                for (name, definition) in surface.definitions(kind) {
                    if let Some(at) = find(&secret.value, definition) {
                        let name = self.redact(name);
                        let what = format!("the {} {}", words(kind), quote(&name));
                        findings.push(self.finding(server, secret, kind.into(), Some(name), &what, &at));
                    }
                }
            }
        }
        findings
    }

    fn finding(
        &self,
        server: &str,
        secret: &Secret,
        subject: Subject,
        name: Option<String>,
        what: &str,
        at: &str,
    ) -> Finding {
        let at = self.redact(at);
        let place = if at.is_empty() { String::new() } else { format!(" at {}", escape(&at)) };
        Finding {
            server: Some(server.to_owned()),
            name,
            pointer: at,
            // The name stands in a member of its own: the sentence holds text of the server as well.
            after: Some(variable(&secret.name)),
            ..super::assemble::finding(
                codes::CAPTURE_SECRET_ECHOED,
                subject,
                Direction::Added,
                format!(
                    "The value of the environment variable {} shows up in {what}{place}. \
                     Anyone who reads the lockfile would read it.",
                    quote(&secret.name)
                ),
            )
        }
    }
}

/// What a finding says of the variable: `{"variable": NAME}`.
fn variable(name: &str) -> Json {
    let mut members = Object::new();
    members.insert("variable", name.to_owned());
    Json::Object(members)
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "tool",
        Kind::Prompt => "prompt",
        Kind::Resource => "resource",
        Kind::ResourceTemplate => "resource template",
    }
}

/// What a surface holds beside definitions.
fn parts<'s>(surface: &'s Surface<'_>) -> Vec<(Subject, &'static str, Cow<'s, Value<'s>>)> {
    let mut parts = Vec::new();
    if let Some(info) = &surface.server_info {
        parts.push((Subject::ServerInfo, "the server's information about itself", Cow::Borrowed(info)));
    }
    if let Some(capabilities) = &surface.capabilities {
        parts.push((Subject::Capabilities, "the capabilities", Cow::Borrowed(capabilities)));
    }
    if let Some(instructions) = &surface.instructions {
        let text = Value::String(Cow::Borrowed(instructions.as_ref()));
        parts.push((Subject::Instructions, "the instructions", Cow::Owned(text)));
    }
    if !surface.other.is_empty() {
        let all = Value::Object(surface.other.clone());
        parts.push((Subject::Other, "a field that no specification names", Cow::Owned(all)));
    }
    parts
}

/// The JSON pointer of the first string, key or number that holds `secret`.
fn find(secret: &str, value: &Value<'_>) -> Option<String> {
    let mut path = String::new();
    find_in(secret, value, &mut path).then_some(path)
}

fn find_in(secret: &str, value: &Value<'_>, path: &mut String) -> bool {
    match value {
        Value::String(text) => text.contains(secret),
        Value::Number(number) => number.text().contains(secret),
        Value::Array(items) => {
            items.iter().enumerate().any(|(index, item)| descend(secret, &index.to_string(), item, path))
        }
        Value::Object(members) => {
            members.iter().any(|(key, member)| key.contains(secret) || descend(secret, key, member, path))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// Leaves `path` at the place when it finds something, and as it was otherwise.
fn descend(secret: &str, token: &str, value: &Value<'_>, path: &mut String) -> bool {
    let before = path.len();
    pointer::push(path, token);
    let found = find_in(secret, value, path);
    if !found {
        path.truncate(before);
    }
    found
}
