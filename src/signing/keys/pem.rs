//! One PEM block and nothing else (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

/// No supported key comes near this size.
const LIMIT: usize = 64 * 1024;

/// The decoded content of a PEM block, wiped when dropped.
pub(super) struct Document(Zeroizing<Vec<u8>>);

impl Document {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Decodes the one PEM block in `bytes` and returns its label and content.
///
/// `expected` is the label named in the error when there is no block at all.
pub(super) fn decode(bytes: &[u8], expected: &'static str) -> Result<(String, Document), KeyError> {
    if bytes.len() > LIMIT {
        return Err(KeyError::TooLarge { size: bytes.len(), limit: LIMIT });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| KeyError::NotPem { expected })?;
    let Some(start) = text.find("-----BEGIN ") else {
        return Err(KeyError::NotPem { expected });
    };
    let (before, block) = text.split_at(start);
    if !before.trim().is_empty() {
        return Err(KeyError::ExtraData { place: "before" });
    }
    let end = block
        .find("-----END ")
        .and_then(|end| {
            let line = block.get(end..)?;
            Some(end + line.find('\n').unwrap_or(line.len()))
        })
        .ok_or_else(|| {
            KeyError::Malformed("the PEM block has no `-----END` line; is the file complete?".to_owned())
        })?;
    let (block, after) = block.split_at(end);
    if !after.trim().is_empty() {
        return Err(KeyError::ExtraData { place: "after" });
    }
    let (label, content) = lax(block)
        .ok_or_else(|| KeyError::Malformed("the PEM block is no base64 between its two lines".to_owned()))?;
    Ok((label.to_owned(), Document(content)))
}

/// The label and content of a text that is one PEM block, however its lines are broken: other programs break
/// them elsewhere (RFC 7468 section 3 asks parsers to be lax in this).
pub(in crate::signing) fn lax(text: &str) -> Option<(&str, Zeroizing<Vec<u8>>)> {
    let (label, rest) = text.trim().strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let content = rest.strip_suffix("-----")?.strip_suffix(label)?.strip_suffix("-----END ")?;
    let content: Zeroizing<String> = Zeroizing::new(content.split_ascii_whitespace().collect());
    STANDARD.decode(content.as_bytes()).ok().map(|content| (label, Zeroizing::new(content)))
}
