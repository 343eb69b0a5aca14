//! The canonical form: RFC 8785 order and escapes, with exact decimal numbers.

use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::value::Value;

/// Where canonical bytes go: a buffer or a hash.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Gathers small pieces, since a hash takes whole blocks faster.
struct Buffered {
    buffer: Vec<u8>,
    hasher: Sha256,
}

const BLOCK: usize = 8192;

impl Sink for Buffered {
    fn put(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BLOCK {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
        if bytes.len() > BLOCK {
            self.hasher.update(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }
}

/// The canonical bytes of a value.
pub fn canonical(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    out
}

/// SHA-256 over a prefix and the canonical bytes of a value.
pub fn digest_with_prefix(prefix: &str, value: &Value<'_>) -> Digest {
    let mut sink = Buffered { buffer: Vec::with_capacity(BLOCK), hasher: Sha256::new() };
    sink.put(prefix.as_bytes());
    write_canonical(value, &mut sink);
    sink.hasher.update(&sink.buffer);
    Digest::from(<[u8; 32]>::from(sink.hasher.finalize()))
}

/// Writes the canonical bytes of a value. The depth is bounded by what the parser let in.
pub fn write_canonical(value: &Value<'_>, out: &mut impl Sink) {
    match value {
        Value::Null => out.put(b"null"),
        Value::Bool(true) => out.put(b"true"),
        Value::Bool(false) => out.put(b"false"),
        Value::Number(n) => out.put(n.canonical().as_bytes()),
        Value::String(s) => write_string(s, out),
        Value::Array(items) => {
            out.put(b"[");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.put(b",");
                }
                write_canonical(item, out);
            }
            out.put(b"]");
        }
        Value::Object(members) => {
            out.put(b"{");
            for (i, (key, member)) in members.iter().enumerate() {
                if i > 0 {
                    out.put(b",");
                }
                write_string(key, out);
                out.put(b":");
                write_canonical(member, out);
            }
            out.put(b"}");
        }
    }
}

/// The escapes of RFC 8785, section 3.2.2.2.
fn write_string(text: &str, out: &mut impl Sink) {
    out.put(b"\"");
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.put(plain);
        let Some((byte, behind)) = special.split_first() else { break };
        match byte {
            b'"' => out.put(b"\\\""),
            b'\\' => out.put(b"\\\\"),
            8 => out.put(b"\\b"),
            9 => out.put(b"\\t"),
            10 => out.put(b"\\n"),
            12 => out.put(b"\\f"),
            13 => out.put(b"\\r"),
            other => out.put(format!("\\u{other:04x}").as_bytes()),
        }
        rest = behind;
    }
    out.put(rest);
    out.put(b"\"");
}
