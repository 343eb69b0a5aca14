//! Reports: what the commands found, for people and for programs. Pure functions over a writer.
//!
//! The commands fill the plain structures here ([`Diff`], [`Verify`], [`Lock`], [`inspect`]'s) and hand them to
//! [`human`] or [`json`], so that both forms always say the same. Text from servers, lockfiles and certificates is
//! hostile and goes through [`escape`].

pub mod escape;
pub mod human;
pub mod inspect;
pub mod json;
mod paint;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::finding::{Finding, Severity};
use crate::json::Digest;
use crate::surface::Kind;

/// How to write for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use ANSI colours. Nothing is said by colour alone.
    pub color: bool,
    /// Columns of the terminal. Text is laid out for 40 to 110 columns.
    pub width: usize,
    /// Whether the terminal shows Unicode; otherwise everything but ASCII is escaped.
    pub unicode: bool,
}

/// What a report comes to: exit code 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All well.
    Pass,
    /// Something was found that must not pass.
    Findings,
}

impl Outcome {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Findings => "findings",
        }
    }

    fn of(findings: &[Finding], fail_on: Severity) -> Self {
        if findings.iter().any(|finding| finding.severity >= fail_on) { Self::Findings } else { Self::Pass }
    }
}

/// JSON pointers that the lockfile leaves out of drift, by server.
pub type Volatile = BTreeMap<String, Vec<String>>;

/// The result of comparing two surfaces of servers.
#[derive(Debug, Clone)]
pub struct Diff {
    /// What was compared, such as `mcp-lock.json`.
    pub before: String,
    /// What it was compared with, such as `the live servers`.
    pub after: String,
    /// Who signed the lockfile that was compared; `None` where no key or rule was given to verify it with.
    pub signed_by: Option<Vec<String>>,
    /// The servers that were compared, with the number of definitions each has now.
    pub servers: BTreeMap<String, usize>,
    /// What is left out of the comparison.
    pub volatile: Volatile,
    /// The differences.
    pub findings: Vec<Finding>,
    /// What an approval of exactly these differences is bound to.
    pub changes: Option<Digest>,
    /// The command that approves exactly these differences.
    pub accept: Option<String>,
    /// The lowest severity that fails.
    pub fail_on: Severity,
}

impl Diff {
    /// Whether a difference of at least `fail_on` was found.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(&self.findings, self.fail_on)
    }
}

/// The result of capturing servers into a lockfile.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Path of the lockfile.
    pub lockfile: String,
    /// Digest of the lockfile's bytes, as they are or would be.
    pub digest: Digest,
    /// What happened to the file.
    pub written: Written,
    /// The servers that were captured.
    pub servers: BTreeMap<String, Captured>,
    /// What is left out of drift.
    pub volatile: Volatile,
    /// What the capture found, and the drift against the existing lockfile.
    pub findings: Vec<Finding>,
    /// What an approval of exactly this drift is bound to.
    pub changes: Option<Digest>,
    /// The command that approves exactly this drift.
    pub accept: Option<String>,
    /// The lowest severity that fails.
    pub fail_on: Severity,
}

/// What happened to a lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// There was none, and it was written.
    Created,
    /// It held the same bytes already.
    Unchanged,
    /// The drift was approved, and it was replaced.
    Updated,
    /// The drift is not approved, and the file was left as it was.
    AwaitingApproval,
}

impl Written {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::AwaitingApproval => "awaitingApproval",
        }
    }
}

impl Lock {
    /// Findings where the drift awaits approval, or where the capture found something of at least `fail_on` in
    /// what was not approved.
    pub fn outcome(&self) -> Outcome {
        match self.written {
            Written::AwaitingApproval => Outcome::Findings,
            Written::Updated => Outcome::Pass,
            Written::Created | Written::Unchanged => Outcome::of(&self.findings, self.fail_on),
        }
    }
}

/// A server as it was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The protocol version that was negotiated.
    pub protocol_version: String,
    /// How many definitions of each kind it declares.
    pub counts: BTreeMap<Kind, usize>,
}

