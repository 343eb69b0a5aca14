//! The loopback listener that a browser returns to after a log-in (RFC 8252, section 7.3).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use zeroize::Zeroizing;

const PATH: &str = "/callback";
/// Largest request head in bytes that is read.
const MAX_HEAD: usize = 16 * 1024;
/// How long one connection may take to say what it wants; browsers open some that say nothing.
const HEAD_TIME: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) struct Listener {
    listener: TcpListener,
    redirect: String,
}

/// What one request was.
enum Visit {
    /// Not the return: another page, another log-in's state, or nothing at all.
    Other,
    /// The return, with a code.
    Code(Zeroizing<String>),
    /// The return, with an error.
    Refused(String),
}

impl Listener {
    pub(super) async fn bind() -> std::io::Result<Listener> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        // By name: Dex, which the public instances use, knows loopback by no other.
        let redirect = format!("http://localhost:{}{PATH}", listener.local_addr()?.port());
        Ok(Listener { listener, redirect })
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect
    }

    /// Waits for the browser to return with this state, and answers everything else with 404.
    pub(super) async fn wait(&self, state: &str) -> Result<Zeroizing<String>, String> {
        let mut visits = tokio::task::JoinSet::new();
        loop {
            let visit = tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted.map_err(|e| e.to_string())?;
                    let state = state.to_owned();
                    // One that stays silent must not keep the real one waiting.
                    visits.spawn(async move {
                        tokio::time::timeout(HEAD_TIME, serve(stream, &state)).await.unwrap_or(Visit::Other)
                    });
                    continue;
                }
                Some(visit) = visits.join_next() => visit.unwrap_or(Visit::Other),
            };
            match visit {
                Visit::Other => {}
                Visit::Code(code) => return Ok(code),
                Visit::Refused(reason) => return Err(reason),
            }
        }
    }
}

async fn serve(mut stream: TcpStream, state: &str) -> Visit {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut chunk = [0u8; 2048];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 && head.len() + read <= MAX_HEAD => {
                head.extend_from_slice(chunk.get(..read).unwrap_or_default())
            }
            _ => return Visit::Other,
        }
    }
    let visit = read(&head, state);
    let (status, text) = match &visit {
        Visit::Other => ("404 Not Found", "There is nothing here."),
        Visit::Code(_) => ("200 OK", "You are logged in. You can close this page and go back to mcptrust."),
        Visit::Refused(_) => ("200 OK", "The log-in did not succeed. Go back to mcptrust to see why."),
    };
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>mcptrust</title><p>{text}</p>\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // The page is a courtesy; the code counts without it.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    visit
}

fn read(head: &[u8], state: &str) -> Visit {
    let target = std::str::from_utf8(head).ok().and_then(|head| head.lines().next()).and_then(|line| {
        let mut words = line.split(' ');
        (words.next() == Some("GET")).then(|| words.next()).flatten()
    });
    let Some(url) = target.and_then(|target| Url::parse("http://127.0.0.1").ok()?.join(target).ok()) else {
        return Visit::Other;
    };
    if url.path() != PATH {
        return Visit::Other;
    }
    let value =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    // Any page that the browser shows can send it here; only the issuer knows the state.
    if value("state").as_deref() != Some(state) {
        return Visit::Other;
    }
    if let Some(error) = value("error") {
        let detail = value("error_description").unwrap_or_default();
        return Visit::Refused(super::transport::printable(&format!("{error} {detail}")));
    }
    match value("code") {
        Some(code) if !code.is_empty() => Visit::Code(code.into()),
        _ => Visit::Refused("the issuer sent neither a code nor an error".to_owned()),
    }
}
