//! Key pairs and public keys: PKCS#8 and SPKI, both in PEM.
//!
//! Private keys are Ed25519 (RFC 8032) in PKCS#8 (RFC 5958), optionally encrypted with PBES2 and
//! scrypt (RFC 8018, RFC 7914). Public keys that may verify are Ed25519, ECDSA P-256 with SHA-256
//! and ECDSA P-384 with SHA-384, in a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).

pub(in crate::signing) mod pem;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey};
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use pkcs8::der::pem::PemLabel as _;
use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::json::Digest;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Why a key could not be read, written or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The input is larger than any key can be.
    #[error("the key is {size} bytes long, at most {limit} are read; name a key file")]
    TooLarge {
        /// Size of the input in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no PEM block in the input.
    #[error("no PEM block found; expected a file that begins with `-----BEGIN {expected}-----`")]
    NotPem {
        /// The label that was wanted.
        expected: &'static str,
    },
    /// Something precedes or follows the one PEM block.
    #[error("unexpected data {place} the PEM block; a key file holds exactly one block")]
    ExtraData {
        /// `before` or `after`.
        place: &'static str,
    },
    /// The PEM block or what is inside it does not follow its format.
    #[error("the key is malformed: {0}")]
    Malformed(String),
    /// A public key where a private key is needed.
    #[error(
        "this is a public key, and signing needs the private key; give `mcptrust.key`, not `mcptrust.pub`"
    )]
    PublicGivenAsPrivate,
    /// A private key where a public key is needed.
    #[error(
        "this is a private key, and verifying needs the public key; give `mcptrust.pub`, and keep the private key away from verifiers"
    )]
    PrivateGivenAsPublic,
    /// The private key is encrypted and no passphrase was given.
    #[error("the private key is encrypted; give its passphrase at the prompt or in MCPTRUST_PASSPHRASE")]
    PassphraseNeeded,
    /// The passphrase does not open the private key.
    #[error("the passphrase does not open this private key; check it and try again")]
    WrongPassphrase,
    /// An empty passphrase was given for a new key.
    #[error("an empty passphrase protects nothing; give one, or write the key without encryption")]
    EmptyPassphrase,
    /// The key or its container is of a kind that cannot be used.
    #[error("unsupported key: got {found}; expected {expected}")]
    Unsupported {
        /// What was found.
        found: String,
        /// What can be used.
        expected: &'static str,
    },
    /// The key is a low-order point: signatures under it prove nothing.
    #[error(
        "the Ed25519 public key is a low-order point, which no honest key generator makes; make a new key with `mcptrust keygen`"
    )]
    Weak,
    /// The system's random number generator failed.
    #[error("the system gave no random numbers: {0}")]
    Random(String),
}

/// scrypt's cost: 16 MiB and five passes, as hard as the usual 128 MiB and one. OpenSSL 3 refuses
/// PKCS#8 files that need more than 32 MiB.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;

const PRIVATE_KINDS: &str = "an Ed25519 private key in PKCS#8, as `mcptrust keygen` writes it";
const PUBLIC_KINDS: &str = "an Ed25519, ECDSA P-256 or ECDSA P-384 public key";

