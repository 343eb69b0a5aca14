//! The drift engine: a corpus of named drifts, properties that hold for any definition, and the page of codes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod codes_page;
mod corpus;
mod explain;
mod properties;
