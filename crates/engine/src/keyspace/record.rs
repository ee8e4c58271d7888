//! One key with its value, in 16 bytes plus what they point to.
//!
//! Most keys are a [`Record::Blob`]: key, expiry and string value in a single allocation of exactly their size. A
//! string that grows, and every other type, is an [`Object`]. Nothing outside this module knows the layout.

use crate::value::{StringForm, StringValue, Value, ValueRef};

/// `Record::vacant` must cost nothing and tables hold many: two words, no more.
const _: () = assert!(size_of::<Record>() == 16);

/// Layout of a blob: `flags | key length | key | expiry (8 bytes, if flagged) | value`. A key length below 255 takes
/// one byte; longer ones take 255 and four bytes.
#[derive(Debug)]
pub(crate) enum Record {
    Blob(Box<[u8]>),
    Object(Box<Object>),
}

/// A key whose value needs structure of its own.
#[derive(Debug)]
pub(crate) struct Object {
    key: Box<[u8]>,
    /// 0 for none.
    expiry_ms: u64,
    value: Value,
}

const HAS_EXPIRY: u8 = 1;
const FORM_SHIFT: u8 = 1;
const LONG_KEY: u8 = 255;

/// A growing string moves out of its blob from this size on; below, rebuilding the blob is as cheap as growing.
const GROWING_STRING_BYTES: usize = 256;

/// The parts of a blob, as offsets.
struct Layout {
    key: usize,
    key_end: usize,
    value: usize,
}

fn layout(blob: &[u8]) -> Layout {
    let (key, length) = if blob[1] == LONG_KEY {
        (6, u32::from_le_bytes([blob[2], blob[3], blob[4], blob[5]]) as usize)
    } else {
        (2, usize::from(blob[1]))
    };
    let key_end = key + length;
    Layout { key, key_end, value: if blob[0] & HAS_EXPIRY == 0 { key_end } else { key_end + 8 } }
}

fn blob_expiry(blob: &[u8]) -> Option<u64> {
    if blob.first()? & HAS_EXPIRY == 0 {
        return None;
    }
    blob[layout(blob).key_end..].first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}

fn blob_size(key: &[u8], value_size: usize, expiry: Option<u64>) -> usize {
    let key_size = if key.len() < usize::from(LONG_KEY) { 2 + key.len() } else { 6 + key.len() };
    key_size + value_size + if expiry.is_some() { 8 } else { 0 }
}

impl Record {
    /// What stands in a vacant place; allocates nothing.
    pub(crate) fn vacant() -> Record {
        Record::Blob(Box::default())
    }

    /// A string of one allocation.
    pub(crate) fn string(key: &[u8], value: &[u8], form: StringForm, expiry: Option<u64>) -> Record {
        Record::string_of(key, &[value], form, expiry)
    }

    /// A string put together from pieces.
    fn string_of(key: &[u8], pieces: &[&[u8]], form: StringForm, expiry: Option<u64>) -> Record {
        let value_size = pieces.iter().map(|piece| piece.len()).sum();
        let mut blob = Vec::with_capacity(blob_size(key, value_size, expiry));
        blob.push(form.number() << FORM_SHIFT | if expiry.is_some() { HAS_EXPIRY } else { 0 });
        match u8::try_from(key.len()) {
            Ok(length) if length < LONG_KEY => blob.push(length),
            _ => {
                let length = u32::try_from(key.len()).expect("arguments are framed with 32-bit lengths");
                blob.push(LONG_KEY);
                blob.extend_from_slice(&length.to_le_bytes());
            }
        }
        blob.extend_from_slice(key);
        if let Some(at_ms) = expiry {
            blob.extend_from_slice(&at_ms.to_le_bytes());
        }
        for piece in pieces {
            blob.extend_from_slice(piece);
        }
        Record::Blob(blob.into_boxed_slice())
    }

