//! A SPIFFE Workload API of a few lines, over TCP and over a Unix socket.

use bytes::Bytes;
use http::{HeaderMap, Response};
use jiff::Timestamp;
use mcptrust::signing::certificate;
use mcptrust::signing::keyless::{Error, Found, Identity, Places, Source, SourceOptions, Transport, find};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::instance::network;
use crate::sources::token;

const ID: &str = "spiffe://example.com/builder";

/// What the agent answers.
#[derive(Clone)]
struct Answer {
    body: Vec<u8>,
    status: &'static str,
}

fn svid(token: &str) -> Vec<u8> {
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let (low, high) =
            (u8::try_from(value.len() & 0x7f).unwrap() | 0x80, u8::try_from(value.len() >> 7).unwrap());
        [&[number << 3 | 2, low, high][..], value].concat()
    }
    let svid = [field(1, ID.as_bytes()), field(2, token.as_bytes())].concat();
    let message = field(1, &svid);
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request.unwrap();
        assert_eq!(request.uri().path(), "/SpiffeWorkloadAPI/FetchJWTSVID");
        assert_eq!(request.headers()["workload.spiffe.io"], "true");
        assert_eq!(request.headers()["content-type"], "application/grpc");
        let answer = answer.clone();
        tokio::spawn(async move {
            let sent = request.into_body().data().await.unwrap().unwrap();
            assert_eq!(&sent[..], b"\0\0\0\0\x0a\x0a\x08sigstore");
            let response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut body = respond.send_response(response, false).unwrap();
            // In two pieces, as a real connection may bring it.
            let (first, second) = answer.body.split_at(answer.body.len() / 2);
            body.send_data(Bytes::copy_from_slice(first), false).unwrap();
            body.send_data(Bytes::copy_from_slice(second), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", answer.status.parse().unwrap());
            body.send_trailers(trailers).unwrap();
        });
    }
}

async fn fetch(socket: &str) -> Result<Found, Error> {
    let dir = tempfile::tempdir().unwrap();
    let env = |name: &str| (name == "SPIFFE_ENDPOINT_SOCKET").then(|| socket.to_owned());
    let options = SourceOptions {
        given: None,
        env: &env,
        audience: "sigstore",
        now: Timestamp::now(),
        places: Places { projected_token: dir.path().join("none"), product_name: dir.path().join("none") },
        ambient: true,
        interactive: None,
    };
    find(&Transport::new(network()).unwrap(), &options).await
}

async fn over_tcp(answer: Answer) -> Result<Found, Error> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0, answer).await });
    fetch(&format!("tcp://{address}")).await
}

#[tokio::test]
async fn the_agent_gives_the_workloads_token_over_tcp() {
    let answer = Answer { body: svid(&token(ID, "sigstore")), status: "0" };
    let found = over_tcp(answer).await.unwrap();
    assert_eq!((found.token.subject(), found.source), (ID, Source::Spiffe));
    let identity = Identity::from_token(found.token).unwrap();
    assert_eq!(identity.predicted().identity, certificate::Identity::Uri(ID.to_owned()));
}

#[cfg(unix)]
#[tokio::test]
async fn the_agent_gives_the_workloads_token_over_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let answer = Answer { body: svid(&token(ID, "sigstore")), status: "0" };
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0, answer).await });
    let found = fetch(&format!("unix://{}", path.display())).await.unwrap();
    assert_eq!((found.token.subject(), found.source), (ID, Source::Spiffe));
}

#[tokio::test]
async fn an_agent_that_has_nothing_is_told_from_one_that_is_broken() {
    let empty = vec![0, 0, 0, 0, 0];
    let told = |error: Error| error.to_string();
    let denied = told(over_tcp(Answer { body: Vec::new(), status: "7" }).await.unwrap_err());
    assert!(denied.contains("knows no identity for this workload"), "{denied}");
    let failed = told(over_tcp(Answer { body: Vec::new(), status: "14" }).await.unwrap_err());
    assert!(failed.contains("gRPC status 14"), "{failed}");
    let nothing = told(over_tcp(Answer { body: empty, status: "0" }).await.unwrap_err());
    assert!(nothing.contains("holds no token"), "{nothing}");
    let mut cut = svid(&token(ID, "sigstore"));
    cut.truncate(cut.len() - 1);
    let cut = told(over_tcp(Answer { body: cut, status: "0" }).await.unwrap_err());
    assert!(cut.contains("holds no token"), "{cut}");
    let nowhere = told(fetch("tcp://127.0.0.1:1").await.unwrap_err());
    assert!(nowhere.contains("SPIFFE") && nowhere.contains("tcp://127.0.0.1:1"), "{nowhere}");
    let wrong = told(fetch("/run/agent.sock").await.unwrap_err());
    assert!(wrong.contains("expected unix:///PATH or tcp://IP:PORT"), "{wrong}");
}
