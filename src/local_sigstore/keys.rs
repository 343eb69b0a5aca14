//! The services' own keys, and the public keys that clients bring.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1,
    ED25519, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use der::Decode as _;
use der::asn1::{ObjectIdentifier, Uint};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::Failure;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EDWARDS_25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// SHA-256.
pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}

/// `N` bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A P-256 key of one of the services.
pub(super) struct Key {
    pair: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl Key {
    /// A new key, with ASN.1 signatures.
    pub(super) fn generate() -> Result<Self, Failure> {
        Self::with(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?)
    }

    /// The key in a PKCS#8 document.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Failure> {
        Self::with(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)?)
    }

    fn with(pair: EcdsaKeyPair) -> Result<Self, Failure> {
        let spki = pair.public_key().as_der()?.as_ref().to_vec();
        Ok(Self { pair, spki })
    }

    /// The PKCS#8 document.
    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.pair.to_pkcs8v1()?.as_ref().to_vec())
    }

    /// ECDSA with SHA-256 over `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(self.pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec())
    }

    /// The DER SubjectPublicKeyInfo.
    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo: a log's identifier (RFC 6962, section 3.2).
    pub(super) fn id(&self) -> [u8; 32] {
        sha256(&self.spki)
    }
}

/// The issuers' RSA key. Some clients take only RS256 for a token.
pub(super) struct TokenKey {
    pair: rsa::KeyPair,
    public: RsaPublicKey,
}

impl TokenKey {
    /// A new key of 2048 bits.
    pub(super) fn generate() -> Result<Self, Failure> {
        Self::with(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?)
    }

    /// The key in a PKCS#8 document.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Failure> {
        Self::with(rsa::KeyPair::from_pkcs8(der)?)
    }

    fn with(pair: rsa::KeyPair) -> Result<Self, Failure> {
        let public = RsaPublicKey::from_der(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }

    /// The PKCS#8 document.
    pub(super) fn to_pkcs8(&self) -> Result<Vec<u8>, Failure> {
        Ok(AsDer::<Pkcs8V1Der<'_>>::as_der(&self.pair)?.as_ref().to_vec())
    }

    /// RS256 (RFC 7518, section 3.3) over `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
        Ok(signature)
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref())
            .verify(message, signature)
            .is_ok()
    }

    /// Modulus and exponent, big-endian.
    pub(super) fn numbers(&self) -> (&[u8], &[u8]) {
        (self.public.modulus.as_bytes(), self.public.exponent.as_bytes())
    }

    /// The first half of the key's digest, to tell it from others.
    pub(super) fn id(&self) -> String {
        hex::encode(sha256(self.pair.public_key().as_ref()).get(..16).unwrap_or_default())
    }
}

/// RFC 8017, appendix A.1.1.
#[derive(der::Sequence)]
struct RsaPublicKey {
    modulus: Uint,
    exponent: Uint,
}

/// Which keys clients may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    EcdsaP256Sha256,
    EcdsaP384Sha384,
    EcdsaP521Sha512,
    /// PKCS#1 version 1.5 with SHA-256; the modulus in bits.
    Rsa(usize),
    Ed25519,
}

impl Scheme {
    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
            Self::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
            Self::EcdsaP521Sha512 => &ECDSA_P521_SHA512_ASN1,
            Self::Rsa(_) => &RSA_PKCS1_2048_8192_SHA256,
            Self::Ed25519 => &ED25519,
        }
    }

    fn digest(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::EcdsaP256Sha256 | Self::Rsa(_) => Some(&digest::SHA256),
            Self::EcdsaP384Sha384 => Some(&digest::SHA384),
            Self::EcdsaP521Sha512 => Some(&digest::SHA512),
            Self::Ed25519 => None,
        }
    }
}

/// A client's public key.
pub(super) struct PublicKey {
    pub(super) scheme: Scheme,
    pub(super) spki: SubjectPublicKeyInfoOwned,
}

impl PublicKey {
    /// The key in a DER SubjectPublicKeyInfo; `None` where it cannot be read, or is of no accepted kind.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        Self::from_spki(SubjectPublicKeyInfoOwned::from_der(der).ok()?)
    }

    /// The key in a SubjectPublicKeyInfo; `None` where it is of no accepted kind.
    pub(super) fn from_spki(spki: SubjectPublicKeyInfoOwned) -> Option<Self> {
        let scheme = match spki.algorithm.oid {
            EC_PUBLIC_KEY => {
                match spki.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()? {
                    P256 => Scheme::EcdsaP256Sha256,
                    P384 => Scheme::EcdsaP384Sha384,
                    P521 => Scheme::EcdsaP521Sha512,
                    _ => return None,
                }
            }
            RSA => Scheme::Rsa(rsa_bits(spki.subject_public_key.raw_bytes())?),
            EDWARDS_25519 => Scheme::Ed25519,
            _ => return None,
        };
        let key = Self { scheme, spki };
        // the library refuses points off the curve and weak keys when it parses them
        key.unparsed().parse().ok()?;
        Some(key)
    }

    fn unparsed(&self) -> UnparsedPublicKey<&[u8]> {
        UnparsedPublicKey::new(self.scheme.algorithm(), self.spki.subject_public_key.raw_bytes())
    }

    /// Whether `signature` is over `message`, with the hash that belongs to the kind of key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.unparsed().verify(message, signature).is_ok()
    }

    /// Whether `signature` is over the message with this digest; false for keys that do not hash first.
    pub(super) fn verifies_digest(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.scheme
            .digest()
            .and_then(|algorithm| Digest::import_less_safe(digest, algorithm).ok())
            .is_some_and(|digest| self.unparsed().verify_digest(&digest, signature).is_ok())
    }
}

fn rsa_bits(pkcs1: &[u8]) -> Option<usize> {
    let key = RsaPublicKey::from_der(pkcs1).ok()?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first()?.leading_zeros() as usize;
    Some(modulus.len() * 8 - leading)
}
