//! Verification of recorded bundles: what is accepted, and what one changed byte makes of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accepted;
mod authorities;
mod lockfile;
mod log;
mod properties;
mod support;
mod synthetic;
