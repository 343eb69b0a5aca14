//! A private Sigstore in one process, for development and tests, never for production.
