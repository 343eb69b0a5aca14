//! Capturing servers: well-behaved ones of both eras, and every way to misbehave.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod hostile;
mod lists;
mod negotiation;
mod processes;
mod support;
mod well_behaved;
