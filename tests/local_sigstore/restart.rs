//! Keys, log and addresses last as long as the directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mcptrust::local_sigstore::{Error, Options, start};
use sigstore_rekor::RekorV2Client;

use super::{EMAIL, client, email_token, instance, sign, verify};

#[tokio::test]
async fn a_restart_keeps_keys_log_and_addresses() {
    let (dir, running) = instance().await;
    let files = [running.trusted_root(), running.signing_config(), running.trust_config()];
    let before: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let urls = running.urls().clone();
    let bundle = sign(&running, email_token(&running), b"before").await.unwrap();
    let rekor = RekorV2Client::builder(&urls.rekor).with_http_client(client()).build().unwrap();
    let checkpoint = rekor.get_checkpoint().await.unwrap();
    running.shutdown().await.unwrap();

    let running = start(Options::new(dir.path())).await.unwrap();
    assert_eq!(*running.urls(), urls);
    assert_eq!(running.log_size(), 2);
    let after: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert_eq!(before, after);
    let again = rekor.get_checkpoint().await.unwrap();
    assert_eq!((again.root_hash(), again.tree_size()), (checkpoint.root_hash(), checkpoint.tree_size()));
    verify(&running, b"before", &bundle, EMAIL, &urls.email_issuer).unwrap();

    let bundle = sign(&running, email_token(&running), b"after").await.unwrap();
    verify(&running, b"after", &bundle, EMAIL, &urls.email_issuer).unwrap();
    assert_eq!(running.log_size(), 3);
}

#[tokio::test]
async fn private_keys_are_for_their_owner_alone() {
    let (dir, running) = instance().await;
    let mut keys = 0;
    for file in fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        if file.path().extension().is_some_and(|extension| extension == "key") {
            keys += 1;
            assert_eq!(mode, 0o600, "{:?}", file.path());
        }
    }
    assert_eq!(keys, 6);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_directory_serves_one_instance_at_a_time() {
    let (dir, running) = instance().await;
    let second = start(Options::new(dir.path())).await;
    assert!(matches!(second, Err(Error::InUse { .. })));
    running.shutdown().await.unwrap();
    start(Options::new(dir.path())).await.unwrap();
}

#[tokio::test]
async fn a_damaged_key_is_named_and_not_replaced() {
    let (dir, running) = instance().await;
    running.shutdown().await.unwrap();
    let key = dir.path().join("rekor.key");
    fs::write(&key, "nonsense").unwrap();
    let error = start(Options::new(dir.path())).await.err().unwrap().to_string();
    assert!(error.contains("rekor.key is damaged"), "{error}");
    assert_eq!(fs::read(&key).unwrap(), b"nonsense");
}

/// A new key beside old signatures would make them void; that must not happen by itself.
#[tokio::test]
async fn a_lost_key_is_not_replaced_where_something_depends_on_it() {
    for (lost, named) in [("rekor.key", "rekor.log"), ("fulcio.key", "fulcio.pem"), ("tsa.key", "tsa.pem")] {
        let (dir, running) = instance().await;
        running.shutdown().await.unwrap();
        fs::remove_file(dir.path().join(lost)).unwrap();
        let error = start(Options::new(dir.path())).await.err().unwrap().to_string();
        assert!(error.contains(&format!("{named} is damaged")), "{error}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_service() {
    let (_dir, running) = instance().await;
    let other = tempfile::tempdir().unwrap();
    let mut options = Options::new(other.path());
    options.ports.rekor = running.urls().rekor.rsplit(':').next().unwrap().parse().unwrap();
    let error = start(options).await.err().unwrap().to_string();
    assert!(error.contains("for Rekor"), "{error}");
}

#[tokio::test]
async fn all_addresses_need_a_host_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.bind = "0.0.0.0".parse().unwrap();
    let error = start(options).await.err().unwrap();
    assert!(matches!(error, Error::HostNeeded { .. }), "{error}");
}
