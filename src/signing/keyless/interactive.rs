//! Asking a person: a log-in in the browser (authorization code with PKCE, RFC 7636, over a loopback redirect,
//! RFC 8252), on another device (RFC 8628), or with a code that the person carries over.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::error::{Cause, Error, Service, Step};
use super::loopback::Listener;
use super::services::service_url;
use super::sources::Source;
use super::token::Token;
use super::transport::{Call, Transport, join};

/// The client id that public Sigstore instances and most private ones know.
pub const DEFAULT_CLIENT_ID: &str = "sigstore";

/// How long a person may take to log in, where no overall time limit is shorter.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogIn {
    /// In the browser if one opens, else on another device if the issuer can do that, else with a code.
    #[default]
    Auto,
    /// In the browser only.
    Browser,
    /// On another device.
    Device,
    /// With a code that the person reads off a page and types in.
    OutOfBand,
}

/// What a person is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The browser was opened at this address; if it did not, the person can.
    BrowserOpened {
        /// The address.
        url: &'a str,
    },
    /// To visit this address on any device and enter this code there.
    EnterCode {
        /// The address.
        url: &'a str,
        /// The code to enter.
        code: &'a str,
    },
    /// To visit this address and bring back the code that it shows.
    BringCode {
        /// The address.
        url: &'a str,
    },
}

/// The caller's side of a log-in. The URLs hold no secrets that would outlive it.
pub trait Interaction: Sync {
    /// Opens a browser at the address; false when there is none.
    fn open_browser(&self, url: &str) -> bool;
    /// Tells the person something.
    fn tell(&self, notice: Notice<'_>);
    /// Reads the code that the person brings. Blocks until it is there.
    ///
    /// # Errors
    /// When nothing can be read.
    fn read_code(&self) -> std::io::Result<String>;
}

/// Whom to ask, and how.
#[derive(Clone)]
pub struct Interactive<'a> {
    /// The issuer's URL.
    pub issuer: Url,
    /// The client id.
    pub client_id: &'a str,
    /// Which way to log in.
    pub log_in: LogIn,
    /// Whether the issuer may be spoken to over plain http although it is not on this machine.
    pub allow_plain_http: bool,
    /// The caller's side.
    pub ask: &'a dyn Interaction,
}

impl std::fmt::Debug for Interactive<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interactive")
            .field("issuer", &self.issuer.as_str())
            .field("client_id", &self.client_id)
            .field("log_in", &self.log_in)
            .finish_non_exhaustive()
    }
}

/// `OpenID` Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
}

/// RFC 8628, section 3.2.
#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: Option<u64>,
    interval: Option<u64>,
}

struct Flow<'a> {
    transport: &'a Transport,
    options: &'a Interactive<'a>,
    authorization: Url,
    token: Url,
    device: Option<Url>,
}

/// Lets a person log in and returns the token.
pub(super) async fn log_in(
    transport: &Transport,
    options: &Interactive<'_>,
) -> Result<(Zeroizing<String>, Source), Error> {
    let flow = Flow::discover(transport, options).await?;
    let (token, source, nonce) = match options.log_in {
        LogIn::Auto => match flow.browser().await? {
            Some((token, nonce)) => (token, Source::Browser, Some(nonce)),
            None if flow.device.is_some() => (flow.device().await?, Source::Device, None),
            None => {
                let (token, nonce) = flow.out_of_band().await?;
                (token, Source::OutOfBand, Some(nonce))
            }
        },
        LogIn::Browser => match flow.browser().await? {
            Some((token, nonce)) => (token, Source::Browser, Some(nonce)),
            None => {
                return Err(Error::Source {
                    source_name: "the log-in",
                    problem: "no browser could be opened".to_owned(),
                    remedy: "Log in on another device or with a code".to_owned(),
                });
            }
        },
        LogIn::Device => (flow.device().await?, Source::Device, None),
        LogIn::OutOfBand => {
            let (token, nonce) = flow.out_of_band().await?;
            (token, Source::OutOfBand, Some(nonce))
        }
    };
    flow.check(&token, nonce.as_deref())?;
    Ok((token, source))
}

