//! The strict reader.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Lockfile, Server, Source, VERSION};
use crate::json::{Limits, Object, ParseError, Value, parse, pointer};
use crate::surface::{Definitions, Kind, NameError, Surface, check_name};

/// The largest lockfile that is read.
pub const MAX_BYTES: usize = 256 << 20;

/// Definitions may be 128 levels deep, and stand four levels down.
pub const LIMITS: Limits = Limits { max_bytes: MAX_BYTES, max_depth: 128 + 4 };

/// Why a file is no lockfile that this program can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file has no bytes.
    #[error("the lockfile is empty: restore it from version control, or make it anew with \"mcptrust lock\"")]
    Empty,
    /// Not JSON, or JSON that two readers could understand differently.
    #[error("the lockfile is not strict JSON: {0}")]
    Json(#[from] ParseError),
    /// A version of another tool: hashes without definitions.
    #[error(
        "lockfile version {0} holds hashes only and cannot be compared or explained: expected version {VERSION}; \
         make it anew with \"mcptrust lock\" and sign it again"
    )]
    HashOnly(u64),
    /// A version that this program does not know.
    #[error("lockfile version {0} is not supported: expected version {VERSION}; update mcptrust")]
    Version(String),
    /// A member that the format does not have.
    #[error("{pointer}: unknown member: expected {expected}")]
    Unknown {
        /// Where.
        pointer: String,
        /// The members that may stand there.
        expected: &'static str,
    },
    /// A member that must be there.
    #[error("{0}: missing")]
    Missing(String),
    /// A value of another type.
    #[error("{pointer}: expected {expected}, got {got}")]
    Type {
        /// Where.
        pointer: String,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        got: &'static str,
    },
    /// A name that two readers could read differently.
    #[error("{pointer}: {error}")]
    Name {
        /// Where.
        pointer: String,
        /// Why.
        error: NameError,
    },
    /// A definition that stands under another name than its own.
    #[error("{pointer}: expected the name under which it stands, got {got}")]
    Key {
        /// Where.
        pointer: String,
        /// The definition's own name.
        got: String,
    },
    /// A value that the format does not allow.
    #[error("{pointer}: {problem}")]
    Value {
        /// Where.
        pointer: String,
        /// Why.
        problem: &'static str,
    },
}

/// Checks a server's name: what [`check_name`] asks for, at most 128 bytes, no space at the ends, and no
/// leading `-`, so that it can be given on a command line.
pub fn check_server_name(name: &str) -> Result<(), String> {
    check_name(name).map_err(|e| e.to_string())?;
    if name.len() > 128 {
        return Err(format!("the name has {} bytes: expected at most 128", name.len()));
    }
    if name.starts_with('-') || name.trim() != name {
        return Err("the name starts with \"-\" or has space at an end".to_owned());
    }
    Ok(())
}

pub(super) fn read(bytes: &[u8]) -> Result<Lockfile<'_>, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let mut root = Members::new(String::new(), parse(bytes, &LIMITS)?)?;
    version(&root)?;
    root.take("lockfileVersion");
    let project = root.optional("project", |at, v| text(at, v))?;
    let mut servers = BTreeMap::new();
    for (name, value) in object(&pointer::join("", "servers"), root.required("servers")?)? {
        let at = pointer::join("/servers", &name);
        if check_server_name(&name).is_err() {
            let problem = "not a server name: expected NFC without control characters, 1 to 128 bytes, no leading \"-\"";
            return Err(Error::Value { pointer: at, problem });
        }
        servers.insert(name.into_owned(), server(at, value)?);
    }
    root.end("lockfileVersion, project and servers")?;
    Ok(Lockfile { project, servers })
}

fn version(root: &Members<'_>) -> Result<(), Error> {
    let Some(version) = root.members.get("lockfileVersion") else {
        // The older tools wrote "version".
        return match root.members.get("version").map(|v| (v.as_u64(), v.as_str())) {
            Some((Some(n @ 1..=3), _)) => Err(Error::HashOnly(n)),
            Some((_, Some(s))) => match s.split('.').next().and_then(|s| s.parse().ok()) {
                Some(n @ 1..=3) => Err(Error::HashOnly(n)),
                _ => Err(Error::Missing("/lockfileVersion".to_owned())),
            },
            _ => Err(Error::Missing("/lockfileVersion".to_owned())),
        };
    };
    match (version, version.as_u64()) {
        (_, Some(VERSION)) => Ok(()),
        (_, Some(n @ 1..=3)) => Err(Error::HashOnly(n)),
        (Value::Number(n), _) => Err(Error::Version(n.text().to_owned())),
        (other, _) => Err(Error::Type {
            pointer: "/lockfileVersion".to_owned(),
            expected: "a number",
            got: other.type_name(),
        }),
    }
}

