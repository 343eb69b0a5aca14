//! The signed statement: in-toto Statement v1 with the lockfile predicate.
//!
//! See <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md>. The payload is written in
//! OLPC canonical JSON, which is sound here: there are only strings and integers, and every name is in NFC
//! without control characters.

use olpc_cjson::CanonicalFormatter;
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::bundle::LIMITS;
use super::dsse::{self, Envelope};
use super::keys::SigningKey;
use super::shape::{Fields, ShapeError, digest};
use crate::json::{self, Digest, Json, Object, ParseError, Value};
use crate::lockfile::{self, Lockfile, Tree};

/// The `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of a signed lockfile.
pub const PREDICATE_TYPE: &str = "https://mcptrust.dev/lockfile/v1";
/// The subject's name. Only its digest binds anything.
pub const SUBJECT_NAME: &str = "mcp-lock.json";

/// What a signer says about a lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Name of the subject.
    pub subject_name: String,
    /// SHA-256 of the lockfile's bytes.
    pub subject_digest: Digest,
    /// Version of the lockfile's format.
    pub lockfile_version: u64,
    /// Where the lockfile belongs.
    pub project: Option<String>,
    /// Counts the signed versions of one lockfile.
    pub sequence: u64,
    /// SHA-256 of the lockfile signed before.
    pub previous: Option<Digest>,
    /// A digest for every definition.
    pub servers: Tree,
}

/// Why a payload is no statement about a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not strict JSON.
    #[error("the signed payload is not valid JSON: {0}")]
    Json(#[from] ParseError),
    /// JSON of another shape.
    #[error("the signed statement does not follow its format {0}")]
    Shape(#[from] ShapeError),
    /// Not an in-toto Statement v1.
    #[error("the statement's `_type` is {found:?}, expected {STATEMENT_TYPE:?}")]
    Type {
        /// What it says.
        found: String,
    },
    /// A statement about something else.
    #[error(
        "the statement's `predicateType` is {found:?}, expected {PREDICATE_TYPE:?}; it says nothing about a lockfile"
    )]
    PredicateType {
        /// What it says.
        found: String,
    },
    /// Not exactly one subject.
    #[error("the statement names {count} subjects, expected exactly one")]
    SubjectCount {
        /// How many there are.
        count: usize,
    },
    /// A lockfile format that this version does not know.
    #[error("the statement is about lockfile version {found}, expected {}", lockfile::VERSION)]
    LockfileVersion {
        /// What it says.
        found: u64,
    },
    /// The statement could not be written.
    #[error("the statement cannot be written in canonical JSON: {0}")]
    Write(String),
}

impl Statement {
    /// The statement about a lockfile: its bytes, and the same file parsed.
    #[must_use]
    pub fn for_lockfile(
        bytes: &[u8],
        lockfile: &Lockfile<'_>,
        sequence: u64,
        previous: Option<Digest>,
    ) -> Self {
        Self {
            subject_name: SUBJECT_NAME.to_owned(),
            subject_digest: Digest::of(bytes),
            lockfile_version: lockfile::VERSION,
            project: lockfile.project.as_ref().map(|project| project.clone().into_owned()),
            sequence,
            previous,
            servers: lockfile.digests(),
        }
    }

