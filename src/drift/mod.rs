//! Drift: two surfaces in, changes out, schema-aware.
