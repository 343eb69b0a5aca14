//! Signing: statements, keys, bundles, trust rules, verification.
//!
//! The verifying half is pure: [`verify::verify`] opens no file and no socket, and reads no clock.

pub mod bundle;
pub mod certificate;
pub mod dsse;
pub mod facts;
pub mod keyless;
pub mod keys;
pub mod rules;
mod shape;
pub mod statement;
pub mod trust;
pub mod trust_root;
pub mod verify;

pub use bundle::Bundle;
pub use facts::{SignerFacts, compare_signers};
pub use rules::Rules;
pub use shape::ShapeError;
pub use statement::Statement;
pub use trust::TrustMaterial;
pub use verify::{NamedBundle, Outcome, Verified, verify};
