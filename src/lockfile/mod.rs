//! The lockfile format: reader and writer.
