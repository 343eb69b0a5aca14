//! The Model Context Protocol: eras, messages, transports.
//!
//! A thin client of our own, because a tool that locks what servers declare has to see all of it: results stay raw
//! until the strict JSON room reads them. A [`Session`] has one request in flight and runs over any [`Link`].

mod envelope;
mod error;
mod limits;
mod link;
mod negotiate;
mod session;
mod stdio;
pub mod text;
mod version;

pub use envelope::RemoteError;
pub use error::{Ending, Error, How, Noise};
pub use limits::Limits;
pub use link::{Connector, Link, Outgoing, Received};
pub use negotiate::{Hello, open};
pub use session::{CLIENT_NAME, CLIENT_VERSION, Listing, Session};
pub use stdio::{StdioConnector, StdioLink};
pub use version::{Era, LEGACY_VERSIONS, MODERN_VERSIONS};

#[cfg(test)]
mod tests;
