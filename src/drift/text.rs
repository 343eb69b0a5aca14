//! Texts: what differs word by word, and what a reader does not see.

mod hidden;
mod words;

pub use hidden::{Hidden, What, hidden};
pub use words::{Span, words};

pub(super) use hidden::appeared;

/// The longest excerpt of a text that stands in a sentence, in characters.
const EXCERPT: usize = 60;

/// A text in quotes, on one line and not longer than a sentence can bear. What is hidden in it stays in it:
/// whoever shows the sentence escapes it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    let mut blank = false;
    let mut count = 0;
    for c in text.trim().chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            blank = true;
            continue;
        }
        if count >= EXCERPT {
            out.push('…');
            break;
        }
        if std::mem::take(&mut blank) {
            out.push(' ');
            count += 1;
        }
        out.push(c);
        count += 1;
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_short_and_on_one_line() {
        assert_eq!(quote(" a\n\n b\t c "), "\"a b c\"");
        let long = quote(&"word ".repeat(100));
        assert!(long.chars().count() <= EXCERPT + 4, "{long}");
        assert!(long.ends_with("…\""), "{long}");
        assert_eq!(quote(""), "\"\"");
    }
}
