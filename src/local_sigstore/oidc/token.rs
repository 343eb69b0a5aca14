//! Tokens: what an issuer says of a person or of a GitHub workflow, and whether a token is an issuer's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::Failure;
use super::super::keys::{TokenKey, random};

/// Claims of a token.
pub(in super::super) type Claims = Map<String, Value>;

/// The query parameters that a token is asked for with, in order; a later one wins.
pub(in super::super) type Wishes = Vec<(String, String)>;

/// How long a token lasts unless `ttl=` says otherwise, in seconds.
const LIFETIME: i64 = 600;
/// Fulcio, through its OIDC library, lets a token be used this many seconds before its `nbf`.
const EARLY: i64 = 300;

/// Which of the two issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssuerKind {
    /// Tokens as from a person's log-in.
    Email,
    /// Tokens as from GitHub Actions.
    Github,
}

impl IssuerKind {
    /// Both issuers.
    pub const ALL: [Self; 2] = [Self::Email, Self::Github];

    /// The path of the issuer's URL, which is the base URL with this after a slash.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Github => "github",
        }
    }
}

/// Why a token is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum TokenError {
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    #[error("unsupported issuer: {0}")]
    Issuer(String),
    #[error("the token's signature is not the issuer's")]
    Signature,
    #[error("expected audience {expected:?}, got {got}")]
    Audience { expected: String, got: String },
    #[error("token is expired: it ended at {0}")]
    Expired(i64),
    #[error("token is not valid before {0}")]
    Early(i64),
}

/// The issuers: their key, and the URL that both begin with.
pub(in super::super) struct Issuers {
    key: TokenKey,
    base: String,
}

impl Issuers {
    pub(in super::super) fn new(key: TokenKey, base: String) -> Self {
        Self { key, base }
    }

    /// The issuer's URL: its tokens' `iss`.
    pub(in super::super) fn url(&self, kind: IssuerKind) -> String {
        format!("{}/{}", self.base, kind.path())
    }

    /// The public key, as RFC 7517 writes it.
    pub(in super::super) fn jwks(&self) -> Value {
        let (modulus, exponent) = self.key.numbers();
        json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key.id(),
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
        }] })
    }

    /// A token with the claims that the wishes ask for.
    pub(in super::super) fn mint(
        &self,
        kind: IssuerKind,
        wishes: &Wishes,
        now: Timestamp,
    ) -> Result<String, Failure> {
        sign(&self.key, &self.key.id(), &self.claims(kind, wishes, now)?)
    }

    /// The same, signed by a key that is not the issuer's: for faults.
    pub(in super::super) fn forge(
        &self,
        kind: IssuerKind,
        wishes: &Wishes,
        now: Timestamp,
    ) -> Result<String, Failure> {
        sign(&TokenKey::generate()?, &self.key.id(), &self.claims(kind, wishes, now)?)
    }

    fn claims(&self, kind: IssuerKind, wishes: &Wishes, now: Timestamp) -> Result<Claims, Failure> {
        let wish =
            |name: &str| wishes.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let now = now.as_second();
        let lifetime = wish("ttl").and_then(|ttl| ttl.parse().ok()).unwrap_or(LIFETIME);
        let mut claims = Claims::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", self.url(kind).into());
        set("aud", wish("aud").or_else(|| wish("audience")).unwrap_or("sigstore").into());
        set("iat", (now - 5).into());
        set("nbf", (now - 5).into());
        set("exp", now.saturating_add(lifetime).into());
        set("jti", unique()?.into());
        if let Some(nonce) = wish("nonce") {
            set("nonce", nonce.into());
        }
        match kind {
            IssuerKind::Email => {
                let email = wish("email").unwrap_or("dev@example.com");
                set("sub", email.into());
                set("email", email.into());
                set("email_verified", true.into());
            }
            IssuerKind::Github => {
                let repository = wish("repository").unwrap_or("acme/widgets");
                let reference = wish("ref").unwrap_or("refs/heads/main");
                let owner = repository.split('/').next().unwrap_or(repository);
                let default_sha = "a".repeat(40);
                let sha = wish("sha").unwrap_or(&default_sha);
                let file = wish("workflow").unwrap_or("release.yml");
                let workflow = format!("{repository}/.github/workflows/{file}@{reference}");
                let kind = if reference.starts_with("refs/tags/") { "tag" } else { "branch" };
                for (name, value) in [
                    ("sub", format!("repo:{repository}:ref:{reference}").as_str()),
                    ("repository", repository),
                    ("repository_owner", owner),
                    ("ref", reference),
                    ("sha", sha),
                    ("ref_type", kind),
                    ("ref_protected", "true"),
                    ("repository_id", "123456"),
                    ("repository_owner_id", "7890"),
                    ("repository_visibility", "public"),
                    ("workflow", "release"),
                    ("workflow_ref", &workflow),
                    ("workflow_sha", sha),
                    ("job_workflow_ref", &workflow),
                    ("job_workflow_sha", sha),
                    ("run_id", "1001"),
                    ("run_number", "1"),
                    ("run_attempt", "1"),
                    ("event_name", wish("event_name").unwrap_or("push")),
                    ("actor", "octo"),
                    ("actor_id", "1"),
                    ("runner_environment", "github-hosted"),
                    ("head_ref", ""),
                    ("base_ref", ""),
                ] {
                    set(name, value.into());
                }
            }
        }
        for (key, value) in wishes {
            let Some(name) = key.strip_prefix("claim.") else { continue };
            claims.remove(name);
            if !value.is_empty() {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()));
                claims.insert(name.to_owned(), value);
            }
        }
        Ok(claims)
    }

    /// The claims of a token that one of the issuers signed for `audience`, and that is valid now.
    pub(in super::super) fn verify(
        &self,
        token: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<(IssuerKind, Claims), TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(body), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed("it must have three parts"));
        };
        let claims: Claims = decode(body)?;
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        let kind = IssuerKind::ALL
            .into_iter()
            .find(|kind| self.url(*kind) == issuer)
            .ok_or_else(|| TokenError::Issuer(issuer.to_owned()))?;

        let header: Claims = decode(header)?;
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(TokenError::Malformed("its algorithm must be RS256"));
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Malformed("its signature is not base64url"))?;
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
        if !self.key.verifies(signed.as_bytes(), &signature) {
            return Err(TokenError::Signature);
        }

        let for_us = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if !for_us {
            let got = claims.get("aud").map_or_else(|| "none".to_owned(), ToString::to_string);
            return Err(TokenError::Audience { expected: audience.to_owned(), got });
        }
        let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
        let now = now.as_second();
        let end = seconds("exp").unwrap_or(0);
        if end < now {
            return Err(TokenError::Expired(end));
        }
        match seconds("nbf") {
            Some(start) if start > now.saturating_add(EARLY) => Err(TokenError::Early(start)),
            _ => Ok((kind, claims)),
        }
    }
}

fn sign(key: &TokenKey, key_id: &str, claims: &Claims) -> Result<String, Failure> {
    let header = json!({ "alg": "RS256", "kid": key_id, "typ": "JWT" });
    let body = Value::Object(claims.clone());
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(body.to_string())
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

fn decode(part: &str) -> Result<Claims, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("it is not base64url"))?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed("it does not hold a JSON object"))
}

/// A version 4 UUID.
fn unique() -> Result<String, Failure> {
    let mut number = u128::from_be_bytes(random::<16>()?);
    number = (number & !(0xf << 76)) | (0x4 << 76);
    number = (number & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}
