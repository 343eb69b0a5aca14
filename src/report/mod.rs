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
    /// The signers that count, one for each rule that is satisfied.
    pub signers: Vec<Accepted>,
    /// What the accepted statement says about the lockfile.
    pub statement: Option<StatementFacts>,
    /// Every bundle that was read.
    pub bundles: Vec<BundleResult>,
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
    pub threshold: u64,
    /// Names of the signers that the rules allow.
    pub signers: Vec<String>,
    /// The project that the statement must name.
    pub project: Option<String>,
}

/// A signer that satisfied a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Name of the rule.
    pub rule: String,
    /// Path of the bundle.
    pub bundle: String,
    /// The signer.
    pub signer: Signer,
    /// When it signed, where that was verified.
    pub time: Option<Timestamp>,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a key.
    Key {
        /// Kind of key, such as `Ed25519`.
        algorithm: String,
        /// SHA-256 of the public key's SPKI.
        hint: Digest,
    },
    /// An identity, vouched for by an OIDC issuer.
    Identity {
        /// The certificate's subject alternative name.
        identity: String,
        /// The OIDC issuer.
        issuer: String,
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
    /// Who signed, as far as that is known; unverified unless the status is [`BundleStatus::Accepted`] or
    /// [`BundleStatus::NoRule`].
    pub signer: Option<Signer>,
    /// What was checked, in order.
    pub checks: Vec<Check>,
    /// Where it differs from the rules, field by field.
    pub mismatches: Vec<Mismatch>,
}

/// Whether a bundle counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleStatus {
    /// A valid signature that satisfies a rule.
    Accepted,
    /// A valid signature by somebody whom no rule names.
    NoRule,
    /// Not a valid signature over this lockfile.
    Refused,
}

impl BundleStatus {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NoRule => "noRule",
            Self::Refused => "refused",
        }
    }
}

/// One check of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, such as `signature` or `inclusion proof`.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen; for a failed check, what was expected and got.
    pub detail: Option<String>,
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
