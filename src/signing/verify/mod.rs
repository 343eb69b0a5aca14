//! Verification: offline and pure. Time and trust material come in as arguments.
//!
//! A signature counts when it is genuine, satisfies a rule, and binds exactly the lockfile at hand. Bundles
//! that satisfy no rule are reported and count for nothing; they neither help nor harm.

mod authenticate;
mod body;
mod examine;
mod log;
mod previous;
mod problem;
mod report;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};

use super::rules::Rules;
use super::trust::TrustMaterial;
use crate::json::Digest;
use crate::lockfile::Lockfile;

pub use authenticate::{Subject, by_certificate, with_key};
pub use log::{LogError, LogFacts};
pub use previous::signer_of;
pub use problem::{Error, Problem};
pub use report::{
    Authentic, BundleReport, Difference, Report, RuleReport, Status, Tampering, TimeSource, VerifiedTime,
};

/// A bundle's bytes and the name it is reported under.
#[derive(Debug, Clone, Copy)]
pub struct NamedBundle<'b> {
    /// The name, usually the file's.
    pub name: &'b str,
    /// The file's bytes.
    pub bytes: &'b [u8],
}

/// Further demands on every signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// How long ago, by verified time, a signature may have been made.
    pub max_age: Option<SignedDuration>,
    /// The least sequence that a statement may have.
    pub min_sequence: Option<u64>,
}

/// Something that [`verify`] vouches for. Nothing else can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value without the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What came of verifying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Enough trusted signers signed exactly this lockfile.
    Verified(Verified<Lockfile<'a>>, Report),
    /// They did not; the report says why.
    Refused(Report),
}

impl Outcome<'_> {
    /// The report, whatever came of it.
    #[must_use]
    pub const fn report(&self) -> &Report {
        match self {
            Self::Verified(_, report) | Self::Refused(report) => report,
        }
    }

    /// Whether the lockfile was verified.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(..))
    }
}

/// Verifies a lockfile's bytes with the bundles found beside it, by the verifier's rules alone.
///
/// # Errors
/// [`Error`] where nothing could be decided: no bundle, no trust material for a rule that needs it, or a
/// lockfile that cannot be read and of which no trusted signature says that it was changed.
pub fn verify<'a>(
    lockfile: &'a [u8],
    bundles: &[NamedBundle<'_>],
    rules: &Rules,
    trust: Option<&TrustMaterial>,
    options: &Options,
    now: Timestamp,
) -> Result<Outcome<'a>, Error> {
    if bundles.is_empty() {
        return Err(Error::NoBundle);
    }
    if rules.need_trust_material() && trust.is_none() {
        return Err(Error::NoTrustMaterial);
    }
    let parsed = Lockfile::parse(lockfile);
    let context = examine::Context {
        lockfile,
        digest: Digest::of(lockfile),
        parsed: parsed.as_ref().ok(),
        tree: OnceCell::new(),
        rules,
        trust,
        options,
        now,
    };
    let mut reports = Vec::with_capacity(bundles.len());
    let mut tampering = None;
    for bundle in bundles {
        let report = context.examine(bundle);
        if tampering.is_none() {
            tampering = context.tampering(&report);
        }
        reports.push(report);
    }
    let signers = examine::distinct_signers(&reports);
    let enough = signers.len() >= rules.threshold();
    let mut report = Report {
        lockfile: context.digest,
        rules: rules.digest(),
        threshold: rules.threshold(),
        signers,
        bundles: reports,
        tampering: None,
        unreadable: None,
    };
    match parsed {
        Ok(parsed) if enough => Ok(Outcome::Verified(Verified(parsed), report)),
        Ok(_) => {
            report.tampering = tampering;
            Ok(Outcome::Refused(report))
        }
        Err(error) if tampering.is_some() => {
            report.tampering = tampering;
            report.unreadable = Some(error);
            Ok(Outcome::Refused(report))
        }
        Err(error) => Err(Error::Lockfile(error)),
    }
}
