//! Findings: what is said about a surface, a lockfile or a signature.

pub mod codes;

use std::fmt;
use std::str::FromStr;

use crate::json::{Digest, Json, Object, Value, canonical};
use crate::surface::Kind;

pub use codes::CodeInfo;

/// How much a finding matters. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Spelled differently, means the same.
    Info,
    /// Worth knowing.
    Low,
    /// Changes what callers may do or see.
    Moderate,
    /// Steers the model, or widens what it may do.
    High,
    /// Looks like an attack, or takes a safeguard away.
    Critical,
}

impl Severity {
    /// All severities, least first.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Moderate, Severity::High, Severity::Critical];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Moderate => "moderate",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown severity {0:?}: expected info, low, moderate, high or critical")]
pub struct SeverityError(pub String);

impl FromStr for Severity {
    type Err = SeverityError;

    fn from_str(word: &str) -> Result<Self, SeverityError> {
        let found = Self::ALL.into_iter().find(|severity| severity.as_str() == word);
        found.ok_or_else(|| SeverityError(word.to_owned()))
    }
}

/// Which way something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// It was not there before.
    Added,
    /// It is no longer there.
    Removed,
    /// More is allowed, accepted or promised than before.
    Widened,
    /// Less is allowed, accepted or promised than before.
    Narrowed,
    /// Different, neither more nor less.
    Changed,
}

impl Direction {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Added => "added",
            Direction::Removed => "removed",
            Direction::Widened => "widened",
            Direction::Narrowed => "narrowed",
            Direction::Changed => "changed",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The lockfile as a whole.
    Lockfile,
    /// A server as a whole.
    Server,
    /// How a server is started.
    Source,
    /// Pointers that a reviewer agreed to leave out of drift.
    Volatile,
    /// The negotiated protocol version.
    ProtocolVersion,
    /// A server's name and version.
    ServerInfo,
    /// A server's capabilities.
    Capabilities,
    /// A server's instructions.
    Instructions,
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource.
    Resource,
    /// A resource template.
    ResourceTemplate,
    /// Members that the protocol does not name.
    Other,
    /// A signature bundle.
    Signature,
    /// Who signed.
    Signer,
}

impl Subject {
    /// The word for it, as it stands in a report's `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Lockfile => "lockfile",
            Subject::Server => "server",
            Subject::Source => "source",
            Subject::Volatile => "volatile",
            Subject::ProtocolVersion => "protocolVersion",
            Subject::ServerInfo => "serverInfo",
            Subject::Capabilities => "capabilities",
            Subject::Instructions => "instructions",
            Subject::Tool => "tool",
            Subject::Prompt => "prompt",
            Subject::Resource => "resource",
            Subject::ResourceTemplate => "resourceTemplate",
            Subject::Other => "other",
            Subject::Signature => "signature",
            Subject::Signer => "signer",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Kind> for Subject {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Tool => Subject::Tool,
            Kind::Prompt => Subject::Prompt,
            Kind::Resource => Subject::Resource,
            Kind::ResourceTemplate => Subject::ResourceTemplate,
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code, in kebab case; [`codes::find`] explains it.
    pub code: &'static str,
    /// How much it matters here.
    pub severity: Severity,
    /// Which way it changed.
    pub direction: Direction,
    /// The server's name in the lockfile.
    pub server: Option<String>,
    /// What it is about.
    pub kind: Subject,
    /// The definition's name, URI or URI template.
    pub name: Option<String>,
    /// An RFC 6901 pointer into the definition or part; empty for the whole.
    pub pointer: String,
    /// What stood there before.
    pub before: Option<Json>,
    /// What stands there now.
    pub after: Option<Json>,
    /// A sentence for a reviewer. It may hold text from a server: escape it where it is shown.
    pub message: String,
}

impl Finding {
    /// The finding as it stands in reports.
    pub fn to_json(&self) -> Json {
        let mut out = Object::new();
        out.insert("code", self.code);
        out.insert("severity", self.severity.as_str());
        out.insert("direction", self.direction.as_str());
        out.insert("server", self.server.clone().map_or(Value::Null, Value::from));
        out.insert("kind", self.kind.as_str());
        out.insert("name", self.name.clone().map_or(Value::Null, Value::from));
        out.insert("pointer", self.pointer.clone());
        out.insert("before", self.before.clone().unwrap_or(Value::Null));
        out.insert("after", self.after.clone().unwrap_or(Value::Null));
        out.insert("message", self.message.clone());
        Value::Object(out)
    }
}

/// What an approval of drift is bound to: the lockfile before, the lockfile after, and all that was shown.
pub fn changes_digest(before: &Digest, after: &Digest, findings: &[Finding]) -> Digest {
    let mut shown: Vec<Vec<u8>> = findings.iter().map(|finding| canonical(&finding.to_json())).collect();
    shown.sort();
    let mut parts: Vec<&[u8]> = vec![b"mcptrust/changes/v1\n", before.as_bytes(), after.as_bytes()];
    for finding in &shown {
        parts.push(finding);
        parts.push(b"\n");
    }
    Digest::of_parts(&parts)
}
