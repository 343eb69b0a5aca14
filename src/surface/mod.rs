//! The surface: what a server declares, and its digests.