/// An Ed25519 private key. The secret is wiped from memory when dropped, and no `Debug` shows it.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes a new key from the system's random number generator.
    ///
    /// # Errors
    /// [`KeyError::Random`] where the system has none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads a private key from PKCS#8 PEM; `passphrase` is used only where the key is encrypted.
    ///
    /// # Errors
    /// [`KeyError`] says what was found, what is wanted, and what to do.
    pub fn from_pem(bytes: &[u8], passphrase: Option<&str>) -> Result<Self, KeyError> {
        let (label, document) = pem::decode(bytes, "PRIVATE KEY")?;
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(document.as_bytes()),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
                Self::from_pkcs8(decrypt(document.as_bytes(), passphrase)?.as_bytes())
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyError::PublicGivenAsPrivate),
            other => Err(KeyError::Unsupported { found: describe_label(other), expected: PRIVATE_KINDS }),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info =
            PrivateKeyInfoRef::from_der(der).map_err(|error| KeyError::Malformed(error.to_string()))?;
        if info.algorithm.oid != ED25519 {
            return Err(KeyError::Unsupported {
                found: describe_algorithm(info.algorithm.oid, info.algorithm.parameters_oid().ok()),
                expected: PRIVATE_KINDS,
            });
        }
        let pair = KeypairBytes::try_from(info).map_err(|error| KeyError::Malformed(error.to_string()))?;
        let key = ed25519_dalek::SigningKey::from_bytes(&pair.secret_key);
        // A second public key in the file could make the signer believe it is somebody else.
        if pair.public_key.is_some_and(|public| public.0 != key.verifying_key().to_bytes()) {
            return Err(KeyError::Malformed(
                "the public key stored in it does not belong to the private key".to_owned(),
            ));
        }
        Ok(Self(key))
    }

    /// Writes the key as PKCS#8 PEM, encrypted with PBES2 (scrypt, AES-256-CBC) where a passphrase is given.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`]; [`KeyError::Random`] where the salt could not be drawn.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        // Without the public key: OpenSSL before 3.0 refuses the longer form of RFC 5958.
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let document = pair.to_pkcs8_der().map_err(|error| KeyError::Malformed(error.to_string()))?;
        let (label, document) = match passphrase {
            None => (PrivateKeyInfoRef::PEM_LABEL, document),
            Some("") => return Err(KeyError::EmptyPassphrase),
            Some(passphrase) => {
                (EncryptedPrivateKeyInfoRef::PEM_LABEL, encrypt(document.as_bytes(), passphrase)?)
            }
        };
        document.to_pem(label, LineEnding::LF).map_err(|error| KeyError::Malformed(error.to_string()))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the key cannot be written as SPKI, which does not happen for keys of this type.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let der = self
            .0
            .verifying_key()
            .to_public_key_der()
            .map_err(|error| KeyError::Malformed(error.to_string()))?;
        PublicKey::from_der(der.as_bytes())
    }

    /// Signs a message (RFC 8032 section 5.1.6, no pre-hash).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Whether the bytes hold an encrypted private key, so that a passphrase is worth asking for.
#[must_use]
pub fn is_encrypted(bytes: &[u8]) -> bool {
    pem::decode(bytes, "PRIVATE KEY").is_ok_and(|(label, _)| label == "ENCRYPTED PRIVATE KEY")
}

/// Which signatures a public key verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 without pre-hash (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256, signature in DER.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384, signature in DER.
    EcdsaP384,
}

impl Algorithm {
    /// The name shown to people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
        }
    }

    /// The `PublicKeyDetails` name of the Sigstore protobuf specifications.
    #[must_use]
    pub const fn details(self) -> &'static str {
        match self {
            Self::Ed25519 => "PKIX_ED25519",
            Self::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
        }
    }
}

/// A public key that may verify signatures, held as its SPKI DER.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    der: Vec<u8>,
    point: Vec<u8>,
}

impl PublicKey {
    /// Reads a public key from SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError`] says what was found, what is wanted, and what to do.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let (label, document) = pem::decode(bytes, "PUBLIC KEY")?;
        match label.as_str() {
            "PUBLIC KEY" => Self::from_der(document.as_bytes()),
            other if other.ends_with("PRIVATE KEY") => Err(KeyError::PrivateGivenAsPublic),
            other => Err(KeyError::Unsupported { found: describe_label(other), expected: PUBLIC_KINDS }),
        }
    }

    /// Reads a public key from SPKI DER.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let spki =
            SubjectPublicKeyInfoRef::from_der(der).map_err(|error| KeyError::Malformed(error.to_string()))?;
        let curve = spki.algorithm.parameters_oid().ok();
        let algorithm = match (spki.algorithm.oid, curve) {
            (ED25519, _) => Algorithm::Ed25519,
            (EC_PUBLIC_KEY, Some(P256)) => Algorithm::EcdsaP256,
            (EC_PUBLIC_KEY, Some(P384)) => Algorithm::EcdsaP384,
            (oid, curve) => {
                return Err(KeyError::Unsupported {
                    found: describe_algorithm(oid, curve),
                    expected: PUBLIC_KINDS,
                });
            }
        };
        let point = spki
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| KeyError::Malformed("the key's bit string has unused bits".to_owned()))?;
        match algorithm {
            Algorithm::Ed25519 => {
                if spki.algorithm.parameters.is_some() {
                    return Err(KeyError::Malformed("an Ed25519 key has no parameters".to_owned()));
                }
                if ed25519(point)?.is_weak() {
                    return Err(KeyError::Weak);
                }
            }
            // One spelling for one key: a compressed point would give the same key a second hint.
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => {
                if point.first() != Some(&0x04) {
                    return Err(KeyError::Malformed(
                        "the curve point is not in the uncompressed form".to_owned(),
                    ));
                }
                ecdsa(algorithm, point)?;
            }
        }
        Ok(Self { algorithm, der: der.to_vec(), point: point.to_vec() })
    }

    /// Writes the key as SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the key cannot be encoded, which does not happen for keys of this type.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        pkcs8::der::pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.der)
            .map_err(|error| KeyError::Malformed(error.to_string()))
    }

    /// The `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the SPKI DER: the name of this key in bundles and reports.
    #[must_use]
    pub fn hint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// Which signatures this key verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` over `message` was made with the private half of this key.
    ///
    /// Ed25519 is verified strictly: canonical encodings only and no low-order points.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => {
                let (Ok(key), Ok(signature)) = (ed25519(&self.point), Signature::from_slice(signature))
                else {
                    return false;
                };
                key.verify_strict(message, &signature).is_ok()
            }
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => {
                ecdsa(self.algorithm, &self.point).is_ok_and(|key| key.verify_sig(message, signature).is_ok())
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm.as_str(), self.hint())
    }
}