/// The result of verifying a lockfile's signatures.
#[derive(Debug, Clone)]
pub struct Verify {
    /// Path of the lockfile.
    pub lockfile: String,
    /// Digest of the lockfile's bytes.
    pub digest: Digest,
    /// Whether the rules are satisfied.
    pub verified: bool,
    /// The rules that decided.
    pub rules: RulesUsed,
    /// The trust material for keyless signatures, in words: which, and how old it is.
    pub trust_root: Option<String>,
    /// Names of the distinct signers that count.
    pub signers: Vec<String>,
    /// Every bundle that was read.
    pub bundles: Vec<BundleResult>,
    /// A trusted signature over another version of this lockfile.
    pub tampering: Option<Tampering>,
    /// What the lockfile leaves out of drift.
    pub volatile: Volatile,
    /// What was found: how the lockfile differs from what was signed, or how the signer changed.
    pub findings: Vec<Finding>,
    /// The lowest severity that fails.
    pub fail_on: Severity,
}

impl Verify {
    /// Pass where the rules are satisfied and nothing of at least `fail_on` was found.
    pub fn outcome(&self) -> Outcome {
        if self.verified { Outcome::of(&self.findings, self.fail_on) } else { Outcome::Findings }
    }
}

/// The trust rules that a verification used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesUsed {
    /// Where they came from, such as `mcptrust.toml` or `--key mcptrust.pub`.
    pub from: String,
    /// Digest of the rules.
    pub digest: Digest,
    /// How many distinct signers must have signed.
    pub threshold: usize,
    /// Names of the signers that the rules allow.
    pub signers: Vec<String>,
    /// The project that the statement must name.
    pub project: Option<String>,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a key.
    Key {
        /// Kind of key, such as `Ed25519`; `None` where only the key's id is known.
        algorithm: Option<String>,
        /// What identifies the key: SHA-256 of its SPKI in bundles that mcptrust writes.
        id: String,
    },
    /// An identity, vouched for by an OIDC issuer.
    Identity {
        /// The certificate's subject alternative name.
        identity: String,
        /// The OIDC issuer.
        issuer: String,
        /// What else the certificate says, by name.
        claims: BTreeMap<String, String>,
    },
}

/// What a signed statement says beside its digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// The project that the lockfile was signed for.
    pub project: Option<String>,
    /// Sequence number of the signature.
    pub sequence: u64,
    /// Digest of the lockfile signed before.
    pub previous: Option<Digest>,
}

/// What came of one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleResult {
    /// Path of the bundle.
    pub path: String,
    /// Whether it counts.
    pub status: BundleStatus,
    /// Who signed; only where the signature is genuine.
    pub signer: Option<Signer>,
    /// When it was signed, in the words of authorities.
    pub times: Vec<VerifiedTime>,
    /// The transparency logs that it stands in.
    pub logs: Vec<Logged>,
    /// Evidence that did not hold and was not needed.
    pub unverified: Vec<String>,
    /// What the signed statement says; `None` for a plain signature.
    pub statement: Option<StatementFacts>,
    /// Where it differs from the rules, field by field.
    pub mismatches: Vec<Mismatch>,
}

/// Whether a bundle counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleStatus {
    /// A genuine signature that satisfies the rules of these signers.
    Accepted(Vec<String>),
    /// A genuine signature by somebody whom no rule names.
    NoRule,
    /// A check failed.
    Refused {
        /// A stable word for the check.
        code: String,
        /// What was expected and got.
        message: String,
    },
}

impl BundleStatus {
    /// The name in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::NoRule => "noRule",
            Self::Refused { .. } => "refused",
        }
    }
}

/// A time that an authority vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTime {
    /// The time.
    pub time: Timestamp,
    /// Who says so.
    pub by: String,
}

/// A place in a transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Name of the log.
    pub log: String,
    /// Index in the log.
    pub index: u64,
}

/// A field in which a signer differs from a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Name of the rule.
    pub rule: String,
    /// Name of the field, such as `identity`, `issuer` or a claim.
    pub field: String,
    /// What the rule wants.
    pub expected: String,
    /// What the certificate says; `None` where it says nothing.
    pub got: Option<String>,
}

/// A trusted signature over another version of the lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// Path of the bundle that says so.
    pub bundle: String,
    /// The digest that was signed.
    pub signed: Digest,
    /// A stable word for the kind of difference, such as `content` or `line-endings`.
    pub difference: String,
    /// The difference in a sentence.
    pub message: String,
}
