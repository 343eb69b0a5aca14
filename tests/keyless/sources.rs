//! Where tokens come from: the order, each platform's own way, and what is said when a source cannot give one.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mcptrust::signing::keyless::{
    Error, Found, Places, Source, SourceOptions, TokenError, Transport, find, is_token,
};

use crate::instance::network;
use crate::server::Server;

/// A token whose signature nobody checks here.
pub(crate) fn token(subject: &str, audience: &str) -> String {
    let now = Timestamp::now().as_second();
    let claims = serde_json::json!({
        "iss": "https://issuer.example.com", "sub": subject, "aud": audience,
        "email": "dev@example.com", "email_verified": true, "iat": now - 5, "exp": now + 600,
    });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part(&claims.to_string()), part("signature"))
}

struct Place {
    dir: tempfile::TempDir,
    env: HashMap<String, String>,
    given: Option<String>,
}

impl Place {
    fn new(env: &[(&str, &str)]) -> Place {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Place { dir: tempfile::tempdir().unwrap(), env, given: None }
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    async fn find(&self) -> Result<Found, Error> {
        let env = |name: &str| self.env.get(name).cloned();
        let options = SourceOptions {
            given: self.given.as_deref(),
            env: &env,
            audience: "sigstore",
            now: Timestamp::now(),
            places: Places {
                projected_token: self.dir.path().join("oidc-token"),
                product_name: self.dir.path().join("product_name"),
            },
            ambient: true,
            interactive: None,
        };
        find(&Transport::new(network()).unwrap(), &options).await
    }

    async fn found(&self) -> (String, Source) {
        let found = self.find().await.unwrap();
        (found.token.subject().to_owned(), found.source)
    }

    async fn problem(&self) -> String {
        let error = self.find().await.unwrap_err();
        assert!(!error.is_refusal());
        error.to_string()
    }
}

#[tokio::test]
async fn the_order_is_given_variables_ambient_and_then_nobody() {
    let (first, second) = (token("first", "sigstore"), token("second", "sigstore"));
    let mut place = Place::new(&[("SIGSTORE_ID_TOKEN", &first), ("SIGSTORE_IDENTITY_TOKEN", &second)]);
    place.file("oidc-token", &token("projected", "sigstore"));
    place.given = Some(token("given", "sigstore"));
    assert_eq!(place.found().await, ("given".to_owned(), Source::Given));
    place.given = None;
    assert_eq!(place.found().await, ("first".to_owned(), Source::Environment("SIGSTORE_ID_TOKEN")));
    place.env.insert("SIGSTORE_ID_TOKEN".to_owned(), String::new());
    assert_eq!(place.found().await, ("second".to_owned(), Source::Environment("SIGSTORE_IDENTITY_TOKEN")));
    place.env.clear();
    assert_eq!(place.found().await, ("projected".to_owned(), Source::Kubernetes));
    place.file("oidc-token", "\n");
    let told = place.problem().await;
    for part in [
        "SIGSTORE_ID_TOKEN and SIGSTORE_IDENTITY_TOKEN are not set",
        "no ambient credentials",
        "nobody can be asked",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let place = Place::new(&[("SIGSTORE_ID_TOKEN", &token("x", "sts.example.com"))]);
    let error = place.find().await.unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Audience { .. })), "{error}");
    assert!(error.to_string().contains("sts.example.com, expected \"sigstore\""), "{error}");
}

#[tokio::test]
async fn github_gives_a_token_to_jobs_that_may_have_one() {
    let server = Server::start(|_| {
        (200, serde_json::json!({ "count": 1, "value": token("job", "sigstore") }).to_string().into_bytes())
    })
    .await;
    let mut place = Place::new(&[
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?api-version=2.0", server.url)),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
    ]);
    assert_eq!(place.found().await, ("job".to_owned(), Source::GitHubActions));
    let asked = server.asked();
    assert_eq!(asked[0].uri.query(), Some("api-version=2.0&audience=sigstore"));
    assert_eq!(asked[0].header("authorization"), "Bearer request-token");

    place.env.remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let told = place.problem().await;
    assert!(told.contains("no permission to ask for identity tokens"), "{told}");
    assert!(told.contains("permissions:\n      id-token: write"), "{told}");
}

