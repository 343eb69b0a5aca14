//! `.mcp.json`: the servers of a project, under `mcpServers`.

use std::collections::BTreeMap;

use crate::json::{Limits, Object, ParseError, Value, parse};

/// A server as the file names it; variables are not yet expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that the client sets for it.
    pub env: BTreeMap<String, String>,
    /// The directory it starts in.
    pub cwd: Option<String>,
}

/// Why the file as a whole cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Not JSON.
    #[error("not strict JSON: {0}")]
    Json(#[from] ParseError),
    /// No `mcpServers` object.
    #[error("expected an object \"mcpServers\" with one member for each server")]
    Shape,
}

/// Why one entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A member of another type.
    #[error("\"{member}\": expected {expected}, got {got}")]
    Type {
        /// Which member.
        member: &'static str,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        got: &'static str,
    },
    /// Neither a command nor an address.
    #[error("expected a \"command\"")]
    Command,
    /// A server that is not started but called.
    #[error(
        "it is reached over {0}, and only servers that are started as a program (stdio) can be captured; \
         name the servers to lock, as in \"mcptrust lock NAME\""
    )]
    Remote(String),
}

/// Reads the entries. One that cannot be used does not hide the others.
pub fn parse_mcp_json(bytes: &[u8]) -> Result<BTreeMap<String, Result<Entry, EntryError>>, FileError> {
    let limits = Limits { max_bytes: 16 << 20, max_depth: 64 };
    let root = parse(bytes, &limits)?;
    let servers = root.get("mcpServers").and_then(Value::as_object).ok_or(FileError::Shape)?;
    Ok(servers.iter().map(|(name, value)| (name.to_owned(), entry(value))).collect())
}

fn entry(value: &Value<'_>) -> Result<Entry, EntryError> {
    let Value::Object(members) = value else {
        return Err(EntryError::Type { member: "mcpServers", expected: "an object", got: value.type_name() });
    };
    let transport = text(members, "type")?;
    if let Some(transport) = transport.filter(|t| t != "stdio") {
        return Err(EntryError::Remote(transport));
    }
    let command = match text(members, "command")? {
        Some(command) if !command.is_empty() => command,
        _ if members.contains_key("url") => return Err(EntryError::Remote("HTTP".to_owned())),
        _ => return Err(EntryError::Command),
    };
    let args = match members.get("args") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| string("args", item)).collect::<Result<_, _>>()?
        }
        Some(other) => return Err(wrong("args", "an array of strings", other)),
    };
    let env = match members.get("env") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(env)) => {
            let one = |(name, value): (&str, &Value<'_>)| Ok((name.to_owned(), string("env", value)?));
            env.iter().map(one).collect::<Result<_, EntryError>>()?
        }
        Some(other) => return Err(wrong("env", "an object of strings", other)),
    };
    Ok(Entry { command, args, env, cwd: text(members, "cwd")? })
}

fn text(members: &Object<'_>, member: &'static str) -> Result<Option<String>, EntryError> {
    match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => string(member, value).map(Some),
    }
}

fn string(member: &'static str, value: &Value<'_>) -> Result<String, EntryError> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(member, "a string", value))
}

fn wrong(member: &'static str, expected: &'static str, got: &Value<'_>) -> EntryError {
    EntryError::Type { member, expected, got: got.type_name() }
}
