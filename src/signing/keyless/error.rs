//! What can go wrong while signing keyless, told so that a person knows which service failed, what
//! already became public, and what to do.

use std::time::Duration;

use jiff::Timestamp;

use super::identity::Refusal;
use super::token::TokenError;

/// Why keyless signing ended without a bundle.
///
/// Only [`Error::Gate`] and [`Error::Declined`] are decisions (exit 1); everything else could not be decided (exit 2).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No identity token was given or found, and no interaction was possible.
    #[error("no identity token: {}. Give one with --identity-token, set SIGSTORE_ID_TOKEN, or sign in a job or on a terminal that can provide one", tried.join("; "))]
    NoIdentity {
        /// What was looked for, one sentence each.
        tried: Vec<String>,
    },
    /// A source of tokens was recognised, but it cannot give one as things are.
    #[error("{source_name} cannot provide an identity token: {problem}. {remedy}")]
    Source {
        /// The source's name, such as `GitHub Actions`.
        source_name: &'static str,
        /// What is missing or went wrong.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The identity is not the one that the rules expect; nothing was sent anywhere.
    #[error("this identity is not the one that may sign here:{}Nothing became public", list(refusals))]
    Gate {
        /// Rule by rule and field by field, what was expected and what the certificate would say.
        refusals: Vec<Refusal>,
    },
    /// The person who was asked said no; nothing was sent anywhere.
    #[error("signing was declined; nothing became public")]
    Declined,
    /// The signing config or the trusted root does not allow signing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A service failed, refused or lied.
    #[error(transparent)]
    Service(Box<ServiceError>),
    /// The finished bundle did not pass our own verifier; it was not given out.
    #[error(
        "the finished bundle does not pass verification: {reason}. {published} No bundle was written; please report this"
    )]
    FinalCheck {
        /// What the verifier said.
        reason: String,
        /// What became public on the way.
        published: Published,
    },
    /// Something on this machine failed, such as a key that could not be made.
    #[error("{what}: {reason}")]
    Local {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl Error {
    /// Whether this is a decision against signing (exit 1) and not a failure to decide (exit 2).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Error::Gate { .. } | Error::Declined)
    }

    /// The failing service's error, where a service is to blame.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Error::Service(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn local(what: &'static str, reason: impl std::fmt::Display) -> Error {
        Error::Local { what, reason: reason.to_string() }
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Error {
        Error::Service(Box::new(error))
    }
}

fn list(refusals: &[Refusal]) -> String {
    let mut text = String::new();
    for line in refusals.iter().flat_map(Refusal::lines) {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    text.push('\n');
    text
}

/// What is wrong with a signing config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not a signing config of a known version.
    #[error(
        "the signing config cannot be read: {0}. Expected media type application/vnd.dev.sigstore.signingconfig.v0.2+json"
    )]
    Unreadable(String),
    /// No service of one kind can be used now.
    #[error(
        "the signing config names no usable {service}: {reason}. Update it (mcptrust trust-root update) or give another with --signing-config"
    )]
    Missing {
        /// Which service.
        service: Service,
        /// Why none of those listed can be used.
        reason: String,
    },
    /// The selector asks for more services than there are.
    #[error(
        "the signing config asks for {selector} {service}s, and {available} can be used now. Correct the config, or wait until its services are valid"
    )]
    NotEnough {
        /// Which service.
        service: Service,
        /// The selector as written, such as `EXACT 2`.
        selector: String,
        /// How many operators have a usable service.
        available: usize,
    },
    /// The selector is unknown or undefined.
    #[error(
        "the signing config's selector for {service}s is {selector}, which says nothing. Use ANY, ALL or EXACT with a count"
    )]
    Selector {
        /// Which service.
        service: Service,
        /// The selector as written.
        selector: String,
    },
    /// A service would be called over plain http across a network.
    #[error(
        "the {service} {url} is named with plain http, which would show the identity token to the network. Use https; plain http is accepted for services on this machine only"
    )]
    PlainHttp {
        /// Which service.
        service: Service,
        /// Its URL.
        url: String,
    },
    /// A service's URL cannot be used.
    #[error("the {service} URL {url:?} cannot be used: {reason}")]
    Url {
        /// Which service.
        service: Service,
        /// Its URL as written.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The trusted root cannot be used to check the services' answers.
    #[error("the trusted root cannot be used: {0}. Give the instance's own with --trusted-root")]
    TrustedRoot(String),
    /// The payload is not a statement about a file.
    #[error("the payload to sign is not an in-toto statement with a SHA-256 subject: {0}")]
    Payload(String),
}

/// A kind of service that signing talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Gives identity tokens: an OpenID Connect issuer, a CI system's token endpoint, a metadata server.
    IdentityProvider,
    /// Issues the short-lived certificate (Fulcio).
    CertificateAuthority,
    /// Signs the time (RFC 3161).
    TimestampAuthority,
    /// Records the signature (Rekor).
    TransparencyLog,
    /// Distributes trust material (TUF).
    TrustRepository,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Service::IdentityProvider => "identity provider",
            Service::CertificateAuthority => "certificate authority (Fulcio)",
            Service::TimestampAuthority => "timestamp authority",
            Service::TransparencyLog => "transparency log (Rekor)",
            Service::TrustRepository => "trust root repository (TUF)",
        })
    }
}

