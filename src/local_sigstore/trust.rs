//! What clients are configured with: the trusted root, the signing config, and both in one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::directory::Directory;
use super::keys::sha256;
use super::{Error, Urls};

pub(super) const TRUSTED_ROOT: &str = "trusted_root.json";
pub(super) const SIGNING_CONFIG: &str = "signing_config.json";
pub(super) const TRUST_CONFIG: &str = "trust_config.json";

/// Everything public about an instance.
pub(super) struct Anchors<'a> {
    pub(super) urls: &'a Urls,
    pub(super) since: Timestamp,
    pub(super) fulcio_root: &'a [u8],
    pub(super) ct_key: &'a [u8],
    pub(super) rekor_key: &'a [u8],
    pub(super) rekor_origin: &'a str,
    pub(super) timestamp_chain: [&'a [u8]; 2],
}

impl Anchors<'_> {
    /// Writes the three files. They are the same from run to run, unless the ports change.
    pub(super) fn write(&self, directory: &Directory) -> Result<(), Error> {
        let (root, config) = (self.trusted_root(), self.signing_config());
        let both = json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": root,
            "signingConfig": config,
        });
        for (name, value) in [(TRUSTED_ROOT, &root), (SIGNING_CONFIG, &config), (TRUST_CONFIG, &both)] {
            let text = format!("{value:#}\n");
            directory.write(name, 0o644, text.as_bytes())?;
        }
        Ok(())
    }

    fn valid_for(&self) -> Value {
        json!({ "start": self.since.to_string() })
    }

    fn log(&self, url: &str, key: &[u8]) -> Value {
        json!({
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(key),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": self.valid_for(),
            },
            "logId": { "keyId": STANDARD.encode(sha256(key)) },
        })
    }

    fn authority(&self, common_name: &str, uri: &str, chain: &[&[u8]]) -> Value {
        let certificates: Vec<_> =
            chain.iter().map(|der| json!({ "rawBytes": STANDARD.encode(der) })).collect();
        json!({
            "subject": { "organization": "local-sigstore", "commonName": common_name },
            "uri": uri,
            "certChain": { "certificates": certificates },
            "validFor": self.valid_for(),
        })
    }

    fn trusted_root(&self) -> Value {
        // clients take the log's origin from this URL, and never call it
        let rekor = format!("http://{}", self.rekor_origin);
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.log(&rekor, self.rekor_key)],
            "certificateAuthorities": [self.authority("fulcio", &self.urls.fulcio, &[self.fulcio_root])],
            "ctlogs": [self.log(&format!("{}/ctlog", self.urls.fulcio), self.ct_key)],
            "timestampAuthorities": [self.authority("tsa-root", &self.urls.timestamp, &self.timestamp_chain)],
        })
    }

    fn signing_config(&self) -> Value {
        let service = |url: &str, version: u32| {
            json!([{
                "url": url,
                "majorApiVersion": version,
                "validFor": self.valid_for(),
                "operator": "local-sigstore",
            }])
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(&self.urls.fulcio, 1),
            "oidcUrls": service(&self.urls.email_issuer, 1),
            "rekorTlogUrls": service(&self.urls.rekor, 2),
            "rekorTlogConfig": { "selector": "ANY" },
            "tsaUrls": service(&self.urls.timestamp, 1),
            "tsaConfig": { "selector": "ANY" },
        })
    }
}
