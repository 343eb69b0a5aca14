//! A bundle by itself: who signed a lockfile that is not at hand.

use jiff::Timestamp;

use super::authenticate::{Subject, by_certificate, with_key};
use super::report::Authentic;
use super::{Error, Problem};
use crate::signing::bundle::{Bundle, Content, Material};
use crate::signing::dsse;
use crate::signing::rules::{Method, Rules};
use crate::signing::statement::Statement;
use crate::signing::trust::TrustMaterial;

/// Verifies a bundle without the lockfile that it signs, and tells who signed and what the statement says.
///
/// This is for comparing with an earlier signature. It says nothing about any file, and does not ask whether
/// the rules trust the signer; of the rules, only the keys are taken.
///
/// # Errors
/// The outer error where nothing could be decided; the inner [`Problem`] where the signature is not genuine,
/// is by an unknown key, or is a plain one, which cannot be verified without the file.
pub fn signer_of(
    bytes: &[u8],
    rules: &Rules,
    trust: Option<&TrustMaterial>,
    now: Timestamp,
) -> Result<Result<(Authentic, Statement), Problem>, Error> {
    let read = || -> Result<(Bundle, Statement), Problem> {
        let bundle = Bundle::parse(bytes)?;
        let statement = match &bundle.content {
            Content::Message(_) => {
                return Err(Problem::Unsupported(
                    "a plain signature, which cannot be verified without the file that it signs".to_owned(),
                ));
            }
            Content::Envelope(envelope) if envelope.payload_type != dsse::IN_TOTO => {
                return Err(Problem::PayloadType { found: envelope.payload_type.clone() });
            }
            Content::Envelope(envelope) => Statement::parse(&envelope.payload)?,
        };
        Ok((bundle, statement))
    };
    let (bundle, statement) = match read() {
        Ok(read) => read,
        Err(problem) => return Ok(Err(problem)),
    };
    let subject = Subject::Sha256(statement.subject_digest);
    let authentic = match (&bundle.material, trust) {
        (Material::Certificate { .. }, None) => return Err(Error::NoTrustMaterial),
        (Material::Certificate { .. }, Some(trust)) => by_certificate(&bundle, subject, trust, now),
        (Material::PublicKey { .. }, _) => {
            let keys = rules.signers().iter().filter_map(|rule| match &rule.method {
                Method::Key(key) => Some(key),
                Method::Identity(_) => None,
            });
            keys.map(|key| with_key(&bundle, key, subject, trust, now))
                .find(Result::is_ok)
                .unwrap_or_else(|| Err(Problem::Signature { with: "any key that the rules name".to_owned() }))
        }
    };
    Ok(authentic.map(|authentic| (authentic, statement)))
}
