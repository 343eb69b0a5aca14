//! Text from a server, made safe to stand in one line of an error message.

use std::fmt::Write as _;

/// The longest piece of a server's text that an error message repeats, in characters.
const LONGEST: usize = 200;

/// Quotes `text` and escapes everything that is not plainly visible; long text is cut.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST) + 2);
    out.push('"');
    escape_into(&mut out, text);
    out.push('"');
    out
}

/// Escapes as [`quote`] does, without the quotation marks.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    escape_into(&mut out, text);
    out
}

fn escape_into(out: &mut String, text: &str) {
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push_str("...");
            return;
        }
        push_escaped(out, c);
    }
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Controls, and what has no width or reorders its neighbours: a terminal would obey it, a reader not see it.
        c if c.is_control() || invisible(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

fn invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff
        | 0xffa0 | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(quote("a\u{1b}[31mb\n\u{202e}c\u{200b}"), r#""a\u{1b}[31mb\n\u{202e}c\u{200b}""#);
        assert_eq!(quote("say \"hi\" \\ é"), r#""say \"hi\" \\ é""#);
    }

    #[test]
    fn long_text_is_cut() {
        let quoted = quote(&"x".repeat(500));
        assert_eq!(quoted.len(), 200 + 2 + 3);
        assert!(quoted.ends_with("...\""));
    }
}
