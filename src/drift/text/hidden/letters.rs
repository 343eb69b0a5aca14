//! Letters of other scripts that look like Latin ones.

use super::super::quote;
use super::{Hidden, What};

/// Words in which look-alikes stand among Latin letters, and words made of look-alikes alone in a text that
/// is otherwise written in Latin letters.
pub(super) fn lookalikes(text: &str, out: &mut Vec<Hidden>) {
    if text.is_ascii() {
        return;
    }
    let words = words(text);
    let latin_text = words.iter().any(|word| word.latin > 0 && word.foreign() == 0);
    let other_text = words.iter().any(|word| word.other > 0);
    for word in &words {
        let mixed = word.latin > 0 && word.alike > 0 && word.other == 0;
        let whole = word.latin == 0 && word.alike >= 3 && word.other == 0 && latin_text && !other_text;
        if mixed || whole {
            let shown = text.get(word.start..word.end).unwrap_or_default();
            let script = word.script.unwrap_or("foreign");
            let detail =
                format!("{script} letters in {} that look like {}", quote(shown), quote(&word.latinised));
            out.push(Hidden { what: What::Lookalike, range: word.start..word.end, detail });
        }
    }
}

#[derive(Default)]
struct Word {
    start: usize,
    end: usize,
    latin: usize,
    alike: usize,
    other: usize,
    script: Option<&'static str>,
    latinised: String,
}

impl Word {
    fn foreign(&self) -> usize {
        self.alike + self.other
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let mut word: Option<Word> = None;
    for (at, c) in text.char_indices() {
        if !c.is_alphabetic() {
            out.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word { start: at, ..Word::default() });
        word.end = at + c.len_utf8();
        match alike(c) {
            Some((script, letter)) => {
                word.alike += 1;
                word.script.get_or_insert(script);
                word.latinised.push(letter);
            }
            None if is_latin(c) => {
                word.latin += 1;
                word.latinised.push(c);
            }
            None => word.other += 1,
        }
    }
    out.extend(word);
    out
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}')
}

/// The script of a look-alike, and the Latin letter that it looks like.
fn alike(c: char) -> Option<(&'static str, char)> {
    let script = match c {
        '\u{370}'..='\u{3FF}' => "Greek",
        '\u{400}'..='\u{52F}' => "Cyrillic",
        '\u{530}'..='\u{58F}' => "Armenian",
        '\u{13A0}'..='\u{13FF}' => "Cherokee",
        '\u{FF21}'..='\u{FF5A}' => return fullwidth(c).map(|letter| ("fullwidth", letter)),
        '\u{1D400}'..='\u{1D6A3}' => return mathematical(c).map(|letter| ("mathematical", letter)),
        _ => return None,
    };
    ALIKE.iter().find(|(foreign, _)| *foreign == c).map(|(_, latin)| (script, *latin))
}

fn fullwidth(c: char) -> Option<char> {
    let code = u32::from(c).checked_sub(0xFF21)? + u32::from('A');
    char::from_u32(code).filter(char::is_ascii_alphabetic)
}

/// Thirteen alphabets of 26 capital and 26 small letters each.
fn mathematical(c: char) -> Option<char> {
    let place = u8::try_from((u32::from(c) - 0x1D400) % 52).ok()?;
    Some(char::from(if place < 26 { b'A' + place } else { b'a' + place - 26 }))
}

/// Greek small letters that are common as symbols inside Latin words (alpha, mu, pi) are left out.
const ALIKE: &[(char, char)] = &[
    ('Α', 'A'),
    ('Β', 'B'),
    ('Ε', 'E'),
    ('Ζ', 'Z'),
    ('Η', 'H'),
    ('Ι', 'I'),
    ('Κ', 'K'),
    ('Μ', 'M'),
    ('Ν', 'N'),
    ('Ο', 'O'),
    ('Ρ', 'P'),
    ('Τ', 'T'),
    ('Υ', 'Y'),
    ('Χ', 'X'),
    ('ο', 'o'),
    ('ν', 'v'),
    ('ι', 'i'),
    ('ϳ', 'j'),
    ('А', 'A'),
    ('В', 'B'),
    ('Е', 'E'),
    ('К', 'K'),
    ('М', 'M'),
    ('Н', 'H'),
    ('О', 'O'),
    ('Р', 'P'),
    ('С', 'C'),
    ('Т', 'T'),
    ('У', 'Y'),
    ('Х', 'X'),
    ('Ѕ', 'S'),
    ('І', 'I'),
    ('Ј', 'J'),
    ('Ү', 'Y'),
    ('Ԍ', 'G'),
    ('Ԛ', 'Q'),
    ('Ԝ', 'W'),
    ('а', 'a'),
    ('е', 'e'),
    ('о', 'o'),
    ('р', 'p'),
    ('с', 'c'),
    ('у', 'y'),
    ('х', 'x'),
    ('ѕ', 's'),
    ('і', 'i'),
    ('ј', 'j'),
    ('һ', 'h'),
    ('ӏ', 'l'),
    ('ԁ', 'd'),
    ('ԛ', 'q'),
    ('ԝ', 'w'),
    ('ү', 'y'),
    ('ѵ', 'v'),
    ('օ', 'o'),
    ('ս', 'u'),
    ('ո', 'n'),
    ('հ', 'h'),
    ('ց', 'g'),
    ('Տ', 'S'),
    ('Օ', 'O'),
    ('Ս', 'U'),
    ('Լ', 'L'),
    ('Ꭺ', 'A'),
    ('Ᏼ', 'B'),
    ('Ꮯ', 'C'),
    ('Ꭼ', 'E'),
    ('Ꮋ', 'H'),
    ('Ꭻ', 'J'),
    ('Ꮶ', 'K'),
    ('Ꮇ', 'M'),
    ('Ꮲ', 'P'),
    ('Ꭱ', 'R'),
    ('Ꮪ', 'S'),
    ('Ꭲ', 'T'),
    ('Ꮩ', 'V'),
    ('Ꮃ', 'W'),
    ('Ꮓ', 'Z'),
];
