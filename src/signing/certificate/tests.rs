use x509_cert::der::Any;
use x509_cert::der::asn1::{BitString, Ia5String, OctetString};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::OtherName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;
use x509_cert::{TbsCertificate, Version};

use super::*;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const KEY: &str = include_str!("../../../testdata/signing/keys/p256.pub");

/// A certificate with these extensions and a signature that nobody checks here.
fn certificate(extensions: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None };
    let spki = crate::signing::keys::PublicKey::from_pem(KEY.as_bytes()).unwrap();
    let extensions = extensions
        .into_iter()
        .map(|(oid, value)| Extension {
            extn_id: oid.parse().unwrap(),
            critical: false,
            extn_value: OctetString::new(value).unwrap(),
        })
        .collect();
    let second = std::time::Duration::from_secs;
    let time = |seconds| {
        x509_cert::time::Time::UtcTime(
            x509_cert::der::asn1::UtcTime::from_unix_duration(second(seconds)).unwrap(),
        )
    };
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[1]).unwrap(),
        signature: algorithm.clone(),
        issuer: Default::default(),
        validity: Validity { not_before: time(1_796_000_000), not_after: time(1_796_000_600) },
        subject: Default::default(),
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(spki.der()).unwrap(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = BitString::from_bytes(&[0]).unwrap();
    Certificate { tbs_certificate, signature_algorithm: algorithm, signature }.to_der().unwrap()
}

fn utf8(text: &str) -> Vec<u8> {
    Utf8StringRef::new(text).unwrap().to_der().unwrap()
}

fn names(names: Vec<GeneralName>) -> (String, Vec<u8>) {
    (SUBJECT_ALT_NAME.to_string(), SubjectAltName(names).to_der().unwrap())
}

fn email(text: &str) -> GeneralName {
    GeneralName::Rfc822Name(Ia5String::new(text).unwrap())
}

fn fulcio(number: u32, value: Vec<u8>) -> (String, Vec<u8>) {
    (format!("{FULCIO_ARC}.{number}"), value)
}

fn read(extensions: Vec<(String, Vec<u8>)>) -> Result<SigningCertificate, CertificateError> {
    SigningCertificate::from_der(&certificate(extensions))
}

fn issuer() -> (String, Vec<u8>) {
    fulcio(8, utf8("https://issuer.example.com"))
}

#[test]
fn every_claim_of_the_registry_is_read_by_its_encoding() {
    let mut extensions = vec![names(vec![email("dev@example.com")]), issuer()];
    for info in CLAIMS {
        let value = if info.number < 8 { info.name.as_bytes().to_vec() } else { utf8(info.name) };
        extensions.push(fulcio(info.number, value));
    }
    extensions.push(fulcio(25, utf8("newer")));
    let certificate = read(extensions).unwrap();
    for info in CLAIMS {
        assert_eq!(certificate.claims[info.name], info.name);
    }
    assert_eq!(certificate.claims["1.3.6.1.4.1.57264.1.25"], "newer");
    assert_eq!(certificate.claims.len(), CLAIMS.len() + 1);
    assert_eq!(certificate.issuer, "https://issuer.example.com");
    assert_eq!(certificate.identity, Identity::Email("dev@example.com".to_owned()));
    assert_eq!(certificate.not_before.as_second(), 1_796_000_000);
    assert_eq!(certificate.not_after.as_second(), 1_796_000_600);
}

#[test]
fn the_registry_is_complete_up_to_its_newest_entry() {
    // Fulcio's docs/oid-info.md: 1 and 8 are the issuer, 7 a form of the identity.
    let numbers: Vec<u32> = CLAIMS.iter().map(|info| info.number).collect();
    let expected: Vec<u32> = (2..=24).filter(|number| ![7, 8].contains(number)).collect();
    assert_eq!(numbers, expected);
    assert_eq!(claim_name("1.3.6.1.4.1.57264.1.9").as_deref(), Some("build-signer-uri"));
    assert_eq!(claim_name("1.3.6.1.4.1.57264.1.25").as_deref(), Some("1.3.6.1.4.1.57264.1.25"));
    for none in [
        "",
        "1.3.6.1.4.1.57264.1",
        "1.3.6.1.4.1.57264.1.",
        "1.3.6.1.4.1.57264.1.1",
        "1.3.6.1.4.1.57264.1.7",
        "1.3.6.1.4.1.57264.1.8",
        "1.3.6.1.4.1.57264.1.0",
        "1.3.6.1.4.1.57264.1.+9",
        "1.3.6.1.4.1.57264.11.9",
    ] {
        assert_eq!(claim_name(none), None, "{none}");
    }
}

