//! The log as a monitor reads it: checkpoint, tiles, entry bundles (C2SP tlog-tiles).

use std::num::NonZeroU8;

use reqwest::StatusCode;
use sigstore_crypto::KeyPair;
use sigstore_crypto::checkpoint::CheckpointVerifyExt as _;
use sigstore_merkle::{hash_children, hash_leaf};
use sigstore_rekor::{HashedRekordV2, RekorV2Client, RekorV2KeyDetails};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::Sha256Hash;

use super::{client, instance};

/// RFC 6962, section 2.1, as it is written.
fn root(leaves: &[Sha256Hash]) -> Sha256Hash {
    match leaves {
        [] => sigstore_crypto::sha256(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash_children(&root(left), &root(right))
        }
    }
}

fn hashes(tile: &[u8]) -> Vec<Sha256Hash> {
    tile.chunks(32).map(|hash| Sha256Hash::try_from(hash).unwrap()).collect()
}

fn entries(mut bundle: &[u8]) -> Vec<&[u8]> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry);
        bundle = rest;
    }
    entries
}

#[tokio::test]
async fn tiles_and_entries_give_the_checkpoints_root() {
    let (_dir, running) = instance().await;
    let rekor = RekorV2Client::builder(&running.urls().rekor).with_http_client(client()).build().unwrap();
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    // enough for a full tile, and a partial one beside it
    for number in 0..260_u32 {
        let message = number.to_be_bytes();
        let request = HashedRekordV2::new_with_public_key(
            &sigstore_crypto::sha256(&message),
            &key.sign(&message).unwrap(),
            &key.public_key_der().unwrap(),
            RekorV2KeyDetails::PkixEcdsaP256Sha256,
        );
        let entry = rekor.create_entry(request).await.unwrap();
        assert_eq!(entry.log_index.get(), u64::from(number) + 1);
    }

    let checkpoint = rekor.get_checkpoint().await.unwrap();
    let trusted = TrustedRoot::from_file(running.trusted_root()).unwrap();
    let log = &trusted.tlogs[0];
    checkpoint.verify_signature(&log.public_key.raw_bytes).unwrap();
    assert_eq!(format!("http://{}", checkpoint.origin()), log.base_url);
    assert_eq!(checkpoint.tree_size(), 261);

    let partial = NonZeroU8::new(5);
    let mut leaves = hashes(&rekor.get_tile(0, 0, None).await.unwrap().bytes);
    leaves.extend(hashes(&rekor.get_tile(0, 1, partial).await.unwrap().bytes));
    assert_eq!(leaves.len(), 261);
    assert_eq!(root(&leaves), *checkpoint.root_hash());
    let above = hashes(&rekor.get_tile(1, 0, NonZeroU8::new(1)).await.unwrap().bytes);
    assert_eq!(above, [root(&leaves[..256])]);

    let full = rekor.get_entry_bundle(0, None).await.unwrap().bytes;
    let rest = rekor.get_entry_bundle(1, partial).await.unwrap().bytes;
    let logged: Vec<_> = entries(&full).into_iter().chain(entries(&rest)).map(hash_leaf).collect();
    assert_eq!(logged, leaves);

    let at = |path: &str| client().get(format!("{}/api/v2/{path}", running.urls().rekor)).send();
    for missing in ["tile/0/001", "tile/0/001.p/6", "tile/0/x000/001", "tile/00/000", "tile/entries/001"] {
        assert_eq!(at(missing).await.unwrap().status(), StatusCode::NOT_FOUND, "{missing}");
    }
}
