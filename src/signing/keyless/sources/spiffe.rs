//! A JWT-SVID from the SPIFFE Workload API: one unary gRPC call, `SpiffeWorkloadAPI/FetchJWTSVID`, over the socket
//! that `SPIFFE_ENDPOINT_SOCKET` names (SPIFFE Workload Endpoint, sections 4 and 6).

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::error::Error;
use super::super::transport::{Transport, printable};

const NAME: &str = "SPIFFE";
/// Largest answer in bytes that is read.
const MAX_ANSWER: usize = 1024 * 1024;

fn problem(problem: impl Into<String>) -> Error {
    Error::Source {
        source_name: NAME,
        problem: problem.into(),
        remedy: "Check SPIFFE_ENDPOINT_SOCKET and that this workload is registered with the agent".to_owned(),
    }
}

/// Fetches a token for the audience; the agent's first one, which is the workload's default identity.
pub(super) async fn fetch(transport: &Transport, socket: &str, audience: &str) -> Result<String, Error> {
    let allowed = transport
        .remaining()
        .unwrap_or(transport.options().request_timeout)
        .min(transport.options().request_timeout);
    tokio::time::timeout(allowed, call(socket, audience))
        .await
        .map_err(|_| problem(format!("{socket}: no answer within {} s", allowed.as_secs())))?
}

async fn call(socket: &str, audience: &str) -> Result<String, Error> {
    let connect = |e: std::io::Error| problem(format!("{socket}: {e}"));
    if let Some(address) = socket.strip_prefix("tcp://").or_else(|| socket.strip_prefix("tcp:")) {
        let address: std::net::SocketAddr = address
            .parse()
            .map_err(|_| problem(format!("{socket:?} does not name an IP address and a port")))?;
        return exchange(tokio::net::TcpStream::connect(address).await.map_err(connect)?, audience).await;
    }
    #[cfg(unix)]
    if let Some(path) = socket.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return exchange(tokio::net::UnixStream::connect(path).await.map_err(connect)?, audience).await;
    }
    Err(problem(format!("{socket:?} is not a Workload API address; expected unix:///PATH or tcp://IP:PORT")))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    audience: &str,
) -> Result<String, Error> {
    let broken = |e: h2::Error| problem(format!("the Workload API's connection broke: {e}"));
    let (mut sender, connection) = h2::client::handshake(stream).await.map_err(broken)?;
    // Ends when the sender and the response are dropped.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let request = Request::post("http://localhost/SpiffeWorkloadAPI/FetchJWTSVID")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        // The specification's guard against requests forged through a browser or proxy.
        .header("workload.spiffe.io", "true")
        .body(())
        .map_err(|e| problem(e.to_string()))?;
    let (response, mut body) = sender.send_request(request, false).map_err(broken)?;
    body.send_data(frame(&request_message(audience)), true).map_err(broken)?;
    let (head, mut body) = response.await.map_err(broken)?.into_parts();
    if head.status != http::StatusCode::OK {
        return Err(problem(format!("the Workload API answered HTTP status {}", head.status)));
    }
    let mut data = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(broken)?;
        // Lets the peer send more; it fails only when the stream is gone, which the next read tells.
        let _ = body.flow_control().release_capacity(chunk.len());
        if data.len() + chunk.len() > MAX_ANSWER {
            return Err(problem("the Workload API's answer is too large"));
        }
        data.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await.map_err(broken)?;
    // An answer without body carries its status in the headers.
    let status = trailers.as_ref().unwrap_or(&head.headers);
    let text = |name: &str| status.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        Some("0") => {}
        Some("7") => {
            return Err(problem("the agent knows no identity for this workload (permission denied)"));
        }
        Some(code) => {
            let message = text("grpc-message").unwrap_or_default();
            return Err(problem(format!(
                "the Workload API answered gRPC status {code} {}",
                printable(message)
            )));
        }
        None => return Err(problem("the Workload API's answer has no gRPC status")),
    }
    first_svid(&data).ok_or_else(|| problem("the Workload API's answer holds no token"))
}

/// A gRPC message: not compressed, four bytes of length.
fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    Bytes::from([&[0][..], &length.to_be_bytes(), message].concat())
}

/// `JWTSVIDRequest { repeated string audience = 1; string spiffe_id = 2; }`
fn request_message(audience: &str) -> Vec<u8> {
    let mut message = vec![0x0a];
    let mut length = audience.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(audience.as_bytes());
    message
}

/// `JWTSVIDResponse { repeated JWTSVID svids = 1; }`, `JWTSVID { string spiffe_id = 1; string svid = 2; }`
fn first_svid(framed: &[u8]) -> Option<String> {
    let (&0, rest) = framed.split_first()? else { return None };
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let message = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let svid = field(message, 1)?;
    String::from_utf8(field(svid, 2)?.to_vec()).ok()
}

/// The first length-delimited field of that number in a protobuf message.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => {
                varint(&mut message)?;
                &[][..]
            }
            1 => take(&mut message, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                take(&mut message, length)?
            }
            5 => take(&mut message, 4)?,
            _ => return None,
        };
        if key == number << 3 | 2 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = message.split_at_checked(length)?;
    *message = tail;
    Some(head)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