impl<'a> Flow<'a> {
    async fn discover(transport: &'a Transport, options: &'a Interactive<'a>) -> Result<Flow<'a>, Error> {
        let provider = Service::IdentityProvider;
        service_url(provider, options.issuer.as_str(), options.allow_plain_http)?;
        let url = join(&options.issuer, ".well-known/openid-configuration")
            .map_err(|e| Error::local("cannot form the issuer's URL", e))?;
        let call = Call::get(provider, Step::Discover, url);
        let answer = transport.send(&call).await?;
        let found: Discovery = serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;
        // OpenID Connect Discovery 1.0, section 4.3: another issuer's document must not be followed.
        if found.issuer.trim_end_matches('/') != options.issuer.as_str().trim_end_matches('/') {
            return Err(call
                .untrue(format!(
                    "it is the document of another issuer, {}",
                    super::transport::printable(&found.issuer)
                ))
                .into());
        }
        let url = |text: &str| service_url(provider, text, options.allow_plain_http).map_err(Error::from);
        Ok(Flow {
            transport,
            options,
            authorization: url(&found.authorization_endpoint)?,
            token: url(&found.token_endpoint)?,
            device: found.device_authorization_endpoint.as_deref().map(url).transpose()?,
        })
    }

    /// Nothing when no browser could be opened.
    async fn browser(&self) -> Result<Option<(Zeroizing<String>, String)>, Error> {
        let listener = Listener::bind()
            .await
            .map_err(|e| Error::local("cannot listen on loopback for the browser's return", e))?;
        let redirect = listener.redirect_uri().to_owned();
        let request = Request::new()?;
        let url = request.url(&self.authorization, self.options.client_id, &redirect);
        if !self.options.ask.open_browser(url.as_str()) {
            return Ok(None);
        }
        self.options.ask.tell(Notice::BrowserOpened { url: url.as_str() });
        let patience = self.patience();
        let code = tokio::time::timeout(patience, listener.wait(&request.state))
            .await
            .map_err(|_| self.gave_up(patience))?
            .map_err(|reason| self.refused(reason))?;
        let token = self.exchange(&code, &request, &redirect).await?;
        Ok(Some((token, request.nonce)))
    }

    async fn out_of_band(&self) -> Result<(Zeroizing<String>, String), Error> {
        const REDIRECT: &str = "urn:ietf:wg:oauth:2.0:oob";
        let request = Request::new()?;
        let url = request.url(&self.authorization, self.options.client_id, REDIRECT);
        self.options.ask.tell(Notice::BringCode { url: url.as_str() });
        let code = self
            .options
            .ask
            .read_code()
            .map(Zeroizing::new)
            .map_err(|e| Error::local("cannot read the code", e))?;
        if code.trim().is_empty() {
            return Err(self.refused("no code was entered".to_owned()));
        }
        let token = self.exchange(code.trim(), &request, REDIRECT).await?;
        Ok((token, request.nonce))
    }

    async fn exchange(
        &self,
        code: &str,
        request: &Request,
        redirect: &str,
    ) -> Result<Zeroizing<String>, Error> {
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("client_id", self.options.client_id),
            ("code_verifier", &request.verifier),
        ]);
        let call = self.token_call(&body);
        let answer = self.transport.send(&call).await?;
        id_token(&call, answer.body)
    }

    async fn device(&self) -> Result<Zeroizing<String>, Error> {
        let Some(endpoint) = &self.device else {
            return Err(Error::Source {
                source_name: "the log-in",
                problem: format!("the issuer {} offers no log-in on another device", self.options.issuer),
                remedy: "Log in with the browser or with a code".to_owned(),
            });
        };
        let request = Request::new()?;
        let body = form(&[
            ("client_id", self.options.client_id),
            ("scope", SCOPE),
            ("code_challenge", &request.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        let call =
            Call::post(Service::IdentityProvider, Step::Token, endpoint.clone(), FORM, body.as_bytes());
        let answer = self.transport.send(&call).await?;
        let device: DeviceAnswer = serde_json::from_slice(&answer.body).map_err(|e| call.malformed(e))?;
        let url = device.verification_uri_complete.as_deref().unwrap_or(&device.verification_uri);
        self.options.ask.tell(Notice::EnterCode { url, code: &device.user_code });

        let patience = self.patience().min(Duration::from_secs(device.expires_in.unwrap_or(u64::MAX)));
        let mut interval = Duration::from_secs(device.interval.unwrap_or(5).clamp(0, 60));
        let started = tokio::time::Instant::now();
        let body = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", &device.device_code),
            ("client_id", self.options.client_id),
            ("code_verifier", &request.verifier),
        ]);
        let call = self.token_call(&body);
        loop {
            if started.elapsed() + interval > patience {
                return Err(self.gave_up(patience));
            }
            tokio::time::sleep(interval).await;
            match self.transport.send(&call).await {
                Ok(answer) => return id_token(&call, answer.body),
                Err(error) => match &error.cause {
                    // RFC 8628, section 3.5. Dex answers 401 where the RFC has 400.
                    Cause::Status { status: 400 | 401 | 403, code: Some(code), .. } => match code.as_str() {
                        "authorization_pending" => {}
                        "slow_down" => interval += Duration::from_secs(5),
                        "access_denied" => return Err(self.refused("the log-in was declined".to_owned())),
                        "expired_token" => return Err(self.gave_up(patience)),
                        _ => return Err(error.into()),
                    },
                    _ => return Err(error.into()),
                },
            }
        }
    }

    fn token_call<'b>(&self, body: &'b str) -> Call<'b> {
        Call::post(Service::IdentityProvider, Step::Token, self.token.clone(), FORM, body.as_bytes())
    }

    /// OpenID Connect Core 1.0, section 3.1.3.7, as far as it can be done without the issuer's keys: the token came
    /// from the issuer itself over a channel of our own.
    fn check(&self, token: &str, nonce: Option<&str>) -> Result<(), Error> {
        let token = Token::parse(token)?;
        let call = self.token_call("");
        if let Some(nonce) = nonce
            && token.claim("nonce") != Some(nonce)
        {
            return Err(call.untrue("the token belongs to another log-in (its nonce differs)").into());
        }
        token.check_audience(self.options.client_id)?;
        Ok(())
    }

    fn patience(&self) -> Duration {
        self.transport.remaining().map_or(PATIENCE, |left| left.min(PATIENCE))
    }

    fn gave_up(&self, after: Duration) -> Error {
        self.refused(format!("nobody logged in within {} s", after.as_secs()))
    }

    fn refused(&self, reason: String) -> Error {
        Error::Source {
            source_name: "the log-in",
            problem: format!("{}: {reason}", self.options.issuer),
            remedy: "Try again, or give a token with --identity-token".to_owned(),
        }
    }
}

const SCOPE: &str = "openid email";
const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    Zeroizing::new(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

fn id_token(call: &Call<'_>, body: Vec<u8>) -> Result<Zeroizing<String>, Error> {
    let body = Zeroizing::new(body);
    let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|e| call.malformed(e))?;
    answer.id_token.map(Zeroizing::new).ok_or_else(|| call.malformed("it holds no id_token").into())
}

/// The secrets of one log-in.
struct Request {
    verifier: Zeroizing<String>,
    state: String,
    nonce: String,
}

impl Request {
    fn new() -> Result<Request, Error> {
        Ok(Request { verifier: Zeroizing::new(random()?), state: random()?, nonce: random()? })
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    fn url(&self, endpoint: &Url, client_id: &str, redirect: &str) -> Url {
        let mut url = endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", SCOPE)
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &self.challenge())
            .append_pair("code_challenge_method", "S256");
        url
    }
}

fn random() -> Result<String, Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Error::local("cannot get random numbers", e))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
