//! The table of codes.

use super::Severity;

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub struct CodeInfo {
    /// The code, in kebab case.
    pub id: &'static str,
    /// Its usual severity.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// What it means and why it matters.
    pub meaning: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

/// All codes.
pub const ALL: &[CodeInfo] = &[];

/// The entry of a code.
pub fn find(id: &str) -> Option<&'static CodeInfo> {
    ALL.iter().find(|info| info.id == id)
}
