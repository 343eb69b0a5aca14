//! The parser: bytes and limits in, a value or a place and a reason out.

use std::borrow::Cow;

use super::number::Number;
use super::value::{Object, Value};

/// What the parser accepts at the most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole text. Default 256 MiB.
    pub max_bytes: usize,
    /// Arrays and objects open at once. Default 128.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_bytes: 256 << 20, max_depth: 128 }
    }
}

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The text ended inside a value.
    #[error("the text ends too early: expected {0}")]
    Truncated(&'static str),
    /// A byte that cannot stand here.
    #[error("unexpected {got}: expected {expected}")]
    Unexpected {
        /// What stands there.
        got: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// One key twice in one object.
    #[error("duplicate key \"{}\": two readers could disagree about its value", .0.escape_debug())]
    DuplicateKey(String),
    /// Half a surrogate pair.
    #[error("lone surrogate \\u{0:04x}: it stands for no character")]
    LoneSurrogate(u16),
    /// A raw control character in a string.
    #[error("control character U+{0:04X} in a string: expected it written as an escape")]
    ControlCharacter(u32),
    /// An unknown escape.
    #[error("unknown escape in a string")]
    Escape,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A number that the grammar does not know.
    #[error("malformed number: {0}")]
    Number(&'static str),
    /// Too many open arrays and objects.
    #[error("nested deeper than {0} levels")]
    Depth(usize),
    /// Too many bytes.
    #[error("{got} bytes: expected at most {limit}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// The size.
        got: usize,
    },
    /// Something behind the value.
    #[error("trailing data behind the value")]
    Trailing,
}

/// Why and where a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// The reason.
    pub kind: ErrorKind,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The byte, from 0.
    pub offset: usize,
}

/// Parses one JSON text (RFC 8259) that fills all the bytes.
pub fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Value<'a>, ParseError> {
    let fail = |kind, offset| Err(place(bytes, kind, offset));
    if bytes.len() > limits.max_bytes {
        return fail(ErrorKind::TooLarge { limit: limits.max_bytes, got: bytes.len() }, 0);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => return fail(ErrorKind::Utf8, e.valid_up_to()),
    };
    let mut parser = Parser { text, bytes, at: 0, depth: 0, max_depth: limits.max_depth, spare: Vec::new() };
    let parsed = parser.document();
    parsed.map_err(|kind| place(bytes, kind, parser.at))
}

fn place(bytes: &[u8], kind: ErrorKind, offset: usize) -> ParseError {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.get(start..).unwrap_or(&[]).iter().filter(|b| (**b & 0xC0) != 0x80).count() + 1;
    ParseError { kind, line, column, offset }
}

