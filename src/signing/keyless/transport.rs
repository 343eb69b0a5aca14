//! HTTP with a size limit, time limits, and retries of what is transient and nothing else.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;
use url::Url;

use super::error::{Cause, Error, Published, Service, ServiceError, Step};

/// Time limits and retries for everything that goes over the network.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Time allowed for one request, with its answer. A Rekor v2 log waits for its next checkpoint, some seconds.
    pub request_timeout: Duration,
    /// Time allowed for the whole of it, retries and waits included.
    pub deadline: Option<Duration>,
    /// How often one request is tried at most.
    pub attempts: u32,
    /// The first wait is random between nothing and this; each next bound is twice as long.
    pub backoff: Duration,
    /// The longest bound of a random wait.
    pub max_backoff: Duration,
    /// The longest `Retry-After` that is waited for; a longer one ends the attempt.
    pub max_retry_after: Duration,
    /// The largest answer in bytes that is read.
    pub max_answer: usize,
}

impl Default for NetworkOptions {
    fn default() -> NetworkOptions {
        NetworkOptions {
            request_timeout: Duration::from_secs(30),
            deadline: None,
            attempts: 4,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(60),
            max_answer: 4 * 1024 * 1024,
        }
    }
}

/// An HTTP client with a deadline that began when it was made. It honours the usual proxy variables for https.
#[derive(Debug)]
pub struct Transport {
    client: reqwest::Client,
    direct: reqwest::Client,
    options: NetworkOptions,
    started: Instant,
}

/// One request, as it can be repeated.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub service: Service,
    pub step: Step,
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<(&'static str, &'a [u8])>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(service: Service, step: Step, url: Url) -> Call<'a> {
        Call { service, step, method: reqwest::Method::GET, url, headers: Vec::new(), body: None }
    }

    pub(crate) fn post(
        service: Service,
        step: Step,
        url: Url,
        content_type: &'static str,
        body: &'a [u8],
    ) -> Call<'a> {
        Call {
            service,
            step,
            method: reqwest::Method::POST,
            url,
            headers: Vec::new(),
            body: Some((content_type, body)),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Call<'a> {
        self.headers.push((name, value.into()));
        self
    }

    /// An error of this call's service; what became public is filled in by the caller, who knows.
    pub(crate) fn fails(&self, cause: Cause) -> ServiceError {
        ServiceError {
            service: self.service,
            url: shown(&self.url),
            step: self.step,
            cause,
            attempts: 1,
            reached: true,
            published: Published::Nothing,
        }
    }

    pub(crate) fn malformed(&self, reason: impl std::fmt::Display) -> ServiceError {
        self.fails(Cause::Malformed(reason.to_string()))
    }

    pub(crate) fn untrue(&self, reason: impl std::fmt::Display) -> ServiceError {
        self.fails(Cause::Untrue(reason.to_string()))
    }
}

/// A whole answer with a success status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub body: Vec<u8>,
}

