//! The bounds within which a server is listened to.

use std::time::Duration;

/// Bounds on what one capture reads and how long it waits.
///
/// Every bound has a default that real servers stay far below. Meeting one is an error that names the flag which
/// raises it, never a shorter surface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in one message, which is one line over stdio. `--max-message-bytes`, default 16 MiB.
    pub max_message_bytes: usize,
    /// Bytes in everything that one server sends. `--max-total-bytes`, default 128 MiB.
    pub max_total_bytes: usize,
    /// Pages of one list. `--max-pages`, default 1,000.
    pub max_pages: usize,
    /// Definitions of all kinds together. `--max-definitions`, default 200,000.
    pub max_definitions: usize,
    /// From the start of a server to its first answer. Long, because package runners download first.
    /// `--startup-timeout`, default 120 s.
    pub startup_timeout: Duration,
    /// For each later request. `--request-timeout`, default 30 s.
    pub request_timeout: Duration,
    /// Lines on standard output that are not messages. Default 10,000; no flag, the server has to be fixed.
    pub max_noise_lines: usize,
    /// Bytes in those lines. Default 8 MiB.
    pub max_noise_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_message_bytes: 16 << 20,
            max_total_bytes: 128 << 20,
            max_pages: 1_000,
            max_definitions: 200_000,
            startup_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            max_noise_lines: 10_000,
            max_noise_bytes: 8 << 20,
        }
    }
}
