//! Where identity tokens come from, in a fixed order: what was given, the environment's variables, the platform's
//! ambient credentials, and at last a person.

mod ci;
mod cloud;
mod spiffe;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::Error;
use super::interactive::{self, Interactive};
use super::token::Token;
use super::transport::Transport;

/// Looks up an environment variable. The library never reads the environment itself.
pub type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The audience that Fulcio's public instances expect.
pub const DEFAULT_AUDIENCE: &str = "sigstore";

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The caller had it.
    Given,
    /// An environment variable.
    Environment(&'static str),
    /// GitHub Actions' token endpoint.
    GitHubActions,
    /// A GitLab CI `id_tokens` variable.
    GitLab,
    /// The Buildkite agent.
    Buildkite,
    /// CircleCI's variable or command.
    CircleCi,
    /// Google Cloud's metadata server, or impersonation of a service account.
    GoogleCloud,
    /// A token file that Kubernetes projects into the pod.
    Kubernetes,
    /// The SPIFFE Workload API.
    Spiffe,
    /// A log-in in the browser.
    Browser,
    /// A log-in on another device.
    Device,
    /// A log-in whose code a person carried over.
    OutOfBand,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Given => "the token that was given",
            Source::Environment(name) => name,
            Source::GitHubActions => "GitHub Actions",
            Source::GitLab => "GitLab CI",
            Source::Buildkite => "Buildkite",
            Source::CircleCi => "CircleCI",
            Source::GoogleCloud => "Google Cloud",
            Source::Kubernetes => "a Kubernetes projected token file",
            Source::Spiffe => "the SPIFFE Workload API",
            Source::Browser => "a log-in in the browser",
            Source::Device => "a log-in on another device",
            Source::OutOfBand => "a log-in with a code",
        })
    }
}

/// Files that platforms put in fixed places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The token that Kubernetes projects for Sigstore clients.
    pub projected_token: PathBuf,
    /// The machine's product name, which says whether this is Google's cloud.
    pub product_name: PathBuf,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            projected_token: PathBuf::from("/var/run/sigstore/cosign/oidc-token"),
            product_name: PathBuf::from("/sys/class/dmi/id/product_name"),
        }
    }
}

/// What to look for.
pub struct SourceOptions<'a> {
    /// A token that the caller has, as text.
    pub given: Option<&'a str>,
    /// The environment.
    pub env: Env<'a>,
    /// The audience to ask for.
    pub audience: &'a str,
    /// The present time.
    pub now: Timestamp,
    /// Fixed places, other than the usual ones in tests only.
    pub places: Places,
    /// Whether to look at the platform's ambient credentials.
    pub ambient: bool,
    /// How to ask a person, where there is one.
    pub interactive: Option<Interactive<'a>>,
}

impl std::fmt::Debug for SourceOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceOptions")
            .field("given", &self.given.is_some())
            .field("audience", &self.audience)
            .field("ambient", &self.ambient)
            .field("interactive", &self.interactive.is_some())
            .finish_non_exhaustive()
    }
}

/// A token that was found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// The token, within its time.
    pub token: Token,
    /// Where it came from.
    pub source: Source,
}

/// Variables that hold a token, in order.
const VARIABLES: &[&str] = &["SIGSTORE_ID_TOKEN", "SIGSTORE_IDENTITY_TOKEN"];

/// Finds an identity token: given, from the environment, ambient, or from a person, in that order. The first source
/// that is there decides: when it cannot give a token, the error says why, and no other is tried.
///
/// # Errors
/// When no source is there, or the one that is cannot give a usable token.
pub async fn find(transport: &Transport, options: &SourceOptions<'_>) -> Result<Found, Error> {
    let (text, source) = find_text(transport, options).await?;
    let token = Token::parse(&text)?;
    token.check_time(options.now)?;
    // A log-in gives a token for the client that asked; everything else, one for the audience that was asked for.
    let audience = match (&options.interactive, source) {
        (Some(interactive), Source::Browser | Source::Device | Source::OutOfBand) => interactive.client_id,
        _ => options.audience,
    };
    token.check_audience(audience)?;
    Ok(Found { token, source })
}

async fn find_text(
    transport: &Transport,
    options: &SourceOptions<'_>,
) -> Result<(zeroize::Zeroizing<String>, Source), Error> {
    if let Some(token) = options.given {
        return Ok((token.to_owned().into(), Source::Given));
    }
    for name in VARIABLES {
        if let Some(token) = set(options.env, name) {
            return Ok((token.into(), Source::Environment(name)));
        }
    }
    let mut tried = vec![format!("{} are not set", VARIABLES.join(" and "))];
    if options.ambient {
        if let Some((token, source)) = ambient(transport, options).await? {
            return Ok((token.into(), source));
        }
        tried.push(
            "no ambient credentials of a CI system, Google Cloud, Kubernetes or SPIFFE were found".to_owned(),
        );
    }
    match &options.interactive {
        Some(interactive) => interactive::log_in(transport, interactive).await,
        None => {
            tried.push("nobody can be asked to log in".to_owned());
            Err(Error::NoIdentity { tried })
        }
    }
}

async fn ambient(
    transport: &Transport,
    options: &SourceOptions<'_>,
) -> Result<Option<(String, Source)>, Error> {
    let SourceOptions { env, audience, places, .. } = options;
    let is_true = |name: &str| env(name).as_deref() == Some("true");
    if is_true("GITHUB_ACTIONS") {
        return ci::github(transport, env, audience).await.map(|token| Some((token, Source::GitHubActions)));
    }
    if is_true("GITLAB_CI") {
        return ci::gitlab(env, audience).map(|token| Some((token, Source::GitLab)));
    }
    if is_true("BUILDKITE") {
        return ci::buildkite(transport, env, audience).await.map(|token| Some((token, Source::Buildkite)));
    }
    if is_true("CIRCLECI") {
        return ci::circleci(transport, env, audience).await.map(|token| Some((token, Source::CircleCi)));
    }
    // What somebody configured goes before what a machine merely has: the metadata server comes last unless an
    // account to impersonate is named.
    if let Some(account) = set(env, "GOOGLE_SERVICE_ACCOUNT_NAME") {
        return cloud::impersonate(transport, env, &account, audience)
            .await
            .map(|token| Some((token, Source::GoogleCloud)));
    }
    if let Some(token) = cloud::projected(&places.projected_token)? {
        return Ok(Some((token, Source::Kubernetes)));
    }
    if let Some(socket) = set(env, "SPIFFE_ENDPOINT_SOCKET") {
        return spiffe::fetch(transport, &socket, audience).await.map(|token| Some((token, Source::Spiffe)));
    }
    if cloud::is_google(env, &places.product_name) {
        return cloud::metadata(transport, env, audience)
            .await
            .map(|token| Some((token, Source::GoogleCloud)));
    }
    Ok(None)
}

/// A variable that is set and not empty.
fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// Whether the text is a token rather than the name of a file that holds one.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let text = text.trim();
    text.len() > 20
        && text.matches('.').count() == 2
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '='))
}

fn not_found(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
