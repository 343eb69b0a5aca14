//! The surface: what a server declares, and its digests.
//!
//! Definitions are kept whole and raw. What is left out of them, and why, stands in `docs/formats.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::is_nfc;

use crate::json::{Digest, Object, Value, digest_with_prefix};

#[cfg(test)]
mod tests;

/// The kinds of definitions that a server lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// From `tools/list`, by `name`.
    Tool,
    /// From `prompts/list`, by `name`.
    Prompt,
    /// From `resources/list`, by `uri`.
    Resource,
    /// From `resources/templates/list`, by `uriTemplate`.
    ResourceTemplate,
}

impl Kind {
    /// All kinds, in the order in which they are asked for.
    pub const ALL: [Kind; 4] = [Kind::Tool, Kind::Prompt, Kind::Resource, Kind::ResourceTemplate];

    /// `tool`, `prompt`, `resource` or `resourceTemplate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Tool => "tool",
            Kind::Prompt => "prompt",
            Kind::Resource => "resource",
            Kind::ResourceTemplate => "resourceTemplate",
        }
    }

    /// The member that holds definitions of this kind in a list result and in the lockfile.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Tool => "tools",
            Kind::Prompt => "prompts",
            Kind::Resource => "resources",
            Kind::ResourceTemplate => "resourceTemplates",
        }
    }

    /// The request that lists this kind.
    pub fn list_method(self) -> &'static str {
        match self {
            Kind::Tool => "tools/list",
            Kind::Prompt => "prompts/list",
            Kind::Resource => "resources/list",
            Kind::ResourceTemplate => "resources/templates/list",
        }
    }

    /// The member by which definitions of this kind are told apart.
    pub fn id_field(self) -> &'static str {
        match self {
            Kind::Tool | Kind::Prompt => "name",
            Kind::Resource => "uri",
            Kind::ResourceTemplate => "uriTemplate",
        }
    }

    /// The server capability that announces this kind.
    pub fn capability(self) -> &'static str {
        match self {
            Kind::Tool => "tools",
            Kind::Prompt => "prompts",
            Kind::Resource | Kind::ResourceTemplate => "resources",
        }
    }

    /// SHA-256 of a definition's canonical form behind a prefix of its kind, so that one kind can never
    /// stand for another.
    pub fn digest(self, definition: &Value<'_>) -> Digest {
        let prefix = match self {
            Kind::Tool => "mcptrust/tool/v1\n",
            Kind::Prompt => "mcptrust/prompt/v1\n",
            Kind::Resource => "mcptrust/resource/v1\n",
            Kind::ResourceTemplate => "mcptrust/resourceTemplate/v1\n",
        };
        digest_with_prefix(prefix, definition)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Definitions of one kind by their name, URI or URI template.
pub type Definitions<'a> = BTreeMap<Cow<'a, str>, Value<'a>>;

/// Everything that one server declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface<'a> {
    /// The negotiated protocol version, for example `2025-11-25`.
    pub protocol_version: Cow<'a, str>,
    /// Name, version and more of the server's implementation.
    pub server_info: Option<Value<'a>>,
    /// What the server says it can do.
    pub capabilities: Option<Value<'a>>,
    /// Text that clients put into the model's context.
    pub instructions: Option<Cow<'a, str>>,
    /// Tools by name.
    pub tools: Definitions<'a>,
    /// Prompts by name.
    pub prompts: Definitions<'a>,
    /// Resources by URI.
    pub resources: Definitions<'a>,
    /// Resource templates by URI template.
    pub resource_templates: Definitions<'a>,
    /// Members of results that the protocol does not name, by method and then by member. A list's member
    /// holds the distinct values over its pages, in an array.
    pub other: Object<'a>,
}

