//! The command as users call it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bad_input;
mod diff;
mod docs;
mod keyless;
mod keys;
mod lock;
mod support;
mod verify;
