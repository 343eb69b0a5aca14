//! Two lockfiles: no drift where digests agree, and drift from one end is drift from the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcptrust::drift::compare;
use mcptrust::lockfile::Lockfile;

fuzz_target!(|bytes: &[u8]| {
    // two texts with a form feed between them, which neither can hold
    let Some(middle) = bytes.iter().position(|b| *b == 0x0c) else { return };
    let (Ok(before), Ok(after)) = (Lockfile::parse(&bytes[..middle]), Lockfile::parse(&bytes[middle + 1..])) else {
        return;
    };
    assert!(compare(&before, &before).is_empty(), "a lockfile drifts against itself");
    let (forth, back) = (compare(&before, &after), compare(&after, &before));
    if before.digests() == after.digests() && before.project == after.project {
        assert!(forth.is_empty(), "drift between equal digests: {forth:#?}");
    }
    assert_eq!(forth.is_empty(), back.is_empty());
    for pair in forth.windows(2) {
        assert!(pair[0].severity >= pair[1].severity, "not the most severe first");
    }
});
