//! From a pointer back to a line, for reports.

use super::pointer;

/// A place in a text, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Where the key (or array element) that a pointer names stands in a text that [`super::parse`] accepts.
///
/// Nothing where the pointer leads nowhere. The root is line 1, column 1.
pub fn locate(text: &str, pointer: &str) -> Option<Position> {
    let tokens = pointer::split(pointer).ok()?;
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    let mut found = 0;
    scan.space();
    for token in tokens {
        found = scan.enter(&token)?;
    }
    let before = text.get(..found)?;
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Some(Position { line, column })
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Moves to the value under a token; returns where its key or it itself starts.
    fn enter(&mut self, token: &str) -> Option<usize> {
        let object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        let wanted = if object { None } else { Some(pointer::index(token)?) };
        self.at += 1;
        let mut count = 0;
        loop {
            self.space();
            let start = self.at;
            let hit = match wanted {
                None => {
                    let from = self.at;
                    self.skip()?;
                    let raw = self.bytes.get(from..self.at)?;
                    let key = super::parse(raw, &super::Limits::default()).ok()?;
                    self.space();
                    self.at += 1;
                    self.space();
                    key.as_str() == Some(token)
                }
                Some(index) => index == count,
            };
            if hit && self.peek() != Some(b']') {
                return Some(start);
            }
            self.skip()?;
            count += 1;
            self.space();
            if self.peek()? != b',' {
                return None;
            }
            self.at += 1;
        }
    }

    /// Passes over one value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    while self.peek()? != b'"' {
                        self.at += if self.peek()? == b'\\' { 2 } else { 1 };
                    }
                    self.at += 1;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while !matches!(
                        self.peek(),
                        None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
                    ) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}
