//! The digest tree that a signature binds.

use std::collections::BTreeMap;

use crate::json::{Digest, Json, Object, Value, digest_with_prefix, pointer};
use crate::surface::{Kind, SurfaceDigests, check_name};

/// A digest for every part of every server of a lockfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// By server.
    pub servers: BTreeMap<String, ServerDigests>,
}

/// A digest for every part of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerDigests {
    /// Of how it is reached.
    pub source: Digest,
    /// Of the list of volatile pointers, where there is one.
    pub volatile: Option<Digest>,
    /// Of what it declares.
    pub surface: SurfaceDigests,
}

/// Why a JSON value is no digest tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {problem}")]
pub struct TreeError {
    /// Where, within the tree.
    pub pointer: String,
    /// Why.
    pub problem: &'static str,
}

pub(super) fn volatile_digest(pointers: &[String]) -> Option<Digest> {
    let list = Value::Array(pointers.iter().map(|p| Value::from(p.as_str())).collect());
    (!pointers.is_empty()).then(|| digest_with_prefix("mcptrust/volatile/v1\n", &list))
}

impl Tree {
    /// The tree as it stands in a statement: digests as hexadecimal strings.
    pub fn to_json(&self) -> Json {
        let servers = self.servers.iter().map(|(name, server)| (name.clone(), server.to_json()));
        Value::Object(servers.collect())
    }

    /// Reads the tree strictly.
    pub fn from_json(value: &Value<'_>) -> Result<Tree, TreeError> {
        let mut servers = BTreeMap::new();
        for (name, server) in members("", value)?.iter() {
            servers.insert(name.to_owned(), ServerDigests::from_json(&pointer::join("", name), server)?);
        }
        Ok(Tree { servers })
    }
}

impl ServerDigests {
    fn to_json(&self) -> Json {
        let surface = &self.surface;
        let mut out = Object::new();
        let parts = [
            ("source", Some(self.source)),
            ("volatile", self.volatile),
            ("protocolVersion", Some(surface.protocol_version)),
            ("serverInfo", surface.server_info),
            ("capabilities", surface.capabilities),
            ("instructions", surface.instructions),
            ("other", surface.other),
        ];
        for (key, digest) in parts {
            if let Some(digest) = digest {
                out.insert(key, digest.to_string());
            }
        }
        for (kind, digests) in &surface.definitions {
            let members = digests.iter().map(|(name, digest)| (name.clone(), digest.to_string()));
            out.insert(kind.plural(), members.collect::<Object<'static>>());
        }
        Value::Object(out)
    }

    fn from_json(at: &str, value: &Value<'_>) -> Result<Self, TreeError> {
        let mut source = None;
        let mut volatile = None;
        let mut protocol_version = None;
        let (mut server_info, mut capabilities, mut instructions, mut other) = (None, None, None, None);
        let mut definitions: BTreeMap<Kind, BTreeMap<String, Digest>> =
            Kind::ALL.iter().map(|kind| (*kind, BTreeMap::new())).collect();
        for (key, value) in members(at, value)?.iter() {
            let here = pointer::join(at, key);
            let part = match key {
                "source" => &mut source,
                "volatile" => &mut volatile,
                "protocolVersion" => &mut protocol_version,
                "serverInfo" => &mut server_info,
                "capabilities" => &mut capabilities,
                "instructions" => &mut instructions,
                "other" => &mut other,
                _ => {
                    let kind = Kind::ALL.into_iter().find(|kind| kind.plural() == key);
                    let kind = kind.ok_or_else(|| error(&here, "unknown member"))?;
                    definitions.insert(kind, digests(&here, value)?);
                    continue;
                }
            };
            *part = Some(digest(&here, value)?);
        }
        let missing = |key| error(&pointer::join(at, key), "missing");
        Ok(ServerDigests {
            source: source.ok_or_else(|| missing("source"))?,
            volatile,
            surface: SurfaceDigests {
                protocol_version: protocol_version.ok_or_else(|| missing("protocolVersion"))?,
                server_info,
                capabilities,
                instructions,
                other,
                definitions,
            },
        })
    }
}

fn error(at: &str, problem: &'static str) -> TreeError {
    TreeError { pointer: at.to_owned(), problem }
}

fn members<'v, 'a>(at: &str, value: &'v Value<'a>) -> Result<&'v Object<'a>, TreeError> {
    value.as_object().ok_or_else(|| error(at, "expected an object"))
}

fn digest(at: &str, value: &Value<'_>) -> Result<Digest, TreeError> {
    let text = value.as_str().and_then(|text| text.parse().ok());
    text.ok_or_else(|| error(at, "expected 64 lower-case hexadecimal digits"))
}

fn digests(at: &str, value: &Value<'_>) -> Result<BTreeMap<String, Digest>, TreeError> {
    let mut out = BTreeMap::new();
    for (name, value) in members(at, value)?.iter() {
        let here = pointer::join(at, name);
        check_name(name).map_err(|_| error(&here, "not a name: expected NFC without control characters"))?;
        out.insert(name.to_owned(), digest(&here, value)?);
    }
    Ok(out)
}
