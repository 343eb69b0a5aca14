//! Values and objects.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::number::Number;

/// A JSON value that borrows from the bytes it was parsed from where it can.
///
/// Equality is by content: numbers by exact decimal value, objects whatever the order of their keys, arrays
/// in order, strings by code point without any normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, kept as its text.
    Number(Number<'a>),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A value that owns all it holds.
pub type Json = Value<'static>;

impl<'a> Value<'a> {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number<'a>> {
        match self {
            Value::Number(n) => Some(n),
            _ => None,
        }
    }

    /// The number, if it is a whole one that fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number().and_then(Number::as_u64)
    }

    /// The number, if it is a whole one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of an object; nothing where this is no object or has no such member.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.as_object().and_then(|o| o.get(key))
    }

    /// What an RFC 6901 pointer leads to.
    pub fn pointer(&self, pointer: &str) -> Option<&Value<'a>> {
        let mut at = self;
        for token in super::pointer::split(pointer).ok()? {
            at = match at {
                Value::Object(members) => members.get(&token)?,
                Value::Array(items) => items.get(super::pointer::index(&token)?)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// The same value without a borrow.
    pub fn into_owned(self) -> Json {
        match self {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(b),
            Value::Number(n) => Value::Number(n.into_owned()),
            Value::String(s) => Value::String(Cow::Owned(s.into_owned())),
            Value::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Value::Object(members) => Value::Object(members.into_owned()),
        }
    }

    /// A copy without a borrow.
    pub fn to_owned_json(&self) -> Json {
        self.clone().into_owned()
    }
}

impl From<bool> for Value<'_> {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(s: &'a str) -> Self {
        Value::String(Cow::Borrowed(s))
    }
}

impl From<String> for Value<'_> {
    fn from(s: String) -> Self {
        Value::String(Cow::Owned(s))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(s: Cow<'a, str>) -> Self {
        Value::String(s)
    }
}

impl From<u64> for Value<'_> {
    fn from(n: u64) -> Self {
        Value::Number(n.into())
    }
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        Value::Number(n.into())
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(items: Vec<Value<'a>>) -> Self {
        Value::Array(items)
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(members: Object<'a>) -> Self {
        Value::Object(members)
    }
}

/// The order of keys in RFC 8785: by UTF-16 code units.
pub fn utf16_order(a: &str, b: &str) -> Ordering {
    // Code units order like bytes except that surrogates (U+10000 and up) come before U+E000 to U+FFFF.
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    match (a.as_bytes().get(same), b.as_bytes().get(same)) {
        (Some(x), Some(y)) => rank(*x).cmp(&rank(*y)),
        (x, y) => x.is_some().cmp(&y.is_some()),
    }
}

/// Lead bytes F0 to F4 start characters beyond U+FFFF, EE and EF those from U+E000 to U+FFFF.
fn rank(byte: u8) -> u16 {
    match byte {
        0xEE | 0xEF => u16::from(byte) + 0x100,
        _ => u16::from(byte),
    }
}

/// An object, its members sorted in the canonical order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Object<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// From members as they came; the first key that stands twice is the error.
    pub(super) fn from_members(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, Cow<'a, str>> {
        let sorted = members.windows(2).all(|w| match w {
            [a, b] => utf16_order(&a.0, &b.0) == Ordering::Less,
            _ => true,
        });
        if !sorted {
            members.sort_by(|a, b| utf16_order(&a.0, &b.0));
            let twice = members.windows(2).position(|w| matches!(w, [a, b] if a.0 == b.0));
            if let Some(at) = twice {
                return Err(members.swap_remove(at).0);
            }
        }
        members.shrink_to_fit();
        Ok(Object { members })
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        if self.members.len() <= 8 {
            // A scan of equal lengths beats a search by order on small objects.
            if let Some(at) = self.members.iter().position(|(k, _)| k == key) {
                return Ok(at);
            }
        }
        self.members.binary_search_by(|(k, _)| utf16_order(k, key))
    }

    /// The member's value.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.find(key).ok().and_then(|at| self.members.get(at)).map(|(_, v)| v)
    }

    /// The member's value.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        let at = self.find(key).ok()?;
        self.members.get_mut(at).map(|(_, v)| v)
    }

    /// Whether there is such a member.
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Sets a member and returns what it held before.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Option<Value<'a>> {
        let (key, value) = (key.into(), value.into());
        match self.find(&key) {
            Ok(at) => self.members.get_mut(at).map(|(_, v)| std::mem::replace(v, value)),
            Err(at) => {
                self.members.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        self.find(key).ok().map(|at| self.members.remove(at).1)
    }

    /// The members in canonical order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value<'a>)> + ExactSizeIterator {
        self.members.iter().map(|(k, v)| (k.as_ref(), v))
    }

    /// The keys in canonical order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|(k, _)| k.as_ref())
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The same object without a borrow.
    pub fn into_owned(self) -> Object<'static> {
        let own = |(k, v): (Cow<'a, str>, Value<'a>)| (Cow::Owned(k.into_owned()), v.into_owned());
        Object { members: self.members.into_iter().map(own).collect() }
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Value<'a>);
    type IntoIter = std::vec::IntoIter<(Cow<'a, str>, Value<'a>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

/// A later member replaces an earlier one of the same key.
impl<'a, K: Into<Cow<'a, str>>, V: Into<Value<'a>>> FromIterator<(K, V)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        let mut members: Vec<_> = iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        members.sort_by(|a, b| utf16_order(&a.0, &b.0));
        members.reverse();
        members.dedup_by(|a, b| a.0 == b.0);
        members.reverse();
        Object { members }
    }
}
