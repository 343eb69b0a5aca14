//! Exact decimal numbers, kept as text.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A JSON number: the text as it was sent, compared by its exact decimal value.
///
/// `1`, `1.0` and `1e0` are equal; 2^53 and 2^53+1 are not.
#[derive(Clone, Debug)]
pub struct Number<'a> {
    text: Cow<'a, str>,
}

/// Sign, significant digits without leading or trailing zeros, and the power of ten behind `0.digits`.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i128,
}

impl<'a> Number<'a> {
    /// Wraps text that the parser has already checked against the JSON grammar.
    pub(super) fn from_checked(text: &'a str) -> Self {
        Number { text: Cow::Borrowed(text) }
    }

    /// The text as it was sent, for example `1.0e2`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same number without a borrow.
    pub fn into_owned(self) -> Number<'static> {
        Number { text: Cow::Owned(self.text.into_owned()) }
    }

    /// The value when it is a whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Ok(n) = self.text.parse() {
            return Some(n);
        }
        self.canonical().parse().ok()
    }

    /// The value when it is a whole number that fits.
    pub fn as_u64(&self) -> Option<u64> {
        if let Ok(n) = self.text.parse() {
            return Some(n);
        }
        self.canonical().parse().ok()
    }

    /// The canonical spelling of the exact decimal value, laid out as ECMAScript (and so RFC 8785) lays out
    /// a number: plain digits up to 10^21, a fraction down to 10^-6, an exponent beyond.
    pub fn canonical(&self) -> Cow<'_, str> {
        let bytes = self.text.as_bytes();
        let plain = bytes.len() <= 21
            && bytes.iter().enumerate().all(|(i, b)| b.is_ascii_digit() || (i == 0 && *b == b'-'))
            && *bytes != *b"-0"
            && bytes.len() - usize::from(bytes.first() == Some(&b'-')) <= 21;
        if plain {
            return Cow::Borrowed(&self.text);
        }
        Cow::Owned(self.decimal().layout())
    }

    /// Whether the exponent of the canonical spelling is below 10^18, as the parser asks of a written one.
    pub(super) fn exponent_fits(&self) -> bool {
        (self.decimal().point - 1).unsigned_abs() < 10u128.pow(18)
    }

    fn decimal(&self) -> Decimal {
        let text = self.text.as_bytes();
        let (negative, text) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let split = text.iter().position(|b| matches!(b, b'e' | b'E'));
        let (mantissa, exponent) = match split {
            Some(at) => (text.get(..at).unwrap_or(text), parse_exponent(text.get(at + 1..).unwrap_or(&[]))),
            None => (text, 0),
        };
        let whole = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
        let all: Vec<u8> = mantissa.iter().copied().filter(|b| *b != b'.').collect();
        let Some(first) = all.iter().position(|b| *b != b'0') else {
            return Decimal { negative: false, digits: Vec::new(), point: 0 };
        };
        let last = all.iter().rposition(|b| *b != b'0').unwrap_or(first);
        let digits = all.get(first..=last).unwrap_or(&[]).to_vec();
        Decimal { negative, digits, point: whole as i128 - first as i128 + exponent }
    }
}

/// The parser bounds exponents to 18 significant digits, so this cannot overflow.
fn parse_exponent(text: &[u8]) -> i128 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let value = digits.iter().fold(0i128, |n, d| n.saturating_mul(10).saturating_add(i128::from(d - b'0')));
    if negative { -value } else { value }
}

impl Decimal {
    fn layout(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let mut out = String::new();
        if self.negative {
            out.push('-');
        }
        let digits: String = self.digits.iter().map(|b| char::from(*b)).collect();
        let count = digits.len() as i128;
        let point = self.point;
        if count <= point && point <= 21 {
            out.push_str(&digits);
            out.extend(std::iter::repeat_n('0', usize::try_from(point - count).unwrap_or(0)));
        } else if 0 < point && point <= 21 {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        } else if -6 < point && point <= 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', usize::try_from(-point).unwrap_or(0)));
            out.push_str(&digits);
        } else {
            let (first, rest) = digits.split_at(1);
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            let exponent = point - 1;
            out.push_str(if exponent < 0 { "e-" } else { "e+" });
            out.push_str(&exponent.unsigned_abs().to_string());
        }
        out
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || self.canonical() == other.canonical()
    }
}

impl Eq for Number<'_> {}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.decimal(), other.decimal());
        let magnitude = || a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits));
        match a.sign().cmp(&b.sign()) {
            Ordering::Equal if a.sign() == 0 => Ordering::Equal,
            Ordering::Equal if a.negative => magnitude().reverse(),
            Ordering::Equal => magnitude(),
            unequal => unequal,
        }
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for Number<'static> {
    fn from(n: u64) -> Self {
        Number { text: Cow::Owned(n.to_string()) }
    }
}

impl From<i64> for Number<'static> {
    fn from(n: i64) -> Self {
        Number { text: Cow::Owned(n.to_string()) }
    }
}
