//! Which services to use: a signing config, its validity windows, API versions and selectors.

use jiff::Timestamp;
use sigstore_trust_root::{ServiceConfiguration, ServiceEndpoint, ServiceSelector, SigningConfig};
use url::{Host, Url};

use super::error::{ConfigError, Service};

/// The public-good instance's signing config, as embedded in this version.
pub const PUBLIC_GOOD: &str = sigstore_trust_root::SIGSTORE_PRODUCTION_SIGNING_CONFIG;

/// The staging instance's signing config, as embedded in this version.
pub const STAGING: &str = sigstore_trust_root::SIGSTORE_STAGING_SIGNING_CONFIG;

/// One service at one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its base URL; a timestamp authority's full URL.
    pub url: Url,
    /// The API's major version.
    pub api_version: u32,
    /// Who runs it, where the config says so.
    pub operator: Option<String>,
}

/// Services of one kind: how many must be used, and which may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// In order of preference, one for each operator.
    pub candidates: Vec<Endpoint>,
    /// How many of them must answer. Those beyond it stand in for one that is down.
    pub needed: usize,
}

/// The services that one signing uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Certificate authorities; the first that can be reached is used.
    pub certificate_authorities: Vec<Endpoint>,
    /// Transparency logs, API version 1 or 2.
    pub logs: Selected,
    /// Timestamp authorities. Needed are none only where all logs are of version 1, which state a time themselves.
    pub timestamp_authorities: Selected,
    /// The identity provider for interactive log-in, where the config names one.
    pub identity_provider: Option<Url>,
}

/// API versions that we speak.
const LOG_VERSIONS: &[u32] = &[1, 2];
const OTHER_VERSIONS: &[u32] = &[1];

impl Services {
    /// Reads a signing config (version 0.2) and selects what is valid at `now`.
    ///
    /// Plain http is refused for hosts other than loopback unless `allow_plain_http`.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be satisfied; the error names the kind of service.
    pub fn from_json(json: &str, now: Timestamp, allow_plain_http: bool) -> Result<Services, ConfigError> {
        let config = SigningConfig::from_json(json).map_err(|e| ConfigError::Unreadable(e.to_string()))?;
        let select = Select { now, allow_plain_http };

        let authority = Service::CertificateAuthority;
        let certificate_authorities = select.eligible(authority, &config.ca_urls, OTHER_VERSIONS)?;
        let logs = select.selected(
            Service::TransparencyLog,
            &config.rekor_tlog_urls,
            LOG_VERSIONS,
            &config.rekor_tlog_config,
        )?;
        let needs_time = logs.candidates.iter().any(|log| log.api_version != 1);
        let timestamp_authorities = if config.tsa_urls.is_empty() && !needs_time {
            Selected { candidates: Vec::new(), needed: 0 }
        } else {
            select.selected(
                Service::TimestampAuthority,
                &config.tsa_urls,
                OTHER_VERSIONS,
                &config.tsa_config,
            )?
        };
        let identity_provider = match config.oidc_urls.iter().find(|e| e.valid_for.contains(now)) {
            Some(endpoint) => Some(select.url(Service::IdentityProvider, &endpoint.url)?),
            None => None,
        };
        Ok(Services { certificate_authorities, logs, timestamp_authorities, identity_provider })
    }
}

struct Select {
    now: Timestamp,
    allow_plain_http: bool,
}

impl Select {
    /// The endpoints that are valid now and speak a version that we speak, newest version first, one for each operator.
    fn eligible(
        &self,
        service: Service,
        endpoints: &[ServiceEndpoint],
        versions: &[u32],
    ) -> Result<Vec<Endpoint>, ConfigError> {
        let mut usable: Vec<&ServiceEndpoint> = endpoints
            .iter()
            .filter(|e| e.valid_for.contains(self.now) && versions.contains(&e.major_api_version))
            .collect();
        if usable.is_empty() {
            let reason = if endpoints.is_empty() {
                "it lists none".to_owned()
            } else if endpoints.iter().any(|e| e.valid_for.contains(self.now)) {
                let found: Vec<String> = endpoints.iter().map(|e| e.major_api_version.to_string()).collect();
                format!("none speaks a known API version (known {versions:?}, found {})", found.join(", "))
            } else {
                "none of those listed is valid now".to_owned()
            };
            return Err(ConfigError::Missing { service, reason });
        }
        usable.sort_by_key(|e| std::cmp::Reverse(e.major_api_version));
        let mut selected: Vec<Endpoint> = Vec::new();
        for endpoint in usable {
            // One operator's services stand and fall together, and count once.
            if endpoint.operator.is_some() && selected.iter().any(|s| s.operator == endpoint.operator) {
                continue;
            }
            selected.push(Endpoint {
                url: self.url(service, &endpoint.url)?,
                api_version: endpoint.major_api_version,
                operator: endpoint.operator.clone(),
            });
        }
        Ok(selected)
    }

    fn selected(
        &self,
        service: Service,
        endpoints: &[ServiceEndpoint],
        versions: &[u32],
        config: &ServiceConfiguration,
    ) -> Result<Selected, ConfigError> {
        let candidates = self.eligible(service, endpoints, versions)?;
        let needed = match (config.selector, config.count) {
            (ServiceSelector::Any, _) => 1,
            (ServiceSelector::All, _) => candidates.len(),
            (ServiceSelector::Exact, Some(count)) if count > 0 => {
                usize::try_from(count).unwrap_or(usize::MAX)
            }
            (ServiceSelector::Exact, count) => {
                let selector = format!("EXACT with count {}", count.unwrap_or(0));
                return Err(ConfigError::Selector { service, selector });
            }
            _ => return Err(ConfigError::Selector { service, selector: "undefined".to_owned() }),
        };
        if needed > candidates.len() {
            let selector = format!("EXACT {needed}");
            return Err(ConfigError::NotEnough { service, selector, available: candidates.len() });
        }
        Ok(Selected { candidates, needed })
    }

    fn url(&self, service: Service, text: &str) -> Result<Url, ConfigError> {
        service_url(service, text, self.allow_plain_http)
    }
}

/// A service's URL: https, or http where that stays on this machine or was allowed.
///
/// # Errors
/// When it is no URL, has another scheme or credentials, or would send secrets in the clear.
pub fn service_url(service: Service, text: &str, allow_plain_http: bool) -> Result<Url, ConfigError> {
    let bad = |reason: &str| ConfigError::Url { service, url: text.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it holds credentials, which belong elsewhere"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(ConfigError::PlainHttp { service, url: text.to_owned() }),
        _ => Err(bad("expected https")),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
