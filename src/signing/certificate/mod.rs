//! What a Fulcio certificate says about its signer: identity, issuer and claims.
//!
//! The claims are the extensions under 1.3.6.1.4.1.57264.1 of Fulcio's registry (`docs/oid-info.md`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::keys::{KeyError, PublicKey};

/// The arc under which Fulcio numbers its extensions.
pub const FULCIO_ARC: &str = "1.3.6.1.4.1.57264.1";
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
const ISSUER_RAW: u32 = 1;
const ISSUER: u32 = 8;
/// Extensions below this number hold raw text; this one and later ones a DER `UTF8String`.
const FIRST_DER: u32 = 8;

/// One Fulcio extension that a rule can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimInfo {
    /// The last arc of its object identifier.
    pub number: u32,
    /// The name used in rules, flags and reports.
    pub name: &'static str,
    /// What it holds.
    pub meaning: &'static str,
}

/// Every claim of Fulcio's registry, by number. The issuer (1 and 8) and the `otherName` form of the
/// identity (7) are not here: they have their own places in a rule.
pub const CLAIMS: &[ClaimInfo] = &[
    claim(2, "github-workflow-trigger", "event that triggered the GitHub workflow (deprecated)"),
    claim(3, "github-workflow-sha", "commit the GitHub workflow ran on (deprecated)"),
    claim(4, "github-workflow-name", "name of the GitHub workflow (deprecated)"),
    claim(5, "github-workflow-repository", "repository of the GitHub workflow (deprecated)"),
    claim(6, "github-workflow-ref", "ref the GitHub workflow ran on (deprecated)"),
    claim(9, "build-signer-uri", "build instructions that signed, with their version"),
    claim(10, "build-signer-digest", "immutable version of the build instructions that signed"),
    claim(11, "runner-environment", "hosted by the platform or by its user"),
    claim(12, "source-repository-uri", "repository that was built"),
    claim(13, "source-repository-digest", "commit that was built"),
    claim(14, "source-repository-ref", "branch or tag that was built"),
    claim(15, "source-repository-identifier", "immutable number of the repository"),
    claim(16, "source-repository-owner-uri", "owner of the repository"),
    claim(17, "source-repository-owner-identifier", "immutable number of the owner"),
    claim(18, "build-config-uri", "top-level build instructions, with their version"),
    claim(19, "build-config-digest", "immutable version of the top-level build instructions"),
    claim(20, "build-trigger", "event that started the build"),
    claim(21, "run-invocation-uri", "this run of the build"),
    claim(22, "source-repository-visibility-at-signing", "public or private when it was signed"),
    claim(23, "deployment-environment", "environment with its own protection rules"),
    claim(24, "token-subject", "the `sub` claim of the identity token"),
];

const fn claim(number: u32, name: &'static str, meaning: &'static str) -> ClaimInfo {
    ClaimInfo { number, name, meaning }
}

/// The name under which a claim is kept: its registered name, or its full object identifier where the
/// registry known here has none.
///
/// `None` for what is no Fulcio claim: other arcs, the issuer, the `otherName` identity.
#[must_use]
pub fn claim_name(text: &str) -> Option<String> {
    if let Some(info) = CLAIMS.iter().find(|info| info.name == text) {
        return Some(info.name.to_owned());
    }
    let number: u32 = text.strip_prefix(FULCIO_ARC)?.strip_prefix('.')?.parse().ok()?;
    // "1.3.6.1.4.1.57264.1.09" is another spelling of a known number, not another claim.
    if format!("{FULCIO_ARC}.{number}") != text {
        return None;
    }
    claim_name_of(number)
}

fn claim_name_of(number: u32) -> Option<String> {
    match CLAIMS.iter().find(|info| info.number == number) {
        Some(info) => Some(info.name.to_owned()),
        None if number > CLAIMS.last().map_or(0, |info| info.number) => {
            Some(format!("{FULCIO_ARC}.{number}"))
        }
        None => None,
    }
}

/// The subject alternative name of a signing certificate: who signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Identity {
    /// `rfc822Name`: an e-mail address.
    Email(String),
    /// `uniformResourceIdentifier`: a workload.
    Uri(String),
    /// `otherName` 1.3.6.1.4.1.57264.1.7: a user name.
    Username(String),
}

impl Identity {
    /// The identity without its kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(value) | Self::Uri(value) | Self::Username(value) => value,
        }
    }

    /// `email`, `uri` or `username`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Username(_) => "username",
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a certificate is refused before its chain is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not a certificate in DER.
    #[error("the certificate is malformed: {0}")]
    Malformed(String),
    /// A signer has one identity; the certificate has none or several.
    #[error("the certificate names {0} identities in its subject alternative name, expected exactly one")]
    IdentityCount(usize),
    /// The one identity is of a kind that Fulcio does not issue.
    #[error("the certificate's identity is a {0}, expected an e-mail address, a URI or a Fulcio user name")]
    IdentityKind(&'static str),
    /// There is no issuer extension.
    #[error("the certificate does not say who issued the identity (extension {FULCIO_ARC}.8)")]
    NoIssuer,
    /// The old and the new issuer extension disagree.
    #[error("the certificate names two identity issuers, {old:?} and {new:?}")]
    TwoIssuers {
        /// Extension 1.
        old: String,
        /// Extension 8.
        new: String,
    },
    /// An extension stands there twice.
    #[error("the certificate has the extension {0} twice")]
    Duplicate(String),
    /// A Fulcio extension is not encoded as the registry says.
    #[error("the certificate's extension {oid} is not {expected}")]
    Extension {
        /// The extension.
        oid: String,
        /// What the registry demands.
        expected: &'static str,
    },
    /// The key in the certificate cannot be used.
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[from] KeyError),
}

