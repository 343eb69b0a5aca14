//! Keyless signing: an identity token becomes a short-lived certificate, and a signature with a signed time and a
//! place in a public log becomes a bundle.
//!
//! The order is chosen so that as little as possible is public when something fails: the identity is compared with
//! what is expected before anything is sent, the timestamp is asked for before the log entry, and each answer is
//! verified before the next service is asked.
//!
//! Nothing here reads the environment or the wall clock or talks to a person: the caller passes a lookup for
//! variables, the time, and callbacks.

mod certificate;
mod error;
mod identity;
mod interactive;
mod log;
mod loopback;
mod services;
mod sign;
mod sources;
mod timestamp;
mod token;
mod transport;

#[cfg(test)]
mod tests;

pub use error::{Cause, ConfigError, Error, Published, Service, ServiceError, Step};
pub use identity::{ExpectedIdentity, GITHUB_ISSUER, Identity, PredictedCertificate, Provider, Refusal};
pub use interactive::{DEFAULT_CLIENT_ID, Interaction, Interactive, LogIn, Notice};
pub use services::{Endpoint, PUBLIC_GOOD, STAGING, Selected, Services, service_url};
pub use sign::{Check, Gate, Progress, SignOptions, Signed, sign_statement};
pub use sources::{DEFAULT_AUDIENCE, Env, Found, Places, Source, SourceOptions, find, is_token};
pub use token::{Token, TokenError};
pub(in crate::signing) use transport::{Call, causes};
pub use transport::{NetworkOptions, Transport};
