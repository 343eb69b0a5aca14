//! Reports: findings to text and JSON, pure functions over a writer.

pub mod escape;
