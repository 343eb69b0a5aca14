//! Lockfiles for MCP servers: capture what a server declares, sign it, verify it offline, find drift.
//!
//! The rooms and the direction of their dependencies are described in `docs/architecture.md`.

pub mod capture;
pub mod clients;
pub mod drift;
pub mod finding;
pub mod json;
pub mod local_sigstore;
pub mod lockfile;
pub mod mcp;
pub mod report;
pub mod signing;
pub mod surface;
