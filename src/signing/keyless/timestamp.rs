//! RFC 3161 timestamps over the signature.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged};
use sigstore_crypto::sha256;
use sigstore_types::SignatureBytes;

use super::error::{Error, Service, ServiceError, Step};
use super::services::Endpoint;
use super::transport::{Call, Transport};

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// RFC 3161, section 2.4.1.
#[derive(Sequence)]
struct TimeStampReq<'a> {
    version: u8,
    message_imprint: MessageImprint<'a>,
    nonce: u64,
    cert_req: bool,
}

#[derive(Sequence)]
struct MessageImprint<'a> {
    hash_algorithm: Algorithm,
    hashed_message: OctetStringRef<'a>,
}

#[derive(Sequence)]
struct Algorithm {
    algorithm: ObjectIdentifier,
}

/// A timestamp as the authority gave it: granted, over this signature, with our nonce. Its own signature is checked
/// against the trusted root by the caller.
pub(super) struct Stamped {
    /// The whole `TimeStampResp`, as bundles hold it.
    pub response: Vec<u8>,
}

pub(super) async fn request(
    transport: &Transport,
    authority: &Endpoint,
    signature: &SignatureBytes,
) -> Result<Stamped, Error> {
    let digest = sha256(signature.as_bytes());
    let nonce = getrandom::u64().map_err(|e| Error::local("cannot get random numbers", e))?;
    let body = request_der(digest.as_bytes(), nonce)
        .map_err(|e| Error::local("cannot write the timestamp request", e))?;
    let call = Call::post(
        Service::TimestampAuthority,
        Step::Timestamp,
        authority.url.clone(),
        "application/timestamp-query",
        &body,
    );
    let answer = transport.send(&call).await?;
    check(&call, &answer.body, nonce)?;
    Ok(Stamped { response: answer.body })
}

/// An error of this authority that came to light later.
pub(super) fn blame(authority: &Endpoint, reason: impl std::fmt::Display) -> ServiceError {
    Call::get(Service::TimestampAuthority, Step::Timestamp, authority.url.clone()).untrue(reason)
}

pub(super) fn request_der(digest: &[u8], nonce: u64) -> der::Result<Vec<u8>> {
    TimeStampReq {
        version: 1,
        message_imprint: MessageImprint {
            hash_algorithm: Algorithm { algorithm: SHA256 },
            hashed_message: OctetStringRef::new(digest)?,
        },
        nonce,
        cert_req: true,
    }
    .to_der()
}

/// Checks the status and the nonce. What the token says about the signature is checked when its own signature is.
pub(super) fn check(call: &Call<'_>, response: &[u8], nonce: u64) -> Result<(), ServiceError> {
    let granted = status(response).map_err(|e| call.malformed(format!("not a TimeStampResp: {e}")))?;
    if granted > 1 {
        return Err(call.untrue(format!("the request was not granted (PKI status {granted})")));
    }
    match nonce_of(response) {
        Ok(Some(found)) if found == nonce.to_be_bytes().as_slice().trim_zeros() => Ok(()),
        Ok(Some(_)) => Err(call.untrue("it answers another request (the nonce differs)")),
        Ok(None) => Err(call.untrue("it answers no particular request (there is no nonce)")),
        Err(e) => Err(call.malformed(format!("the timestamp token cannot be read: {e}"))),
    }
}

trait TrimZeros {
    fn trim_zeros(&self) -> Vec<u8>;
}

impl TrimZeros for &[u8] {
    /// Without leading zero bytes, which DER adds and removes.
    fn trim_zeros(&self) -> Vec<u8> {
        self.iter().copied().skip_while(|byte| *byte == 0).collect()
    }
}

fn status(response: &[u8]) -> der::Result<u8> {
    let mut reader = SliceReader::new(response)?;
    reader.sequence(|response| {
        let info: AnyRef<'_> = response.decode()?;
        while !response.is_finished() {
            let _: AnyRef<'_> = response.decode()?;
        }
        info.sequence(|info| {
            let status: u8 = info.decode()?;
            while !info.is_finished() {
                let _: AnyRef<'_> = info.decode()?;
            }
            Ok(status)
        })
    })
}

/// The nonce in `TimeStampResp` → `ContentInfo` → `SignedData` → `TSTInfo`, without leading zeros.
pub(super) fn nonce_of(response: &[u8]) -> der::Result<Option<Vec<u8>>> {
    let parts = children(response)?;
    let Some(token) = parts.get(1) else { return Ok(None) };
    let info = cms::content_info::ContentInfo::from_der(token)?;
    if info.content_type != SIGNED_DATA {
        return Err(Tag::Sequence.value_error());
    }
    let data: cms::signed_data::SignedData = info.content.decode_as()?;
    let content = data.encap_content_info.econtent.ok_or(Tag::OctetString.value_error())?;
    let tst_info = content.decode_as::<der::asn1::OctetString>()?;
    // version, policy, imprint, serial, time; then accuracy and ordering may come before the nonce.
    for part in children(tst_info.as_bytes())?.iter().skip(5) {
        let value = AnyRef::from_der(part)?;
        if value.tag() == Tag::Integer {
            return Ok(Some(value.value().trim_zeros()));
        }
    }
    Ok(None)
}

/// The elements of a SEQUENCE, each with its header.
fn children(sequence: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    let mut reader = SliceReader::new(sequence)?;
    reader.sequence(|inner| {
        let mut parts = Vec::new();
        while !inner.is_finished() {
            let part: AnyRef<'_> = inner.decode()?;
            parts.push(part.to_der()?);
        }
        Ok(parts)
    })
}
