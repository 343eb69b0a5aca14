//! Strict lossless JSON: parsing within limits, exact numbers, canonical form, digests.
//!
//! The grammar is RFC 8259. What two readers could understand differently is refused: duplicate keys,
//! lone surrogates, invalid UTF-8, trailing data. Numbers keep their text and compare by exact decimal value.

mod canonical;
mod digest;
mod locate;
mod number;
mod parse;
pub mod pointer;
mod value;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use canonical::{Sink, canonical, digest_with_prefix, write_canonical};
pub use digest::{Digest, DigestError};
pub use locate::{Position, locate};
pub use number::Number;
pub use parse::{ErrorKind, Limits, ParseError, parse};
pub use value::{Json, Object, Value, utf16_order};
pub use write::{compact, pretty};