    /// The payload that is signed, in OLPC canonical JSON.
    ///
    /// # Errors
    /// [`StatementError::Write`] for a number that canonical JSON cannot hold.
    pub fn to_payload(&self) -> Result<Vec<u8>, StatementError> {
        let mut payload = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut payload, CanonicalFormatter::new());
        Canonical(&self.to_json())
            .serialize(&mut serializer)
            .map_err(|error| StatementError::Write(error.to_string()))?;
        Ok(payload)
    }

    /// Signs the statement with a local key.
    ///
    /// # Errors
    /// As [`Statement::to_payload`].
    pub fn sign(&self, key: &SigningKey) -> Result<Envelope, StatementError> {
        let payload = self.to_payload()?;
        let signature = key.sign(&dsse::pae(dsse::IN_TOTO, &payload)).to_vec();
        Ok(Envelope { payload_type: dsse::IN_TOTO.to_owned(), payload, keyid: None, signature })
    }

    /// Reads a payload strictly.
    ///
    /// # Errors
    /// [`StatementError`] says what does not follow the format, and where.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let mut top = Fields::new(json::parse(payload, &LIMITS)?, "")?;
        let found = top.text("_type")?;
        if found != STATEMENT_TYPE {
            return Err(StatementError::Type { found: found.into_owned() });
        }
        let found = top.text("predicateType")?;
        if found != PREDICATE_TYPE {
            return Err(StatementError::PredicateType { found: found.into_owned() });
        }
        let (subject_name, subject_digest) = subject(&mut top)?;
        let mut predicate = top.object("predicate")?;
        let lockfile_version = predicate.unsigned("lockfileVersion")?;
        if lockfile_version != lockfile::VERSION {
            return Err(StatementError::LockfileVersion { found: lockfile_version });
        }
        let project = predicate.optional_text("project")?.map(std::borrow::Cow::into_owned);
        let sequence = predicate.unsigned("sequence")?;
        let previous = predicate.optional_object("previous")?.map(sha256_only).transpose()?;
        let at = predicate.at("servers");
        let servers = Tree::from_json(&predicate.required("servers")?)
            .map_err(|error| ShapeError::new(&at, error.to_string()))?;
        predicate.finish()?;
        top.finish()?;
        Ok(Self { subject_name, subject_digest, lockfile_version, project, sequence, previous, servers })
    }

    /// The statement as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut predicate = Object::new();
        predicate.insert("lockfileVersion", self.lockfile_version);
        if let Some(project) = &self.project {
            predicate.insert("project", project.clone());
        }
        predicate.insert("sequence", self.sequence);
        if let Some(previous) = &self.previous {
            predicate.insert("previous", sha256(previous));
        }
        predicate.insert("servers", self.servers.to_json());
        let mut subject = Object::new();
        subject.insert("name", self.subject_name.clone());
        subject.insert("digest", sha256(&self.subject_digest));
        let mut top = Object::new();
        top.insert("_type", STATEMENT_TYPE);
        top.insert("subject", vec![Json::from(subject)]);
        top.insert("predicateType", PREDICATE_TYPE);
        top.insert("predicate", predicate);
        Json::from(top)
    }
}

fn subject(top: &mut Fields<'_>) -> Result<(String, Digest), StatementError> {
    let mut subjects = top.optional_array("subject")?;
    let count = subjects.len();
    let (Some((at, subject)), 1) = (subjects.pop(), count) else {
        return Err(StatementError::SubjectCount { count });
    };
    let mut fields = Fields::new(subject, &at)?;
    let name = fields.text("name")?.into_owned();
    let digest = sha256_only(fields.object("digest")?)?;
    fields.finish()?;
    Ok((name, digest))
}

/// A digest set that holds SHA-256 alone: a second algorithm would be a second, unchecked claim.
fn sha256_only(mut fields: Fields<'_>) -> Result<Digest, ShapeError> {
    let at = fields.at("sha256");
    let value = digest(fields.required("sha256")?, &at)?;
    fields.finish()?;
    Ok(value)
}

fn sha256(digest: &Digest) -> Json {
    Json::from([("sha256", digest.to_string())].into_iter().collect::<Object<'static>>())
}

/// Feeds our JSON to the canonical formatter without a detour through text.
struct Canonical<'v>(&'v Value<'v>);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Number(value) => match (value.as_u64(), value.as_i64()) {
                (Some(number), _) => serializer.serialize_u64(number),
                (None, Some(number)) => serializer.serialize_i64(number),
                (None, None) => Err(S::Error::custom(format!("{} is no 64-bit integer", value.text()))),
            },
            Value::Array(values) => {
                let mut sequence = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    sequence.serialize_element(&Canonical(value))?;
                }
                sequence.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object.iter() {
                    map.serialize_entry(key, &Canonical(value))?;
                }
                map.end()
            }
        }
    }
}
