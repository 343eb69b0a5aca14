//! Whatever one byte of a bundle becomes, nobody else is taken for its signer, and nothing panics.

use mcptrust::signing::certificate::SigningCertificate;
use mcptrust::signing::keys::{PublicKey, SigningKey};
use mcptrust::signing::rules::Rules;
use mcptrust::signing::verify::{Options, Status};
use mcptrust::signing::{Bundle, NamedBundle, Statement, TrustMaterial, verify};
use proptest::prelude::*;

use crate::support::{decode, file, json, lockfile, now, trust};

fn rules() -> Rules {
    let text = "[[trust.signer]]\nname = \"any\"\nissuer-regexp = \"^http://localhost:5556/.+$\"\n\
                identity-regexp = \"^https://github\\\\.com/[^/]+/agents/.+$\"\n\
                [[trust.signer]]\nname = \"holder\"\nkey = \"private/p256.pub\"\n";
    Rules::from_toml(text, &mut |path| Ok(file(path))).unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_changed_byte_never_makes_another_signature(
        name in prop_oneof![Just("github"), Just("cosign-key-p256"), Just("cosign-blob")],
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let bytes = file(&format!("private/{name}.json"));
        let mut broken = bytes.clone();
        let at = at.index(broken.len());
        broken[at] = byte;
        let named = [NamedBundle { name: "before", bytes: &bytes }, NamedBundle { name: "after", bytes: &broken }];
        let (lockfile, trust) = (lockfile(), trust("private/trusted_root.json"));
        let outcome = verify(&lockfile, &named, &rules(), Some(&trust), &Options::default(), now()).unwrap();
        let [before, after] = &outcome.report().bundles[..] else { panic!() };
        let accepted = matches!(before.status, Status::Accepted { .. });
        prop_assert!(accepted);
        if after.status == before.status {
            // White space, or a hint that nobody relies on.
            let (before, after) = (before.authentic.as_ref().unwrap(), after.authentic.as_ref().unwrap());
            prop_assert_eq!(&before.signer, &after.signer);
            if name != "cosign-key-p256" {
                prop_assert_eq!(&before.times, &after.times);
                prop_assert_eq!(before.logs.len(), after.logs.len());
            }
        }
    }

    #[test]
    fn changed_input_of_any_kind_is_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let bundle = file("private/github.json");
        let value = json("private/github.json");
        let payload = decode(&value["dsseEnvelope"]["payload"]);
        let certificate = decode(&value["verificationMaterial"]["certificate"]["rawBytes"]);
        let inputs = [bundle, payload, certificate, file("keys/p256.pub"), file("keys/openssl-scrypt.pem")];
        for mut input in inputs {
            let at = at.index(input.len());
            input[at] = byte;
            let short = &input[..cut.index(input.len())];
            for input in [&input[..], short] {
                let _ = Bundle::parse(input).map(|bundle| bundle.to_bytes());
                let _ = Statement::parse(input);
                let _ = SigningCertificate::from_der(input);
                let _ = PublicKey::from_pem(input);
                let _ = SigningKey::from_pem(input, None);
            }
        }
    }

    #[test]
    fn a_changed_trusted_root_is_refused_without_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut root = file("private/trusted_root.json");
        let at = at.index(root.len());
        root[at] = byte;
        let source = mcptrust::signing::trust::Source::File("test".to_owned());
        let _ = TrustMaterial::from_json(&root, source, None);
    }
}
