//! A TUF repository on loopback, and what the cache makes of it as it changes, lies, and goes away.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use mcptrust::signing::keyless::{Cause, PUBLIC_GOOD, STAGING, Service, Transport};
use mcptrust::signing::trust_root::{Error, Material, Repository, cached, update};
use serde_json::{Value, json};
use sigstore_crypto::{KeyPair, sha256};
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

use crate::instance::network;
use crate::server::Server;

/// A repository's operator: one key for the root, one for everything else.
struct Operator {
    root_key: KeyPair,
    online_key: KeyPair,
    consistent: bool,
    root_version: u64,
    version: u64,
    lasts: SignedDuration,
    targets: Vec<(&'static str, String)>,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

fn key() -> KeyPair {
    KeyPair::generate_ecdsa_p256().unwrap()
}

fn declared(key: &KeyPair) -> (String, Value) {
    let public = key.public_key_der().unwrap();
    let id = sha256(public.as_bytes()).to_hex();
    (
        id,
        json!({ "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": { "public": public.to_pem() } }),
    )
}

fn sign(signed: &Value, keys: &[&KeyPair]) -> Vec<u8> {
    let canonical = sigstore_tuf::canonical_json::to_canonical_bytes(signed).unwrap();
    let signatures: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "keyid": declared(key).0, "sig": hex::encode(key.sign(&canonical).unwrap().as_bytes()) }))
        .collect();
    json!({ "signatures": signatures, "signed": signed }).to_string().into_bytes()
}

impl Operator {
    fn new(consistent: bool) -> Operator {
        Operator {
            root_key: key(),
            online_key: key(),
            consistent,
            root_version: 1,
            version: 1,
            lasts: SignedDuration::from_hours(24),
            targets: vec![
                ("trusted_root.json", SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned()),
                ("signing_config.v0.2.json", PUBLIC_GOOD.to_owned()),
            ],
            files: Arc::default(),
        }
    }

    fn expires(&self) -> String {
        let time = Timestamp::now().checked_add(self.lasts).unwrap();
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn root(&self, signers: &[&KeyPair]) -> Vec<u8> {
        let ((root, root_key), (online, online_key)) = (declared(&self.root_key), declared(&self.online_key));
        let role = |id: &str| json!({ "keyids": [id], "threshold": 1 });
        let signed = json!({
            "_type": "root", "spec_version": "1.0.31", "version": self.root_version, "expires": self.expires(),
            "consistent_snapshot": self.consistent,
            "keys": { root.clone(): root_key, online.clone(): online_key },
            "roles": {
                "root": role(&root), "timestamp": role(&online), "snapshot": role(&online), "targets": role(&online),
            },
        });
        sign(&signed, signers)
    }

    fn put(&self, name: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes);
    }

    fn numbered(&self, name: &str) -> String {
        if self.consistent { format!("{}.{name}", self.version) } else { name.to_owned() }
    }

    /// Publishes the current version and returns the root.
    fn publish(&self) -> Vec<u8> {
        let file =
            |bytes: &[u8]| json!({ "length": bytes.len(), "hashes": { "sha256": sha256(bytes).to_hex() } });
        let head = |kind: &str| json!({ "_type": kind, "spec_version": "1.0.31", "version": self.version, "expires": self.expires() });
        let with = |kind: &str, name: &str, value: Value| {
            let mut signed = head(kind);
            signed[name] = value;
            sign(&signed, &[&self.online_key])
        };
        let mut listed = json!({});
        for (name, text) in &self.targets {
            listed[name] = file(text.as_bytes());
            let prefix = if self.consistent {
                format!("{}.", sha256(text.as_bytes()).to_hex())
            } else {
                String::new()
            };
            self.put(&format!("targets/{prefix}{name}"), text.clone().into_bytes());
        }
        let targets = with("targets", "targets", listed);
        let pin = json!({ "targets.json": { "version": self.version } });
        let snapshot = with("snapshot", "meta", pin);
        let pin = json!({ "snapshot.json": { "version": self.version } });
        let timestamp = with("timestamp", "meta", pin);
        let root = self.root(&[&self.root_key]);
        self.put(&self.numbered("targets.json"), targets);
        self.put(&self.numbered("snapshot.json"), snapshot);
        self.put("timestamp.json", timestamp);
        self.put(&format!("{}.root.json", self.root_version), root.clone());
        root
    }

    async fn serve(&self) -> Server {
        let files = Arc::clone(&self.files);
        Server::start(move |asked| {
            match files.lock().unwrap().get(asked.uri.path().trim_start_matches('/')) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, Vec::new()),
            }
        })
        .await
    }
}

struct Client {
    repository: Repository,
    cache: tempfile::TempDir,
}

