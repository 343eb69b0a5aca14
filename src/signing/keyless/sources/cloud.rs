//! Google Cloud's metadata server and impersonation; token files that Kubernetes projects.

use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::super::error::{Error, Service, Step};
use super::super::services::is_loopback;
use super::super::transport::{Call, Transport};
use super::{Env, not_found, set};

const NAME: &str = "Google Cloud";
const METADATA_HOST: &str = "metadata.google.internal";
const DEFAULT_ACCOUNT: &str = "computeMetadata/v1/instance/service-accounts/default";

/// Whether this is a machine of Google's cloud: its firmware says so, or the metadata server is named.
pub(super) fn is_google(env: Env<'_>, product_name: &Path) -> bool {
    set(env, "GCE_METADATA_HOST").is_some()
        || std::fs::read_to_string(product_name)
            .is_ok_and(|name| matches!(name.trim(), "Google" | "Google Compute Engine"))
}

/// The metadata server speaks plain http on a link-local address by design.
fn metadata_url(env: Env<'_>, path: &str) -> Result<Url, Error> {
    let host = set(env, "GCE_METADATA_HOST").unwrap_or_else(|| METADATA_HOST.to_owned());
    Url::parse(&format!("http://{host}/{path}")).map_err(|e| Error::Source {
        source_name: NAME,
        problem: format!("GCE_METADATA_HOST {host:?} is not a host: {e}"),
        remedy: "Unset it".to_owned(),
    })
}

/// An identity token of the machine's own service account.
pub(super) async fn metadata(transport: &Transport, env: Env<'_>, audience: &str) -> Result<String, Error> {
    let mut url = metadata_url(env, &format!("{DEFAULT_ACCOUNT}/identity"))?;
    url.query_pairs_mut().append_pair("audience", audience).append_pair("format", "full");
    let call = Call::get(Service::IdentityProvider, Step::Token, url).header("Metadata-Flavor", "Google");
    let answer = transport.send(&call).await?;
    String::from_utf8(answer.body).map_err(|_| call.malformed("it is not text").into())
}

#[derive(Deserialize)]
struct AccessToken {
    access_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdTokenRequest<'a> {
    audience: &'a str,
    include_email: bool,
}

#[derive(Deserialize)]
struct IdToken {
    token: String,
}

/// An identity token of another service account, which the machine's own may impersonate.
pub(super) async fn impersonate(
    transport: &Transport,
    env: Env<'_>,
    account: &str,
    audience: &str,
) -> Result<String, Error> {
    let url = metadata_url(env, &format!("{DEFAULT_ACCOUNT}/token"))?;
    let call = Call::get(Service::IdentityProvider, Step::Token, url).header("Metadata-Flavor", "Google");
    let answer = transport.send(&call).await?;
    let access: AccessToken = serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;

    // The endpoint's name is variable in Google's own libraries too; only loopback may speak plain http.
    let base = set(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS")
        .unwrap_or_else(|| "https://iamcredentials.googleapis.com/".to_owned());
    let bad = |reason: String| Error::Source {
        source_name: NAME,
        problem: reason,
        remedy: "Unset the variable, or correct it".to_owned(),
    };
    let mut url = Url::parse(&base)
        .map_err(|e| bad(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS is not a URL: {e}")))?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err(bad("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS is not an https URL".to_owned()));
    }
    url.path_segments_mut()
        .map_err(|()| bad("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS cannot be a base URL".to_owned()))?
        .pop_if_empty()
        .extend(["v1", "projects", "-", "serviceAccounts", &format!("{account}:generateIdToken")]);
    let body = serde_json::to_vec(&IdTokenRequest { audience, include_email: true })
        .map_err(|e| Error::local("cannot write the token request", e))?;
    let call = Call::post(Service::IdentityProvider, Step::Token, url, "application/json", &body)
        .header("Authorization", format!("Bearer {}", access.access_token));
    let answer = transport.send(&call).await?;
    let answer: IdToken = serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;
    Ok(answer.token)
}

/// The projected token file, if there is one.
pub(super) fn projected(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => Ok(Some(text)),
        Ok(_) => Ok(None),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                || error.kind() == std::io::ErrorKind::NotADirectory =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::Source {
            source_name: "Kubernetes",
            problem: format!("the projected token cannot be read: {}", not_found(path, &error)),
            remedy: "Let the container's user read it (fsGroup), or remove the mount".to_owned(),
        }),
    }
}
