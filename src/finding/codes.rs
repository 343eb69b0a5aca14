//! The table of codes.
//!
//! A code is a stable, kebab-case name for one sort of finding. Each is explained in `docs/drift-codes.md`,
//! which a test writes from this table.

mod capture;
mod definition;
mod schema;
mod sequence;
mod server;
mod signer;

use super::Severity;

pub use capture::*;
pub use definition::*;
pub use schema::*;
pub use sequence::*;
pub use server::*;
pub use signer::*;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code, in kebab case.
    pub id: &'static str,
    /// Its usual severity. A finding may carry another one where its place says so.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// What it means and why it matters.
    pub meaning: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

/// Declares the codes of one section: a constant for each, and `TABLE` with all of them in order.
macro_rules! codes {
    ($($name:ident = $severity:ident $id:literal { $title:literal, $meaning:literal, $action:literal $(,)? })*) => {
        $(
            #[doc = $title]
            pub const $name: &CodeInfo = &CodeInfo {
                id: $id,
                severity: super::Severity::$severity,
                title: $title,
                meaning: $meaning,
                action: $action,
            };
        )*

        /// The codes of this section.
        pub(super) const TABLE: &[CodeInfo] = &[$(*$name),*];
    };
}
use codes;

/// Codes that belong together: one chapter of the page.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its codes.
    pub codes: &'static [CodeInfo],
}

/// The sections in the order of the page.
pub const SECTIONS: &[Section] = &[
    Section { title: "Lockfile and server", codes: server::TABLE },
    Section { title: "Definitions and texts", codes: definition::TABLE },
    Section { title: "Input and output schemas", codes: schema::TABLE },
    Section { title: "Capture", codes: capture::TABLE },
    Section { title: "Sequence of signatures", codes: sequence::TABLE },
    Section { title: "Signers", codes: signer::TABLE },
];

/// All codes, section by section.
pub const ALL: &[CodeInfo] = &flatten::<{ count() }>();

/// The entry of a code.
pub fn find(id: &str) -> Option<&'static CodeInfo> {
    ALL.iter().find(|info| info.id == id)
}

const fn count() -> usize {
    let (mut section, mut count) = (0, 0);
    while section < SECTIONS.len() {
        count += SECTIONS[section].codes.len();
        section += 1;
    }
    count
}

const fn flatten<const N: usize>() -> [CodeInfo; N] {
    let mut all = [SECTIONS[0].codes[0]; N];
    let (mut section, mut at) = (0, 0);
    while section < SECTIONS.len() {
        let codes = SECTIONS[section].codes;
        let mut code = 0;
        while code < codes.len() {
            all[at] = codes[code];
            at += 1;
            code += 1;
        }
        section += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut seen = BTreeSet::new();
        for info in ALL {
            assert!(seen.insert(info.id), "{} stands twice", info.id);
            assert!(info.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", info.id);
            assert_eq!(find(info.id), Some(info));
        }
        assert_eq!(find("no-such-code"), None);
    }

    #[test]
    fn every_code_says_what_it_means_and_what_to_do() {
        for info in ALL {
            assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.id);
            assert!(info.meaning.ends_with('.') && info.action.ends_with('.'), "{}", info.id);
        }
    }
}
