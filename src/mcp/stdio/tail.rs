//! Draining standard error, so that a server never blocks on it, and keeping its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How much is kept, in bytes and in lines.
const KEPT_BYTES: usize = 4 << 10;
const KEPT_LINES: usize = 10;

/// The end of what a process wrote.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Replaced with each process, so that a late writer does not mix with its successor.
    current: Mutex<Arc<Mutex<Kept>>>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Kept {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        let excess = self.bytes.len().saturating_sub(KEPT_BYTES);
        if excess > 0 {
            self.bytes.drain(..excess);
            self.cut = true;
        }
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        if self.cut && lines.len() > 1 {
            lines.remove(0);
        }
        let skip = lines.len().saturating_sub(KEPT_LINES);
        lines.get(skip..).unwrap_or_default().join("\n")
    }
}

impl Tail {
    /// Reads `stream` to its end in the background, forgetting what an earlier process wrote.
    pub(super) fn drain(&self, mut stream: ChildStderr) -> Drain {
        let kept = Arc::new(Mutex::new(Kept::default()));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&kept);
        Drain(tokio::spawn(async move {
            let mut chunk = vec![0; 16 << 10];
            while let Ok(count) = stream.read(&mut chunk).await {
                if count == 0 {
                    return;
                }
                let part = chunk.get(..count).unwrap_or_default();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(part);
            }
        }))
    }

    /// The last lines.
    pub(super) fn text(&self) -> String {
        let current = Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner));
        current.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

/// The task that drains; it ends with the connection, even if somebody still holds the stream open.
#[derive(Debug)]
pub(super) struct Drain(JoinHandle<()>);

impl Drain {
    /// Waits for the end of the stream.
    pub(super) async fn wait(&mut self, at_most: Duration) {
        if !self.0.is_finished() {
            let _ = timeout(at_most, &mut self.0).await;
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_in_whole_lines() {
        let mut kept = Kept::default();
        for number in 0..2_000 {
            kept.push(format!("line {number}\n\n").as_bytes());
        }
        assert!(kept.bytes.len() <= KEPT_BYTES);
        assert_eq!(kept.text().lines().count(), KEPT_LINES);
        assert!(kept.text().starts_with("line 1990\n"));
        assert!(kept.text().ends_with("line 1999"));
    }

    #[test]
    fn one_endless_line_is_cut() {
        let mut kept = Kept::default();
        kept.push(&vec![b'x'; KEPT_BYTES * 2]);
        assert_eq!(kept.text().len(), KEPT_BYTES);
    }
}
