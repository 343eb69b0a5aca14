//! Signing: statements, keys, bundles, trust rules, verification.

pub mod keyless;
pub mod trust_root;
