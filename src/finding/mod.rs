//! Findings: what is said about a surface, a lockfile or a signature.
