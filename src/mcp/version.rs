//! The protocol versions that this client speaks, and the era each belongs to.

use std::fmt;

/// Versions opened by `initialize`, oldest first.
pub const LEGACY_VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// Stateless versions, opened by `server/discover`, oldest first.
pub const MODERN_VERSIONS: [&str; 1] = ["2026-07-28"];

/// What is asked for when nobody prefers a version, newest of each era.
pub(crate) const NEWEST_LEGACY: &str = "2025-11-25";
pub(crate) const NEWEST_MODERN: &str = "2026-07-28";

/// How a session is opened and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// `initialize` and `notifications/initialized`, then requests in a session.
    Legacy,
    /// `server/discover`; every request names its version and its client.
    Modern,
}

impl Era {
    /// The era of a version that this client speaks; `None` for any other text.
    pub fn of(version: &str) -> Option<Era> {
        if LEGACY_VERSIONS.contains(&version) {
            Some(Era::Legacy)
        } else if MODERN_VERSIONS.contains(&version) {
            Some(Era::Modern)
        } else {
            None
        }
    }

    /// `legacy` or `modern`.
    pub fn as_str(self) -> &'static str {
        match self {
            Era::Legacy => "legacy",
            Era::Modern => "modern",
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The versions of one list that the other side names too, newest first.
pub(crate) fn common<'v>(known: &[&'v str], offered: &[String]) -> Option<&'v str> {
    known.iter().rev().find(|version| offered.iter().any(|offer| offer == *version)).copied()
}
