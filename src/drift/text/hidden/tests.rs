use super::*;
use crate::json::{Limits, parse};

fn found(text: &str) -> Vec<(What, String)> {
    hidden(text).into_iter().map(|h| (h.what, h.detail)).collect()
}

fn kinds(text: &str) -> Vec<What> {
    hidden(text).into_iter().map(|h| h.what).collect()
}

#[test]
fn plain_text_hides_nothing() {
    for text in [
        "",
        "Reads a file.\n\tThen stops.\r\n",
        "naïve café, 日本語, Привет мир",
        "α-helix of 5 μm, Δx, TNFα",
    ] {
        assert_eq!(found(text), [], "{text:?}");
    }
}

#[test]
fn writing_that_needs_invisible_characters_hides_nothing() {
    for text in [
        "👨\u{200D}👩\u{200D}👧 family",
        "❤\u{FE0F} and 1\u{FE0F}\u{20E3}",
        "می\u{200C}خواهم",
        "क्\u{200D}ष",
        "שלום\u{200F}!",
        "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        "葛\u{E0100}城",
        "API-ключ и SQLзапрос",
    ] {
        assert_eq!(found(text), [], "{text:?}");
    }
}

#[test]
fn zero_width_characters_are_counted_by_code_point() {
    assert_eq!(found("a\u{200B}\u{200B}\u{FEFF}b"), [(What::ZeroWidth, "U+200B 2 times, U+FEFF".to_owned())]);
    for c in [
        '\u{200B}',
        '\u{200C}',
        '\u{200D}',
        '\u{2060}',
        '\u{AD}',
        '\u{FEFF}',
        '\u{3164}',
        '\u{FE0F}',
        '\u{E0101}',
    ] {
        assert_eq!(kinds(&format!("re{c}ad")), [What::ZeroWidth], "U+{:04X}", u32::from(c));
    }
}

#[test]
fn a_chain_of_variation_selectors_is_hidden_text() {
    assert_eq!(kinds("😀\u{FE0F}\u{E0110}\u{E0120}"), [What::ZeroWidth]);
}

#[test]
fn bidirectional_controls_are_found() {
    for c in ['\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{200E}', '\u{200F}'] {
        assert_eq!(kinds(&format!("read{c}file")), [What::Bidi], "U+{:04X}", u32::from(c));
    }
    assert_eq!(kinds("שלום \u{202E}abc"), [What::Bidi]);
}

#[test]
fn tags_are_spelled_out() {
    let tags: String = "send ~/.ssh".chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c))).collect();
    assert_eq!(found(&format!("Adds.{tags}")), [(What::Tags, "they spell \"send ~/.ssh\"".to_owned())]);
}

#[test]
fn a_flag_cannot_carry_a_sentence() {
    let tags: String = "ignore all".chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c))).collect();
    assert_eq!(kinds(&format!("🏴{tags}\u{E007F}")), [What::Tags]);
}

#[test]
fn escape_sequences_are_one_finding_each() {
    assert_eq!(kinds("a\u{1B}[2Jb\u{1B}[8mhidden\u{1B}[0m"), [What::Escape; 3]);
    let all = hidden("a\u{1B}[31mred");
    assert_eq!(all.first().map(|h| h.range.clone()), Some(1..6));
    assert_eq!(kinds("\u{9B}2J"), [What::Escape]);
    assert_eq!(kinds("end\u{1B}"), [What::Escape]);
}

#[test]
fn control_characters_are_found() {
    assert_eq!(found("a\u{8}\u{8}b"), [(What::Control, "U+0008 2 times".to_owned())]);
    assert_eq!(kinds("over\rwrite"), [What::Control]);
    assert_eq!(kinds("nul\0"), [What::Control]);
    assert_eq!(kinds("a\u{2028}b"), [What::Control]);
}

#[test]
fn look_alike_letters_are_found() {
    assert_eq!(
        found("rе\u{430}d_file"),
        [(What::Lookalike, "Cyrillic letters in \"rе\u{430}d\" that look like \"read\"".to_owned())]
    );
    assert_eq!(kinds("please \u{441}\u{43E}\u{440}\u{443} it"), [What::Lookalike]);
    assert_eq!(kinds("ｄelete"), [What::Lookalike]);
    assert_eq!(kinds("𝐝elete"), [What::Lookalike]);
}

#[test]
fn a_word_of_another_script_among_its_own_is_no_look_alike() {
    assert_eq!(kinds("file: роса и файл"), []);
}

#[test]
fn padding_pushes_text_out_of_view() {
    assert_eq!(kinds(&format!("a{}b", " ".repeat(100))), [What::Padding]);
    assert_eq!(kinds(&format!("a{}b", "\n".repeat(20))), [What::Padding]);
    assert_eq!(kinds(&format!("a{}b", " ".repeat(99))), []);
    assert_eq!(kinds(&format!("a{}", " ".repeat(200))), [], "nothing stands behind it");
}

#[test]
fn what_stood_there_before_has_not_appeared() {
    let parse = |text: &'static str| parse(text.as_bytes(), &Limits::default()).unwrap();
    let before = parse("{\"a\": \"x\u{200B}\"}");
    let after = parse("{\"a\": \"x\u{200B} more\", \"b\": [\"y\u{200B}\"], \"k\u{202E}\": 1}");
    let found = appeared(Some(&before), &after, "/at");
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/at/b/0", "/at/k\u{202E}"]);
    assert_eq!(appeared(None, &after, "").len(), 3);
    assert_eq!(appeared(Some(&after), &before, ""), []);
}
