//! The lockfile's reader and writer: what is read is written back the same, and digests do not depend on spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcptrust::json::{Limits, parse};
use mcptrust::lockfile::{Lockfile, Tree};

fuzz_target!(|bytes: &[u8]| {
    let Ok(lockfile) = Lockfile::parse(bytes) else { return };
    let written = lockfile.to_bytes();
    let read = Lockfile::parse(&written).unwrap_or_else(|e| panic!("cannot read what was written: {e}"));
    assert_eq!(read, lockfile);
    assert_eq!(read.to_bytes(), written);

    let tree = lockfile.digests();
    assert_eq!(read.digests(), tree);
    assert_eq!(lockfile.clone().into_owned().digests(), tree);
    assert_eq!(Tree::from_json(&tree.to_json()).expect("a tree that cannot be read back"), tree);
    assert!(parse(&written, &Limits::default()).is_ok() || parse(bytes, &Limits::default()).is_err());
});
