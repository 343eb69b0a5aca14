//! The drift engine: a corpus of named drifts, properties that hold for any definition, and the page of codes.

mod codes_page;
mod corpus;
mod explain;
mod properties;
