//! The `mcptrust` command.

fn main() {}
