//! Strings: the growing kind, and what Redis would call the encoding of either kind.

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

    pub(crate) fn encoding_name(self, bytes: &[u8]) -> &'static str {
        match self {
            StringForm::Raw => "raw",
            StringForm::Auto if integer(bytes).is_some() => "int",
            _ if bytes.len() <= EMBEDDED_BYTES_MAX => "embstr",
            _ => "raw",
        }
    }
}

/// The integer that a string is the canonical decimal text of: no sign `+`, no leading zeros, no `-0`.
pub(crate) fn integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let canonical = match digits {
        [b'0'] => !negative,
        [b'1'..=b'9', ..] => digits.len() <= 19,
        _ => false,
    };
    if !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
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

    /// Overwrites from `offset` on, with zero bytes between the end and `offset`.
    pub(crate) fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        self.form = StringForm::Raw;
        let end = offset + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_text_is_an_integer() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("1a", None),
        ] {
            assert_eq!(integer(text.as_bytes()), value, "{text}");
        }
    }

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
