//! Strings: the growing kind, and what Redis would call the encoding of either kind.

use meridian_command::number::parse_i64;

/// What is known of a string's encoding beyond its bytes. Part of the state, as clients can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringForm {
    /// `int`, `embstr` or `raw`, as its bytes say: how a value is that was set as a whole.
    Auto,
    /// `raw` whatever its size: it was modified in place.
    Raw,
    /// As `Auto`, but never `int`: the result of a float increment.
    Text,
}

/// The longest string that Redis keeps in one allocation with its header.
const EMBEDDED_BYTES_MAX: usize = 44;

impl StringForm {
    pub(crate) const fn number(self) -> u8 {
        match self {
            StringForm::Auto => 0,
            StringForm::Raw => 1,
            StringForm::Text => 2,
        }
    }

    /// The form of that number; numbers that are none are `Auto`.
    pub(crate) const fn of(number: u8) -> StringForm {
        match number & 3 {
            1 => StringForm::Raw,
            2 => StringForm::Text,
            _ => StringForm::Auto,
        }
    }

    /// The integer that Redis would keep instead of the bytes.
    pub(crate) fn integer(self, bytes: &[u8]) -> Option<i64> {
        if self == StringForm::Auto { parse_i64(bytes) } else { None }
    }

    pub(crate) fn encoding_name(self, bytes: &[u8]) -> &'static str {
        match self {
            StringForm::Raw => "raw",
            StringForm::Auto if self.integer(bytes).is_some() => "int",
            _ if bytes.len() <= EMBEDDED_BYTES_MAX => "embstr",
            _ => "raw",
        }
    }
}

/// A string that was modified in place and may be again: spare capacity behind its end.
#[derive(Debug)]
pub(crate) struct StringValue {
    bytes: Vec<u8>,
    form: StringForm,
}

impl StringValue {
    pub(crate) fn new(bytes: Vec<u8>, form: StringForm) -> StringValue {
        StringValue { bytes, form }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn form(&self) -> StringForm {
        self.form
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn append(&mut self, tail: &[u8]) {
        self.form = StringForm::Raw;
        self.bytes.extend_from_slice(tail);
    }

    /// The bytes to change in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.form = StringForm::Raw;
        &mut self.bytes
    }

    /// Appends zero bytes up to a length.
    pub(crate) fn grow(&mut self, length_min: usize) {
        if self.bytes.len() < length_min {
            self.bytes.resize(length_min, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_redis() {
        let long = [b'x'; 45];
        assert_eq!(StringForm::Auto.encoding_name(b"12"), "int");
        assert_eq!(StringForm::Auto.encoding_name(&long[..44]), "embstr");
        assert_eq!(StringForm::Auto.encoding_name(&long), "raw");
        assert_eq!(StringForm::Text.encoding_name(b"12"), "embstr");
        assert_eq!(StringForm::Raw.encoding_name(b"12"), "raw");
    }
}
