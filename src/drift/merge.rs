//! Two sorted sequences side by side.

use std::cmp::Ordering;
use std::iter::Peekable;

use crate::json::{Object, Value, utf16_order};

/// Pairs the entries of two sequences by key; both must be sorted by `order`.
pub(super) struct Merge<B: Iterator, A: Iterator, O> {
    before: Peekable<B>,
    after: Peekable<A>,
    order: O,
}

/// Pairs the entries of two sorted sequences by key.
pub(super) fn merge<K, V, W, B, A, O>(before: B, after: A, order: O) -> Merge<B::IntoIter, A::IntoIter, O>
where
    B: IntoIterator<Item = (K, V)>,
    A: IntoIterator<Item = (K, W)>,
    O: Fn(&K, &K) -> Ordering,
{
    Merge { before: before.into_iter().peekable(), after: after.into_iter().peekable(), order }
}

impl<K, V, W, B, A, O> Iterator for Merge<B, A, O>
where
    B: Iterator<Item = (K, V)>,
    A: Iterator<Item = (K, W)>,
    O: Fn(&K, &K) -> Ordering,
{
    type Item = (K, Option<V>, Option<W>);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.before.peek(), self.after.peek()) {
            (Some((b, _)), Some((a, _))) => (self.order)(b, a),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => self.before.next().map(|(key, value)| (key, Some(value), None)),
            Ordering::Greater => self.after.next().map(|(key, value)| (key, None, Some(value))),
            Ordering::Equal => {
                let (key, before) = self.before.next()?;
                Some((key, Some(before), self.after.next().map(|(_, value)| value)))
            }
        }
    }
}

/// The members in which two objects differ.
pub(super) fn differing<'v, 'b, 'a>(
    before: &'v Object<'b>,
    after: &'v Object<'a>,
) -> impl Iterator<Item = (&'v str, Option<&'v Value<'b>>, Option<&'v Value<'a>>)> {
    merge(before.iter(), after.iter(), |b: &&str, a: &&str| utf16_order(b, a)).filter(|(_, before, after)| {
        match (before, after) {
            (Some(before), Some(after)) => before != after,
            _ => true,
        }
    })
}
