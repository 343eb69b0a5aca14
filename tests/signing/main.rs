//! Verification of recorded bundles: what is accepted, and what one changed byte makes of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accepted;
mod authorities;
mod lockfile;
mod log;
mod support;
mod synthetic;
