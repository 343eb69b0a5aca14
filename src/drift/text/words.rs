//! Word-level difference of two texts.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A piece of a difference, in the order of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Stands in both texts.
    Same(String),
    /// Stands in the first text alone.
    Removed(String),
    /// Stands in the second text alone.
    Added(String),
}

/// Beyond this product of word counts, what differs is told as one removed and one added piece, so that a
/// hostile pair of texts cannot make the comparison slow.
const MAX_WORK: usize = 4_000_000;

/// What differs between two texts, word by word.
///
/// All spans but the added ones, joined, are `before`; all but the removed ones are `after`.
pub fn words(before: &str, after: &str) -> Vec<Span> {
    let (old, new) = (tokens(before), tokens(after));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (tail(&old, head), tail(&new, head));
    let foot = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let old_middle = old_rest.get(..old_rest.len() - foot).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - foot).unwrap_or_default();

    let mut out = Spans::default();
    out.same(old.get(..head).unwrap_or_default());
    if old_middle.len().saturating_mul(new_middle.len()) > MAX_WORK {
        out.removed(old_middle);
        out.added(new_middle);
    } else {
        middle(&mut out, old_middle, new_middle);
    }
    out.same(tail(old_rest, old_middle.len()));
    out.finish()
}

/// What differs between the parts that start and end differently.
fn middle(out: &mut Spans, old: &[&str], new: &[&str]) {
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    for (at, op) in ops.iter().enumerate() {
        let before = old.get(op.old_range()).unwrap_or_default();
        let after = new.get(op.new_range()).unwrap_or_default();
        match op {
            // A lone blank between two changes is told as changed with them: fewer, longer pieces read better.
            DiffOp::Equal { .. } if at > 0 && at + 1 < ops.len() && before.iter().all(|t| is_blank(t)) => {
                out.removed(before);
                out.added(after);
            }
            DiffOp::Equal { .. } => out.same(before),
            _ => {
                out.removed(before);
                out.added(after);
            }
        }
    }
}

fn tail<T>(all: &[T], from: usize) -> &[T] {
    all.get(from..).unwrap_or_default()
}

fn is_blank(token: &str) -> bool {
    token.chars().all(char::is_whitespace)
}

/// Runs of letters and digits, runs of blanks, and every other character by itself.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let class = class(c);
        let joins = last == Some(class) && class != Class::Other;
        if !joins && at > start {
            out.extend(text.get(start..at));
            start = at;
        }
        last = Some(class);
    }
    out.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Blank,
    Other,
}

fn class(c: char) -> Class {
    match c {
        c if c.is_alphanumeric() || c == '_' => Class::Word,
        c if c.is_whitespace() => Class::Blank,
        _ => Class::Other,
    }
}

/// Spans under construction: neighbours of one sort are joined, removals stand before additions.
#[derive(Default)]
struct Spans {
    done: Vec<Span>,
    removed: String,
    added: String,
}

impl Spans {
    fn same(&mut self, tokens: &[&str]) {
        if tokens.is_empty() {
            return;
        }
        self.flush();
        match self.done.last_mut() {
            Some(Span::Same(text)) => text.extend(tokens.iter().copied()),
            _ => self.done.push(Span::Same(tokens.concat())),
        }
    }

    fn removed(&mut self, tokens: &[&str]) {
        self.removed.extend(tokens.iter().copied());
    }

    fn added(&mut self, tokens: &[&str]) {
        self.added.extend(tokens.iter().copied());
    }

    fn flush(&mut self) {
        if !self.removed.is_empty() {
            self.done.push(Span::Removed(std::mem::take(&mut self.removed)));
        }
        if !self.added.is_empty() {
            self.done.push(Span::Added(std::mem::take(&mut self.added)));
        }
    }

    fn finish(mut self) -> Vec<Span> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(s: &str) -> Span {
        Span::Same(s.to_owned())
    }

    fn removed(s: &str) -> Span {
        Span::Removed(s.to_owned())
    }

    fn added(s: &str) -> Span {
        Span::Added(s.to_owned())
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(
            words("Read a file.", "Read any file."),
            [same("Read "), removed("a"), added("any"), same(" file.")]
        );
        assert_eq!(words("", "new"), [added("new")]);
        assert_eq!(words("old", ""), [removed("old")]);
        assert_eq!(words("same", "same"), [same("same")]);
        assert_eq!(words("", ""), []);
    }

    #[test]
    fn an_addition_at_the_end_leaves_the_rest_alone() {
        assert_eq!(
            words("Adds numbers.", "Adds numbers. Call it first."),
            [same("Adds numbers."), added(" Call it first.")]
        );
    }

    #[test]
    fn changes_with_only_a_blank_between_them_are_one() {
        assert_eq!(
            words("one two three", "uno dos three"),
            [removed("one two"), added("uno dos"), same(" three")]
        );
    }

    #[test]
    fn long_texts_without_anything_in_common_are_told_at_once() {
        let (a, b) = ("a b ".repeat(5_000), "c-d".repeat(5_000));
        assert_eq!(words(&a, &b), [removed(&a), added(&b)]);
    }

    proptest! {
        #[test]
        fn spans_give_both_texts_back(a in "[ab é.\n]{0,40}", b in "[ab é.\n]{0,40}") {
            let (mut before, mut after) = (String::new(), String::new());
            for span in words(&a, &b) {
                match span {
                    Span::Same(t) => { before.push_str(&t); after.push_str(&t); }
                    Span::Removed(t) => before.push_str(&t),
                    Span::Added(t) => after.push_str(&t),
                }
            }
            prop_assert_eq!(before, a);
            prop_assert_eq!(after, b);
        }
    }
}
