//! The lockfile format, version 4: reader and writer.

mod read;
mod secrets;
mod source;
mod tree;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::{Json, Object, Value, pretty};
use crate::surface::{Kind, Surface};

pub use read::{Error, LIMITS, MAX_BYTES, check_server_name};
pub use secrets::{SecretArgument, secret_argument};
pub use source::Source;
pub use tree::{ServerDigests, Tree, TreeError};

/// The version that this program reads and writes.
pub const VERSION: u64 = 4;

/// A lockfile: what was reviewed, for each server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lockfile<'a> {
    /// Where the lockfile belongs, for example `acme/agents`.
    pub project: Option<Cow<'a, str>>,
    /// The servers by the name that the project gives them.
    pub servers: BTreeMap<String, Server<'a>>,
}

/// One server of a lockfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server<'a> {
    /// How it is reached.
    pub source: Source,
    /// JSON pointers into the server's entry that a reviewer agreed to leave out of drift; sorted.
    pub volatile: Vec<String>,
    /// What it declares.
    pub surface: Surface<'a>,
}

impl Server<'_> {
    /// The entry as it stands in the file, without the `volatile` list's effect.
    pub fn to_json(&self) -> Json {
        self.entry().into_owned()
    }

    fn entry(&self) -> Value<'_> {
        let surface = &self.surface;
        let mut out = Object::new();
        out.insert("source", self.source.to_json());
        out.insert("protocolVersion", surface.protocol_version.as_ref());
        if let Some(info) = &surface.server_info {
            out.insert("serverInfo", info.clone());
        }
        if let Some(capabilities) = &surface.capabilities {
            out.insert("capabilities", capabilities.clone());
        }
        if let Some(instructions) = &surface.instructions {
            out.insert("instructions", instructions.as_ref());
        }
        for kind in Kind::ALL {
            let definitions = surface.definitions(kind).iter();
            let members: Object<'_> = definitions.map(|(name, v)| (name.as_ref(), v.clone())).collect();
            out.insert(kind.plural(), members);
        }
        if !surface.other.is_empty() {
            out.insert("other", surface.other.clone());
        }
        if !self.volatile.is_empty() {
            out.insert(
                "volatile",
                Value::Array(self.volatile.iter().map(|p| Value::from(p.as_str())).collect()),
            );
        }
        Value::Object(out)
    }
}

impl<'a> Lockfile<'a> {
    /// Reads a lockfile strictly: unknown members, duplicate keys, oversize and trailing data are refused.
    ///
    /// `bytes` is the whole file, at most [`MAX_BYTES`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        read::read(bytes)
    }

    /// The file's bytes: two-space indented, keys sorted, LF, one trailing newline. The same lockfile gives
    /// the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Object::new();
        out.insert("lockfileVersion", VERSION);
        if let Some(project) = &self.project {
            out.insert("project", project.as_ref());
        }
        let servers: Object<'_> = self.servers.iter().map(|(k, v)| (k.as_str(), v.entry())).collect();
        out.insert("servers", servers);
        pretty(&Value::Object(out)).into_bytes()
    }

    /// A digest for every part of every server: what a signature binds.
    pub fn digests(&self) -> Tree {
        let digest = |server: &Server<'_>| ServerDigests {
            source: server.source.digest(),
            volatile: tree::volatile_digest(&server.volatile),
            surface: server.surface.digests(),
        };
        Tree { servers: self.servers.iter().map(|(name, server)| (name.clone(), digest(server))).collect() }
    }

    /// The same lockfile without a borrow.
    pub fn into_owned(self) -> Lockfile<'static> {
        let own = |server: Server<'a>| Server {
            source: server.source,
            volatile: server.volatile,
            surface: server.surface.into_owned(),
        };
        Lockfile {
            project: self.project.map(|p| Cow::Owned(p.into_owned())),
            servers: self.servers.into_iter().map(|(name, server)| (name, own(server))).collect(),
        }
    }
}
