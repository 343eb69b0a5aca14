//! The four services: their ports, their listeners, and what stands between a request and its handler.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::serve::Listener;
use http_body::Frame;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Sleep;

use super::fault::{FaultKind, FaultState};
use super::{Clock, Error, Fault};

/// No request of the real services comes near this.
const MAX_BODY: usize = 4 << 20;

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The OpenID Connect issuer.
    Oidc,
    /// The certificate authority.
    Fulcio,
    /// The transparency log.
    Rekor,
    /// The timestamp authority.
    Timestamp,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Oidc, Self::Fulcio, Self::Rekor, Self::Timestamp];

    /// The service in one word.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Fulcio => "fulcio",
            Self::Rekor => "rekor",
            Self::Timestamp => "timestamp",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oidc => "the OIDC issuer",
            Self::Fulcio => "Fulcio",
            Self::Rekor => "Rekor",
            Self::Timestamp => "the timestamp authority",
        })
    }
}

/// A port for each service. 0 means the port of the directory's last run or, the first time, any free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// The OpenID Connect issuer's.
    pub oidc: u16,
    /// The certificate authority's.
    pub fulcio: u16,
    /// The transparency log's.
    pub rekor: u16,
    /// The timestamp authority's.
    pub timestamp: u16,
}

impl Ports {
    /// The port of one service.
    #[must_use]
    pub fn get(&self, service: Service) -> u16 {
        match service {
            Service::Oidc => self.oidc,
            Service::Fulcio => self.fulcio,
            Service::Rekor => self.rekor,
            Service::Timestamp => self.timestamp,
        }
    }

    pub(super) fn set(&mut self, service: Service, port: u16) {
        *match service {
            Service::Oidc => &mut self.oidc,
            Service::Fulcio => &mut self.fulcio,
            Service::Rekor => &mut self.rekor,
            Service::Timestamp => &mut self.timestamp,
        } = port;
    }
}

/// What every service has: a clock, a fault, and a count of requests.
pub(super) struct Desk {
    service: Service,
    clock: Clock,
    pub(super) faults: FaultState,
    requests: AtomicU64,
}

impl Desk {
    pub(super) fn new(service: Service, clock: Clock, fault: Option<Fault>) -> Arc<Self> {
        Arc::new(Self { service, clock, faults: FaultState::new(fault), requests: AtomicU64::new(0) })
    }

    /// How many requests have come in, or connections that a fault cut off before one could.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a handler knows of its request: the time it goes by, and what it should do wrong.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    fault: Option<FaultKind>,
}

impl Moment {
    /// Whether this fault strikes the request.
    pub(super) fn has(self, fault: FaultKind) -> bool {
        self.fault == Some(fault)
    }
}

/// A bound port.
pub(super) struct Port {
    desk: Arc<Desk>,
    address: SocketAddr,
    state: PortState,
    changes: watch::Receiver<u64>,
    stalled: Vec<TcpStream>,
}

enum PortState {
    Listening(TcpListener),
    /// Bound and not listening: the port stays ours, and connections are refused.
    Refusing(#[expect(dead_code, reason = "held for the port")] TcpSocket),
    Unbound,
}

impl Port {
    /// Takes the port, so that nobody else can have it.
    pub(super) fn bind(desk: &Arc<Desk>, ip: IpAddr, port: u16) -> Result<Self, Error> {
        let wanted = SocketAddr::new(ip, port);
        let listen = |source| Error::Listen { service: desk.service, address: wanted, source };
        let socket = socket(wanted).map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let state = if desk.faults.refuses() {
            PortState::Refusing(socket)
        } else {
            PortState::Listening(socket.listen(1024).map_err(listen)?)
        };
        let changes = desk.faults.changes();
        Ok(Self { desk: Arc::clone(desk), address, state, changes, stalled: Vec::new() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the stop signal, then a moment longer for what is under way.
    pub(super) async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
        let desk = Arc::clone(&self.desk);
        let router = router
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(middleware::from_fn_with_state(desk, at_the_desk));
        let mut stopping = stop.clone();
        let serve = axum::serve(self, router).with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        tokio::select! {
            served = serve => served,
            () = async {
                let _ = stopping.wait_for(|stop| *stop).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            } => Ok(()),
        }
    }

    /// Opens or closes the port, as the fault says.
    fn follow_fault(&mut self) -> std::io::Result<()> {
        let version = *self.changes.borrow_and_update();
        match (self.desk.faults.refuses(), &self.state) {
            (true, PortState::Refusing(_)) | (false, PortState::Listening(_)) => {}
            (refuse, _) => {
                self.state = PortState::Unbound;
                let socket = socket(self.address)?;
                self.state = if refuse {
                    PortState::Refusing(socket)
                } else {
                    PortState::Listening(socket.listen(1024)?)
                };
            }
        }
        self.desk.faults.saw(version);
        Ok(())
    }
}

fn socket(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Drop for Port {
    fn drop(&mut self) {
        self.desk.faults.saw(u64::MAX);
    }
}

impl Listener for Port {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if self.follow_fault().is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let PortState::Listening(listener) = &self.state else {
                let _ = self.changes.changed().await;
                continue;
            };
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                },
                _ = self.changes.changed() => {
                    self.stalled.clear();
                    continue;
                }
            };
            match self.desk.faults.take_for_connection() {
                Some(FaultKind::Stall) => {
                    self.desk.count();
                    self.stalled.push(stream);
                }
                Some(_) => {
                    self.desk.count();
                    let _ = stream.set_zero_linger();
                }
                None => return (stream, peer),
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Every request passes here: it is counted, given its time, and struck by the service's fault.
async fn at_the_desk(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    desk.count();
    let fault = desk.faults.take_for_request();
    let off = match fault {
        Some(FaultKind::ClockOff(off)) => off,
        _ => SignedDuration::ZERO,
    };
    request.extensions_mut().insert(Moment { now: desk.clock.now_off_by(off), fault });
    let mut response = match fault {
        Some(FaultKind::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refusal(status, 13, "a fault on purpose")
        }
        Some(FaultKind::Truncate) => truncate(next.run(request).await).await,
        _ => next.run(request).await,
    };
    // one request for each connection, so that a fault of connections strikes the very next one
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Announces the whole body, and sends half of it.
async fn truncate(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = Some(bytes.slice(..bytes.len() / 2));
    let pause = Box::pin(tokio::time::sleep(Duration::from_millis(20)));
    Response::from_parts(parts, Body::new(Half { half, pause }))
}

/// A body that ends too early, after a pause in which its beginning goes out.
struct Half {
    half: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.half.take() {
            Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
            None => self.pause.as_mut().poll(context).map(|()| None),
        }
    }
}

/// An error as Fulcio and Rekor write it: `code` is gRPC's.
pub(super) fn refusal(status: StatusCode, code: u8, message: &str) -> Response {
    let body = serde_json::json!({ "code": code, "message": message, "details": [] });
    (status, axum::Json(body)).into_response()
}

/// gRPC's `INVALID_ARGUMENT`, which its gateway answers with 400.
pub(super) fn invalid_argument(message: &str) -> Response {
    refusal(StatusCode::BAD_REQUEST, 3, message)
}

/// gRPC's `INTERNAL`, which its gateway answers with 500.
pub(super) fn internal(message: &str) -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, 13, message)
}
