use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::error::{ConfigError, Service};
use super::super::services::{PUBLIC_GOOD, STAGING, Services, service_url};

fn now() -> Timestamp {
    "2027-01-15T08:00:00Z".parse().unwrap()
}

fn endpoint(url: &str, version: u32, operator: &str) -> Value {
    json!({ "url": url, "majorApiVersion": version, "operator": operator, "validFor": { "start": "2020-01-01T00:00:00Z" } })
}

fn config() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [endpoint("https://fulcio.example.com", 1, "acme")],
        "oidcUrls": [endpoint("https://oidc.example.com", 1, "acme")],
        "rekorTlogUrls": [
            endpoint("https://old.example.com", 1, "acme"),
            endpoint("https://log.example.com", 2, "acme"),
            endpoint("https://log.example.org", 2, "other"),
        ],
        "tsaUrls": [endpoint("https://tsa.example.com/ts", 1, "acme"), endpoint("https://tsa.example.org/ts", 1, "other")],
        "rekorTlogConfig": { "selector": "ANY" },
        "tsaConfig": { "selector": "ANY" },
    })
}

fn read(config: &Value) -> Result<Services, ConfigError> {
    Services::from_json(&config.to_string(), now(), false)
}

fn changed(pointer: &str, value: Value) -> Result<Services, ConfigError> {
    let mut config = config();
    *config.pointer_mut(pointer).unwrap() = value;
    read(&config)
}

#[test]
fn the_embedded_configs_can_be_used() {
    let public = Services::from_json(PUBLIC_GOOD, now(), false).unwrap();
    assert_eq!(public.certificate_authorities[0].url.as_str(), "https://fulcio.sigstore.dev/");
    assert_eq!((public.logs.needed, public.timestamp_authorities.needed), (1, 1));
    assert_eq!(public.identity_provider.unwrap().as_str(), "https://oauth2.sigstore.dev/auth");
    let staging = Services::from_json(STAGING, now(), false).unwrap();
    assert_eq!(staging.logs.candidates.len(), 1, "one operator, newest version");
    assert_eq!(staging.logs.candidates[0].api_version, 2);
}

#[test]
fn an_operator_counts_once_with_its_newest_version() {
    let services = read(&config()).unwrap();
    let urls: Vec<&str> = services.logs.candidates.iter().map(|e| e.url.as_str()).collect();
    assert_eq!(urls, ["https://log.example.com/", "https://log.example.org/"]);
    assert_eq!(services.logs.needed, 1);
}

#[test]
fn services_without_an_operator_stand_for_themselves() {
    let mut config = config();
    for endpoint in config["rekorTlogUrls"].as_array_mut().unwrap() {
        endpoint.as_object_mut().unwrap().remove("operator");
    }
    assert_eq!(read(&config).unwrap().logs.candidates.len(), 3);
}

#[test]
fn selectors_say_how_many_are_needed() {
    let needed = |selector: Value| changed("/rekorTlogConfig", selector).map(|services| services.logs.needed);
    assert_eq!(needed(json!({ "selector": "ANY" })), Ok(1));
    assert_eq!(needed(json!({ "selector": "ALL" })), Ok(2));
    assert_eq!(needed(json!({ "selector": "EXACT", "count": 1 })), Ok(1));
    assert_eq!(needed(json!({ "selector": "EXACT", "count": 2 })), Ok(2));
    let service = Service::TransparencyLog;
    assert_eq!(
        needed(json!({ "selector": "EXACT", "count": 3 })),
        Err(ConfigError::NotEnough { service, selector: "EXACT 3".to_owned(), available: 2 })
    );
    for bad in [
        json!({ "selector": "EXACT" }),
        json!({ "selector": "EXACT", "count": 0 }),
        json!({ "selector": "SERVICE_SELECTOR_UNDEFINED" }),
    ] {
        assert!(matches!(needed(bad.clone()), Err(ConfigError::Selector { .. })), "{bad}");
    }
    assert!(matches!(needed(json!({ "selector": "SOME" })), Err(ConfigError::Unreadable(_))));
}

#[test]
fn only_what_is_valid_now_and_understood_is_used() {
    let service = Service::CertificateAuthority;
    let ended = json!([{ "url": "https://a.example.com", "majorApiVersion": 1, "validFor": { "start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z" } }]);
    let later = json!([{ "url": "https://a.example.com", "majorApiVersion": 1, "validFor": { "start": "2030-01-01T00:00:00Z" } }]);
    for (urls, says) in [
        (json!([]), "it lists none"),
        (ended, "valid now"),
        (later, "valid now"),
        (json!([endpoint("https://a.example.com", 7, "acme")]), "known API version"),
    ] {
        match changed("/caUrls", urls.clone()) {
            Err(ConfigError::Missing { service: named, reason }) => {
                assert_eq!(named, service);
                assert!(reason.contains(says), "{urls}: {reason}");
            }
            other => panic!("{urls}: {other:?}"),
        }
    }
}

#[test]
fn a_timestamp_authority_is_needed_unless_the_logs_tell_the_time() {
    let without = |logs: Value| {
        let mut config = config();
        config["tsaUrls"] = json!([]);
        config["rekorTlogUrls"] = logs;
        read(&config).map(|services| services.timestamp_authorities.needed)
    };
    assert_eq!(without(json!([endpoint("https://log.example.com", 1, "acme")])), Ok(0));
    assert!(matches!(
        without(json!([endpoint("https://log.example.com", 2, "acme")])),
        Err(ConfigError::Missing { service: Service::TimestampAuthority, .. })
    ));
}

#[test]
fn secrets_do_not_travel_in_the_clear() {
    let service = Service::CertificateAuthority;
    for good in [
        "https://fulcio.example.com",
        "http://localhost:5555",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://a.localhost",
    ] {
        service_url(service, good, false).unwrap();
    }
    for bad in ["http://fulcio.example.com", "http://10.0.0.1", "http://localhost.example.com"] {
        assert!(matches!(service_url(service, bad, false), Err(ConfigError::PlainHttp { .. })), "{bad}");
        service_url(service, bad, true).unwrap();
    }
    for bad in ["ftp://example.com", "fulcio.example.com", "", "https://user:secret@example.com"] {
        assert!(matches!(service_url(service, bad, true), Err(ConfigError::Url { .. })), "{bad}");
    }
    assert!(matches!(
        changed("/caUrls/0/url", json!("http://fulcio.example.com")),
        Err(ConfigError::PlainHttp { .. })
    ));
}

#[test]
fn another_media_type_is_refused() {
    let error =
        changed("/mediaType", json!("application/vnd.dev.sigstore.signingconfig.v0.1+json")).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable(_)), "{error}");
}
