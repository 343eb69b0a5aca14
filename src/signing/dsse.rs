//! The DSSE envelope: what is signed is never the JSON around it.
//!
//! See <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>.

/// The payload type of an in-toto Statement, the only one that is accepted.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A DSSE envelope with exactly one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is; signed together with it.
    pub payload_type: String,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// A hint at the key, not signed and not used to choose one.
    pub keyid: Option<String>,
    /// The one signature over [`Envelope::pae`].
    pub signature: Vec<u8>,
}

impl Envelope {
    /// The bytes that the signature covers.
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

/// The pre-authentication encoding: `DSSEv1 LEN(type) type LEN(payload) payload`, lengths in decimal bytes.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_follows_the_protocol_example() {
        // The test vector of the DSSE protocol document.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn pae_counts_bytes_and_keeps_type_and_payload_apart() {
        assert_eq!(pae("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
        assert_ne!(pae("a", b"b 1 c"), pae("a 1 b", b"c"));
    }
}
