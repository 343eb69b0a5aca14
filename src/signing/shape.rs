//! Strict reading of JSON objects: every field is known, present or absent as its format says.

use std::borrow::Cow;

use crate::json::{Digest, Object, Value, pointer};

/// A value that does not have the shape its format demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {message}", if pointer.is_empty() { "the top level" } else { pointer })]
pub struct ShapeError {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl ShapeError {
    pub(super) fn new(pointer: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), message: message.into() }
    }
}

/// An object being read; [`Fields::finish`] refuses what was not asked for.
pub(super) struct Fields<'a> {
    pointer: String,
    object: Object<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: Value<'a>, pointer: &str) -> Result<Self, ShapeError> {
        match value {
            Value::Object(object) => Ok(Self { pointer: pointer.to_owned(), object }),
            other => Err(wrong_type(pointer, "an object", &other)),
        }
    }

    pub(super) fn at(&self, key: &str) -> String {
        pointer::join(&self.pointer, key)
    }

    /// A field that may be absent. As in protobuf's JSON mapping, `null` is absent.
    pub(super) fn optional(&mut self, key: &str) -> Option<Value<'a>> {
        self.object.remove(key).filter(|value| !matches!(value, Value::Null))
    }

    pub(super) fn required(&mut self, key: &str) -> Result<Value<'a>, ShapeError> {
        self.optional(key)
            .ok_or_else(|| ShapeError::new(&self.pointer, format!("the field {key:?} is missing")))
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Fields<'a>, ShapeError> {
        Fields::new(self.required(key)?, &self.at(key))
    }

    pub(super) fn optional_object(&mut self, key: &str) -> Result<Option<Fields<'a>>, ShapeError> {
        let at = self.at(key);
        self.optional(key).map(|value| Fields::new(value, &at)).transpose()
    }

    pub(super) fn optional_text(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, ShapeError> {
        let at = self.at(key);
        self.optional(key).map(|value| text(value, &at)).transpose()
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Cow<'a, str>, ShapeError> {
        text(self.required(key)?, &self.at(key))
    }

    /// An array that may be absent, with a pointer for each element.
    pub(super) fn optional_array(&mut self, key: &str) -> Result<Vec<(String, Value<'a>)>, ShapeError> {
        let at = self.at(key);
        match self.optional(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values
                .into_iter()
                .enumerate()
                .map(|(index, value)| (pointer::join(&at, &index.to_string()), value))
                .collect()),
            Some(other) => Err(wrong_type(&at, "an array", &other)),
        }
    }

    pub(super) fn unsigned(&mut self, key: &str) -> Result<u64, ShapeError> {
        let at = self.at(key);
        let value = self.required(key)?;
        value.as_u64().ok_or_else(|| wrong_type(&at, "an integer of at least 0", &value))
    }

    /// Bytes in standard base64 with padding (RFC 4648 section 4).
    pub(super) fn base64(&mut self, key: &str) -> Result<Vec<u8>, ShapeError> {
        let at = self.at(key);
        base64(self.required(key)?, &at)
    }

    /// An `int64` of protobuf's JSON mapping: a decimal string, or a number; absent is zero.
    pub(super) fn int64(&mut self, key: &str) -> Result<i64, ShapeError> {
        let at = self.at(key);
        let Some(value) = self.optional(key) else { return Ok(0) };
        let number = match &value {
            // No sign, no leading zeros, no spaces: one spelling per number.
            Value::String(text) => text.parse::<i64>().ok().filter(|number| number.to_string() == *text),
            other => other.as_i64(),
        };
        number.ok_or_else(|| wrong_type(&at, "a 64-bit integer, as a number or a decimal string", &value))
    }

    pub(super) fn finish(self) -> Result<(), ShapeError> {
        match self.object.keys().next() {
            None => Ok(()),
            Some(key) => Err(ShapeError::new(&self.pointer, format!("unknown field {key:?}"))),
        }
    }
}

pub(super) fn text<'a>(value: Value<'a>, at: &str) -> Result<Cow<'a, str>, ShapeError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(at, "a string", &other)),
    }
}

pub(super) fn base64(value: Value<'_>, at: &str) -> Result<Vec<u8>, ShapeError> {
    use base64::Engine as _;
    let encoded = text(value, at)?;
    base64::engine::general_purpose::STANDARD
        .decode(encoded.as_bytes())
        .map_err(|error| ShapeError::new(at, format!("not valid base64: {error}")))
}

pub(super) fn digest(value: Value<'_>, at: &str) -> Result<Digest, ShapeError> {
    let hex = text(value, at)?;
    hex.parse().map_err(|_| ShapeError::new(at, "expected 64 lower-case hexadecimal digits"))
}

fn wrong_type(at: &str, expected: &str, got: &Value<'_>) -> ShapeError {
    ShapeError::new(at, format!("expected {expected}, got {}", got.type_name()))
}
