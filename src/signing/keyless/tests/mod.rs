//! What needs no connection: tokens, what is predicted from them, signing configs, and the words of errors.

mod errors;
mod identity;
mod services;
mod timestamp;
mod token;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A token with these claims over usual ones; null removes one. Nobody checks its signature here.
fn token(claims: &Value) -> String {
    let mut all = json!({
        "iss": "https://issuer.example.com", "sub": "subject", "aud": "sigstore",
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_600,
    });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    wrap(&all.to_string())
}

fn wrap(payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part(payload), part("signature"))
}
