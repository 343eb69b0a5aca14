//! The certificate: a precertificate's content, its timestamp (RFC 6962), and the final certificate.

use der::asn1::{Ia5String, ObjectIdentifier, OctetString, Utf8StringRef};
use der::{Decode as _, Encode as _};
use jiff::{SignedDuration, Timestamp};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::super::Failure;
use super::super::authority::{extension, key_identifier};
use super::super::fault::FaultKind;
use super::super::keys::{Key, PublicKey};
use super::super::service::Moment;
use super::Fulcio;
use super::identity::{Principal, Subject};

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
/// The last of the extensions whose value is the text itself, not a DER string.
const LAST_RAW: u32 = 6;
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

impl Fulcio {
    /// A DER certificate for `key`, ten minutes long, its timestamp inside.
    pub(super) fn issue(
        &self,
        principal: &Principal,
        key: PublicKey,
        moment: Moment,
    ) -> Result<Vec<u8>, Failure> {
        let now = moment.now;
        let spki = if moment.has(FaultKind::WrongCertificate) {
            SubjectPublicKeyInfoOwned::from_der(Key::generate()?.spki())?
        } else {
            key.spki
        };
        let subject = if moment.has(FaultKind::WrongIdentity) {
            GeneralName::Rfc822Name(Ia5String::new("somebody.else@example.com")?)
        } else {
            match &principal.subject {
                Subject::Email(email) => GeneralName::Rfc822Name(Ia5String::new(email)?),
                Subject::Uri(uri) => GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?),
            }
        };
        let mut extensions = vec![
            extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
            extension(&ExtendedKeyUsage(vec![CODE_SIGNING]), false)?,
            extension(&SubjectKeyIdentifier(OctetString::new(key_identifier(&spki))?), false)?,
            self.root.authority_key_identifier()?,
            // critical, since the subject is empty (RFC 5280, section 4.2.1.6)
            extension(&SubjectAltName(vec![subject]), true)?,
        ];
        for (arc, value) in &principal.extensions {
            let value = if *arc <= LAST_RAW {
                value.as_bytes().to_vec()
            } else {
                Utf8StringRef::new(value)?.to_der()?
            };
            extensions.push(Extension {
                extn_id: FULCIO.push_arc(*arc).map_err(|error| Failure(error.to_string()))?,
                critical: false,
                extn_value: OctetString::new(value)?,
            });
        }
        let until = now.checked_add(LIFETIME).unwrap_or(now);
        let mut tbs = self.root.draft(Name::default(), spki, now, until, extensions)?;

        // What the log signs is the precertificate without its poison, which is exactly this draft.
        let impostor = if moment.has(FaultKind::BadSct) { Some(Key::generate()?) } else { None };
        let list = self.sct_list(&tbs.to_der()?, now, impostor.as_ref())?;
        if let Some(extensions) = &mut tbs.extensions {
            extensions.push(Extension {
                extn_id: SCT_LIST,
                critical: false,
                extn_value: OctetString::new(OctetString::new(list)?.to_der()?)?,
            });
        }
        self.root.sign(tbs)
    }

    /// A `SignedCertificateTimestampList` of one (RFC 6962, section 3.3).
    fn sct_list(&self, tbs: &[u8], now: Timestamp, impostor: Option<&Key>) -> Result<Vec<u8>, Failure> {
        let milliseconds = u64::try_from(now.as_millisecond())
            .map_err(|_| Failure("the clock says that it is before 1970".to_owned()))?;
        // section 3.2: version 1, certificate_timestamp, precert_entry, no extensions
        let mut signed = vec![0, 0];
        signed.extend(milliseconds.to_be_bytes());
        signed.extend([0, 1]);
        signed.extend(self.root.key_hash());
        signed.extend(u24(tbs.len())?);
        signed.extend(tbs);
        signed.extend([0, 0]);
        let signature = impostor.unwrap_or(&self.ct_log).sign(&signed)?;

        let mut sct = vec![0];
        sct.extend(self.ct_log.id());
        sct.extend(milliseconds.to_be_bytes());
        sct.extend([0, 0]);
        sct.extend([4, 3]); // SHA-256, ECDSA
        sct.extend(u16_of(signature.len())?);
        sct.extend(signature);

        let mut list = u16_of(sct.len() + 2)?.to_vec();
        list.extend(u16_of(sct.len())?);
        list.extend(sct);
        Ok(list)
    }
}

fn u16_of(length: usize) -> Result<[u8; 2], Failure> {
    u16::try_from(length).map(u16::to_be_bytes).map_err(|_| Failure("a timestamp is too long".to_owned()))
}

fn u24(length: usize) -> Result<[u8; 3], Failure> {
    match u32::try_from(length).map(u32::to_be_bytes) {
        Ok([0, a, b, c]) => Ok([a, b, c]),
        _ => Err(Failure("a certificate is too long".to_owned())),
    }
}
