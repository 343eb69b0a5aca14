//! One PEM block and nothing else (RFC 7468).

use pkcs8::der::pem;
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
    let (label, content) = pem::decode_vec(block.trim_end().as_bytes())
        .map_err(|error| KeyError::Malformed(error.to_string()))?;
    Ok((label.to_owned(), Document(Zeroizing::new(content))))
}
