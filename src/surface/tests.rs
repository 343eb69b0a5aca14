use super::*;
use crate::json::{Limits, parse};

#[test]
fn one_kind_never_stands_for_another() {
    let value = parse(br#"{"name":"a"}"#, &Limits::default()).unwrap();
    let digests: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.digest(&value)).collect();
    assert_eq!(digests.len(), 4);
    let expected = Digest::of(b"mcptrust/tool/v1\n{\"name\":\"a\"}");
    assert_eq!(Kind::Tool.digest(&value), expected);
}

#[test]
fn names_that_readers_could_confuse_are_refused() {
    assert_eq!(check_name("read_file"), Ok(()));
    assert_eq!(check_name("caf\u{e9}"), Ok(()));
    assert_eq!(check_name(""), Err(NameError::Empty));
    assert_eq!(check_name("a\u{1b}[31m"), Err(NameError::Control(0x1b)));
    assert_eq!(check_name("a\u{85}"), Err(NameError::Control(0x85)));
    assert_eq!(check_name("cafe\u{301}"), Err(NameError::NotNfc));
    assert_eq!(check_name(&"a".repeat(4097)), Err(NameError::TooLong(4097)));
}

#[test]
fn every_part_has_a_digest_of_its_own() {
    let empty = Surface::default().digests();
    assert_eq!((empty.server_info, empty.instructions, empty.other), (None, None, None));
    let surface = Surface { instructions: Some("".into()), ..Surface::default() };
    assert_ne!(surface.digests(), empty);
    let same = |text: &str| Some(digest_with_prefix("mcptrust/instructions/v1\n", &Value::from(text)));
    assert_eq!(surface.digests().instructions, same(""));
}
