use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::super::error::{Cause, Service, Step};
use super::super::timestamp::{check, nonce_of, request_der};
use super::super::transport::Call;

/// The response of a real timestamp authority.
fn response() -> Vec<u8> {
    let bundle = include_str!("../../../../testdata/signing/clients/rust-dsse-email.json");
    let bundle: serde_json::Value = serde_json::from_str(bundle).unwrap();
    let data = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0];
    STANDARD.decode(data["signedTimestamp"].as_str().unwrap()).unwrap()
}

fn checked(response: &[u8], nonce: u64) -> Result<(), Cause> {
    let url = Url::parse("https://tsa.example.com").unwrap();
    check(&Call::get(Service::TimestampAuthority, Step::Timestamp, url), response, nonce).map_err(|e| e.cause)
}

fn nonce() -> u64 {
    nonce_of(&response()).unwrap().unwrap().iter().fold(0, |nonce, byte| nonce << 8 | u64::from(*byte))
}

#[test]
fn an_answer_to_this_request_is_accepted() {
    checked(&response(), nonce()).unwrap();
}

#[test]
fn an_answer_to_another_request_is_not() {
    for other in [nonce() ^ 1, 0, u64::MAX] {
        let cause = checked(&response(), other).unwrap_err();
        assert_eq!(cause, Cause::Untrue("it answers another request (the nonce differs)".to_owned()));
    }
}

#[test]
fn a_refusal_says_its_status() {
    // PKIStatusInfo { status: rejection }
    let cause = checked(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02], 1).unwrap_err();
    assert_eq!(cause, Cause::Untrue("the request was not granted (PKI status 2)".to_owned()));
    let cause = checked(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00], 1).unwrap_err();
    assert_eq!(cause, Cause::Untrue("it answers no particular request (there is no nonce)".to_owned()));
}

#[test]
fn what_is_no_answer_is_not_read() {
    let good = response();
    for bytes in [&b""[..], b"<html>", b"\x30\x03\x02\x01", &good[..good.len() - 1], &good[..40]] {
        assert!(matches!(checked(bytes, 1), Err(Cause::Malformed(_))), "{bytes:02x?}");
    }
}

#[test]
fn a_request_is_in_der() {
    let request = request_der(&[0xab; 32], 0x80).unwrap();
    let expected = format!(
        "303b020101302f300b0609608648016503040201{}{}{}{}",
        "0420",
        "ab".repeat(32),
        "02020080",
        "0101ff"
    );
    assert_eq!(hex::encode(request), expected);
}
