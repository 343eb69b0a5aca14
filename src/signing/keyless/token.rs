//! An OpenID Connect identity token: read without verifying its signature, which is the certificate authority's part.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::error::utc;

/// Largest token in bytes that is read; real ones have some two thousand.
const MAX_TOKEN: usize = 64 * 1024;

/// How far the clocks of the issuer and this machine may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Why a token cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a JSON Web Token (RFC 7519, compact form).
    #[error(
        "the identity token is not a JSON Web Token: {0}. Expected three base64url parts joined by dots, as an OpenID Connect issuer gives them"
    )]
    Malformed(String),
    /// A claim that is needed is missing or has the wrong type.
    #[error("the identity token has no usable claim {claim:?}: {reason}. Ask the issuer for another token")]
    Claim {
        /// The claim's name.
        claim: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Its time is over.
    #[error("the identity token expired at {}, and it is {} now. Get a fresh one; if it is fresh, set this machine's clock", utc(*expires), utc(*now))]
    Expired {
        /// When it expired.
        expires: Timestamp,
        /// The time it was checked at.
        now: Timestamp,
    },
    /// Its time has not come.
    #[error("the identity token is not valid before {}, and it is {} now. Set this machine's clock, or wait", utc(*not_before), utc(*now))]
    NotYetValid {
        /// When it becomes valid.
        not_before: Timestamp,
        /// The time it was checked at.
        now: Timestamp,
    },
    /// It was made for another service.
    #[error("the identity token is for the audience {}, expected {expected:?}. Ask the issuer for the right audience, or name another with --oidc-audience", found.join(", "))]
    Audience {
        /// What was expected.
        expected: String,
        /// What the token says.
        found: Vec<String>,
    },
    /// It names nobody that a certificate could be issued to.
    #[error("the identity token of {issuer} names nobody that a certificate can be issued to: {reason}")]
    Identity {
        /// The issuer.
        issuer: String,
        /// What is missing.
        reason: String,
    },
}

/// An identity token. Its text is a secret: it is wiped when dropped and never shown by `Debug`.
#[derive(Clone)]
pub struct Token {
    raw: Zeroizing<String>,
    claims: Map<String, Value>,
    issuer: String,
    subject: String,
    expires: Timestamp,
    not_before: Option<Timestamp>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// Reads a token in compact form; white space around it is ignored.
    ///
    /// # Errors
    /// When it is not such a token, or `iss`, `sub` or `exp` are missing.
    pub fn parse(text: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        let malformed = |reason: &str| TokenError::Malformed(reason.to_owned());
        if text.len() > MAX_TOKEN {
            return Err(malformed("it is larger than 64 KiB"));
        }
        let mut parts = text.split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("it does not have three parts"));
        };
        let payload = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map(Zeroizing::new)
            .map_err(|_| malformed("its second part is not base64url"))?;
        let Ok(Value::Object(claims)) = serde_json::from_slice(&payload) else {
            return Err(malformed("its second part is not a JSON object"));
        };
        let issuer = string(&claims, "iss")?;
        let subject = string(&claims, "sub")?;
        let expires = time(&claims, "exp")?.ok_or_else(|| missing("exp"))?;
        let not_before = match time(&claims, "nbf")? {
            Some(time) => Some(time),
            None => time(&claims, "iat")?,
        };
        Ok(Token { raw: Zeroizing::new(text.to_owned()), claims, issuer, subject, expires, not_before })
    }

    /// The token's text, to be sent to the certificate authority and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.raw
    }

    /// The claim `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The claim `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The claim `exp`.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The claim `nbf`, or else `iat`.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// The claim `aud`, a string or a list of strings.
    #[must_use]
    pub fn audiences(&self) -> Vec<String> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A claim that is a string.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Checks the token's times against `now`, with a minute for clocks that differ.
    ///
    /// # Errors
    /// When it has expired or is not yet valid; the error has both times.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TokenError> {
        // No allowance at the end: Fulcio has its own clock, and a token that dies under way helps nobody.
        if now >= self.expires {
            return Err(TokenError::Expired { expires: self.expires, now });
        }
        match self.not_before {
            Some(not_before) if not_before.duration_since(now) > SKEW => {
                Err(TokenError::NotYetValid { not_before, now })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the token was made for `expected`.
    ///
    /// # Errors
    /// When another audience, or none, is named.
    pub fn check_audience(&self, expected: &str) -> Result<(), TokenError> {
        let found = self.audiences();
        if found.iter().any(|audience| audience == expected) {
            return Ok(());
        }
        let found = if found.is_empty() { vec!["(none)".to_owned()] } else { found };
        Err(TokenError::Audience { expected: expected.to_owned(), found })
    }
}

fn missing(claim: &'static str) -> TokenError {
    TokenError::Claim { claim, reason: "it is missing".to_owned() }
}

fn string(claims: &Map<String, Value>, claim: &'static str) -> Result<String, TokenError> {
    match claims.get(claim) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::String(_)) => Err(TokenError::Claim { claim, reason: "it is empty".to_owned() }),
        Some(_) => Err(TokenError::Claim { claim, reason: "it is not a string".to_owned() }),
        None => Err(missing(claim)),
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds, possibly with a fraction, which is dropped.
fn time(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "out-of-range values saturate and are refused by the next step"
    )]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|f| f as i64));
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(Some)
        .ok_or_else(|| TokenError::Claim { claim, reason: "it is not a number of seconds".to_owned() })
}