impl Client {
    fn new(server: &Server, root: Vec<u8>) -> Client {
        Client {
            repository: Repository::custom(&server.url, root).unwrap(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    async fn update(&self) -> Result<Material, Error> {
        self.update_at(Timestamp::now()).await
    }

    async fn update_at(&self, now: Timestamp) -> Result<Material, Error> {
        update(&Transport::new(network()).unwrap(), &self.repository, self.cache.path(), now).await
    }

    fn cached(&self) -> Result<Option<Material>, Error> {
        cached(&self.repository, self.cache.path())
    }

    /// Updates, which must fail with these words and leave the cache as it was.
    async fn refused(&self, words: &str) {
        let before = self.cached().unwrap();
        let error = self.update().await.unwrap_err();
        assert!(error.to_string().contains(words), "expected {words:?}: {error}");
        assert!(error.to_string().contains("left as it was"), "{error}");
        let Error::Repository(service) = &error else { panic!("{error}") };
        assert_eq!(service.service, Service::TrustRepository);
        assert!(matches!(service.cause, Cause::Untrue(_)), "{error}");
        assert_eq!(self.cached().unwrap(), before);
    }

    fn place(&self) -> PathBuf {
        let mut places = std::fs::read_dir(self.cache.path()).unwrap();
        places.next().unwrap().unwrap().path()
    }
}

#[tokio::test]
async fn an_update_is_read_back_without_the_network() {
    for consistent in [true, false] {
        let mut operator = Operator::new(consistent);
        let root = operator.publish();
        let server = operator.serve().await;
        let client = Client::new(&server, root);
        assert_eq!(client.cached().unwrap(), None);

        let first = client.update().await.unwrap();
        assert_eq!(first.trusted_root, SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes());
        assert_eq!(first.signing_config.as_deref(), Some(PUBLIC_GOOD.as_bytes()));
        assert_eq!((first.root_version, first.timestamp_version), (1, 1));

        // The next versions, several times over: a new root key, new targets.
        for version in 2..6 {
            let old = std::mem::replace(&mut operator.root_key, key());
            (operator.root_version, operator.version) = (version, version);
            operator.targets = vec![
                ("trusted_root.json", SIGSTORE_STAGING_TRUSTED_ROOT.to_owned()),
                ("signing_config.v0.2.json", STAGING.to_owned()),
            ];
            operator.publish();
            let both = operator.root(&[&old, &operator.root_key]);
            operator.put(&format!("{version}.root.json"), both);
            let next = client.update().await.unwrap();
            assert_eq!(next.trusted_root, SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes());
            assert_eq!((next.root_version, next.timestamp_version), (version, version));
            let asked = server.asked().len();
            assert_eq!(client.cached().unwrap(), Some(next));
            assert_eq!(server.asked().len(), asked, "reading the cache asked the network");
        }
        // Generations do not pile up, and nothing of an update remains beside them.
        let entries = std::fs::read_dir(client.place()).unwrap().count();
        assert_eq!(entries, 3, "current, the generation, and the one before");
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_renews_the_date() {
    let operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    let mut first = client.update().await.unwrap();
    let later = first.updated.checked_add(SignedDuration::from_hours(1)).unwrap();
    let second = client.update_at(later).await.unwrap();
    first.updated = later;
    assert_eq!(second, first);
    assert_eq!(client.cached().unwrap(), Some(second));
}

#[tokio::test]
async fn a_repository_without_a_signing_config_is_one_too() {
    let mut operator = Operator::new(true);
    operator.targets.truncate(1);
    let root = operator.publish();
    let server = operator.serve().await;
    assert_eq!(Client::new(&server, root).update().await.unwrap().signing_config, None);
}

#[tokio::test]
async fn an_older_version_is_refused() {
    let mut operator = Operator::new(true);
    operator.version = 5;
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();
    operator.version = 4;
    operator.publish();
    client.refused("rollback detected for timestamp").await;
}

#[tokio::test]
async fn a_snapshot_that_forgets_a_version_is_refused() {
    let mut operator = Operator::new(true);
    operator.version = 5;
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();
    // The timestamp grows, and what it pins goes back.
    operator.version = 4;
    operator.publish();
    let pin = json!({ "snapshot.json": { "version": 4 } });
    let signed = json!({
        "_type": "timestamp", "spec_version": "1.0.31", "version": 6, "expires": operator.expires(), "meta": pin,
    });
    operator.put("timestamp.json", sign(&signed, &[&operator.online_key]));
    client.refused("rollback detected for snapshot").await;
}

#[tokio::test]
async fn expired_metadata_is_refused_and_the_cache_outlives_it() {
    let mut operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    let first = client.update().await.unwrap();
    operator.version = 2;
    operator.lasts = SignedDuration::from_hours(-1);
    // The root stays good: only what the online key signs is old.
    let good_root = operator.files.lock().unwrap()["1.root.json"].clone();
    operator.publish();
    operator.put("1.root.json", good_root);
    client.refused("timestamp metadata expired").await;
    // Frozen in time: the same material is still read, and says how old it is.
    assert_eq!(client.cached().unwrap(), Some(first.clone()));
    let next_week = first.expires.checked_add(SignedDuration::from_hours(24 * 7)).unwrap();
    let error = client.update_at(next_week).await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(client.cached().unwrap(), Some(first));
}

#[tokio::test]
async fn what_the_pinned_root_does_not_vouch_for_is_refused() {
    let operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();

    // Another operator's metadata under the same address.
    let mut stranger = Operator::new(true);
    stranger.version = 2;
    stranger.publish();
    let theirs = stranger.files.lock().unwrap()["timestamp.json"].clone();
    operator.put("timestamp.json", theirs);
    client.refused("signature threshold not met for role timestamp").await;

    // A new root that the old one did not sign.
    let mut takeover = Operator::new(true);
    takeover.root_version = 2;
    operator.put("2.root.json", takeover.root(&[&takeover.root_key]));
    client.refused("signature threshold not met for role root").await;
}

#[tokio::test]
async fn a_target_that_is_not_the_listed_one_is_refused() {
    let mut operator = Operator::new(false);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();
    operator.version = 2;
    operator.targets[0].1 = SIGSTORE_STAGING_TRUSTED_ROOT.to_owned();
    operator.publish();
    let mut bent = SIGSTORE_STAGING_TRUSTED_ROOT.to_owned().into_bytes();
    bent[100] ^= 1;
    operator.put("targets/trusted_root.json", bent);
    client.refused("integrity check failed").await;
}

#[tokio::test]
async fn a_target_that_is_no_trusted_root_is_refused() {
    let mut operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();
    operator.version = 2;
    operator.targets[0].1 = "{\"mediaType\":1}".to_owned();
    operator.publish();
    client.refused("trusted_root.json").await;
    operator.version = 3;
    operator.targets[0].1 = SIGSTORE_STAGING_TRUSTED_ROOT.to_owned();
    operator.targets[1].1 = "{}".to_owned();
    operator.publish();
    client.refused("signing_config.v0.2.json").await;
}

#[tokio::test]
async fn a_repository_that_is_down_leaves_the_cache() {
    let operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    let first = client.update().await.unwrap();
    drop(server);
    tokio::task::yield_now().await;
    let error = client.update().await.unwrap_err();
    let Error::Repository(service) = &error else { panic!("{error}") };
    assert!(matches!(service.cause, Cause::Connect(_)), "{error}");
    assert_eq!(service.attempts, 3, "{error}");
    assert_eq!(client.cached().unwrap(), Some(first));
}

#[tokio::test]
async fn a_damaged_cache_is_never_used() {
    let operator = Operator::new(true);
    let root = operator.publish();
    let server = operator.serve().await;
    let client = Client::new(&server, root);
    client.update().await.unwrap();
    let generation = client.place().join("1");
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let good = std::fs::read(path).unwrap();
        let mut bad = good.clone();
        change(&mut bad);
        std::fs::write(path, bad).unwrap();
        let error = client.cached().unwrap_err();
        assert!(matches!(error, Error::Cache { .. }), "{}: {error}", path.display());
        assert!(error.to_string().contains("mcptrust trust-root update"), "{error}");
        std::fs::write(path, good).unwrap();
        client.cached().unwrap().unwrap();
    };
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        damage(&generation.join(name), &|bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap().replace("\"version\":1", "\"version\":2");
            *bytes = text.into_bytes();
        });
        damage(&generation.join(name), &Vec::clear);
    }
    for name in ["targets/trusted_root.json", "targets/signing_config.v0.2.json"] {
        damage(&generation.join(name), &|bytes| bytes[50] ^= 1);
    }
    damage(&generation.join("updated"), &|bytes| bytes.truncate(5));
    damage(&client.place().join("current"), &|bytes| *bytes = b"x".to_vec());
    // Another root to begin with: what was cached does not follow from it.
    let stranger = Client {
        repository: Repository::custom(&server.url, Operator::new(true).publish()).unwrap(),
        cache: client.cache,
    };
    assert!(matches!(stranger.cached().unwrap_err(), Error::Cache { .. }));
}

#[test]
fn a_repository_needs_a_url_and_a_root_that_signs_itself() {
    let root = Operator::new(true).publish();
    for url in ["ftp://example.com", "not a url", "file:///etc"] {
        assert!(matches!(Repository::custom(url, root.clone()), Err(Error::Anchor { .. })), "{url}");
    }
    let text = String::from_utf8(root).unwrap().replace("\"version\":1", "\"version\":2");
    let error = Repository::custom("https://tuf.example.com", text.into_bytes()).unwrap_err();
    assert!(error.to_string().contains("signature threshold not met"), "{error}");
    assert_eq!(Repository::public_good().unwrap().url(), "https://tuf-repo-cdn.sigstore.dev/");
    assert_eq!(Repository::staging().unwrap().url(), "https://tuf-repo-cdn.sigstage.dev/");
}