fn ed25519(point: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes = point.try_into().map_err(|_| {
        KeyError::Malformed(format!("an Ed25519 public key has 32 bytes, got {}", point.len()))
    })?;
    VerifyingKey::from_bytes(bytes)
        .map_err(|_| KeyError::Malformed("the Ed25519 public key is not a point on the curve".to_owned()))
}

fn ecdsa(algorithm: Algorithm, point: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let scheme = match algorithm {
        Algorithm::EcdsaP384 => &ECDSA_P384_SHA384_ASN1,
        Algorithm::EcdsaP256 | Algorithm::Ed25519 => &ECDSA_P256_SHA256_ASN1,
    };
    ParsedPublicKey::new(scheme, point)
        .map_err(|_| KeyError::Malformed("the public key is not a point on its curve".to_owned()))
}

fn encrypt(document: &[u8], passphrase: &str) -> Result<SecretDocument, KeyError> {
    let malformed = |error: pkcs8::Error| KeyError::Malformed(error.to_string());
    let mut salt = [0_u8; 16];
    let mut iv = [0_u8; 16];
    for buffer in [&mut salt, &mut iv] {
        getrandom::fill(buffer).map_err(|error| KeyError::Random(error.to_string()))?;
    }
    let cost = pkcs8::pkcs5::scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P)
        .map_err(|error| KeyError::Malformed(error.to_string()))?;
    let parameters = pkcs8::pkcs5::pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv)
        .map_err(|error| KeyError::Malformed(error.to_string()))?;
    let info = PrivateKeyInfoRef::from_der(document).map_err(|error| malformed(error.into()))?;
    info.encrypt_with_params(parameters, passphrase).map_err(malformed)
}

fn decrypt(document: &[u8], passphrase: &str) -> Result<SecretDocument, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(document)
        .map_err(|error| KeyError::Malformed(error.to_string()))?;
    info.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs8::pkcs5::Error::NoPbes1CryptSupport,
        ) => KeyError::Unsupported {
            found: format!("a private key under an encryption that is not supported ({error})"),
            expected: PRIVATE_KINDS,
        },
        // A wrong passphrase shows as bad padding, or as plain text that is no key.
        _ => KeyError::WrongPassphrase,
    })
}

fn describe_label(label: &str) -> String {
    match label {
        "OPENSSH PRIVATE KEY" => "an OpenSSH private key".to_owned(),
        "EC PRIVATE KEY" => "an ECDSA private key in the SEC 1 format".to_owned(),
        "RSA PRIVATE KEY" | "RSA PUBLIC KEY" => "an RSA key".to_owned(),
        "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
            "a cosign private key (sign with cosign and verify the bundle here)".to_owned()
        }
        "CERTIFICATE" => "a certificate".to_owned(),
        other => format!("a PEM block labelled {other:?}"),
    }
}

fn describe_algorithm(oid: ObjectIdentifier, curve: Option<ObjectIdentifier>) -> String {
    match (oid, curve) {
        (RSA, _) => "an RSA key".to_owned(),
        (EC_PUBLIC_KEY, Some(P256)) => "an ECDSA P-256 key".to_owned(),
        (EC_PUBLIC_KEY, Some(P384)) => "an ECDSA P-384 key".to_owned(),
        (EC_PUBLIC_KEY, Some(curve)) => format!("an elliptic-curve key on the curve {curve}"),
        (oid, _) => format!("a key of the algorithm {oid}"),
    }
}
