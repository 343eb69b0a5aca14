//! The JSON-RPC envelope: what a line is, before anybody looks at its contents.
//!
//! Results stay raw text here. The strict JSON room reads them afterwards, with their numbers as they were sent.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One JSON-RPC 2.0 message from the server. Raw values borrow from the line.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// An answer. `id` is its raw JSON text.
    Response { id: &'a str, outcome: Result<&'a str, RemoteError> },
    /// A question to us. `id` is its raw JSON text.
    Request { id: &'a str, method: String },
    /// Something that wants no answer.
    Notification { method: String },
}

/// The `error` of a response (JSON-RPC 2.0 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// The code as sent; codes outside `i64` do not occur in the specification and count as 0.
    pub code: i64,
    /// The message as sent: hostile text.
    pub message: String,
    /// `data.supported` of an unsupported protocol version, where it is an array of strings.
    pub supported: Vec<String>,
}

/// What makes a line unusable as a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NotJson(String),
    DuplicateKey(String),
    Malformed(&'static str),
}

/// Reads a line. An empty answer means that the line holds no message: it is noise.
///
/// A line is taken for a message when it is an object (or, as version 2025-03-26 allows, an array of objects) with a
/// top-level `jsonrpc`. What looks like one and is broken is a fault; a log line, in JSON or not, is noise.
pub(crate) fn read(line: &[u8]) -> Result<Vec<Message<'_>>, Fault> {
    let line = line.trim_ascii();
    let looks_like_one = match line.first() {
        Some(b'{') => true,
        Some(b'[') => line.get(1..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{")),
        _ => false,
    };
    if !looks_like_one || !mentions_jsonrpc(line) {
        return Ok(Vec::new());
    }
    if line.starts_with(b"{") {
        return Ok(object(line)?.into_iter().collect());
    }
    let members: Vec<&RawValue> = serde_json::from_slice(line).map_err(not_json)?;
    let mut messages = Vec::with_capacity(members.len());
    for member in members {
        if member.get().starts_with('{') {
            messages.extend(object(member.get().as_bytes())?);
        }
    }
    Ok(messages)
}

/// Searched for before parsing, so that a JSON log line that is cut off is noise and a cut-off message is a fault.
fn mentions_jsonrpc(line: &[u8]) -> bool {
    const KEY: &[u8] = b"\"jsonrpc\"";
    line.windows(KEY.len()).any(|window| window == KEY)
}

fn not_json(error: serde_json::Error) -> Fault {
    Fault::NotJson(error.to_string())
}

fn object(text: &[u8]) -> Result<Option<Message<'_>>, Fault> {
    let members: Members<'_> = serde_json::from_slice(text).map_err(not_json)?;
    members.distinct()?;
    let mut found = Found::default();
    for (key, value) in &members.0 {
        match key.as_str() {
            "jsonrpc" => found.jsonrpc = Some(value.get()),
            "id" => found.id = Some(value.get()),
            "method" => found.method = Some(value.get()),
            "result" => found.result = Some(value.get()),
            "error" => found.error = Some(value),
            _ => {}
        }
    }
    found.message()
}

/// The members of the envelope that mean something, as raw text.
#[derive(Default)]
struct Found<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<&'a str>,
    method: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a RawValue>,
}

impl<'a> Found<'a> {
    fn message(self) -> Result<Option<Message<'a>>, Fault> {
        match self.jsonrpc {
            None => return Ok(None),
            Some("\"2.0\"") => {}
            Some(_) => return Err(Fault::Malformed("\"jsonrpc\" is not \"2.0\"")),
        }
        if let Some(id) = self.id {
            // An object or an array could be anything; a number or a string is echoed safely.
            if id.starts_with(['{', '[', 't', 'f']) {
                return Err(Fault::Malformed("\"id\" is neither a string nor a number"));
            }
        }
        if let Some(method) = self.method {
            if self.result.is_some() || self.error.is_some() {
                return Err(Fault::Malformed("it is a request and a response at once"));
            }
            let method =
                serde_json::from_str(method).map_err(|_| Fault::Malformed("\"method\" is not a string"))?;
            return match self.id {
                Some("null") => Err(Fault::Malformed("a request has the id null")),
                Some(id) => Ok(Some(Message::Request { id, method })),
                None => Ok(Some(Message::Notification { method })),
            };
        }
        let outcome = match (self.result, self.error) {
            (Some(result), None) => Ok(result),
            (None, Some(error)) => Err(remote_error(error)?),
            (Some(_), Some(_)) => return Err(Fault::Malformed("it has both \"result\" and \"error\"")),
            (None, None) => {
                return Err(Fault::Malformed("it has none of \"method\", \"result\" and \"error\""));
            }
        };
        Ok(Some(Message::Response { id: self.id.unwrap_or("null"), outcome }))
    }
}

