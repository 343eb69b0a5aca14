//! Keyless signing over real connections on loopback: against a private Sigstore in this process, and against small
//! servers that stand for one endpoint each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as expected fails the test")]

mod faults;
mod instance;
mod log_in;
mod server;
mod several;
mod sign;
mod sources;
mod spiffe;
mod trust_root;
mod version_one;