/// What was being done when a service failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Discovering the issuer's endpoints.
    Discover,
    /// Getting an identity token.
    Token,
    /// Getting the certificate.
    Certificate,
    /// Getting a signed timestamp.
    Timestamp,
    /// Recording the signature.
    LogEntry,
    /// Updating the trust material.
    TrustRoot,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::Discover => "could not discover the issuer's endpoints",
            Step::Token => "could not get an identity token",
            Step::Certificate => "could not get a certificate",
            Step::Timestamp => "could not get a timestamp",
            Step::LogEntry => "could not record the signature",
            Step::TrustRoot => "could not update the trust root",
        })
    }
}

/// What happened at a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No connection came about.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke before the answer was whole.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No answer within the time allowed for one request.
    #[error("no answer within {}", seconds(*.0))]
    TimedOut(Duration),
    /// The overall time allowed for signing ran out.
    #[error("the overall time limit of {} ran out{}", seconds(*limit), last.as_ref().map(|c| format!(" (before that: {c})")).unwrap_or_default())]
    Deadline {
        /// The limit.
        limit: Duration,
        /// What the last attempt met, if one ended.
        last: Option<Box<Cause>>,
    },
    /// The service answered with an error status.
    #[error("HTTP status {status}{}{}", if message.is_empty() { "" } else { ": " }, message)]
    Status {
        /// The HTTP status code.
        status: u16,
        /// The service's own words, shortened, control characters removed.
        message: String,
        /// The error code of an OAuth answer (RFC 6749, section 5.2).
        code: Option<String>,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is too large, or not of the expected shape.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    /// The answer was read and is not true: it does not fit what was asked, or fails verification.
    #[error("the answer is wrong: {0}")]
    Untrue(String),
}

impl Cause {
    /// Whether trying again may help: connection trouble, time-outs, 429 and 5xx. Never a refusal or a wrong answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Cause::Connect(_) | Cause::Broken(_) | Cause::TimedOut(_) => true,
            Cause::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Cause::Deadline { .. } | Cause::Malformed(_) | Cause::Untrue(_) => false,
        }
    }
}

fn seconds(duration: Duration) -> String {
    let text = format!("{:.1}", duration.as_secs_f64());
    format!("{} s", text.strip_suffix(".0").unwrap_or(&text))
}

/// What an unfinished signing already made public, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Published {
    /// Nothing.
    Nothing,
    /// The certificate authority was reached and may have logged the certificate.
    PerhapsCertificate,
    /// The certificate, with the identity in it, is in the certificate transparency log.
    Certificate,
    /// The certificate is public, and the log entry may be.
    PerhapsEntry,
    /// The certificate and the log entry are public.
    Entry,
}

impl std::fmt::Display for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Published::Nothing => "Nothing became public.",
            Published::PerhapsCertificate => "A certificate with this identity may already be in the instance's certificate log.",
            Published::Certificate => "A certificate with this identity is already in the instance's certificate log; no log entry was made.",
            Published::PerhapsEntry => "A certificate with this identity is already in the instance's certificate log, and an entry for the signature may be in the transparency log.",
            Published::Entry => "A certificate with this identity and an entry for the signature are already in the instance's logs.",
        })
    }
}

/// A service's failure: which, where, doing what, what happened, and what it leaves behind.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{step}: the {service} at {url}: {cause}{}. {published} {}", tries(*attempts), advice(*service, cause))]
pub struct ServiceError {
    /// The failing service's kind.
    pub service: Service,
    /// The URL that was called, without query.
    pub url: String,
    /// What was being done.
    pub step: Step,
    /// What happened at the last attempt.
    pub cause: Cause,
    /// How many attempts were made.
    pub attempts: u32,
    /// Whether any attempt got past connecting, so that the service may have acted.
    pub reached: bool,
    /// What became public before or through this failure.
    pub published: Published,
}

fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() }
}

fn advice(service: Service, cause: &Cause) -> String {
    let again = "Signing again is safe: every attempt uses a new key.";
    match (service, cause) {
        (Service::TrustRepository, Cause::Untrue(_)) => {
            "The trust material in use was left as it was. If this lasts, ask the repository's operator.".to_owned()
        }
        (Service::TrustRepository, _) => "The trust material in use was left as it was. Try again when the repository can be reached.".to_owned(),
        (Service::IdentityProvider, Cause::Status { status: 400..=499, .. }) => {
            "Check the job's permissions, the client id and the audience.".to_owned()
        }
        (_, Cause::Untrue(_)) => {
            "No bundle was written. Check that --trusted-root and --signing-config belong to the same instance and that its clocks are right; otherwise do not trust this service.".to_owned()
        }
        (_, Cause::Malformed(_)) => "No bundle was written. Check that the URL is that service's.".to_owned(),
        (Service::CertificateAuthority, Cause::Status { status: 400..=407 | 409..=428 | 430..=499, .. }) => {
            "It refused the token: check that it accepts this issuer and audience (--oidc-audience), and that the token is fresh.".to_owned()
        }
        (Service::CertificateAuthority, Cause::TimedOut(_)) => {
            format!("Its certificate transparency log may be down, which makes it stall. No bundle was written. {again}")
        }
        (_, Cause::Status { status: 400..=407 | 409..=428 | 430..=499, .. }) => {
            "It refused the request, so trying again does not help. No bundle was written.".to_owned()
        }
        (_, Cause::Deadline { .. }) => format!("No bundle was written. Allow more time with --timeout. {again}"),
        _ => format!("No bundle was written. Check that the service can be reached from here. {again}"),
    }
}

/// A time for people: UTC, to the second.
pub(super) fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