fn remote_error(raw: &RawValue) -> Result<RemoteError, Fault> {
    const FAULT: Fault = Fault::Malformed("\"error\" is not an object with \"code\" and \"message\"");
    let members: Members<'_> = serde_json::from_str(raw.get()).map_err(|_| FAULT)?;
    members.distinct()?;
    let member = |name: &str| members.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
    let code = member("code").ok_or(FAULT)?;
    let message = member("message").ok_or(FAULT)?;
    let supported = member("data")
        .and_then(|data| serde_json::from_str::<Members<'_>>(data).ok())
        .and_then(|Members(data)| data.into_iter().find(|(key, _)| key == "supported"))
        .and_then(|(_, versions)| serde_json::from_str(versions.get()).ok())
        .unwrap_or_default();
    Ok(RemoteError {
        code: serde_json::from_str(code).unwrap_or_default(),
        message: serde_json::from_str(message).map_err(|_| FAULT)?,
        supported,
    })
}

/// An object's members in order, duplicates included: a map would hide them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl Members<'_> {
    /// Two readers of an object with one key twice could disagree about it.
    fn distinct(&self) -> Result<(), Fault> {
        let mut seen = HashSet::with_capacity(self.0.len());
        match self.0.iter().find(|(key, _)| !seen.insert(key.as_str())) {
            Some((key, _)) => Err(Fault::DuplicateKey(key.clone())),
            None => Ok(()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> String {
        match read(line.as_bytes()) {
            Ok(messages) => messages
                .iter()
                .map(|message| match message {
                    Message::Response { id, outcome: Ok(result) } => format!("result {id} {result}"),
                    Message::Response { id, outcome: Err(error) } => {
                        format!("error {id} {} {} {:?}", error.code, error.message, error.supported)
                    }
                    Message::Request { id, method } => format!("request {id} {method}"),
                    Message::Notification { method } => format!("notification {method}"),
                })
                .collect::<Vec<_>>()
                .join("; "),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(one(r#"{"jsonrpc":"2.0","id":1,"result":{"n": 1.0e2}}"#), r#"result 1 {"n": 1.0e2}"#);
        assert_eq!(one(r#" {"method":"m","jsonrpc":"2.0","params":{}} "#), "notification m");
        assert_eq!(one(r#"{"jsonrpc":"2.0","method":"ping","id":"x"}"#), r#"request "x" ping"#);
        assert_eq!(
            one(
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["a"]}}}"#
            ),
            r#"error 1 -32022 no ["a"]"#
        );
        assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1e3,"message":""}}"#), "error null 0  []");
        assert_eq!(
            one(r#"[{"jsonrpc":"2.0","method":"a"}, 3, {"jsonrpc":"2.0","id":2,"result":1}]"#),
            "notification a; result 2 1"
        );
    }

    #[test]
    fn log_lines_are_noise() {
        for line in [
            "",
            "   ",
            "Server listening on stdio",
            "[INFO] \"jsonrpc\" ready",
            "{not json at all",
            r#"{"level":"info","method":"x","id":3}"#,
            r#"{"level":"info","sent":{"jsonrpc":"2.0"}}"#,
            "[1, 2]",
            "3",
        ] {
            assert_eq!(one(line), "", "{line}");
        }
    }

    #[test]
    fn broken_messages_are_faults() {
        let fault = |line: &str| read(line.as_bytes()).unwrap_err();
        assert!(matches!(fault(r#"{"jsonrpc":"2.0","id":1"#), Fault::NotJson(_)));
        assert!(matches!(fault(r#"{"jsonrpc":"2.0"} trailing"#), Fault::NotJson(_)));
        assert!(matches!(read(b"{\"jsonrpc\":\"2.0\",\"x\":\"\xff\"}").unwrap_err(), Fault::NotJson(_)));
        assert_eq!(
            fault(r#"{"jsonrpc":"2.0","id":1,"i\u0064":2,"result":1}"#),
            Fault::DuplicateKey("id".into())
        );
        assert_eq!(fault(r#"{"jsonrpc":"2.0","x":1,"x":1,"method":"m"}"#), Fault::DuplicateKey("x".into()));
        assert_eq!(
            fault(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","code":2}}"#),
            Fault::DuplicateKey("code".into())
        );
        for (line, why) in [
            (r#"{"jsonrpc":"1.0","id":1,"result":1}"#, "\"jsonrpc\" is not \"2.0\""),
            (r#"{"jsonrpc":"2.0","id":[1],"result":1}"#, "\"id\" is neither a string nor a number"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#, "it is a request and a response at once"),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "\"method\" is not a string"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#, "a request has the id null"),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}"#,
                "it has both \"result\" and \"error\"",
            ),
            (r#"{"jsonrpc":"2.0","id":1}"#, "it has none of \"method\", \"result\" and \"error\""),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
                "\"error\" is not an object with \"code\" and \"message\"",
            ),
        ] {
            assert_eq!(fault(line), Fault::Malformed(why), "{line}");
        }
    }
}