    /// A record of any value; a string becomes one allocation.
    pub(crate) fn new(key: &[u8], value: Value, expiry: Option<u64>) -> Record {
        match value {
            Value::Str(string) => Record::string(key, string.bytes(), string.form(), expiry),
        }
    }

    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Record::Blob(blob) if blob.is_empty() => &[],
            Record::Blob(blob) => {
                let at = layout(blob);
                &blob[at.key..at.key_end]
            }
            Record::Object(object) => &object.key,
        }
    }

    pub(crate) fn expiry(&self) -> Option<u64> {
        match self {
            Record::Blob(blob) => blob_expiry(blob),
            Record::Object(object) => (object.expiry_ms != 0).then_some(object.expiry_ms),
        }
    }

    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Record::Blob(blob) => ValueRef::Str {
                bytes: &blob[layout(blob).value..],
                form: StringForm::of(blob[0] >> FORM_SHIFT),
            },
            Record::Object(object) => object.value.as_ref(),
        }
    }

    /// Bytes on the heap, as far as they are known here; the allocator's rounding is not.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Record::Blob(blob) => blob.len(),
            Record::Object(object) => size_of::<Object>() + object.key.len() + object.value.heap_size(),
        }
    }

    /// Gives the record another expiry, or none.
    pub(crate) fn set_expiry(&mut self, expiry: Option<u64>) {
        match self {
            Record::Object(object) => object.expiry_ms = expiry.unwrap_or(0),
            Record::Blob(blob) => {
                let at = layout(blob);
                match (blob[0] & HAS_EXPIRY != 0, expiry) {
                    (false, None) => {}
                    (true, Some(at_ms)) => {
                        blob[at.key_end..at.value].copy_from_slice(&at_ms.to_le_bytes());
                    }
                    _ => {
                        let form = StringForm::of(blob[0] >> FORM_SHIFT);
                        *self = Record::string(&blob[at.key..at.key_end], &blob[at.value..], form, expiry);
                    }
                }
            }
        }
    }

    /// Replaces whatever the value was by a string; keeps the allocation where the size is the same.
    pub(crate) fn set_string(&mut self, value: &[u8], form: StringForm, expiry: Option<u64>) {
        if let Record::Blob(blob) = self {
            let at = layout(blob);
            let same_shape = blob.len() - at.value == value.len();
            if same_shape && (blob[0] & HAS_EXPIRY != 0) == expiry.is_some() {
                blob[0] = form.number() << FORM_SHIFT | (blob[0] & HAS_EXPIRY);
                if let Some(at_ms) = expiry {
                    blob[at.key_end..at.value].copy_from_slice(&at_ms.to_le_bytes());
                }
                blob[at.value..].copy_from_slice(value);
                return;
            }
        }
        *self = Record::string(self.key(), value, form, expiry);
    }

    /// The same value under another key.
    pub(crate) fn renamed(self, key: &[u8]) -> Record {
        match self {
            Record::Object(mut object) => {
                object.key = key.into();
                Record::Object(object)
            }
            Record::Blob(_) => self.copied(key),
        }
    }

    /// A copy under another key, with its expiry.
    pub(crate) fn copied(&self, key: &[u8]) -> Record {
        match self.value() {
            ValueRef::Str { bytes, form } => Record::string(key, bytes, form, self.expiry()),
        }
    }

    /// Appends to a string. `None`, and nothing done, if the value is of another type.
    pub(crate) fn append(&mut self, tail: &[u8]) -> Option<usize> {
        if let Record::Blob(blob) = self {
            let (at, expiry) = (layout(blob), blob_expiry(blob));
            let (key, value) = (&blob[at.key..at.key_end], &blob[at.value..]);
            if value.len() + tail.len() <= GROWING_STRING_BYTES {
                let length = value.len() + tail.len();
                *self = Record::string_of(key, &[value, tail], StringForm::Raw, expiry);
                return Some(length);
            }
        }
        let string = self.growing_string()?;
        string.append(tail);
        Some(string.bytes().len())
    }

    /// The bytes of a string to change in place, with zero bytes appended up to `length_min`. The string is `raw` from
    /// now on. `None`, and nothing done, if the value is of another type.
    pub(crate) fn string_mut(&mut self, length_min: usize) -> Option<&mut [u8]> {
        if let Record::Blob(blob) = self {
            let (at, expiry) = (layout(blob), blob_expiry(blob));
            let value = &blob[at.value..];
            if value.len() < length_min && length_min <= GROWING_STRING_BYTES {
                let zeros = &[0; GROWING_STRING_BYTES][..length_min - value.len()];
                *self =
                    Record::string_of(&blob[at.key..at.key_end], &[value, zeros], StringForm::Raw, expiry);
            } else if value.len() < length_min {
                self.growing_string()?.grow(length_min);
            }
        }
        match self {
            Record::Blob(blob) => {
                blob[0] = StringForm::Raw.number() << FORM_SHIFT | (blob[0] & HAS_EXPIRY);
                let at = layout(blob);
                Some(&mut blob[at.value..])
            }
            Record::Object(_) => {
                let string = self.growing_string()?;
                string.grow(length_min);
                Some(string.bytes_mut())
            }
        }
    }

    /// The string as a buffer that grows cheaply; moves it out of its blob.
    fn growing_string(&mut self) -> Option<&mut StringValue> {
        if let Record::Blob(blob) = self {
            let at = layout(blob);
            let object = Object {
                key: blob[at.key..at.key_end].into(),
                expiry_ms: blob_expiry(blob).unwrap_or(0),
                value: Value::Str(StringValue::new(blob[at.value..].to_vec(), StringForm::Raw)),
            };
            *self = Record::Object(Box::new(object));
        }
        match self {
            Record::Object(object) => match &mut object.value {
                Value::Str(string) => Some(string),
            },
            Record::Blob(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(record: &Record) -> &[u8] {
        let ValueRef::Str { bytes, .. } = record.value();
        bytes
    }

    #[test]
    fn a_blob_gives_back_its_parts() {
        for key_length in [0, 1, 16, 254, 255, 256, 70_000] {
            let key = vec![b'k'; key_length];
            for expiry in [None, Some(77)] {
                let mut record = Record::string(&key, b"value", StringForm::Raw, expiry);
                assert_eq!((record.key(), record.expiry(), text(&record)), (&key[..], expiry, &b"value"[..]));
                for next in [Some(5), Some(6), None, None] {
                    record.set_expiry(next);
                    assert_eq!(
                        (record.key(), record.expiry(), text(&record)),
                        (&key[..], next, &b"value"[..])
                    );
                }
                record.set_string(b"other", StringForm::Auto, Some(9));
                record.set_string(b"longer text", StringForm::Auto, expiry);
                assert_eq!(
                    (record.key(), record.expiry(), text(&record)),
                    (&key[..], expiry, &b"longer text"[..])
                );
            }
        }
    }

    #[test]
    fn a_growing_string_keeps_key_and_expiry() {
        let mut record = Record::string(b"key", b"", StringForm::Auto, Some(4));
        let mut model = Vec::new();
        for round in 0..100_u8 {
            model.extend_from_slice(&[round; 7]);
            assert_eq!(record.append(&[round; 7]), Some(model.len()));
            assert_eq!((record.key(), record.expiry(), text(&record)), (&b"key"[..], Some(4), &model[..]));
        }
        record.string_mut(0).unwrap()[3..6].copy_from_slice(b"xyz");
        record.string_mut(708).unwrap()[705..].copy_from_slice(b"end");
        assert_eq!(&text(&record)[3..6], b"xyz");
        assert_eq!(&text(&record)[700..], b"\0\0\0\0\0end");
        record.set_string(b"1", StringForm::Auto, None);
        assert!(matches!(record, Record::Blob(_)));
    }

    #[test]
    fn a_blob_is_padded_with_zeros() {
        for length_min in [0, 2, 5, 256, 257, 1000] {
            let mut record = Record::string(b"key", b"abc", StringForm::Auto, Some(4));
            record.string_mut(length_min).unwrap()[1] = b'x';
            let mut model = b"axc".to_vec();
            model.resize(length_min.max(3), 0);
            assert_eq!((record.key(), record.expiry(), text(&record)), (&b"key"[..], Some(4), &model[..]));
            assert!(matches!(record.value(), ValueRef::Str { form: StringForm::Raw, .. }));
        }
    }
}
