//! Ambient credentials of CI systems.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use url::Url;

use super::super::error::{Error, Service, Step};
use super::super::services::is_loopback;
use super::super::token::Token;
use super::super::transport::{Call, Transport, printable};
use super::{Env, set};

fn problem(source_name: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Source { source_name, problem: problem.into(), remedy: remedy.into() }
}

#[derive(Deserialize)]
struct GitHubAnswer {
    value: String,
}

/// Asks the runner's token endpoint, which is there only when the job may have identity tokens.
pub(super) async fn github(transport: &Transport, env: Env<'_>, audience: &str) -> Result<String, Error> {
    const NAME: &str = "GitHub Actions";
    let (Some(url), Some(request_token)) =
        (set(env, "ACTIONS_ID_TOKEN_REQUEST_URL"), set(env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
    else {
        return Err(problem(
            NAME,
            "the job has no permission to ask for identity tokens (ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set)",
            "Add this to the job or the workflow:\n\n    permissions:\n      id-token: write\n      contents: read\n\nA pull request from a fork cannot have it, and a reusable workflow needs it in its caller too",
        ));
    };
    let mut url = Url::parse(&url).map_err(|e| {
        problem(
            NAME,
            format!("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL: {e}"),
            "Run this on a GitHub Actions runner",
        )
    })?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err(problem(
            NAME,
            "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL",
            "Run this on a GitHub Actions runner",
        ));
    }
    url.query_pairs_mut().append_pair("audience", audience);
    let call = Call::get(Service::IdentityProvider, Step::Token, url)
        .header("Authorization", format!("Bearer {request_token}"))
        .header("Accept", "application/json");
    let answer = transport.send(&call).await?;
    let answer: GitHubAnswer = serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;
    Ok(answer.value)
}

/// The variable that a GitLab job's `id_tokens` make for this audience.
pub(super) fn gitlab(env: Env<'_>, audience: &str) -> Result<String, Error> {
    let upper: String = audience
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    let name = format!("{upper}_ID_TOKEN");
    set(env, &name).ok_or_else(|| {
        problem(
            "GitLab CI",
            format!("{name} is not set"),
            format!("Add this to the job:\n\n    id_tokens:\n      {name}:\n        aud: {audience}\n"),
        )
    })
}

/// Asks the Buildkite agent.
pub(super) async fn buildkite(transport: &Transport, env: Env<'_>, audience: &str) -> Result<String, Error> {
    const NAME: &str = "Buildkite";
    let Some(agent) = find_program(env, "buildkite-agent") else {
        return Err(problem(
            NAME,
            "the program buildkite-agent is not on the PATH",
            "Run this in the job itself, or pass a token into the container as SIGSTORE_ID_TOKEN",
        ));
    };
    run(transport, NAME, &agent, &["oidc", "request-token", "--audience", audience]).await
}

/// Takes CircleCI's variable when it is for this audience, else asks its command for another token.
pub(super) async fn circleci(transport: &Transport, env: Env<'_>, audience: &str) -> Result<String, Error> {
    const NAME: &str = "CircleCI";
    let ready = set(env, "CIRCLE_OIDC_TOKEN_V2");
    if let Some(token) = &ready
        && Token::parse(token).is_ok_and(|token| token.check_audience(audience).is_ok())
    {
        return Ok(token.clone());
    }
    let Some(program) = find_program(env, "circleci") else {
        let have = if ready.is_some() {
            "CIRCLE_OIDC_TOKEN_V2 is for another audience"
        } else {
            "CIRCLE_OIDC_TOKEN_V2 is not set"
        };
        return Err(problem(
            NAME,
            format!("{have}, and the program circleci is not on the PATH"),
            "Run this in a job of CircleCI's own executors, or ask for the token there: circleci run oidc get --root-issuer --claims '{\"aud\":\"sigstore\"}'",
        ));
    };
    let claims = serde_json::json!({ "aud": audience }).to_string();
    run(transport, NAME, &program, &["run", "oidc", "get", "--root-issuer", "--claims", &claims]).await
}

/// The first executable of this name in the directories of `PATH`.
pub(super) fn find_program(env: Env<'_>, name: &str) -> Option<PathBuf> {
    let path = env("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    // An empty entry means the current directory, where a stranger's file may lie.
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(&file))
        .find(|path| path.is_file())
}

/// Runs a program that prints a token.
pub(super) async fn run(
    transport: &Transport,
    source: &'static str,
    program: &Path,
    arguments: &[&str],
) -> Result<String, Error> {
    let shown = format!("{} {}", program.display(), arguments.first().copied().unwrap_or_default());
    let failed =
        |what: String| problem(source, format!("{shown}: {what}"), "Run the command by hand to see why");
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let allowed = transport
        .remaining()
        .unwrap_or(transport.options().request_timeout)
        .min(transport.options().request_timeout);
    let output = tokio::time::timeout(allowed, child.wait_with_output())
        .await
        .map_err(|_| failed(format!("no answer within {} s", allowed.as_secs())))?
        .map_err(|e| failed(e.to_string()))?;
    let output_text = zeroize::Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!(
            "{}: {}",
            output.status,
            printable(&String::from_utf8_lossy(&output.stderr))
        )));
    }
    match std::str::from_utf8(&output_text).map(str::trim) {
        Ok(token) if !token.is_empty() => Ok(token.to_owned()),
        _ => Err(failed("it printed no token".to_owned())),
    }
}