#[test]
fn the_identity_is_of_three_kinds() {
    let identity = |name| read(vec![names(vec![name]), issuer()]).map(|certificate| certificate.identity);
    let uri = GeneralName::UniformResourceIdentifier(Ia5String::new("https://example.com/w").unwrap());
    assert_eq!(identity(uri), Ok(Identity::Uri("https://example.com/w".to_owned())));
    let other = |oid: ObjectIdentifier, value: Vec<u8>| {
        GeneralName::OtherName(OtherName { type_id: oid, value: Any::from_der(&value).unwrap() })
    };
    assert_eq!(
        identity(other(OTHER_NAME, utf8("dev!example.com"))),
        Ok(Identity::Username("dev!example.com".to_owned()))
    );
    assert_eq!(
        identity(other(ECDSA_WITH_SHA256, utf8("x"))),
        Err(CertificateError::IdentityKind("name of an unknown kind"))
    );
    assert_eq!(
        identity(other(OTHER_NAME, vec![4, 1, 0])),
        Err(CertificateError::Extension {
            oid: OTHER_NAME.to_string(),
            expected: "a DER-encoded UTF8String"
        })
    );
    let dns = GeneralName::DnsName(Ia5String::new("example.com").unwrap());
    assert_eq!(identity(dns), Err(CertificateError::IdentityKind("DNS name")));
}

#[test]
fn a_certificate_has_exactly_one_identity() {
    assert_eq!(read(vec![issuer()]), Err(CertificateError::IdentityCount(0)));
    let two = vec![email("dev@example.com"), email("mallory@example.com")];
    assert_eq!(read(vec![names(two), issuer()]), Err(CertificateError::IdentityCount(2)));
}

#[test]
fn a_certificate_has_exactly_one_issuer() {
    let san = || names(vec![email("dev@example.com")]);
    let raw = |text: &str| fulcio(1, text.as_bytes().to_vec());
    assert_eq!(read(vec![san()]), Err(CertificateError::NoIssuer));
    assert_eq!(read(vec![san(), raw("https://old")]).unwrap().issuer, "https://old");
    assert_eq!(
        read(vec![san(), raw("https://old"), issuer()]),
        Err(CertificateError::TwoIssuers {
            old: "https://old".to_owned(),
            new: "https://issuer.example.com".to_owned()
        })
    );
    let same = read(vec![san(), raw("https://issuer.example.com"), issuer()]).unwrap();
    assert_eq!(same.issuer, "https://issuer.example.com");
    assert!(same.claims.is_empty());
}

#[test]
fn extensions_stand_once_and_in_their_encoding() {
    let san = || names(vec![email("dev@example.com")]);
    let with = |extra: Vec<(String, Vec<u8>)>| read([vec![san(), issuer()], extra].concat()).unwrap_err();
    assert_eq!(
        with(vec![fulcio(20, utf8("push")), fulcio(20, utf8("pull_request"))]),
        CertificateError::Duplicate(format!("{FULCIO_ARC}.20"))
    );
    assert_eq!(with(vec![san()]), CertificateError::Duplicate(SUBJECT_ALT_NAME.to_string()));
    let der = |value| {
        with(vec![fulcio(20, value)])
            == CertificateError::Extension {
                oid: format!("{FULCIO_ARC}.20"),
                expected: "a DER-encoded UTF8String",
            }
    };
    assert!(der(b"push".to_vec()), "raw text");
    assert!(der([utf8("push"), vec![0]].concat()), "trailing data");
    assert!(der(vec![0x16, 1, b'x']), "an IA5String");
    assert_eq!(
        with(vec![fulcio(2, vec![0xff])]),
        CertificateError::Extension { oid: format!("{FULCIO_ARC}.2"), expected: "raw UTF-8 text" }
    );
}

#[test]
fn what_is_no_certificate_is_refused() {
    for wrong in [&b""[..], b"\x30\x00", &[certificate(vec![issuer()]), vec![0]].concat()] {
        assert!(matches!(SigningCertificate::from_der(wrong), Err(CertificateError::Malformed(_))));
    }
}

#[test]
fn the_page_on_trust_rules_lists_every_claim() {
    let page = include_str!("../../../docs/trust-rules.md");
    for info in CLAIMS {
        let row = format!("| `{}` | {} | {} |", info.name, info.number, info.meaning);
        assert!(page.contains(&row), "docs/trust-rules.md lacks: {row}");
    }
}
