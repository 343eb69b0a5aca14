//! A server for the tests that misbehaves on purpose, in one way at a time.
//!
//! `fixture_hostile MODE [ARG...] [--surface FILE] [--modern] [--pids FILE]`
//!
//! `well` misbehaves in no way. `--surface FILE` serves what stands in a JSON file: `serverInfo`, `capabilities`,
//! `instructions`, `tools`, `prompts`, `resources`, `resourceTemplates`, `pageSize`, and `extra` (per method, fields
//! that are added to the result). Whatever is in there is sent as it is written. `--modern` speaks the stateless era
//! only. `--upset` refuses an `initialize` that is not the first request. `--pids FILE` appends
//! the number of every process that is started, for tests that look for survivors.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Stdio, exit};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const MODERN: &str = "2026-07-28";

fn main() -> ExitCode {
    match Server::from_arguments().and_then(|mut server| server.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fixture: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a surface file may hold, each part as raw text.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Surface {
    protocol_version: Option<String>,
    server_info: Option<Box<RawValue>>,
    capabilities: Option<Box<RawValue>>,
    instructions: Option<Box<RawValue>>,
    tools: Option<Vec<Box<RawValue>>>,
    prompts: Option<Vec<Box<RawValue>>>,
    resources: Option<Vec<Box<RawValue>>>,
    resource_templates: Option<Vec<Box<RawValue>>>,
    page_size: Option<usize>,
    extra: BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
}

#[derive(Debug)]
struct Server {
    mode: String,
    args: Vec<String>,
    modern: bool,
    upset: bool,
    pids: Option<String>,
    surface: Surface,
    /// How many requests have come in, and how many of the method at hand.
    requests: usize,
    lists: usize,
}

impl Server {
    fn from_arguments() -> Outcome<Self> {
        let mut arguments = std::env::args().skip(1);
        let mut server = Server {
            mode: "well".to_owned(),
            args: Vec::new(),
            modern: false,
            upset: false,
            pids: None,
            surface: Surface::default(),
            requests: 0,
            lists: 0,
        };
        let mut words = Vec::new();
        let mut file = None;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--surface" => file = arguments.next(),
                "--pids" => server.pids = arguments.next(),
                "--modern" => server.modern = true,
                "--upset" => server.upset = true,
                _ => words.push(argument),
            }
        }
        if !words.is_empty() {
            server.mode = words.remove(0);
            server.args = words;
        }
        server.surface = match file {
            Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
            None => server.built_in()?,
        };
        server.modern |= server.mode.starts_with("modern");
        Ok(server)
    }

    fn built_in(&self) -> Outcome<Surface> {
        let tool = |name: &str, more: &str| {
            raw(&format!(
                r#"{{"name":{},"description":"A tool.","inputSchema":{{"type":"object"}}{more}}}"#,
                quote(name)
            ))
        };
        let mut surface = Surface { tools: Some(vec![tool("echo", "")?]), ..Surface::default() };
        match self.mode.as_str() {
            "many" => {
                let (count, pages) = (self.number(0)?, self.number(1)?);
                let tools: Outcome<Vec<_>> =
                    (0..count).map(|number| tool(&format!("tool_{number:06}"), "")).collect();
                surface.tools = Some(tools?);
                surface.page_size = Some(count.div_ceil(pages.max(1)).max(1));
            }
            "duplicate-names" => surface.tools = Some(vec![tool("a", "")?, tool("b", "")?, tool("a", "")?]),
            "control-name" => surface.tools = Some(vec![tool("evil\u{1b}[2K\u{202e}", "")?]),
            "nfd-name" => surface.tools = Some(vec![tool("cafe\u{301}", "")?]),
            "empty-name" => surface.tools = Some(vec![tool("", "")?]),
            "no-name" => surface.tools = Some(vec![tool("a", "")?, raw(r#"{"title":"x"}"#)?]),
            "number-name" => surface.tools = Some(vec![raw(r#"{"name":7}"#)?]),
            "not-an-object" => surface.tools = Some(vec![raw("\"echo\"")?]),
            "numbers" => {
                surface.tools = Some(vec![tool("n", r#","n":[9007199254740993,1.0e2,1E400,-0.0,1.10]"#)?]);
            }
            "duplicate-key" => surface.tools = Some(vec![tool("a", r#","x":{"k":1,"k":2}"#)?]),
            "lone-surrogate" => surface.tools = Some(vec![tool("a", r#","x":"\ud800""#)?]),
            "deep" => {
                let depth = self.number(0)?;
                let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
                surface.tools = Some(vec![tool("a", &format!(r#","x":{nested}"#))?]);
            }
            "huge-line" => {
                let text = "x".repeat(self.number(0)?);
                surface.tools = Some(vec![tool("a", &format!(r#","x":"{text}""#))?]);
            }
            "echo-env" => {
                let value = std::env::var(self.arg(0)?)?;
                let more = format!(r#","x":[{{"deep/er":{}}}]"#, quote(&format!("before {value} after")));
                surface.tools = Some(vec![tool("leak", &more)?, tool(&format!("named {value}"), "")?]);
                surface.instructions = Some(raw(&quote(&value))?);
            }
            "empty-lists" => {
                surface.tools = Some(Vec::new());
                surface.prompts = Some(Vec::new());
                surface.resources = Some(Vec::new());
                surface.resource_templates = Some(Vec::new());
            }
            "nothing" => surface.tools = None,
            _ => {}
        }
        Ok(surface)
    }

    fn arg(&self, index: usize) -> Outcome<&str> {
        Ok(self.args.get(index).ok_or_else(|| format!("mode {} needs another argument", self.mode))?)
    }

    fn number(&self, index: usize) -> Outcome<usize> {
        Ok(self.arg(index)?.parse()?)
    }

    fn is(&self, mode: &str) -> bool {
        self.mode == mode
    }

    fn run(&mut self) -> Outcome {
        self.record(std::process::id())?;
        match self.mode.as_str() {
            "exit" => {
                complain("starting\nno configuration found: \u{1b}[31mgiving up\u{1b}[0m")?;
                exit(3);
            }
            "leak-and-exit" => {
                complain(&format!("the token {} is not valid", std::env::var(self.arg(0)?)?))?;
                exit(3);
            }
            "grandchildren" | "grandchildren-hang" => {
                // Deaf to SIGTERM, and holding on to every stream.
                for _ in 0..2 {
                    let child = Command::new("sh")
                        .args(["-c", "trap '' TERM; while :; do sleep 1; done"])
                        .stdin(Stdio::inherit())
                        .spawn()?;
                    self.record(child.id())?;
                }
            }
            "noise-flood" => loop {
                write_line("still not speaking the protocol")?;
            },
            "endless-line" => loop {
                io::stdout().write_all(&[b'x'; 4096])?;
            },
            "pretty-noise" => {
                write_line("Server is starting...")?;
                write_line("[INFO] listening {on} stdio")?;
                write_line(r#"{"level":"info","method":"boot","id":1,"sent":{"jsonrpc":"2.0"}}"#)?;
                write_line("")?;
            }
            _ => {}
        }
        // Not locked over the loop: some modes read from within it.
        let mut line = String::new();
        while io::stdin().read_line(&mut line)? > 0 {
            self.message(line.trim_end())?;
            line.clear();
        }
        match self.mode.as_str() {
            "deaf" | "grandchildren" => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            "late-reply" => write_line(r#"{"jsonrpc":"2.0","id":2,"result":{}}"#)?,
            "late-log" => write_line("goodbye")?,
            _ => {}
        }
        Ok(())
    }

    fn record(&self, pid: u32) -> Outcome {
        if let Some(path) = &self.pids {
            writeln!(OpenOptions::new().create(true).append(true).open(path)?, "{pid}")?;
        }
        Ok(())
    }

    fn message(&mut self, line: &str) -> Outcome {
        let message: Value = serde_json::from_str(line)?;
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            return Err(format!("an answer that was not asked for: {line}").into());
        };
        let Some(id) = message.get("id") else {
            if method != "notifications/initialized" {
                return Err(format!("an unknown notification: {line}").into());
            }
            return Ok(());
        };
        self.requests += 1;
        let params = message.get("params").cloned().unwrap_or_default();
        if self.misbehave(method, id)? {
            return Ok(());
        }
        match self.result(method, &params)? {
            Ok(result) => respond(id, &result),
            Err(error) => write_line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)),
        }
    }

    /// Whether the request has been dealt with in the way of the mode.
    fn misbehave(&mut self, method: &str, id: &Value) -> Outcome<bool> {
        let listing = method.ends_with("/list");
        if self.upset && method == "initialize" && self.requests > 1 {
            write_line(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32600,"message":"too late"}}}}"#
            ))?;
            return Ok(true);
        }
        match self.mode.as_str() {
            "exit-on-probe" if method == "server/discover" => {
                complain("unknown first message")?;
                exit(1);
            }
            "exit-after-probe" if method == "server/discover" => {
                write_line(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32600,"message":"Invalid Request"}}}}"#
                ))?;
                exit(1);
            }
            "null-id-on-probe" if method == "server/discover" => {
                write_line(
                    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}"#,
                )?;
            }
            "ignore-probe" if method == "server/discover" => {}
            "empty-result-on-probe" if method == "server/discover" => respond(id, "{}")?,
            "exit-in-list" if listing => {
                complain("out of memory")?;
                write!(io::stdout(), r#"{{"jsonrpc":"2.0","id":{id},"resu"#)?;
                io::stdout().flush()?;
                exit(4);
            }
            "hang" | "grandchildren-hang" => {}
            "hang-on-list" if listing => {}
            "slow" => {
                std::thread::sleep(Duration::from_millis(self.number(0)?.try_into()?));
                self.mode = "well".to_owned();
                return Ok(false);
            }
            "flood-stderr" => {
                let chunk = [b'e'; 64 << 10];
                for _ in 0..64 {
                    io::stderr().write_all(&chunk)?;
                    io::stderr().write_all(b"\n")?;
                }
                return Ok(false);
            }
            "noise" => {
                write_line(&format!("handling \u{1b}[1m{method}\u{1b}[0m"))?;
                return Ok(false);
            }
            "interleave" => {
                interleave()?;
                return Ok(false);
            }
            "wrong-id" if listing => write_line(r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#)?,
            "string-id" => write_line(&format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{{}}}}"#))?,
            "second-reply" if listing => {
                respond(id, r#"{"tools":[],"nextCursor":"more"}"#)?;
                respond(id, r#"{"tools":[]}"#)?;
            }
            "null-id-error" if listing => {
                write_line(
                    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse \u001b error"}}"#,
                )?;
            }
            "bad-json" if listing => {
                write_line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[nope]}}}}"#))?;
            }
            "duplicate-key-envelope" if listing => {
                write_line(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[]}},"result":{{"tools":[1]}}}}"#
                ))?;
            }
            "not-json-rpc" if listing => write_line(r#"{"jsonrpc":"2.0","id":1}"#)?,
            "batch" => {
                let result = match self.result(method, &Value::Null)? {
                    Ok(result) => format!(r#""result":{result}"#),
                    Err(error) => format!(r#""error":{error}"#),
                };
                write_line(&format!(
                    r#"[{{"jsonrpc":"2.0","method":"notifications/message","params":{{}}}},{{"jsonrpc":"2.0","id":{id},{result}}}]"#
                ))?;
            }
            "list-fails" if method == self.arg(0)? => {
                write_line(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"database \u001b[31mlocked"}}}}"#
                ))?;
            }
            "method-not-found" if method == self.arg(0)? => {
                write_line(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#
                ))?;
            }
            "endless-pages" if listing => {
                self.lists += 1;
                let page = self.lists;
                respond(id, &format!(r#"{{"tools":[],"nextCursor":"page {page}"}}"#))?;
            }
            "repeated-cursor" if listing => respond(id, r#"{"tools":[],"nextCursor":"a\u202eb"}"#)?,
            "cursor" if listing => respond(id, &format!(r#"{{"tools":[],"nextCursor":{}}}"#, self.arg(0)?))?,
            "result" if listing => respond(id, self.arg(0)?)?,
            "settles" | "unsettled" if listing => {
                self.lists += 1;
                if self.is("unsettled") || self.lists == 1 {
                    write_line(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)?;
                }
                let count = if self.is("unsettled") { self.lists } else { self.lists.min(2) };
                let tools: Vec<String> =
                    (0..count).map(|number| format!(r#"{{"name":"t{number}"}}"#)).collect();
                respond(id, &format!(r#"{{"tools":[{}]}}"#, tools.join(",")))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The result or the error of a request, as raw text.
    fn result(&self, method: &str, params: &Value) -> Outcome<Result<String, String>> {
        // A server of both eras whose newest version is a legacy one.
        let modern = self.modern && (method == "server/discover" || !self.is("modern-unsupported"));
        if modern {
            let version = params.pointer("/_meta/io.modelcontextprotocol~1protocolVersion");
            if version.and_then(Value::as_str) != Some(MODERN) {
                return Ok(Err(r#"{"code":-32600,"message":"the request names no version"}"#.to_owned()));
            }
            if params.pointer("/_meta/io.modelcontextprotocol~1clientCapabilities").is_none() {
                return Ok(Err(r#"{"code":-32602,"message":"the request names no client"}"#.to_owned()));
            }
        }
        let tail = if modern { self.modern_fields() } else { String::new() };
        let fields = match method {
            "server/discover" if self.modern => match self.mode.as_str() {
                "modern-unsupported" => return Ok(Err(unsupported(self.arg(0)?))),
                "modern-refusal" => {
                    return Ok(Err(r#"{"code":-32021,"message":"sampling is required"}"#.to_owned()));
                }
                _ => {
                    let versions = match self.mode.as_str() {
                        "modern-versions" => self.arg(0)?.to_owned(),
                        _ => format!("[\"{MODERN}\"]"),
                    };
                    format!(r#""supportedVersions":{versions},{}"#, self.about())
                }
            },
            "initialize" if !modern => {
                let asked = params.get("protocolVersion").and_then(Value::as_str).unwrap_or("2025-11-25");
                let version = match self.mode.as_str() {
                    "version" => self.arg(0)?,
                    _ => self.surface.protocol_version.as_deref().unwrap_or(asked),
                };
                let info = self.server_info();
                format!(r#""protocolVersion":{},"serverInfo":{info},{}"#, quote(version), self.about())
            }
            "tools/list" => self.page("tools", self.surface.tools.as_ref(), params)?,
            "prompts/list" => self.page("prompts", self.surface.prompts.as_ref(), params)?,
            "resources/list" => self.page("resources", self.surface.resources.as_ref(), params)?,
            "resources/templates/list" => {
                self.page("resourceTemplates", self.surface.resource_templates.as_ref(), params)?
            }
            _ => return Ok(Err(r#"{"code":-32601,"message":"Method not found"}"#.to_owned())),
        };
        let mut extra = String::new();
        for (name, value) in self.surface.extra.get(method).into_iter().flatten() {
            extra.push_str(&format!(",{}:{}", quote(name), value.get()));
        }
        Ok(Ok(format!("{{{fields}{extra}{tail}}}")))
    }

    fn about(&self) -> String {
        let capabilities = match &self.surface.capabilities {
            Some(raw) => raw.get().to_owned(),
            None => {
                let declared: Vec<&str> = [
                    ("\"tools\":{}", self.surface.tools.is_some()),
                    ("\"prompts\":{}", self.surface.prompts.is_some()),
                    (
                        "\"resources\":{}",
                        self.surface.resources.is_some() || self.surface.resource_templates.is_some(),
                    ),
                ]
                .into_iter()
                .filter_map(|(text, present)| present.then_some(text))
                .collect();
                format!("{{{}}}", declared.join(","))
            }
        };
        match &self.surface.instructions {
            Some(text) => format!(r#""capabilities":{capabilities},"instructions":{}"#, text.get()),
            None => format!(r#""capabilities":{capabilities}"#),
        }
    }

    fn server_info(&self) -> &str {
        self.surface.server_info.as_ref().map_or(r#"{"name":"fixture","version":"1.0.0"}"#, |raw| raw.get())
    }

    fn modern_fields(&self) -> String {
        format!(
            r#","resultType":"complete","ttlMs":60000,"cacheScope":"private","_meta":{{"io.modelcontextprotocol/serverInfo":{}}}"#,
            self.server_info()
        )
    }

    fn page(&self, field: &str, list: Option<&Vec<Box<RawValue>>>, params: &Value) -> Outcome<String> {
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let size = self.surface.page_size.unwrap_or(usize::MAX);
        // The cursor of the second page is the empty string, which is as good as any other.
        let page: usize = match params.get("cursor").and_then(Value::as_str) {
            None => 0,
            Some("") => 1,
            Some(cursor) => cursor.parse()?,
        };
        let from = page.saturating_mul(size).min(list.len());
        let to = from.saturating_add(size).min(list.len());
        let items: Vec<&str> = list.get(from..to).unwrap_or_default().iter().map(|item| item.get()).collect();
        let next = match page + 1 {
            _ if to == list.len() => String::new(),
            1 => r#","nextCursor":"""#.to_owned(),
            next => format!(r#","nextCursor":"{next}""#),
        };
        Ok(format!(r#""{field}":[{}]{next}"#, items.join(",")))
    }
}

/// Everything that a server may send before an answer; checks that the client answers as it should.
fn interleave() -> Outcome {
    write_line(
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hi"}}"#,
    )?;
    for (id, method) in [
        ("\"ping-1\"", "ping"),
        ("7", "roots/list"),
        ("1", "sampling/createMessage"),
        ("2", "elicitation/create"),
        ("3", "acme/unknown"),
    ] {
        write_line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{}}}}"#))?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        let expected = if method == "ping" {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        } else {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#)
        };
        if answer.trim_end() != expected {
            return Err(format!("{method} was answered with {answer}").into());
        }
    }
    Ok(())
}

fn unsupported(versions: &str) -> String {
    format!(
        r#"{{"code":-32022,"message":"Unsupported protocol version","data":{{"supported":{versions},"requested":"x"}}}}"#
    )
}

fn respond(id: &Value, result: &str) -> Outcome {
    write_line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

fn write_line(line: &str) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

fn complain(text: &str) -> Outcome {
    Ok(writeln!(io::stderr(), "{text}")?)
}

fn raw(text: &str) -> Outcome<Box<RawValue>> {
    Ok(RawValue::from_string(text.to_owned())?)
}

fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
