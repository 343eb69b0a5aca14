//! A small HTTP server that answers from a closure and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// An answer: a status, a body, and perhaps a header.
pub(crate) struct Reply {
    status: u16,
    header: Option<(&'static str, String)>,
    body: Vec<u8>,
}

impl From<(u16, Vec<u8>)> for Reply {
    fn from((status, body): (u16, Vec<u8>)) -> Reply {
        Reply { status, header: None, body }
    }
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Reply {
        self.header = Some((name, value.to_owned()));
        self
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start<R: Into<Reply>>(
        answer: impl Fn(&Asked) -> R + Send + Sync + 'static,
    ) -> Server {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        let answer = Arc::new(answer);
        let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
            async move {
                let request = Asked { uri, headers, body };
                record.lock().unwrap().push(request.clone());
                let Reply { status, header, body } = answer(&request).into();
                let mut headers = HeaderMap::new();
                if let Some((name, value)) = header {
                    headers.insert(name, value.parse().unwrap());
                }
                (StatusCode::from_u16(status).unwrap(), headers, body)
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Server { url, asked, task }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}