impl Transport {
    /// A client whose deadline begins now.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(options: NetworkOptions) -> Result<Transport, Error> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("mcptrust/", env!("CARGO_PKG_VERSION")))
                // A redirect would carry the token or the statement to a place that nobody named.
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(options.request_timeout)
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|e| Error::local("cannot set up the HTTP client", chain(&e)))
        };
        let (client, direct) = (build(builder())?, build(builder().no_proxy())?);
        Ok(Transport { client, direct, options, started: Instant::now() })
    }

    /// Time since this client was made; added to the caller's `now` it gives the present time.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is left of the overall time.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.options.deadline.map(|limit| limit.saturating_sub(self.started.elapsed()))
    }

    pub(crate) fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// Sends the call until it succeeds, is refused, or the attempts or the time run out.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Answer, ServiceError> {
        let mut reached = false;
        let mut attempts = 0;
        let mut last: Option<Cause> = None;
        loop {
            attempts += 1;
            let error = |cause, reached| ServiceError { attempts, reached, ..call.fails(cause) };
            let allowed = match self.remaining() {
                Some(left) if left.is_zero() => {
                    return Err(error(self.out_of_time(last), reached));
                }
                Some(left) => left.min(self.options.request_timeout),
                None => self.options.request_timeout,
            };
            let cause = match tokio::time::timeout(allowed, self.once(call, &mut reached)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(cause)) => cause,
                Err(_) => {
                    // Nobody knows how far a request got that was given up on.
                    reached = true;
                    if allowed < self.options.request_timeout {
                        return Err(error(self.out_of_time(last), reached));
                    }
                    Cause::TimedOut(allowed)
                }
            };
            if !cause.is_transient() || attempts >= self.options.attempts {
                return Err(error(cause, reached));
            }
            let Some(wait) = self.wait(attempts, &cause) else {
                return Err(error(cause, reached));
            };
            if self.remaining().is_some_and(|left| wait >= left) {
                return Err(error(self.out_of_time(Some(cause)), reached));
            }
            last = Some(cause);
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, call: &Call<'_>, reached: &mut bool) -> Result<Answer, Cause> {
        // Plain http is for this machine and for metadata servers: a proxy would read the token on its way.
        let client = if call.url.scheme() == "http" { &self.direct } else { &self.client };
        let mut request = client.request(call.method.clone(), call.url.clone());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some((content_type, body)) = call.body {
            request = request.header(CONTENT_TYPE, content_type).body(body.to_vec());
        }
        let mut response = request.send().await.map_err(|e| {
            *reached |= !e.is_connect();
            self.classify(&e)
        })?;
        *reached = true;
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.classify(&e))? {
            if body.len() + chunk.len() > self.options.max_answer {
                return Err(Cause::Malformed(format!("it is larger than {} bytes", self.options.max_answer)));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Answer { body });
        }
        let (message, code) = message_of(&body);
        Err(Cause::Status { status: status.as_u16(), message, code, retry_after: retry_after(&headers) })
    }

    fn classify(&self, error: &reqwest::Error) -> Cause {
        if error.is_timeout() {
            Cause::TimedOut(self.options.request_timeout)
        } else if error.is_connect() {
            Cause::Connect(root(error))
        } else if error.is_builder() {
            Cause::Malformed(chain(error))
        } else {
            Cause::Broken(root(error))
        }
    }

    fn out_of_time(&self, last: Option<Cause>) -> Cause {
        Cause::Deadline { limit: self.options.deadline.unwrap_or_default(), last: last.map(Box::new) }
    }

    /// How long to wait before the next attempt; nothing when the service asks for more than we grant.
    fn wait(&self, attempts: u32, cause: &Cause) -> Option<Duration> {
        if let Cause::Status { retry_after: Some(asked), .. } = cause {
            return (*asked <= self.options.max_retry_after).then_some(*asked);
        }
        let factor = 1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(jitter(self.options.backoff.saturating_mul(factor).min(self.options.max_backoff)))
    }
}

/// A random time between nothing and the bound (full jitter), so that many jobs that failed together do not return together.
fn jitter(bound: Duration) -> Duration {
    let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
    match getrandom::u64() {
        Ok(random) if micros > 0 => Duration::from_micros(random % micros.saturating_add(1)),
        _ => bound,
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3). The date form needs the wall clock and is taken as a minute.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    Some(Duration::from_secs(value.parse().unwrap_or(60)))
}

/// The service's own words, short and printable, and the code of an OAuth error: `message`, `error_description` and
/// `error` of a JSON body, else its text.
fn message_of(body: &[u8]) -> (String, Option<String>) {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let member =
        |name: &str| json.as_ref().and_then(|value| value.get(name)).and_then(serde_json::Value::as_str);
    let code = member("error").map(printable);
    let own = member("message").or_else(|| member("error_description")).or_else(|| member("error"));
    let text = String::from_utf8_lossy(body.get(..4096.min(body.len())).unwrap_or_default());
    (printable(own.unwrap_or(&text)), code)
}

/// At most 300 characters, on one line, without control characters.
pub(crate) fn printable(text: &str) -> String {
    let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    if text.chars().nth(300).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}

/// A URL as it may be shown: without credentials, query and fragment, where secrets travel.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// The innermost cause, which is the one that says something.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    printable(&cause.to_string())
}

/// All causes, outermost first, made printable.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    printable(&causes(error))
}

/// All causes, outermost first.
pub(in crate::signing) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Adds a path to a base URL that may or may not end in a slash.
pub(crate) fn join(base: &Url, path: &str) -> Result<Url, url::ParseError> {
    let text = format!("{}/{}", base.as_str().trim_end_matches('/'), path);
    Url::parse(&text)
}
