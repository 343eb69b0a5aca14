//! A session over a transport made of memory: exactly what is sent, and that no transport but stdio is assumed.

use std::sync::{Arc, Mutex};

use super::*;
use crate::json::{Value, compact};
use crate::surface::Kind;

/// What a connection was told, in order.
type Log = Arc<Mutex<Vec<String>>>;

struct Script {
    answers: &'static [&'static str],
    log: Log,
}

struct Scripted {
    answers: std::slice::Iter<'static, &'static str>,
    log: Log,
}

impl Connector for Script {
    type Link = Scripted;

    async fn connect(&self) -> Result<Scripted, Error> {
        Ok(Scripted { answers: self.answers.iter(), log: Arc::clone(&self.log) })
    }
}

impl Scripted {
    fn note(&self, text: String) {
        self.log.lock().unwrap().push(text);
    }
}

impl Link for Scripted {
    async fn send(&mut self, message: Outgoing<'_>) -> Result<(), Error> {
        let value: serde_json::Value = serde_json::from_str(message.body).unwrap();
        assert_eq!(value.get("method").and_then(serde_json::Value::as_str), message.method);
        self.note(message.body.to_owned());
        Ok(())
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        Ok(match self.answers.next() {
            Some(answer) => Received::Message(answer.as_bytes().to_vec()),
            None => Received::Ended(Ending { how: How::Closed, unfinished: false }),
        })
    }

    fn agreed(&mut self, version: &str) {
        self.note(format!("agreed {version}"));
    }

    async fn finish(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        self.note("finish".to_owned());
        Ok(Vec::new())
    }

    async fn abandon(&mut self) {
        self.note("abandon".to_owned());
    }
}

/// Opens a session, reads the tools and says goodbye.
async fn talk(
    prefer: Option<&str>,
    answers: &'static [&'static str],
) -> (Result<Vec<String>, Error>, Vec<String>) {
    let log = Log::default();
    let script = Script { answers, log: Arc::clone(&log) };
    let outcome = async {
        let (mut session, _) = open(&script, &Limits::default(), prefer, &|_| {}).await?;
        let mut listing = Listing::new(Kind::Tool);
        let mut pages = Vec::new();
        while let Some(page) = session.next_page(&mut listing).await? {
            pages.push(compact(&Value::Object(page)));
        }
        session.finish().await?;
        Ok(pages)
    };
    let outcome = outcome.await;
    let log = log.lock().unwrap().clone();
    (outcome, log)
}

#[tokio::test]
async fn the_legacy_era_word_for_word() {
    let (pages, log) = talk(
        Some("2025-06-18"),
        &[
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{}}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":-7.5,"method":"roots/list"}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[1],"nextCursor":""}}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[2]}}"#,
        ],
    )
    .await;
    assert_eq!(pages.unwrap(), [r#"{"tools":[1]}"#, r#"{"tools":[2]}"#]);
    assert_eq!(
        log,
        [
            r#"{"id":1,"jsonrpc":"2.0","method":"initialize","params":{"capabilities":{},"clientInfo":{"name":"mcptrust","version":"1"},"protocolVersion":"2025-06-18"}}"#,
            "agreed 2025-03-26",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"id":2,"jsonrpc":"2.0","method":"tools/list","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":"a","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":-7.5,"error":{"code":-32601,"message":"Method not found"}}"#,
            r#"{"id":3,"jsonrpc":"2.0","method":"tools/list","params":{"cursor":""}}"#,
            "finish",
        ]
    );
}

#[tokio::test]
async fn the_modern_era_word_for_word() {
    let (pages, log) = talk(
        None,
        &[
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25","2026-07-28"]}}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[1.0],"nextCursor":"é","resultType":"complete"}}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[]}}"#,
        ],
    )
    .await;
    assert_eq!(pages.unwrap(), [r#"{"resultType":"complete","tools":[1.0]}"#, r#"{"tools":[]}"#]);
    let meta = r#""_meta":{"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"mcptrust","version":"1"},"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    assert_eq!(
        log,
        [
            format!(r#"{{"id":1,"jsonrpc":"2.0","method":"server/discover","params":{{{meta}}}}}"#),
            "agreed 2026-07-28".to_owned(),
            format!(r#"{{"id":2,"jsonrpc":"2.0","method":"tools/list","params":{{{meta}}}}}"#),
            format!(r#"{{"id":3,"jsonrpc":"2.0","method":"tools/list","params":{{{meta},"cursor":"é"}}}}"#),
            "finish".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_connection_is_ended_before_the_next_is_made_and_after_an_error() {
    let (outcome, log) = talk(None, &[]).await;
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "the server closed its standard output before it answered initialize"
    );
    let words: Vec<&str> =
        log.iter().map(|entry| if entry.contains("discover") { "probe" } else { entry.as_str() }).collect();
    assert_eq!(words.len(), 4);
    assert_eq!((words[0], words[1], words[3]), ("probe", "abandon", "abandon"));
    assert!(words[2].contains("\"initialize\""));
}
