//! Signing and verifying with the crates that speak to the public instance.

use sha2::{Digest as _, Sha256};
use sigstore_oidc::IdentityToken;

use super::{EMAIL, WORKFLOW, client, email_token, instance, sign, signer, verify};

#[tokio::test]
async fn an_email_identity_signs_and_verifies() {
    let (_dir, running) = instance().await;
    let bundle = sign(&running, email_token(&running), b"artifact").await.unwrap();
    let issuer = running.urls().email_issuer.clone();
    let verified = verify(&running, b"artifact", &bundle, EMAIL, &issuer).unwrap();
    assert!(verified.certificate_verified() && verified.sct_verified() && verified.tlog_verified());
    assert_eq!(verified.verified_timestamps().len(), 1);
    assert_eq!(verified.identity().unwrap().as_str(), EMAIL);

    assert!(verify(&running, b"another", &bundle, EMAIL, &issuer).is_err());
    assert!(verify(&running, b"artifact", &bundle, "eve@example.com", &issuer).is_err());
    assert!(verify(&running, b"artifact", &bundle, EMAIL, &running.urls().github_issuer).is_err());
}

/// What any client does on a GitHub runner, with the variables that an instance prints.
#[tokio::test]
async fn a_workflow_identity_comes_from_the_ambient_endpoint_with_every_claim() {
    let (_dir, running) = instance().await;
    let environment = running.environment();
    let variable = |name| environment.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let url = format!("{}&audience=sigstore", variable("ACTIONS_ID_TOKEN_REQUEST_URL"));
    let answer = client()
        .get(url)
        .bearer_auth(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
        .send()
        .await
        .unwrap()
        .json::<serde_json::Value>()
        .await
        .unwrap();
    let token = IdentityToken::from_jwt(answer["value"].as_str().unwrap()).unwrap();

    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "artifact", "digest": { "sha256": hex::encode(Sha256::digest(b"artifact")) } }],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": { "answer": 42 },
    });
    let bundle = signer(&running, token).sign_raw_statement(statement.to_string().as_bytes()).await.unwrap();
    let verified = verify(&running, b"artifact", &bundle, WORKFLOW, &running.urls().github_issuer).unwrap();
    let claims = &verified.certificate().unwrap().ci_claims;
    let sha = "a".repeat(40);
    let claim = |claim: &Option<String>| claim.clone().unwrap();
    assert_eq!(claim(&claims.build_signer_uri), WORKFLOW);
    assert_eq!(claim(&claims.build_signer_digest), sha);
    assert_eq!(claim(&claims.runner_environment), "github-hosted");
    assert_eq!(claim(&claims.source_repository_uri), "https://github.com/acme/widgets");
    assert_eq!(claim(&claims.source_repository_digest), sha);
    assert_eq!(claim(&claims.source_repository_ref), "refs/heads/main");
    assert_eq!(claim(&claims.source_repository_identifier), "123456");
    assert_eq!(claim(&claims.source_repository_owner_uri), "https://github.com/acme");
    assert_eq!(claim(&claims.source_repository_owner_identifier), "7890");
    assert_eq!(claim(&claims.build_config_uri), WORKFLOW);
    assert_eq!(claim(&claims.build_config_digest), sha);
    assert_eq!(claim(&claims.build_trigger), "push");
    assert_eq!(
        claim(&claims.run_invocation_uri),
        "https://github.com/acme/widgets/actions/runs/1001/attempts/1"
    );
    assert_eq!(claim(&claims.source_repository_visibility_at_signing), "public");
    assert_eq!(claims.deployment_environment, None);
    assert_eq!(claim(&claims.token_subject), "repo:acme/widgets:ref:refs/heads/main");
    assert_eq!(claims.deprecated_github.workflow_repository.as_deref(), Some("acme/widgets"));
    assert_eq!(claims.deprecated_github.workflow_trigger.as_deref(), Some("push"));
}

#[tokio::test]
async fn query_parameters_shape_the_token() {
    let (_dir, running) = instance().await;
    let url = format!(
        "{}/token?repository=acme/other&ref=refs/tags/v1&workflow=ci.yml&aud=elsewhere&ttl=60\
         &claim.environment=production&claim.run_id=7&claim.actor=",
        running.urls().github_issuer
    );
    let token = client().get(url).send().await.unwrap().text().await.unwrap();
    let claims = claims(&token);
    assert_eq!(claims["aud"], "elsewhere");
    assert_eq!(claims["sub"], "repo:acme/other:ref:refs/tags/v1");
    assert_eq!(claims["job_workflow_ref"], "acme/other/.github/workflows/ci.yml@refs/tags/v1");
    assert_eq!(claims["environment"], "production");
    assert_eq!(claims["run_id"], 7);
    assert_eq!(claims.get("actor"), None);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 65);
}

pub(crate) fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}
