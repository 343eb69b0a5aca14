//! What was checked and what was found, bundle by bundle.

use jiff::Timestamp;

use super::Problem;
use super::log::LogFacts;
use crate::json::{Digest, Json, Object, Value};
use crate::lockfile::{self, Tree};
use crate::signing::facts::SignerFacts;
use crate::signing::rules::Mismatch;
use crate::signing::statement::Statement;

/// What a genuine signature says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    /// Who signed.
    pub signer: SignerFacts,
    /// When, in the words of authorities.
    pub times: Vec<VerifiedTime>,
    /// The logs it stands in; two entries of one log count once.
    pub logs: Vec<LogFacts>,
    /// Evidence in a bundle by key that did not hold and was not needed.
    pub unverified: Vec<Problem>,
}

impl Authentic {
    pub(super) fn add_log(&mut self, facts: LogFacts) {
        if let Some(time) = facts.integrated {
            self.times.push(VerifiedTime { time, source: TimeSource::Log(facts.log.clone()) });
        }
        if self.logs.iter().all(|known| known.log_id != facts.log_id) {
            self.logs.push(facts);
        }
    }

    /// The earliest verified time: the signature existed then.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.times.iter().map(|time| time.time).min()
    }
}

/// A time that an authority vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTime {
    /// The time.
    pub time: Timestamp,
    /// Who says so.
    pub source: TimeSource,
}

/// Who vouches for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// A timestamp authority (RFC 3161), by its address.
    Authority(String),
    /// A log that signed when it integrated the entry, by its name.
    Log(String),
}

/// What became of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It satisfies rules of these signers.
    Accepted {
        /// Names of the rules' signers, sorted, each once.
        signers: Vec<String>,
    },
    /// It satisfies no rule and counts for nothing.
    NoRule,
    /// A check failed.
    Refused(Problem),
}

/// How one rule fared with one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// The rule's signer.
    pub name: String,
    /// What the rule demands and the bundle does not have; empty where it matches.
    pub mismatches: Vec<Mismatch>,
}

/// What was found in one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleReport {
    /// The bundle's name, as it was given.
    pub name: String,
    /// What became of it.
    pub status: Status,
    /// Who signed and when; only where the signature is genuine.
    pub authentic: Option<Authentic>,
    /// The signed statement; only where the signature is genuine, and `None` for a plain signature.
    pub statement: Option<Statement>,
    /// Every rule that was tried.
    pub rules: Vec<RuleReport>,
}

/// A genuine signature by a trusted signer over another lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// The bundle that says so.
    pub bundle: String,
    /// The digest that was signed.
    pub signed: Digest,
    /// A digest for every definition that was signed; the drift engine explains from it what was touched.
    pub tree: Tree,
    /// The project that was signed.
    pub project: Option<String>,
    /// What kind of difference it is.
    pub difference: Difference,
}

/// How the file at hand differs from the one that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Only line endings differ: git or an editor converted them.
    LineEndings,
    /// Only spelling differs: white space, order of keys, escapes.
    Formatting,
    /// What it says differs.
    Content,
    /// It cannot be read any more.
    Unreadable,
}

impl Difference {
    /// One sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::LineEndings => {
                "only the bytes differ and the content is the same: line endings were converted; \
                 restore them (in git: `mcp-lock.json -text` in .gitattributes) or sign again"
            }
            Self::Formatting => {
                "only the bytes differ and the content is the same: the file was reformatted; \
                 restore it or sign again"
            }
            Self::Content => "the content differs from what was signed",
            Self::Unreadable => "the file can no longer be read as a lockfile",
        }
    }

    /// A stable word for reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineEndings => "line-endings",
            Self::Formatting => "formatting",
            Self::Content => "content",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 of the lockfile's bytes.
    pub lockfile: Digest,
    /// Digest of the rules that were used.
    pub rules: Digest,
    /// How many distinct signers must have signed.
    pub threshold: usize,
    /// Names of the distinct signers that did, sorted.
    pub signers: Vec<String>,
    /// Every bundle, in the order given.
    pub bundles: Vec<BundleReport>,
    /// A trusted signature over another lockfile, where there is one and the lockfile was refused.
    pub tampering: Option<Tampering>,
    /// Why the lockfile cannot be read, where a trusted signature says that it was changed.
    pub unreadable: Option<lockfile::Error>,
}

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut top = Object::new();
        top.insert("lockfile", self.lockfile.to_string());
        top.insert("rules", self.rules.to_string());
        top.insert("threshold", u64::try_from(self.threshold).unwrap_or(u64::MAX));
        top.insert("signers", texts(&self.signers));
        top.insert("bundles", self.bundles.iter().map(BundleReport::to_json).collect::<Vec<_>>());
        if let Some(tampering) = &self.tampering {
            let mut fields = Object::new();
            fields.insert("bundle", tampering.bundle.clone());
            fields.insert("signed", tampering.signed.to_string());
            fields.insert("difference", tampering.difference.as_str());
            fields.insert("message", tampering.difference.message());
            top.insert("tampering", fields);
        }
        if let Some(error) = &self.unreadable {
            top.insert("unreadable", error.to_string());
        }
        Json::from(top)
    }
}