type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    max_depth: usize,
    /// One buffer for members, reused between objects to save growing it each time.
    spare: Vec<Members<'a>>,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Value<'a>, ErrorKind> {
        self.space();
        let value = self.value()?;
        self.space();
        if self.at < self.bytes.len() { Err(ErrorKind::Trailing) } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> ErrorKind {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => ErrorKind::Unexpected { got: format!("{c:?}"), expected },
            None => ErrorKind::Truncated(expected),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, ErrorKind> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, ErrorKind> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn open(&mut self) -> Result<(), ErrorKind> {
        if self.depth >= self.max_depth {
            return Err(ErrorKind::Depth(self.max_depth));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn array(&mut self) -> Result<Value<'a>, ErrorKind> {
        self.open()?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.close();
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("\",\" or \"]\"")),
            }
            self.space();
        }
        self.close();
        items.shrink_to_fit();
        Ok(Value::Array(items))
    }

    fn object(&mut self) -> Result<Value<'a>, ErrorKind> {
        let start = self.at;
        self.open()?;
        if self.peek() == Some(b'}') {
            self.close();
            return Ok(Value::Object(Object::new()));
        }
        let mut members = self.spare.pop().unwrap_or_default();
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("\":\""));
            }
            self.at += 1;
            self.space();
            let value = self.value()?;
            members.push((key, value));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected("\",\" or \"}\"")),
            }
            self.space();
        }
        self.close();
        #[expect(
            clippy::drain_collect,
            reason = "taking the buffer would keep its spare room in every object"
        )]
        let exact: Members<'a> = members.drain(..).collect();
        self.spare.push(members);
        Object::from_members(exact).map(Value::Object).map_err(|key| {
            self.at = self.second(start, &key);
            ErrorKind::DuplicateKey(key.into_owned())
        })
    }

    /// Where a duplicate key stands the second time in the object that starts at `start`.
    fn second(&self, start: usize, key: &str) -> usize {
        let mut again = Parser { at: start + 1, spare: Vec::new(), ..*self };
        let mut seen = false;
        loop {
            again.space();
            let here = again.at;
            match again.string() {
                Ok(found) if found == key && seen => return here,
                Ok(found) => seen |= found == key,
                Err(_) => return start,
            }
            again.space();
            again.at += 1;
            again.space();
            if again.value().is_err() {
                return start;
            }
            again.space();
            again.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value<'a>, ErrorKind> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return Err(ErrorKind::Number("a leading zero"));
                }
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(ErrorKind::Number("expected a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("expected a digit behind the point")?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            let from = self.at;
            self.some_digits("expected a digit in the exponent")?;
            let digits = self.bytes.get(from..self.at).unwrap_or(&[]);
            let significant = digits.iter().skip_while(|b| **b == b'0').count();
            if significant > 18 {
                return Err(ErrorKind::Number("an exponent beyond 10^18"));
            }
        }
        let number = Number::from_checked(self.text.get(start..self.at).unwrap_or_default());
        // the canonical spelling moves the exponent, and has to be readable too
        if exponent && !number.exponent_fits() {
            return Err(ErrorKind::Number("an exponent beyond 10^18"));
        }
        Ok(Value::Number(number))
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, missing: &'static str) -> Result<(), ErrorKind> {
        let from = self.at;
        self.digits();
        if self.at == from { Err(ErrorKind::Number(missing)) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ErrorKind> {
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.peek() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut out = self.text.get(start..self.at).unwrap_or_default().to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    out.shrink_to_fit();
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(b) if b < 0x20 => return Err(ErrorKind::ControlCharacter(u32::from(b))),
                Some(_) => {
                    let from = self.at;
                    self.plain();
                    out.push_str(self.text.get(from..self.at).unwrap_or_default());
                }
                None => return Err(ErrorKind::Truncated("the end of a string")),
            }
        }
    }

    fn plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let stop = |b: &u8| *b == b'"' || *b == b'\\' || *b < 0x20;
        self.at += rest.iter().position(stop).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Result<char, ErrorKind> {
        let c = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) => return Err(ErrorKind::Escape),
            None => return Err(ErrorKind::Truncated("the end of a string")),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, ErrorKind> {
        let first = self.unit(self.at + 2)?;
        if let 0xD800..=0xDBFF = first {
            let paired = self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u");
            let second = if paired { self.unit(self.at + 8)? } else { 0 };
            let decoded = char::decode_utf16([first, second]).next();
            if let (0xDC00..=0xDFFF, Some(Ok(c))) = (second, decoded) {
                self.at += 12;
                return Ok(c);
            }
        }
        let c = char::from_u32(u32::from(first)).ok_or(ErrorKind::LoneSurrogate(first))?;
        self.at += 6;
        Ok(c)
    }

    fn unit(&self, at: usize) -> Result<u16, ErrorKind> {
        let digits = self.bytes.get(at..at + 4).ok_or(ErrorKind::Truncated("four hexadecimal digits"))?;
        let mut unit = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or(ErrorKind::Escape)?;
            unit = unit << 4 | value;
        }
        u16::try_from(unit).map_err(|_| ErrorKind::Escape)
    }
}
