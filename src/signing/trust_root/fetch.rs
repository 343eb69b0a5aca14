//! The TUF client workflow over our own transport, with its limits and retries.

use std::path::Path;

use jiff::Timestamp;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{FileStore, Updater};
use url::Url;

use super::super::keyless::{Call, Cause, Service, ServiceError, Step, Transport, causes};
use super::{Error, Material, Repository, SIGNING_CONFIG, TRUSTED_ROOT, check};

/// A repository behind the transport. The workflow owns its repository, so requests go through a channel to the task
/// that borrows the transport.
struct Remote {
    base: Url,
    requests: tokio::sync::mpsc::Sender<Request>,
}

struct Request {
    url: Url,
    max_length: u64,
    answer: tokio::sync::oneshot::Sender<sigstore_tuf::Result<Option<Vec<u8>>>>,
}

impl Remote {
    fn fetch<'a>(&'a self, path: String, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let gone = || sigstore_tuf::Error::transport("the update was given up");
            let url = self
                .base
                .join(&path)
                .map_err(|e| sigstore_tuf::Error::transport(format!("{path:?} is no URL: {e}")))?;
            let (answer, result) = tokio::sync::oneshot::channel();
            self.requests.send(Request { url, max_length, answer }).await.map_err(|_| gone())?;
            result.await.map_err(|_| gone())?
        })
    }
}

impl sigstore_tuf::Repository for Remote {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.fetch(name.to_owned(), max_length)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.fetch(format!("targets/{path}"), max_length)
    }
}

/// Runs the workflow with a store in `directory`, which may hold an earlier state.
pub(super) async fn fetch(
    transport: &Transport,
    repository: &Repository,
    directory: &Path,
    now: Timestamp,
) -> Result<Material, Error> {
    let mut base = repository.url.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    let (requests, mut incoming) = tokio::sync::mpsc::channel::<Request>(1);
    let remote = Remote { base, requests };
    let serve = async {
        while let Some(request) = incoming.recv().await {
            let answer = get(transport, &request.url, request.max_length).await;
            // A receiver that is gone has given up, and the workflow says why.
            let _ = request.answer.send(answer);
        }
    };
    let workflow = async {
        let updater = Updater::new(remote, &repository.root)?.with_store(FileStore::new(directory));
        run(updater, repository, now).await
    };
    tokio::pin!(workflow);
    let result = tokio::select! {
        result = &mut workflow => result,
        // Ends only when the workflow drops its repository, which is when it is over.
        () = serve => workflow.await,
    };
    result.map_err(|e| Error::Repository(Box::new(blame(repository, e))))
}

/// Refreshes, then reads the targets; the same for the network and for the cache.
pub(super) async fn run(
    mut updater: Updater,
    repository: &Repository,
    now: Timestamp,
) -> sigstore_tuf::Result<Material> {
    updater.refresh(now).await?;
    let trusted_root = updater.get_target(TRUSTED_ROOT, now).await?;
    let signing_config = match updater.get_target_info(SIGNING_CONFIG, now).await? {
        Some(_) => Some(updater.get_target(SIGNING_CONFIG, now).await?),
        None => None,
    };
    check(&trusted_root, signing_config.as_deref()).map_err(sigstore_tuf::Error::Malformed)?;
    let trusted = updater.trusted();
    let not_refreshed = || sigstore_tuf::Error::NotRefreshed;
    let timestamp = trusted.timestamp().ok_or_else(not_refreshed)?;
    let snapshot = trusted.snapshot().ok_or_else(not_refreshed)?;
    let targets = trusted.targets_role("targets").ok_or_else(not_refreshed)?;
    let expiries = [trusted.root().expires, timestamp.expires, snapshot.expires, targets.expires];
    Ok(Material {
        trusted_root,
        signing_config,
        url: repository.url.to_string(),
        updated: now,
        root_version: trusted.root().version,
        timestamp_version: timestamp.version,
        expires: expiries.into_iter().min().unwrap_or(now),
    })
}

async fn get(transport: &Transport, url: &Url, max_length: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
    let call = Call::get(Service::TrustRepository, Step::TrustRoot, url.clone());
    match transport.send(&call).await {
        Ok(answer) if u64::try_from(answer.body.len()).unwrap_or(u64::MAX) > max_length => {
            Err(carry(call.malformed(format!("it is larger than {max_length} bytes"))))
        }
        Ok(answer) => Ok(Some(answer.body)),
        // Object stores say 403 for what is not there.
        Err(error) if matches!(error.cause, Cause::Status { status: 403 | 404, .. }) => Ok(None),
        Err(error) => Err(carry(error)),
    }
}

fn carry(error: ServiceError) -> sigstore_tuf::Error {
    sigstore_tuf::Error::transport_with_source(error.url.clone(), error)
}

/// The transport's own error where it was one; otherwise the repository's answers do not verify.
fn blame(repository: &Repository, error: sigstore_tuf::Error) -> ServiceError {
    let call = Call::get(Service::TrustRepository, Step::TrustRoot, repository.url.clone());
    match error {
        sigstore_tuf::Error::Transport { source: Some(source), message } => {
            match source.downcast::<ServiceError>() {
                Ok(error) => *error,
                Err(source) => call.malformed(format!("{message}: {source}")),
            }
        }
        other => call.untrue(causes(&other)),
    }
}
