use super::*;

/// Throw-away keys made with OpenSSL 3.0 (`openssl genpkey`).
const OPENSSL_ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
const OPENSSL_ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

fn key() -> SigningKey {
    SigningKey::from_pem(OPENSSL_ED25519.as_bytes(), None).unwrap()
}

fn private(pem: &str) -> KeyError {
    SigningKey::from_pem(pem.as_bytes(), None).unwrap_err()
}

fn public(pem: &str) -> KeyError {
    PublicKey::from_pem(pem.as_bytes()).unwrap_err()
}

/// A PEM block of any label and content.
fn block(label: &str, der: &[u8]) -> String {
    pkcs8::der::pem::encode_string(label, LineEnding::LF, der).unwrap()
}

#[test]
fn the_first_test_vector_of_rfc_8032_holds() {
    // RFC 8032 section 7.1, test 1: the key pair above and the empty message.
    let signature = key().sign(b"");
    assert_eq!(
        hex::encode(signature),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
    let public = key().public_key().unwrap();
    assert_eq!(public.to_pem().unwrap(), OPENSSL_ED25519_PUBLIC);
    assert!(public.verifies(b"", &signature));
    assert!(!public.verifies(b"x", &signature));
}

#[test]
fn a_generated_key_survives_both_files() {
    let key = SigningKey::generate().unwrap();
    let pem = key.to_pem(None).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));
    let again = SigningKey::from_pem(pem.as_bytes(), None).unwrap();
    assert_eq!(again.sign(b"m"), key.sign(b"m"));
    let public = PublicKey::from_pem(key.public_key().unwrap().to_pem().unwrap().as_bytes()).unwrap();
    assert!(public.verifies(b"m", &key.sign(b"m")));
    assert_eq!(public.hint(), Digest::of(public.der()));
    assert_ne!(SigningKey::generate().unwrap().sign(b"m"), key.sign(b"m"));
}