#[tokio::test]
async fn a_token_endpoint_that_refuses_is_named_without_its_secrets() {
    let server = Server::start(|_| (403, b"{\"message\":\"no\"}".to_vec())).await;
    let place = Place::new(&[
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?secret=abc", server.url)),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
    ]);
    let told = place.problem().await;
    assert!(told.contains("identity provider") && told.contains("HTTP status 403: no"), "{told}");
    assert!(!told.contains("abc") && !told.contains("request-token"), "{told}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_token_request_never_goes_over_the_network_in_the_clear() {
    let place = Place::new(&[
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://runner.example.com/token"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
    ]);
    assert!(place.problem().await.contains("not an https URL"));
}

#[tokio::test]
async fn gitlab_says_which_variable_the_job_lacks() {
    let place = Place::new(&[("GITLAB_CI", "true")]);
    let told = place.problem().await;
    assert!(told.contains("id_tokens:\n      SIGSTORE_ID_TOKEN:\n        aud: sigstore"), "{told}");
}

#[cfg(unix)]
mod programs {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn program(dir: &Path, name: &str, script: &str) {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn buildkite_asks_its_agent() {
        let mut place = Place::new(&[("BUILDKITE", "true")]);
        place.env.insert("PATH".to_owned(), place.dir.path().display().to_string());
        assert!(place.problem().await.contains("buildkite-agent is not on the PATH"));

        let job = token("job", "sigstore");
        program(
            place.dir.path(),
            "buildkite-agent",
            &format!("[ \"$*\" = 'oidc request-token --audience sigstore' ] && echo {job}"),
        );
        assert_eq!(place.found().await, ("job".to_owned(), Source::Buildkite));

        program(place.dir.path(), "buildkite-agent", "echo 'no such job' >&2; exit 3");
        let told = place.problem().await;
        assert!(told.contains("Buildkite") && told.contains("no such job"), "{told}");
    }

    #[tokio::test]
    async fn circleci_takes_the_variable_only_for_the_right_audience() {
        let mut place =
            Place::new(&[("CIRCLECI", "true"), ("CIRCLE_OIDC_TOKEN_V2", &token("v2", "sigstore"))]);
        assert_eq!(place.found().await, ("v2".to_owned(), Source::CircleCi));

        place.env.insert("CIRCLE_OIDC_TOKEN_V2".to_owned(), token("v2", "org-id"));
        let told = place.problem().await;
        assert!(told.contains("CIRCLE_OIDC_TOKEN_V2 is for another audience"), "{told}");

        place.env.insert("PATH".to_owned(), place.dir.path().display().to_string());
        let job = token("job", "sigstore");
        let script = format!(
            "[ \"$*\" = 'run oidc get --root-issuer --claims {{\"aud\":\"sigstore\"}}' ] && echo {job}"
        );
        program(place.dir.path(), "circleci", &script);
        assert_eq!(place.found().await, ("job".to_owned(), Source::CircleCi));
    }
}

#[tokio::test]
async fn google_cloud_gives_the_machines_token_or_impersonates() {
    let server = Server::start(|asked| {
        if asked.header("metadata-flavor") != "Google" && !asked.uri.path().contains("generateIdToken") {
            return (403, Vec::new());
        }
        let body = match asked.uri.path() {
            "/computeMetadata/v1/instance/service-accounts/default/identity" => token("machine", "sigstore"),
            "/computeMetadata/v1/instance/service-accounts/default/token" => {
                "{\"access_token\":\"access\"}".to_owned()
            }
            "/v1/projects/-/serviceAccounts/signer@acme.example.com:generateIdToken" => {
                serde_json::json!({ "token": token("account", "sigstore") }).to_string()
            }
            _ => return (404, Vec::new()),
        };
        (200, body.into_bytes())
    })
    .await;
    let host = server.url.trim_start_matches("http://");
    let mut place = Place::new(&[("GCE_METADATA_HOST", host)]);
    assert_eq!(place.found().await, ("machine".to_owned(), Source::GoogleCloud));
    assert_eq!(server.asked()[0].uri.query(), Some("audience=sigstore&format=full"));

    place.env.insert("GOOGLE_SERVICE_ACCOUNT_NAME".to_owned(), "signer@acme.example.com".to_owned());
    place.env.insert("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS".to_owned(), format!("{}/", server.url));
    assert_eq!(place.found().await, ("account".to_owned(), Source::GoogleCloud));
    let last = server.asked().pop().unwrap();
    assert_eq!(last.header("authorization"), "Bearer access");
    assert_eq!(last.body, "{\"audience\":\"sigstore\",\"includeEmail\":true}");

    place.env.insert(
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS".to_owned(),
        "http://example.com/".to_owned(),
    );
    assert!(place.problem().await.contains("not an https URL"));
}

#[tokio::test]
async fn a_projected_token_goes_before_the_metadata_server() {
    let place = Place::new(&[("GCE_METADATA_HOST", "127.0.0.1:1")]);
    place.file("oidc-token", &token("projected", "sigstore"));
    assert_eq!(place.found().await, ("projected".to_owned(), Source::Kubernetes));
}

#[test]
fn a_token_is_told_from_a_file_name() {
    assert!(is_token(&token("x", "y")));
    assert!(is_token(&format!(" {}\n", token("x", "y"))));
    for name in
        ["token.jwt", "./a.b.c", "/var/run/x.y.z/token", "-", "", "a.b.c", "some dir/with.two.dots-in-it"]
    {
        assert!(!is_token(name), "{name}");
    }
}
