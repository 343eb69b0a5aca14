//! RFC 3161: what is asked, and the signed answer (RFC 5652, with the attribute of RFC 5816).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, Decode as _, Encode, Sequence};
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::super::Failure;
use super::super::authority::{ecdsa_with_sha256, unix};
use super::super::keys::{Key, random, sha256};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// Sigstore's policy for its timestamp authority.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// Section 2.4.1.
#[derive(Clone, Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

/// `TimeStampReq`, section 2.4.1.
#[derive(Sequence)]
pub(super) struct Request {
    version: u8,
    message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    certificate_wanted: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct Accuracy {
    seconds: u8,
}

/// `TSTInfo`, section 2.4.2.
#[derive(Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: Int,
    gen_time: GeneralizedTime,
    accuracy: Accuracy,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    tsa: GeneralName,
}

#[derive(Sequence)]
struct StatusInfo {
    status: u8,
}

/// `TimeStampResp`, section 2.4.2.
#[derive(Sequence)]
struct Response {
    status: StatusInfo,
    token: ContentInfo,
}

#[derive(Sequence)]
struct IssuerSerial {
    issuer: Vec<GeneralName>,
    serial_number: x509_cert::serial_number::SerialNumber,
}

/// `ESSCertIDv2` (RFC 5035), whose hash algorithm is SHA-256 unless it says otherwise.
#[derive(Sequence)]
struct EssCertIdV2 {
    hash: OctetString,
    issuer_serial: IssuerSerial,
}

#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<EssCertIdV2>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("Error generating timestamp response")]
    Unreadable,
    #[error("Weak hash algorithm in timestamp request")]
    WeakHash,
    #[error("Message digest has incorrect length for specified algorithm")]
    DigestLength,
    #[error("unaccepted policy: requested TSA policy is not supported by the TSA")]
    Policy,
    #[error("unaccepted extension: requested extensions are not supported by the TSA")]
    Extension,
}

impl Request {
    pub(super) fn parse(der: &[u8]) -> Result<Self, RequestError> {
        let request = Self::from_der(der).map_err(|_| RequestError::Unreadable)?;
        request.check()?;
        Ok(request)
    }

    /// A request that did not come as DER.
    pub(super) fn new(
        hash: &str,
        digest: &[u8],
        nonce: Option<u64>,
        certificate_wanted: bool,
    ) -> Result<Self, RequestError> {
        let oid = match hash.to_ascii_lowercase().as_str() {
            "sha1" => SHA1,
            "sha256" => SHA256,
            "sha384" => SHA384,
            "sha512" => SHA512,
            _ => return Err(RequestError::Unreadable),
        };
        let unreadable = |_| RequestError::Unreadable;
        let nonce = nonce.map(|nonce| der::asn1::Uint::new(&nonce.to_be_bytes()).map(Int::from));
        let request = Self {
            version: 1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifierOwned { oid, parameters: None },
                hashed_message: OctetString::new(digest).map_err(unreadable)?,
            },
            policy: None,
            nonce: nonce.transpose().map_err(unreadable)?,
            certificate_wanted,
            extensions: None,
        };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), RequestError> {
        if self.version != 1 {
            return Err(RequestError::Unreadable);
        }
        let length = match self.message_imprint.hash_algorithm.oid {
            SHA256 => 32,
            SHA384 => 48,
            SHA512 => 64,
            SHA1 => return Err(RequestError::WeakHash),
            _ => return Err(RequestError::Unreadable),
        };
        if self.message_imprint.hashed_message.as_bytes().len() != length {
            return Err(RequestError::DigestLength);
        }
        if self.policy.is_some_and(|policy| policy != POLICY) {
            return Err(RequestError::Policy);
        }
        if self.extensions.as_ref().is_some_and(|extensions| !extensions.is_empty()) {
            return Err(RequestError::Extension);
        }
        Ok(())
    }

    /// The same request over another digest: for faults.
    pub(super) fn with_wrong_digest(mut self) -> Result<Self, Failure> {
        let mut digest = self.message_imprint.hashed_message.as_bytes().to_vec();
        if let Some(byte) = digest.first_mut() {
            *byte ^= 1;
        }
        self.message_imprint.hashed_message = OctetString::new(digest)?;
        Ok(self)
    }
}

/// The timestamp authority's key with its certificate.
pub(in super::super) struct Signer {
    key: Key,
    certificate: Certificate,
    der: Vec<u8>,
}

impl Signer {
    pub(in super::super) fn new(key: Key, der: Vec<u8>) -> Result<Self, Failure> {
        let certificate = Certificate::from_der(&der)?;
        if certificate.tbs_certificate.subject_public_key_info.to_der()? != key.spki() {
            return Err(Failure("the certificate is not for the key beside it".to_owned()));
        }
        Ok(Self { key, certificate, der })
    }

    pub(in super::super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER `TimeStampResp` that grants the request.
    pub(super) fn grant(&self, request: Request, now: Timestamp) -> Result<Vec<u8>, Failure> {
        let tbs = &self.certificate.tbs_certificate;
        let now = unix(now)?;
        let info = TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: request.message_imprint,
            serial_number: Int::from(der::asn1::Uint::new(&random::<20>()?)?),
            gen_time: GeneralizedTime::from_unix_duration(now)?,
            accuracy: Accuracy { seconds: 1 },
            nonce: request.nonce,
            tsa: GeneralName::DirectoryName(tbs.subject.clone()),
        }
        .to_der()?;

        let certificate_id = SigningCertificateV2 {
            certificates: vec![EssCertIdV2 {
                hash: OctetString::new(sha256(&self.der))?,
                issuer_serial: IssuerSerial {
                    issuer: vec![GeneralName::DirectoryName(tbs.issuer.clone())],
                    serial_number: tbs.serial_number.clone(),
                },
            }],
        };
        let signed_attributes = SetOfVec::try_from(vec![
            attribute(CONTENT_TYPE, &TST_INFO)?,
            attribute(SIGNING_TIME, &UtcTime::from_unix_duration(now)?)?,
            attribute(MESSAGE_DIGEST, &OctetString::new(sha256(&info))?)?,
            attribute(SIGNING_CERTIFICATE_V2, &certificate_id)?,
        ])?;
        // RFC 5652, section 5.4: signed as a SET, not under the tag that they are sent with
        let signature = self.key.sign(&signed_attributes.to_der()?)?;

        let sha256 = AlgorithmIdentifierOwned { oid: SHA256, parameters: None };
        let certificates = if request.certificate_wanted {
            let certificate = CertificateChoices::Certificate(self.certificate.clone());
            Some(CertificateSet(SetOfVec::try_from(vec![certificate])?))
        } else {
            None
        };
        let signed_data = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![sha256.clone()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: TST_INFO,
                econtent: Some(Any::encode_from(&OctetString::new(info)?)?),
            },
            certificates,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![SignerInfo {
                version: CmsVersion::V1,
                sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                    issuer: tbs.issuer.clone(),
                    serial_number: tbs.serial_number.clone(),
                }),
                digest_alg: sha256,
                signed_attrs: Some(signed_attributes),
                signature_algorithm: ecdsa_with_sha256(),
                signature: OctetString::new(signature)?,
                unsigned_attrs: None,
            }])?),
        };
        let token = ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed_data)? };
        Ok(Response { status: StatusInfo { status: 0 }, token }.to_der()?)
    }
}

fn attribute<T: Encode + der::Tagged>(oid: ObjectIdentifier, value: &T) -> Result<Attribute, Failure> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::from_der(&value.to_der()?)?])? })
}
