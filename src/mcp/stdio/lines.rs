//! Lines from a stream, within a limit.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use crate::mcp::error::Error;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// The stream has ended, perhaps with a line that has no end.
    End { unfinished: bool },
}

/// Reads lines of at most `limit` bytes. A line that is begun survives a cancelled read.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    begun: Vec<u8>,
    limit: usize,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Lines { reader, begun: Vec::new(), limit }
    }

    pub(super) async fn next(&mut self) -> Result<Line, Error> {
        loop {
            let chunk = self
                .reader
                .fill_buf()
                .await
                .map_err(|source| Error::Io { doing: "reading from the server", source })?;
            if chunk.is_empty() {
                return Ok(Line::End { unfinished: !self.begun.is_empty() });
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if self.begun.len().saturating_add(part.len()) > self.limit {
                return Err(Error::MessageTooLarge { limit: self.limit });
            }
            self.begun.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Line::Whole(std::mem::take(&mut self.begun)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_at_the_limit() {
        let mut lines = Lines::new(&b"abcd\n\nabcde\n"[..], 4);
        assert_eq!(lines.next().await.unwrap(), Line::Whole(b"abcd".to_vec()));
        assert_eq!(lines.next().await.unwrap(), Line::Whole(Vec::new()));
        let error = lines.next().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server sent a line longer than 4 bytes; if it is meant to, raise --max-message-bytes"
        );
    }

    #[tokio::test]
    async fn an_unfinished_line_is_not_a_line() {
        let mut lines = Lines::new(&b"a\nb"[..], 4);
        assert_eq!(lines.next().await.unwrap(), Line::Whole(b"a".to_vec()));
        assert_eq!(lines.next().await.unwrap(), Line::End { unfinished: true });
        let mut lines = Lines::new(&b"a\n"[..], 4);
        lines.next().await.unwrap();
        assert_eq!(lines.next().await.unwrap(), Line::End { unfinished: false });
    }
}