impl<'a> Surface<'a> {
    /// The definitions of one kind.
    pub fn definitions(&self, kind: Kind) -> &Definitions<'a> {
        match kind {
            Kind::Tool => &self.tools,
            Kind::Prompt => &self.prompts,
            Kind::Resource => &self.resources,
            Kind::ResourceTemplate => &self.resource_templates,
        }
    }

    /// The definitions of one kind.
    pub fn definitions_mut(&mut self, kind: Kind) -> &mut Definitions<'a> {
        match kind {
            Kind::Tool => &mut self.tools,
            Kind::Prompt => &mut self.prompts,
            Kind::Resource => &mut self.resources,
            Kind::ResourceTemplate => &mut self.resource_templates,
        }
    }

    /// How many definitions there are, of all kinds.
    pub fn count(&self) -> usize {
        Kind::ALL.iter().map(|kind| self.definitions(*kind).len()).sum()
    }

    /// The same surface without a borrow.
    pub fn into_owned(self) -> Surface<'static> {
        let own = |definitions: Definitions<'a>| {
            definitions.into_iter().map(|(k, v)| (Cow::Owned(k.into_owned()), v.into_owned())).collect()
        };
        Surface {
            protocol_version: Cow::Owned(self.protocol_version.into_owned()),
            server_info: self.server_info.map(Value::into_owned),
            capabilities: self.capabilities.map(Value::into_owned),
            instructions: self.instructions.map(|s| Cow::Owned(s.into_owned())),
            tools: own(self.tools),
            prompts: own(self.prompts),
            resources: own(self.resources),
            resource_templates: own(self.resource_templates),
            other: self.other.into_owned(),
        }
    }

    /// A digest for every part and every definition.
    pub fn digests(&self) -> SurfaceDigests {
        let definitions = |kind: Kind| {
            let digests = self.definitions(kind).iter().map(|(k, v)| (k.to_string(), kind.digest(v)));
            (kind, digests.collect())
        };
        SurfaceDigests {
            protocol_version: digest_text("mcptrust/protocolVersion/v1\n", &self.protocol_version),
            server_info: self.server_info.as_ref().map(|v| digest_with_prefix("mcptrust/serverInfo/v1\n", v)),
            capabilities: self
                .capabilities
                .as_ref()
                .map(|v| digest_with_prefix("mcptrust/capabilities/v1\n", v)),
            instructions: self.instructions.as_ref().map(|s| digest_text("mcptrust/instructions/v1\n", s)),
            other: (!self.other.is_empty())
                .then(|| digest_with_prefix("mcptrust/other/v1\n", &Value::Object(self.other.clone()))),
            definitions: Kind::ALL.iter().map(|kind| definitions(*kind)).collect(),
        }
    }
}

fn digest_text(prefix: &str, text: &str) -> Digest {
    digest_with_prefix(prefix, &Value::from(text))
}

/// A digest for every part of a surface that is there, and for every definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceDigests {
    /// Of the negotiated protocol version.
    pub protocol_version: Digest,
    /// Of the server's name and version.
    pub server_info: Option<Digest>,
    /// Of the capabilities.
    pub capabilities: Option<Digest>,
    /// Of the instructions.
    pub instructions: Option<Digest>,
    /// Of the members that the protocol does not name.
    pub other: Option<Digest>,
    /// Of the definitions, by kind and name; every kind is there.
    pub definitions: BTreeMap<Kind, BTreeMap<String, Digest>>,
}

/// Why a name was refused: two readers could disagree about it, or a person could not read it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters.
    #[error("the name is empty")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the name has {0} bytes: expected at most {MAX_NAME_BYTES}")]
    TooLong(usize),
    /// A control character.
    #[error("the name holds the control character U+{0:04X}")]
    Control(u32),
    /// Not in Unicode normalisation form C.
    #[error("the name is not in Unicode normalisation form C (NFC)")]
    NotNfc,
}

/// The longest name, URI or URI template.
pub const MAX_NAME_BYTES: usize = 4096;

/// Checks a name, URI or URI template: NFC, no control characters, not empty, not too long.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong(name.len()));
    }
    if let Some(c) = name.chars().find(|c| c.is_control()) {
        return Err(NameError::Control(u32::from(c)));
    }
    if !is_nfc(name) {
        return Err(NameError::NotNfc);
    }
    Ok(())
}
