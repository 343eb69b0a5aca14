//! What an issuer or an identity must be: an exact text, or a pattern for the whole of it.

use std::fmt;

use regex::Regex;

/// An exact text or a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matcher {
    /// Equal, byte by byte.
    Exact(String),
    /// A regular expression for the whole text.
    Pattern(Pattern),
}

impl Matcher {
    /// Whether the text is what the rule demands.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(expected) => expected == text,
            Self::Pattern(pattern) => pattern.matches(text),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Pattern(pattern) => write!(f, "/{}/", pattern.as_str()),
        }
    }
}

/// A regular expression that is anchored at both ends.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Not a regular expression.
    #[error("the pattern {text:?} is not a regular expression: {reason}")]
    Syntax {
        /// The pattern.
        text: String,
        /// What the compiler says.
        reason: String,
    },
    /// Open at one end or both.
    #[error(
        "the pattern {text:?} is not anchored; begin it with `^` and end it with `$`, so that it cannot match a part of somebody else's identity"
    )]
    Unanchored {
        /// The pattern.
        text: String,
    },
    /// Matches everything.
    #[error("the pattern {text:?} matches any text, which trusts anybody; write what the text must be")]
    Anything {
        /// The pattern.
        text: String,
    },
}

impl Pattern {
    /// Compiles a pattern. It must be anchored as it is written, and matches the whole text whatever it says.
    ///
    /// # Errors
    /// [`PatternError`] where it is no regular expression, is open at an end, or matches everything.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let syntax = |error: regex::Error| PatternError::Syntax {
            text: text.to_owned(),
            reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        };
        // By itself first: `^a)|(b$` must not become valid through the group around it.
        Regex::new(text).map_err(syntax)?;
        if !is_anchored(text) {
            return Err(PatternError::Unanchored { text: text.to_owned() });
        }
        // The anchors that were written may belong to one branch (`^a|b$`) or to lines (`(?m)`).
        let regex = Regex::new(&format!(r"\A(?:{text})\z")).map_err(syntax)?;
        if ["", "a", "mallory@example.net", "https://example.net/mallory"]
            .iter()
            .all(|any| regex.is_match(any))
            || ["mallory@example.net", "https://example.net/m/m/.github/workflows/m.yml@refs/heads/m"]
                .iter()
                .all(|any| regex.is_match(any))
        {
            return Err(PatternError::Anything { text: text.to_owned() });
        }
        Ok(Self { text: text.to_owned(), regex })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

fn is_anchored(text: &str) -> bool {
    let start = text.starts_with('^') || text.starts_with(r"\A");
    let end = match text.strip_suffix('$') {
        // An odd number of backslashes makes the dollar sign a literal.
        Some(rest) => rest.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0,
        None => text.ends_with(r"\z") && !text.ends_with(r"\\z"),
    };
    start && end
}