/// What a signing certificate says. Nothing here is trusted until the certificate's chain is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningCertificate {
    /// Who signed.
    pub identity: Identity,
    /// Who vouched for that identity: the `iss` claim of the token.
    pub issuer: String,
    /// Claims by name (see [`CLAIMS`]), or by object identifier where the registry is newer.
    pub claims: BTreeMap<String, String>,
    /// Start of validity, inclusive.
    pub not_before: Timestamp,
    /// End of validity, inclusive.
    pub not_after: Timestamp,
    /// The key that signed.
    pub key: PublicKey,
}

impl SigningCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`] names the part that does not follow Fulcio's certificate profile.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |error: &dyn fmt::Display| CertificateError::Malformed(error.to_string());
        let tbs = Certificate::from_der(der).map_err(|error| malformed(&error))?.tbs_certificate;
        let spki = tbs.subject_public_key_info.to_der().map_err(|error| malformed(&error))?;
        let key = PublicKey::from_der(&spki)?;
        let mut seen = Vec::new();
        let mut identities = None;
        let mut fulcio = BTreeMap::new();
        for extension in tbs.extensions.iter().flatten() {
            let oid = extension.extn_id;
            if seen.contains(&oid) {
                return Err(CertificateError::Duplicate(oid.to_string()));
            }
            seen.push(oid);
            let value = extension.extn_value.as_bytes();
            if oid == SUBJECT_ALT_NAME {
                identities = Some(SubjectAltName::from_der(value).map_err(|error| malformed(&error))?.0);
            } else if let Some(number) = fulcio_number(oid) {
                fulcio.insert(number, decode_claim(number, value)?);
            }
        }
        let issuer = issuer(&mut fulcio)?;
        let claims =
            fulcio.into_iter().filter_map(|(number, value)| Some((claim_name_of(number)?, value))).collect();
        let time = |time: x509_cert::time::Time| {
            Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
                .map_err(|error| malformed(&error))
        };
        Ok(Self {
            identity: one_identity(identities.unwrap_or_default())?,
            issuer,
            claims,
            not_before: time(tbs.validity.not_before)?,
            not_after: time(tbs.validity.not_after)?,
            key,
        })
    }
}

fn fulcio_number(oid: ObjectIdentifier) -> Option<u32> {
    oid.to_string().strip_prefix(FULCIO_ARC)?.strip_prefix('.')?.parse().ok()
}

fn decode_claim(number: u32, value: &[u8]) -> Result<String, CertificateError> {
    let (text, expected) = if number < FIRST_DER {
        (std::str::from_utf8(value).ok(), "raw UTF-8 text")
    } else {
        (Utf8StringRef::from_der(value).ok().map(|text| text.as_str()), "a DER-encoded UTF8String")
    };
    match text {
        Some(text) => Ok(text.to_owned()),
        None => Err(CertificateError::Extension { oid: format!("{FULCIO_ARC}.{number}"), expected }),
    }
}

fn issuer(fulcio: &mut BTreeMap<u32, String>) -> Result<String, CertificateError> {
    match (fulcio.remove(&ISSUER_RAW), fulcio.remove(&ISSUER)) {
        (Some(old), Some(new)) if old != new => Err(CertificateError::TwoIssuers { old, new }),
        (_, Some(issuer)) | (Some(issuer), None) => Ok(issuer),
        (None, None) => Err(CertificateError::NoIssuer),
    }
}

fn one_identity(mut names: Vec<GeneralName>) -> Result<Identity, CertificateError> {
    let count = names.len();
    let (Some(name), 1) = (names.pop(), count) else {
        return Err(CertificateError::IdentityCount(count));
    };
    match name {
        GeneralName::Rfc822Name(email) => Ok(Identity::Email(email.to_string())),
        GeneralName::UniformResourceIdentifier(uri) => Ok(Identity::Uri(uri.to_string())),
        GeneralName::OtherName(other) if other.type_id == OTHER_NAME => other
            .value
            .decode_as::<Utf8StringRef<'_>>()
            .map(|name| Identity::Username(name.as_str().to_owned()))
            .map_err(|_| CertificateError::Extension {
                oid: OTHER_NAME.to_string(),
                expected: "a DER-encoded UTF8String",
            }),
        GeneralName::OtherName(_) => Err(CertificateError::IdentityKind("name of an unknown kind")),
        GeneralName::DnsName(_) => Err(CertificateError::IdentityKind("DNS name")),
        GeneralName::DirectoryName(_) => Err(CertificateError::IdentityKind("directory name")),
        GeneralName::EdiPartyName(_) => Err(CertificateError::IdentityKind("EDI party name")),
        GeneralName::IpAddress(_) => Err(CertificateError::IdentityKind("IP address")),
        GeneralName::RegisteredId(_) => Err(CertificateError::IdentityKind("registered identifier")),
    }
}