impl BundleReport {
    fn to_json(&self) -> Json {
        let mut fields = Object::new();
        fields.insert("name", self.name.clone());
        match &self.status {
            Status::Accepted { signers } => {
                fields.insert("status", "accepted");
                fields.insert("signers", texts(signers));
            }
            Status::NoRule => {
                fields.insert("status", "no-rule");
            }
            Status::Refused(problem) => {
                fields.insert("status", "refused");
                fields.insert("code", problem.code());
                fields.insert("message", problem.to_string());
            }
        }
        if let Some(authentic) = &self.authentic {
            fields.insert("signer", authentic.signer.to_json());
            fields.insert("times", authentic.times.iter().map(VerifiedTime::to_json).collect::<Vec<_>>());
            fields.insert("logs", authentic.logs.iter().map(log_json).collect::<Vec<_>>());
            fields.insert(
                "unverified",
                authentic
                    .unverified
                    .iter()
                    .map(|problem| Json::from(problem.to_string()))
                    .collect::<Vec<_>>(),
            );
            fields
                .insert("content", if self.statement.is_some() { "statement" } else { "message-signature" });
        }
        if let Some(statement) = &self.statement {
            let mut facts = Object::new();
            facts.insert("sequence", statement.sequence);
            facts.insert(
                "previous",
                statement.previous.map_or(Value::Null, |digest| Json::from(digest.to_string())),
            );
            facts.insert("project", statement.project.clone().map_or(Value::Null, Json::from));
            facts.insert("subject", statement.subject_digest.to_string());
            fields.insert("statement", facts);
        }
        fields.insert("rules", self.rules.iter().map(RuleReport::to_json).collect::<Vec<_>>());
        Json::from(fields)
    }
}

impl RuleReport {
    fn to_json(&self) -> Json {
        let mismatches: Vec<Json> = self
            .mismatches
            .iter()
            .map(|mismatch| {
                let mut fields = Object::new();
                fields.insert("field", mismatch.field.clone());
                fields.insert("expected", mismatch.expected.clone());
                fields.insert("got", mismatch.got.clone().map_or(Value::Null, Json::from));
                Json::from(fields)
            })
            .collect();
        let mut fields = Object::new();
        fields.insert("name", self.name.clone());
        fields.insert("matched", mismatches.is_empty());
        fields.insert("mismatches", mismatches);
        Json::from(fields)
    }
}

impl VerifiedTime {
    fn to_json(&self) -> Json {
        let (kind, source) = match &self.source {
            TimeSource::Authority(uri) => ("timestamp-authority", uri),
            TimeSource::Log(name) => ("transparency-log", name),
        };
        let mut fields = Object::new();
        fields.insert("time", self.time.to_string());
        fields.insert("source", kind);
        fields.insert("by", source.clone());
        Json::from(fields)
    }
}

fn log_json(log: &LogFacts) -> Json {
    let mut fields = Object::new();
    fields.insert("log", log.log.clone());
    fields.insert("logId", hex::encode(&log.log_id));
    fields.insert("index", log.index);
    Json::from(fields)
}

fn texts(texts: &[String]) -> Vec<Json> {
    texts.iter().map(|text| Json::from(text.clone())).collect()
}
