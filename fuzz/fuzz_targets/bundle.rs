//! Bundles: what is read is written back the same, and no change of a signature's bytes makes anything verify.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcptrust::signing::bundle::{Bundle, Content};
use mcptrust::signing::keys::PublicKey;
use mcptrust::signing::rules::{Method, SignerRule};
use mcptrust::signing::statement::Statement;
use mcptrust::signing::verify::Options;
use mcptrust::signing::{NamedBundle, Rules, verify};

/// A lockfile, the key that signed it, and the one bundle that was made with it.
const LOCKFILE: &[u8] = include_bytes!("../known/mcp-lock.json");
const KEY: &[u8] = include_bytes!("../known/mcptrust.pub");
const BUNDLE: &[u8] = include_bytes!("../known/mcp-lock.json.sigstore.json");

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let key = PublicKey::from_pem(KEY).expect("a public key");
    Rules::new(1, None, vec![SignerRule::new("known", Method::Key(key))]).expect("rules")
});
static KNOWN: LazyLock<Content> = LazyLock::new(|| {
    assert!(verifies(BUNDLE), "the known bundle does not verify");
    Bundle::parse(BUNDLE).expect("a bundle").content
});

fn verifies(bundle: &[u8]) -> bool {
    let bundles = [NamedBundle { name: "bundle", bytes: bundle }];
    verify(LOCKFILE, &bundles, &RULES, None, &Options::default(), jiff::Timestamp::UNIX_EPOCH)
        .is_ok_and(|outcome| outcome.is_verified())
}

fuzz_target!(|bytes: &[u8]| {
    let known = &*KNOWN;
    // a statement, alone
    if let Ok(statement) = Statement::parse(bytes) {
        let payload = statement.to_payload().unwrap_or_else(|e| panic!("cannot write what was read: {e}"));
        assert_eq!(Statement::parse(&payload).as_ref(), Ok(&statement));
    }
    let parsed = Bundle::parse(bytes);
    let verified = verifies(bytes);
    let Ok(bundle) = parsed else {
        assert!(!verified, "verified without being readable");
        return;
    };
    let written = bundle.to_bytes();
    assert_eq!(Bundle::parse(&written).as_ref(), Ok(&bundle));
    assert_eq!(verified, verifies(&written), "another spelling changes the verdict");
    assert!(!verified || bundle.content == *known, "a forgery verifies: {bundle:#?}");
});
