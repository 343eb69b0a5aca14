//! Client configuration files: which servers a client would start, and how.

mod expand;
mod mcp_json;

#[cfg(test)]
mod tests;

pub use expand::{Unset, expand, variables};
pub use mcp_json::{Entry, EntryError, FileError, parse_mcp_json};
