//! The messages of a server, a line each, a form feed between two connections: whatever comes, the capture ends, and
//! what it captures can be locked and read back.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use mcptrust::capture::{Limits, capture_over};
use mcptrust::lockfile::{Lockfile, Server, Source};
use mcptrust::mcp::{Connector, Ending, Error, How, Link, Outgoing, Received};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

struct Script(Mutex<Vec<Vec<Vec<u8>>>>);

struct Connection(Vec<Vec<u8>>);

impl Connector for Script {
    type Link = Connection;

    async fn connect(&self) -> Result<Connection, Error> {
        Ok(Connection(self.0.lock().expect("not poisoned").pop().unwrap_or_default()))
    }
}

impl Link for Connection {
    async fn send(&mut self, message: Outgoing<'_>) -> Result<(), Error> {
        let sent: serde_json::Value = serde_json::from_str(message.body).expect("what is sent is JSON");
        assert_eq!(sent["jsonrpc"], "2.0");
        assert!(!message.body.contains('\n'));
        Ok(())
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        Ok(match self.0.pop() {
            Some(line) => Received::Message(line),
            None => Received::Ended(Ending { how: How::Closed, unfinished: false }),
        })
    }

    async fn finish(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        Ok(std::mem::take(&mut self.0))
    }

    async fn abandon(&mut self) {}
}

fuzz_target!(|bytes: &[u8]| {
    let lines = |part: &[u8]| part.split(|b| *b == b'\n').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let prefer = match first {
        b'l' => Some("2025-06-18"),
        b'm' => Some("2026-07-28"),
        _ => None,
    };
    let script = Script(Mutex::new(rest.split(|b| *b == b'\x0c').rev().map(lines).collect()));
    let limits = Limits::default();
    let capture = capture_over(&script, "x", &limits, prefer, &|_| {});
    let outcome = RUNTIME.with_borrow(|runtime| runtime.block_on(capture));
    let Ok(captured) = outcome.map_err(|failure| failure.to_string()) else { return };

    let source =
        Source::Stdio { command: "x".into(), args: vec![], env: vec![], env_from: BTreeMap::new(), cwd: None };
    let mut lockfile = Lockfile::default();
    lockfile.servers.insert("x".into(), Server { source, volatile: vec![], surface: captured.surface });
    let written = lockfile.to_bytes();
    let read = Lockfile::parse(&written).unwrap_or_else(|e| panic!("what was captured cannot be locked: {e}"));
    assert_eq!(read, lockfile);
});