#[test]
fn a_passphrase_protects_the_key() {
    let pem = key().to_pem(Some("correct horse")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert!(is_encrypted(pem.as_bytes()) && !is_encrypted(OPENSSL_ED25519.as_bytes()));
    let again = SigningKey::from_pem(pem.as_bytes(), Some("correct horse")).unwrap();
    assert_eq!(again.sign(b"m"), key().sign(b"m"));
    assert_eq!(SigningKey::from_pem(pem.as_bytes(), Some("wrong")).unwrap_err(), KeyError::WrongPassphrase);
    assert_eq!(SigningKey::from_pem(pem.as_bytes(), None).unwrap_err(), KeyError::PassphraseNeeded);
    assert_eq!(key().to_pem(Some("")).unwrap_err(), KeyError::EmptyPassphrase);
}

#[test]
fn an_encrypted_key_by_openssl_opens() {
    // openssl pkcs8 -topk8 -scrypt -in key.pem, passphrase "hunter2"
    let pem = include_bytes!("../../../testdata/signing/keys/openssl-scrypt.pem");
    assert_eq!(SigningKey::from_pem(pem, Some("hunter2")).unwrap().sign(b"m"), key().sign(b"m"));
    assert_eq!(SigningKey::from_pem(pem, Some("hunter3")).unwrap_err(), KeyError::WrongPassphrase);
}

#[test]
fn one_kind_of_key_is_not_taken_for_the_other() {
    assert_eq!(private(OPENSSL_ED25519_PUBLIC), KeyError::PublicGivenAsPrivate);
    assert_eq!(public(OPENSSL_ED25519), KeyError::PrivateGivenAsPublic);
    let encrypted = block("ENCRYPTED PRIVATE KEY", b"\x30\x00");
    assert_eq!(public(&encrypted), KeyError::PrivateGivenAsPublic);
}

#[test]
fn what_is_no_key_file_is_refused() {
    assert_eq!(private(""), KeyError::NotPem { expected: "PRIVATE KEY" });
    assert_eq!(public("ssh-ed25519 AAAA"), KeyError::NotPem { expected: "PUBLIC KEY" });
    assert_eq!(private(&format!("{OPENSSL_ED25519}x")), KeyError::ExtraData { place: "after" });
    assert_eq!(private(&format!("x\n{OPENSSL_ED25519}")), KeyError::ExtraData { place: "before" });
    assert_eq!(
        private(&format!("{OPENSSL_ED25519}{OPENSSL_ED25519}")),
        KeyError::ExtraData { place: "after" }
    );
    let truncated = OPENSSL_ED25519.get(..60).unwrap();
    assert!(matches!(private(truncated), KeyError::Malformed(_)), "{}", private(truncated));
    let large = vec![b'-'; 70_000];
    assert_eq!(
        SigningKey::from_pem(&large, None).unwrap_err(),
        KeyError::TooLarge { size: 70_000, limit: 65_536 }
    );
    assert_eq!(
        SigningKey::from_pem(b"\xff", None).unwrap_err(),
        KeyError::NotPem { expected: "PRIVATE KEY" }
    );
}

#[test]
fn trailing_bytes_inside_the_block_are_refused() {
    let mut der = key().public_key().unwrap().der().to_vec();
    der.push(0);
    assert!(matches!(public(&block("PUBLIC KEY", &der)), KeyError::Malformed(_)));
    let pem = OPENSSL_ED25519.as_bytes();
    let (_, mut der) = pkcs8::der::pem::decode_vec(pem).unwrap();
    der.push(0);
    assert!(matches!(private(&block("PRIVATE KEY", &der)), KeyError::Malformed(_)));
}

#[test]
fn other_keys_are_named() {
    let rsa = include_str!("../../../testdata/signing/keys/rsa.pub");
    assert_eq!(public(rsa).to_string(), format!("unsupported key: got an RSA key; expected {PUBLIC_KINDS}"));
    let p256 = include_str!("../../../testdata/signing/keys/p256.key");
    assert_eq!(
        private(p256).to_string(),
        format!("unsupported key: got an ECDSA P-256 key; expected {PRIVATE_KINDS}")
    );
    let p521 = include_str!("../../../testdata/signing/keys/p521.pub");
    assert!(public(p521).to_string().contains("an elliptic-curve key on the curve 1.3.132.0.35"));
    for (label, name) in [
        ("OPENSSH PRIVATE KEY", "an OpenSSH private key"),
        ("EC PRIVATE KEY", "an ECDSA private key in the SEC 1 format"),
        ("ENCRYPTED SIGSTORE PRIVATE KEY", "a cosign private key"),
        ("CERTIFICATE", "a certificate"),
    ] {
        let error = private(&block(label, b"\x30\x00")).to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_foreign_public_half_is_refused() {
    let pair = KeypairBytes {
        secret_key: [1; 32],
        public_key: Some(ed25519_dalek::pkcs8::PublicKeyBytes(key().0.verifying_key().to_bytes())),
    };
    let der = pair.to_pkcs8_der().unwrap();
    let error = private(&block("PRIVATE KEY", der.as_bytes()));
    assert_eq!(
        error,
        KeyError::Malformed("the public key stored in it does not belong to the private key".to_owned())
    );
}

#[test]
fn low_order_points_are_refused() {
    // The identity element: under it one signature is valid for every message unless verified strictly.
    let mut der = key().public_key().unwrap().der().to_vec();
    let point = der.len() - 32;
    der.truncate(point);
    der.push(1);
    der.extend([0; 31]);
    assert_eq!(public(&block("PUBLIC KEY", &der)), KeyError::Weak);
}

#[test]
fn a_malleated_signature_is_refused() {
    // S + L is the same scalar in another spelling (RFC 8032 section 5.1.7).
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut signature = key().sign(b"m");
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(L) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    assert!(!key().public_key().unwrap().verifies(b"m", &signature));
}

#[test]
fn a_signature_with_a_low_order_point_is_refused() {
    // R is the identity and S = k·a: it satisfies the equation, and only strict verification refuses it.
    let signature = hex::decode(
        "0100000000000000000000000000000000000000000000000000000000000000\
         405df41b9b4d026269ab4a35e0c1f21303bb5dc2d2b92ba622df63ec9593fa09",
    );
    let signature = signature.unwrap();
    let public = key().0.verifying_key();
    let lax = ed25519_dalek::Verifier::verify(&public, b"m", &Signature::from_slice(&signature).unwrap());
    assert!(lax.is_ok());
    assert!(!key().public_key().unwrap().verifies(b"m", &signature));
}

#[test]
fn ecdsa_keys_verify_what_openssl_signed() {
    // openssl dgst -sha256|-sha384 -sign: over the bytes "mcptrust\n".
    for (pem, signature, algorithm) in [
        (
            include_str!("../../../testdata/signing/keys/p256.pub"),
            &include_bytes!("../../../testdata/signing/keys/p256.sig")[..],
            Algorithm::EcdsaP256,
        ),
        (
            include_str!("../../../testdata/signing/keys/p384.pub"),
            &include_bytes!("../../../testdata/signing/keys/p384.sig")[..],
            Algorithm::EcdsaP384,
        ),
    ] {
        let key = PublicKey::from_pem(pem.as_bytes()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert!(key.verifies(b"mcptrust\n", signature));
        assert!(!key.verifies(b"mcptrust", signature));
        assert!(!key.verifies(b"mcptrust\n", &[0; 70]));
        assert_eq!(key.to_pem().unwrap(), pem);
    }
}

#[test]
fn a_compressed_point_is_refused() {
    let pem = include_str!("../../../testdata/signing/keys/p256-compressed.pub");
    assert_eq!(
        public(pem),
        KeyError::Malformed("the curve point is not in the uncompressed form".to_owned())
    );
}

#[test]
fn a_point_off_the_curve_is_refused() {
    let pem = include_str!("../../../testdata/signing/keys/p256.pub");
    let mut der = PublicKey::from_pem(pem.as_bytes()).unwrap().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(
        public(&block("PUBLIC KEY", &der)),
        KeyError::Malformed("the public key is not a point on its curve".to_owned())
    );
}

#[test]
fn no_debug_output_shows_the_secret() {
    assert_eq!(format!("{:?}", key()), "SigningKey(..)");
    let public = key().public_key().unwrap();
    assert_eq!(format!("{public:?}"), format!("PublicKey(Ed25519 {})", public.hint()));
}
