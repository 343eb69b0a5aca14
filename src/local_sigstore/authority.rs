//! X.509: the two roots, the timestamp authority's certificate, and the signing of any other (RFC 5280).

use std::time::Duration;

use der::asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString, UtcTime};
use der::oid::AssociatedOid;
use der::{Decode as _, Encode};
use jiff::{SignedDuration, Timestamp};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

use super::Failure;
use super::keys::{Key, random, sha256};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const DAY: SignedDuration = SignedDuration::from_hours(24);
const ROOT_DAYS: i32 = 3650;

/// A certificate with its key, able to issue others.
pub(super) struct Issuer {
    key: Key,
    certificate: Certificate,
    der: Vec<u8>,
}

impl Issuer {
    /// The authority of a certificate that was made before.
    pub(super) fn new(key: Key, der: Vec<u8>) -> Result<Self, Failure> {
        let certificate = Certificate::from_der(&der)?;
        if certificate.tbs_certificate.subject_public_key_info.to_der()? != key.spki() {
            return Err(Failure("the certificate is not for the key beside it".to_owned()));
        }
        Ok(Self { key, certificate, der })
    }

    /// A root that nobody trusts, with the same name: for faults.
    pub(super) fn impostor(&self, now: Timestamp) -> Result<Self, Failure> {
        let key = Key::generate()?;
        let der = root(&key, &self.certificate.tbs_certificate.subject, now)?;
        Self::new(key, der)
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn name(&self) -> &Name {
        &self.certificate.tbs_certificate.subject
    }

    /// SHA-256 of the issuer's SubjectPublicKeyInfo (RFC 6962, section 3.2).
    pub(super) fn key_hash(&self) -> [u8; 32] {
        self.key.id()
    }

    /// When the authority's certificate, and all that is trusted because of it, begins.
    pub(super) fn since(&self) -> Result<Timestamp, Failure> {
        let since = self.certificate.tbs_certificate.validity.not_before.to_unix_duration().as_secs();
        i64::try_from(since)
            .ok()
            .and_then(|since| Timestamp::from_second(since).ok())
            .ok_or_else(|| Failure("the certificate's validity cannot be told".to_owned()))
    }

    /// What a certificate for `spki` would hold, before it is signed. Key usage is digital signature.
    pub(super) fn draft(
        &self,
        subject: Name,
        spki: SubjectPublicKeyInfoOwned,
        not_before: Timestamp,
        not_after: Timestamp,
        extensions: Vec<Extension>,
    ) -> Result<TbsCertificate, Failure> {
        let tbs = draft(self.name().clone(), subject, spki, (not_before, not_after), extensions)?;
        Ok(tbs)
    }

    /// The identifier of this authority's key, for the certificates it issues.
    pub(super) fn authority_key_identifier(&self) -> Result<Extension, Failure> {
        let identifier = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(key_identifier(
                &self.certificate.tbs_certificate.subject_public_key_info,
            ))?),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        extension(&identifier, false)
    }

    /// Signs a draft: the DER certificate.
    pub(super) fn sign(&self, tbs: TbsCertificate) -> Result<Vec<u8>, Failure> {
        sign(&self.key, tbs)
    }
}

/// A new root for `key`, ten years long. It begins a day ago, so that a clock that is a little off stays inside.
pub(super) fn root(key: &Key, subject: &Name, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let spki = SubjectPublicKeyInfoOwned::from_der(key.spki())?;
    let identifier = key_identifier(&spki);
    let extensions = vec![
        extension(&BasicConstraints { ca: true, path_len_constraint: None }, true)?,
        extension(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
        extension(&SubjectKeyIdentifier(OctetString::new(identifier)?), false)?,
    ];
    sign(key, draft(subject.clone(), subject.clone(), spki, years(now), extensions)?)
}

/// A certificate for the timestamp authority's own `key`: its one extended key usage is critical (RFC 3161, 2.3).
pub(super) fn timestamping(issuer: &Issuer, key: &Key, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let spki = SubjectPublicKeyInfoOwned::from_der(key.spki())?;
    let extensions = vec![
        extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?,
        extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
        extension(&ExtendedKeyUsage(vec![TIME_STAMPING]), true)?,
        extension(&SubjectKeyIdentifier(OctetString::new(key_identifier(&spki))?), false)?,
        issuer.authority_key_identifier()?,
    ];
    let (not_before, not_after) = years(now);
    issuer.sign(issuer.draft(name("tsa")?, spki, not_before, not_after, extensions)?)
}

fn years(now: Timestamp) -> (Timestamp, Timestamp) {
    (now.checked_sub(DAY).unwrap_or(now), now.checked_add(DAY * ROOT_DAYS).unwrap_or(Timestamp::MAX))
}

/// The name of one of the authorities.
pub(super) fn name(common_name: &str) -> Result<Name, Failure> {
    // RFC 4514 writes a name backwards
    format!("CN={common_name},O=local-sigstore").parse().map_err(Failure::from)
}

/// An extension of one of the registered types.
pub(super) fn extension<T: Encode + AssociatedOid>(value: &T, critical: bool) -> Result<Extension, Failure> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// RFC 7093, section 2, method 1: the first 160 bits of SHA-256 of the key.
pub(super) fn key_identifier(spki: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    sha256(spki.subject_public_key.raw_bytes()).iter().take(20).copied().collect()
}

/// The algorithm of every signature that the authorities make.
pub(super) fn ecdsa_with_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None }
}

fn draft(
    issuer: Name,
    subject: Name,
    spki: SubjectPublicKeyInfoOwned,
    (not_before, not_after): (Timestamp, Timestamp),
    extensions: Vec<Extension>,
) -> Result<TbsCertificate, Failure> {
    let mut serial = random::<20>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40; // positive, and always 20 bytes long
    }
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: ecdsa_with_sha256(),
        issuer,
        validity: Validity { not_before: time(not_before)?, not_after: time(not_after)? },
        subject,
        subject_public_key_info: spki,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    })
}

fn sign(key: &Key, tbs: TbsCertificate) -> Result<Vec<u8>, Failure> {
    let signature = key.sign(&tbs.to_der()?)?;
    let certificate = Certificate {
        tbs_certificate: tbs,
        signature_algorithm: ecdsa_with_sha256(),
        signature: BitString::from_bytes(&signature)?,
    };
    Ok(certificate.to_der()?)
}

/// RFC 5280, section 4.1.2.5: UTCTime up to 2049, then GeneralizedTime.
fn time(at: Timestamp) -> Result<Time, Failure> {
    let since = unix(at)?;
    Ok(match UtcTime::from_unix_duration(since) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_unix_duration(since)?),
    })
}

/// Whole seconds since 1970.
pub(super) fn unix(at: Timestamp) -> Result<Duration, Failure> {
    u64::try_from(at.as_second())
        .map(Duration::from_secs)
        .map_err(|_| Failure("the clock says that it is before 1970".to_owned()))
}
