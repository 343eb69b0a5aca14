//! The command as users call it.

mod bad_input;
mod diff;
mod keys;
mod lock;
mod support;
mod verify;
