//! Signing: statements, keys, bundles, trust rules, verification.
