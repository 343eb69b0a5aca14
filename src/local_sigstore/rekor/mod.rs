//! A transparency log with Rekor 2's API: entries are written at `/api/v2/log/entries`, and read as tiles.

mod entry;
mod log;
mod tree;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{self, Extension, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::fault::FaultKind;
use super::keys::Key;
use super::service::{Moment, internal, invalid_argument, refusal};
use super::{Error, Failure};
use log::{AppendError, Log};
use tree::TILE;

/// The log's name in its checkpoints. Clients take the host of the trusted root's URL for it.
pub(super) const ORIGIN: &str = "rekor.localhost";

const DUPLICATE_HEADER: HeaderName = HeaderName::from_static("x-log-index");

/// The log, one writer at a time.
pub(super) struct Rekor {
    log: Mutex<Log>,
}

impl Rekor {
    /// Opens the log. A new one gets an entry of its own: clients refuse an entry at index 0.
    pub(super) fn open(path: &Path, key: Key) -> Result<Self, Error> {
        let mut log = Log::open(path, key, ORIGIN.to_owned())?;
        if log.size() == 0 {
            let first = entry::own(log.key(), b"the first entry of a local Sigstore's log\n")
                .map_err(Error::make("the log's first entry"))?;
            log.append(&first).map_err(|error| match error {
                AppendError::Write(error) => Error::file("write", path)(error),
                other => Error::make("the log's first entry")(Failure(other.to_string())),
            })?;
        } else if !log.first_entry().is_ok_and(|first| entry::is_own(log.key(), &first)) {
            let problem = "its first entry is not that of the key in rekor.key".to_owned();
            return Err(Error::Damaged { path: path.to_owned(), problem });
        }
        Ok(Self { log: Mutex::new(log) })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // nothing panics while the lock is held
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries in the log.
    pub(super) fn size(&self) -> u64 {
        self.log().size()
    }

    /// The log's public key.
    pub(super) fn spki(&self) -> Vec<u8> {
        self.log().key().spki().to_vec()
    }

    fn create(&self, body: &[u8], moment: Moment) -> Response {
        let accepted = match entry::accept(body) {
            Ok(entry) if moment.has(FaultKind::WrongKeyInEntry) => entry::with_wrong_key(&entry),
            Ok(entry) => Ok(entry),
            Err(error) => return invalid_argument(&error.to_string()),
        };
        match accepted {
            Ok(entry) => {
                self.include(&entry, moment).unwrap_or_else(|failure| internal(&failure.to_string()))
            }
            Err(failure) => internal(&failure.to_string()),
        }
    }

    fn include(&self, entry: &[u8], moment: Moment) -> Result<Response, Failure> {
        let mut log = self.log();
        let mut included = match log.append(entry) {
            Ok(included) => included,
            Err(error @ AppendError::Duplicate(index)) => {
                let mut response = refusal(StatusCode::CONFLICT, 6, &error.to_string());
                response.headers_mut().insert(DUPLICATE_HEADER, index.into());
                return Ok(response);
            }
            Err(error @ AppendError::TooLong(_)) => return Ok(invalid_argument(&error.to_string())),
            Err(error @ AppendError::Write(_)) => return Err(Failure(error.to_string())),
        };
        let impostor = if moment.has(FaultKind::BadCheckpoint) { Some(Key::generate()?) } else { None };
        let checkpoint = log.checkpoint(impostor.as_ref())?;
        let id = log.id();
        drop(log);
        if moment.has(FaultKind::BadProof)
            && let Some(byte) = included.hashes.first_mut().and_then(|hash| hash.first_mut())
        {
            *byte ^= 1;
        }
        let hashes: Vec<_> = included.hashes.iter().map(|hash| STANDARD.encode(hash)).collect();
        let body = json!({
            "logIndex": included.index.to_string(),
            "logId": { "keyId": STANDARD.encode(id) },
            "kindVersion": { "kind": entry::KIND, "version": entry::VERSION },
            "integratedTime": "0",
            "inclusionPromise": null,
            "inclusionProof": {
                "logIndex": included.index.to_string(),
                "rootHash": STANDARD.encode(included.root),
                "treeSize": included.size.to_string(),
                "hashes": hashes,
                "checkpoint": { "envelope": checkpoint },
            },
            "canonicalizedBody": STANDARD.encode(entry),
        });
        Ok((StatusCode::CREATED, Json(body)).into_response())
    }
}

pub(super) fn router(rekor: Arc<Rekor>) -> Router {
    Router::new()
        .route("/api/v2/log/entries", post(create))
        .route("/api/v2/checkpoint", get(checkpoint))
        .route("/api/v2/tile/entries/{*place}", get(entries))
        .route("/api/v2/tile/{level}/{*place}", get(tile))
        .route("/healthz", get(|| async { Json(json!({ "status": "SERVING" })) }))
        .fallback(|| async { not_found() })
        .with_state(rekor)
}

fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, 5, "Not Found")
}

async fn create(
    State(rekor): State<Arc<Rekor>>,
    Extension(moment): Extension<Moment>,
    body: Bytes,
) -> Response {
    // the entry is on the disk before the answer goes out
    tokio::task::spawn_blocking(move || rekor.create(&body, moment))
        .await
        .unwrap_or_else(|error| internal(&error.to_string()))
}

async fn checkpoint(State(rekor): State<Arc<Rekor>>) -> Response {
    match rekor.log().checkpoint(None) {
        Ok(text) => text.into_response(),
        Err(failure) => internal(&failure.to_string()),
    }
}

fn octets(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

async fn tile(
    State(rekor): State<Arc<Rekor>>,
    extract::Path((level, place)): extract::Path<(String, String)>,
) -> Response {
    let level = number(&level, 2);
    let tile = level.zip(self::place(&place));
    match tile.and_then(|(level, (index, width))| rekor.log().tile(level, index, width)) {
        Some(hashes) => octets(hashes),
        None => not_found(),
    }
}

async fn entries(State(rekor): State<Arc<Rekor>>, extract::Path(place): extract::Path<String>) -> Response {
    let Some((index, width)) = self::place(&place) else { return not_found() };
    match rekor.log().entries(index, width) {
        Ok(Some(bundle)) => octets(bundle),
        Ok(None) => not_found(),
        Err(error) => internal(&error.to_string()),
    }
}

/// Decimal digits, at most `longest`, without leading zeros.
fn number(text: &str, longest: usize) -> Option<u64> {
    let plain = text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok()).flatten()
}

/// A tile's index and width: `x001/x234/067.p/89` is tile 1234067, of which 89 (C2SP tlog-tiles).
fn place(path: &str) -> Option<(u64, u64)> {
    let (index, width) = match path.split_once(".p/") {
        Some((index, width)) => (index, number(width, 3).filter(|width| (1..TILE).contains(width))?),
        None => (path, TILE),
    };
    let mut value = 0_u64;
    let mut groups = index.split('/').peekable();
    let mut first = true;
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if first && digits == "000" && groups.peek().is_some() {
            return None;
        }
        first = false;
        value = value.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some((value, width))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_are_read_as_the_specification_writes_them_and_no_other_way() {
        assert_eq!(place("000"), Some((0, 256)));
        assert_eq!(place("067.p/89"), Some((67, 89)));
        assert_eq!(place("x001/x234/067"), Some((1_234_067, 256)));
        for bad in [
            "",
            "0",
            "67",
            "x067",
            "001/067",
            "x001",
            "x000/067",
            "067.p/0",
            "067.p/256",
            "067.p/089",
            "067.p/",
            "067.p",
            "+67",
            "x001/x234/67",
            "x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
