//! Log-ins by a person, played by this test, with the private Sigstore's own issuer.

use std::sync::Mutex;

use jiff::Timestamp;
use mcptrust::signing::certificate;
use mcptrust::signing::keyless::{
    Error, Found, Identity, Interaction, Interactive, LogIn, Notice, Places, Source, SourceOptions,
    Transport, find,
};
use url::Url;

use crate::instance::{Instance, network};
use crate::server::Server;

/// A person with a browser, or without one.
struct Person {
    browser: bool,
    /// What is done with the address before it is visited.
    tamper: fn(&mut Url),
    code: Mutex<Option<std::sync::mpsc::Receiver<String>>>,
    visited: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Person {
    fn new(browser: bool) -> Person {
        Person { browser, tamper: |_| {}, code: Mutex::new(None), visited: Mutex::new(Vec::new()) }
    }
}

/// Logs in at once where the issuer lets a test do that.
fn at_once(url: &str) -> Url {
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().append_pair("prompt", "none").append_pair("login_hint", "dev@example.com");
    url
}

impl Interaction for Person {
    fn open_browser(&self, url: &str) -> bool {
        if self.browser {
            let mut url = at_once(url);
            (self.tamper)(&mut url);
            self.visited.lock().unwrap().push(tokio::spawn(async move {
                // What browsers do besides: a connection that says nothing, and a look for an icon.
                let redirect =
                    url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
                let redirect = Url::parse(&redirect).unwrap();
                let silent = tokio::net::TcpStream::connect(redirect.socket_addrs(|| None).unwrap()[0]).await;
                let icon = reqwest::get(redirect.join("/favicon.ico").unwrap()).await.unwrap();
                assert_eq!(icon.status(), 404);
                reqwest::get(url).await.unwrap();
                drop(silent);
            }));
        }
        self.browser
    }

    fn tell(&self, notice: Notice<'_>) {
        match notice {
            Notice::BringCode { url } => {
                let url = at_once(url);
                let (send, receive) = std::sync::mpsc::channel();
                *self.code.lock().unwrap() = Some(receive);
                // On a thread of its own: reading the code blocks this one.
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let page =
                        runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() });
                    let code = page.split("<pre>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
                    send.send(code.to_owned()).unwrap();
                });
            }
            Notice::EnterCode { url, code } => {
                assert!(url.contains(code), "{url} does not hold {code}");
                let mut page = Url::parse(url).unwrap();
                page.set_query(None);
                let body = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("user_code", code)
                    .append_pair("email", "dev@example.com")
                    .finish();
                self.visited.lock().unwrap().push(tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    let request = client
                        .post(page)
                        .header("content-type", "application/x-www-form-urlencoded")
                        .body(body);
                    assert_eq!(request.send().await.unwrap().status(), 200);
                }));
            }
            _ => {}
        }
    }

    fn read_code(&self) -> std::io::Result<String> {
        let receiver = self.code.lock().unwrap().take().unwrap();
        receiver.recv().map(|code| format!(" {code}\n")).map_err(std::io::Error::other)
    }
}

async fn log_in(issuer: &str, person: &Person, way: LogIn) -> Result<Found, Error> {
    log_in_within(20, issuer, person, way).await
}

async fn log_in_within(seconds: u64, issuer: &str, person: &Person, way: LogIn) -> Result<Found, Error> {
    let env = |_: &str| None;
    let options = SourceOptions {
        given: None,
        env: &env,
        audience: "another-audience",
        now: Timestamp::now(),
        places: Places::default(),
        ambient: false,
        interactive: Some(Interactive {
            issuer: Url::parse(issuer).unwrap(),
            client_id: "sigstore",
            log_in: way,
            allow_plain_http: false,
            ask: person,
        }),
    };
    let network = mcptrust::signing::keyless::NetworkOptions {
        deadline: Some(std::time::Duration::from_secs(seconds)),
        ..network()
    };
    find(&Transport::new(network).unwrap(), &options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_way_of_logging_in_gives_a_token_that_signs() {
    let instance = Instance::start().await;
    let issuer = instance.running.urls().email_issuer.clone();
    for (browser, way, source) in [
        (true, LogIn::Auto, Source::Browser),
        (true, LogIn::Browser, Source::Browser),
        (false, LogIn::Auto, Source::Device),
        (false, LogIn::Device, Source::Device),
        (false, LogIn::OutOfBand, Source::OutOfBand),
    ] {
        let found = log_in(&issuer, &Person::new(browser), way).await;
        let found = found.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert_eq!(found.source, source, "{way:?}");
        let identity = Identity::from_token(found.token).unwrap();
        assert_eq!(identity.predicted().identity, certificate::Identity::Email("dev@example.com".to_owned()));
        instance.sign(&identity).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_browser_a_log_in_that_needs_one_says_so() {
    let instance = Instance::start().await;
    let issuer = instance.running.urls().email_issuer.clone();
    let error = log_in(&issuer, &Person::new(false), LogIn::Browser).await.unwrap_err();
    assert!(error.to_string().contains("no browser could be opened"), "{error}");
}

fn replace(url: &mut Url, name: &str, value: &str) {
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(key, old)| {
            (key.clone().into_owned(), if key == name { value.to_owned() } else { old.into_owned() })
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
}

#[tokio::test]
async fn a_token_of_another_log_in_is_refused() {
    let instance = Instance::start().await;
    let issuer = instance.running.urls().email_issuer.clone();
    let person = Person { tamper: |url| replace(url, "nonce", "stolen"), ..Person::new(true) };
    let error = log_in(&issuer, &person, LogIn::Browser).await.unwrap_err();
    assert!(error.to_string().contains("its nonce differs"), "{error}");
}

#[tokio::test]
async fn a_code_that_was_asked_for_with_another_challenge_is_useless() {
    let instance = Instance::start().await;
    let issuer = instance.running.urls().email_issuer.clone();
    let person = Person { tamper: |url| replace(url, "code_challenge", "other"), ..Person::new(true) };
    let error = log_in(&issuer, &person, LogIn::Browser).await.unwrap_err();
    assert!(error.to_string().contains("code verifier"), "{error}");
}

#[tokio::test]
async fn a_return_with_another_state_is_not_ours() {
    let instance = Instance::start().await;
    let issuer = instance.running.urls().email_issuer.clone();
    let person = Person { tamper: |url| replace(url, "state", "other"), ..Person::new(true) };
    let error = log_in_within(2, &issuer, &person, LogIn::Browser).await.unwrap_err();
    assert!(error.to_string().contains("nobody logged in"), "{error}");
}

#[tokio::test]
async fn another_issuers_discovery_document_is_not_followed() {
    let server = Server::start(|_| {
        let document = serde_json::json!({
            "issuer": "https://accounts.example.com",
            "authorization_endpoint": "https://accounts.example.com/auth",
            "token_endpoint": "https://accounts.example.com/token",
        });
        (200, document.to_string().into_bytes())
    })
    .await;
    let error = log_in(&server.url, &Person::new(true), LogIn::Auto).await.unwrap_err();
    assert!(error.to_string().contains("another issuer, https://accounts.example.com"), "{error}");
}