fn server(at: String, value: Value<'_>) -> Result<Server<'_>, Error> {
    let mut members = Members::new(at, value)?;
    let at = |key: &str| pointer::join(&members.pointer, key);
    let source_at = at("source");
    let source = source(source_at, members.required("source")?)?;
    let mut surface = Surface {
        protocol_version: text(&at_key(&members, "protocolVersion"), members.required("protocolVersion")?)?,
        server_info: members.optional("serverInfo", |at, v| object(at, v).map(Value::Object))?,
        capabilities: members.optional("capabilities", |at, v| object(at, v).map(Value::Object))?,
        instructions: members.optional("instructions", |at, v| text(at, v))?,
        other: members.optional("other", |at, v| object(at, v))?.unwrap_or_default(),
        ..Surface::default()
    };
    for kind in Kind::ALL {
        let read = |at: &str, v| definitions(at, kind, v);
        *surface.definitions_mut(kind) = members.optional(kind.plural(), read)?.unwrap_or_default();
    }
    let volatile = members.optional("volatile", |at, v| pointers(at, v))?.unwrap_or_default();
    members.end(
        "source, protocolVersion, serverInfo, capabilities, instructions, tools, prompts, resources, \
         resourceTemplates, other and volatile",
    )?;
    Ok(Server { source, volatile, surface })
}

fn at_key(members: &Members<'_>, key: &str) -> String {
    pointer::join(&members.pointer, key)
}

fn definitions<'a>(at: &str, kind: Kind, value: Value<'a>) -> Result<Definitions<'a>, Error> {
    let mut out = Definitions::new();
    for (name, definition) in object(at, value)? {
        let here = || pointer::join(at, &name);
        check_name(&name).map_err(|error| Error::Name { pointer: here(), error })?;
        let Value::Object(members) = &definition else {
            return Err(Error::Type { pointer: here(), expected: "an object", got: definition.type_name() });
        };
        let own = members.get(kind.id_field());
        if own.and_then(Value::as_str) != Some(&name) {
            let got = own.map_or("nothing".to_owned(), crate::json::compact);
            return Err(Error::Key { pointer: pointer::join(&here(), kind.id_field()), got });
        }
        out.insert(name, definition);
    }
    Ok(out)
}

fn pointers(at: &str, value: Value<'_>) -> Result<Vec<String>, Error> {
    let list = strings(at, value)?;
    if list.iter().any(|p| p.is_empty() || pointer::split(p).is_err()) {
        let problem = "expected JSON pointers (RFC 6901) that are not empty";
        return Err(Error::Value { pointer: at.to_owned(), problem });
    }
    sorted(at, &list)?;
    Ok(list)
}

fn sorted(at: &str, list: &[String]) -> Result<(), Error> {
    if list.windows(2).all(|w| matches!(w, [a, b] if a < b)) {
        return Ok(());
    }
    let problem = "expected a sorted list without repetition";
    Err(Error::Value { pointer: at.to_owned(), problem })
}

fn source(at: String, value: Value<'_>) -> Result<Source, Error> {
    let mut members = Members::new(at, value)?;
    let transport = text(&at_key(&members, "transport"), members.required("transport")?)?;
    if transport != "stdio" {
        let problem = "unknown transport: expected \"stdio\"";
        return Err(Error::Value { pointer: at_key(&members, "transport"), problem });
    }
    let command = text(&at_key(&members, "command"), members.required("command")?)?.into_owned();
    if command.is_empty() {
        let problem = "expected a command, got an empty string";
        return Err(Error::Value { pointer: at_key(&members, "command"), problem });
    }
    let args = strings(&at_key(&members, "args"), members.required("args")?)?;
    let env = members.optional("env", |at, v| {
        let names = strings(at, v)?;
        sorted(at, &names)?;
        Ok(names)
    })?;
    let env_from = members.optional("envFrom", |at, v| {
        let mut out = BTreeMap::new();
        for (name, from) in object(at, v)? {
            out.insert(name.to_string(), text(&pointer::join(at, &name), from)?.into_owned());
        }
        Ok(out)
    })?;
    let cwd = members.optional("cwd", |at, v| text(at, v).map(Cow::into_owned))?;
    members.end("transport, command, args, env, envFrom and cwd")?;
    Ok(Source::Stdio {
        command,
        args,
        env: env.unwrap_or_default(),
        env_from: env_from.unwrap_or_default(),
        cwd,
    })
}

fn text<'a>(at: &str, value: Value<'a>) -> Result<Cow<'a, str>, Error> {
    match value {
        Value::String(s) => Ok(s),
        other => Err(wrong(at, "a string", &other)),
    }
}

fn object<'a>(at: &str, value: Value<'a>) -> Result<Object<'a>, Error> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(wrong(at, "an object", &other)),
    }
}

fn strings(at: &str, value: Value<'_>) -> Result<Vec<String>, Error> {
    let Value::Array(items) = value else { return Err(wrong(at, "an array of strings", &value)) };
    let one = |(i, item)| text(&pointer::join(at, &usize::to_string(&i)), item).map(Cow::into_owned);
    items.into_iter().enumerate().map(one).collect()
}

fn wrong(at: &str, expected: &'static str, got: &Value<'_>) -> Error {
    Error::Type { pointer: at.to_owned(), expected, got: got.type_name() }
}

/// The members of one object, taken one by one; what is left is unknown.
struct Members<'a> {
    pointer: String,
    members: Object<'a>,
}

impl<'a> Members<'a> {
    fn new(pointer: String, value: Value<'a>) -> Result<Self, Error> {
        let members = object(&pointer, value)?;
        Ok(Members { pointer, members })
    }

    fn take(&mut self, key: &str) -> Option<Value<'a>> {
        self.members.remove(key)
    }

    fn required(&mut self, key: &str) -> Result<Value<'a>, Error> {
        self.take(key).ok_or_else(|| Error::Missing(at_key(self, key)))
    }

    fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&str, Value<'a>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let at = at_key(self, key);
        self.take(key).map(|value| read(&at, value)).transpose()
    }

    fn end(self, expected: &'static str) -> Result<(), Error> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::Unknown { pointer: at_key(&self, key), expected }),
        }
    }
}
