//! Reports for people and programs, over one rich case, hostile text and very many findings.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what does not hold fails the test")]

mod bounds;
mod case;
mod hostile;
mod json;
mod schema;
mod screen;
