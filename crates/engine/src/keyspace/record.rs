//! One key with its value: 24 bytes in a table plus what they point to.
//!
//! Most keys are a blob: key, expiry and value in a single allocation of exactly their size, with everything small in
//! the record itself. That is so for strings and for small collections, which are rebuilt when they change; who looks
//! at one gets a copy. A string that grows, and every other collection, is an [`Object`]. Nothing outside this module
//! knows the layout.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::value::{Collection, Seen, StringForm, StringValue, Value, ValueRef};

/// A key with its value, as it stands in a table.
#[derive(Debug)]
pub(crate) struct Record {
    /// Of the key; [`Record::VACANT`] in a vacant place.
    hash: u32,
    /// From the lowest bit: whether a blob has an expiry, what it holds (2 bits, the form of
    /// a string or [`COLLECTION`]), the length of its key (5
    /// bits, [`LONG_KEY`] for what they do not hold), and when or how often the key was used (24 bits).
    meta: AtomicU32,
    body: Body,
}

const _: () = assert!(size_of::<Record>() == 24);

#[derive(Debug)]
enum Body {
    /// `key length, if long | key | expiry (8 bytes), if any | value`. A long length below 255 takes one byte; longer
    /// ones take 255 and four bytes. A collection begins with a byte for its kind and form.
    Blob(Box<[u8]>),
    Object(Box<Object>),
}

/// A key whose value needs structure of its own.
#[derive(Debug)]
struct Object {
    key: Box<[u8]>,
    /// 0 for none.
    expiry_ms: u64,
    value: Value,
}

/// The part of the metadata that describes a blob.
#[derive(Clone, Copy, Debug)]
struct Shape(u8);

const HAS_EXPIRY: u8 = 1;
const FORM_SHIFT: u8 = 1;
const FORM_MASK: u8 = 3;
/// In place of the form of a string.
const COLLECTION: u8 = 3;
const KEY_SHIFT: u8 = 3;
const LONG_KEY: u8 = 31;
const USED_SHIFT: u32 = 8;

/// A long length of more than a byte.
const WIDE: u8 = 255;

/// A growing string moves out of its blob from this size on; below, rebuilding the blob is as cheap as growing.
const GROWING_STRING_BYTES: usize = 256;

/// A collection of up to so many bytes lies in a blob; a copy of it costs little.
const SMALL_BYTES: usize = 256;

/// One that has outgrown its blob comes back when it has shrunk to this, so that not every other change moves it.
const SMALL_AGAIN_BYTES: usize = 128;

/// What takes so many bytes is freed where nobody waits for it.
const LARGE_BYTES: usize = 64 << 10;

/// The parts of a blob, as offsets.
struct Layout {
    key: usize,
    key_end: usize,
    value: usize,
}

impl Shape {
    fn new(key: &[u8], form: u8, expiry: Option<u64>) -> Shape {
        let length = u8::try_from(key.len()).map_or(LONG_KEY, |length| length.min(LONG_KEY));
        Shape(length << KEY_SHIFT | form << FORM_SHIFT | u8::from(expiry.is_some()))
    }

    fn has_expiry(self) -> bool {
        self.0 & HAS_EXPIRY != 0
    }

    fn form(self) -> u8 {
        self.0 >> FORM_SHIFT & FORM_MASK
    }

    fn is_string(self) -> bool {
        self.form() != COLLECTION
    }

    /// Kind, form and bytes of the collection in a blob.
    #[inline]
    fn collection(self, blob: &[u8]) -> Option<(u8, u8, &[u8])> {
        if self.is_string() {
            return None;
        }
        let (tag, bytes) = blob[self.layout(blob).value..].split_first()?;
        Some((tag >> 4, tag & 15, bytes))
    }

    #[inline]
    fn layout(self, blob: &[u8]) -> Layout {
        let (key, length) = match (self.0 >> KEY_SHIFT, blob) {
            (LONG_KEY, [WIDE, a, b, c, d, ..]) => (5, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
            (LONG_KEY, [length, ..]) => (1, usize::from(*length)),
            (length, _) => (0, usize::from(length)),
        };
        let key_end = key + length;
        Layout { key, key_end, value: if self.has_expiry() { key_end + 8 } else { key_end } }
    }

    fn expiry(self, blob: &[u8]) -> Option<u64> {
        if !self.has_expiry() {
            return None;
        }
        blob[self.layout(blob).key_end..].first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

/// Puts a blob together; the value from pieces.
fn blob(key: &[u8], expiry: Option<u64>, pieces: &[&[u8]]) -> Box<[u8]> {
    let value_size: usize = pieces.iter().map(|piece| piece.len()).sum();
    let prefix = match key.len() {
        0..31 => 0,
        31..255 => 1,
        _ => 5,
    };
    let mut blob = Vec::with_capacity(prefix + key.len() + expiry.map_or(0, |_| 8) + value_size);
    if prefix == 1 {
        blob.push(key.len() as u8);
    } else if prefix == 5 {
        let length = u32::try_from(key.len()).expect("arguments are framed with 32-bit lengths");
        blob.push(WIDE);
        blob.extend_from_slice(&length.to_le_bytes());
    }
    blob.extend_from_slice(key);
    if let Some(at_ms) = expiry {
        blob.extend_from_slice(&at_ms.to_le_bytes());
    }
    for piece in pieces {
        blob.extend_from_slice(piece);
    }
    blob.into_boxed_slice()
}

/// The byte with which a collection in a blob begins.
fn tag(kind: u8, form: u8) -> u8 {
    kind << 4 | form
}

/// Puts the blob of a collection together.
fn small(key: &[u8], expiry: Option<u64>, [kind, form]: [u8; 2], bytes: &[u8]) -> (Shape, Box<[u8]>) {
    (Shape::new(key, COLLECTION, expiry), blob(key, expiry, &[&[tag(kind, form)], bytes]))
}

impl Record {
    /// The hash of a vacant place.
    pub(crate) const VACANT: u32 = 0;

    /// What stands in a vacant place; allocates nothing.
    pub(crate) fn vacant() -> Record {
        Record { hash: Record::VACANT, meta: AtomicU32::new(0), body: Body::Blob(Box::default()) }
    }

    /// A string of one allocation.
    pub(crate) fn string(key: &[u8], value: &[u8], form: StringForm, expiry: Option<u64>) -> Record {
        let mut record = Record::vacant();
        record.set_blob(Shape::new(key, form.number(), expiry), blob(key, expiry, &[value]));
        record
    }

    /// A record of any value; a string or a small collection becomes one allocation.
    pub(crate) fn new(key: &[u8], value: Value, expiry: Option<u64>) -> Record {
        match value {
            Value::Str(string) => Record::string(key, string.bytes(), string.form(), expiry),
            value => {
                let mut record = Record::vacant();
                if let Some((kind, form, bytes)) = value.small_parts()
                    && bytes.len() <= SMALL_BYTES
                {
                    let (shape, blob) = small(key, expiry, [kind, form], bytes);
                    record.set_blob(shape, blob);
                    return record;
                }
                let object = Object { key: key.into(), expiry_ms: expiry.unwrap_or(0), value };
                record.body = Body::Object(Box::new(object));
                record
            }
        }
    }

    /// Whether it holds a collection of that type.
    pub(crate) fn is<T: Collection>(&self) -> bool {
        match &self.body {
            Body::Blob(blob) => self.shape().collection(blob).is_some_and(|(kind, _, _)| kind == T::KIND),
            Body::Object(object) => T::of(&object.value).is_some(),
        }
    }

    /// The collection it holds, if it is of that type.
    pub(crate) fn collection<T: Collection>(&self) -> Option<T::Seen<'_>> {
        match &self.body {
            Body::Blob(blob) => match self.shape().collection(blob)? {
                (kind, form, bytes) if kind == T::KIND => {
                    T::from_small_parts(form, bytes).and_then(Seen::copied)
                }
                _ => None,
            },
            Body::Object(object) => T::of(&object.value).map(Seen::borrowed),
        }
    }

    /// Changes the collection it holds, and says whether that is empty then. `None`, and nothing done, if it is of
    /// another type.
    pub(crate) fn change_collection<T: Collection, R>(
        &mut self,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<(R, bool)> {
        let shape = self.shape();
        match &mut self.body {
            Body::Blob(blob) => {
                let (kind, form, bytes) = shape.collection(blob)?;
                if kind != T::KIND {
                    return None;
                }
                let mut collection = T::from_small_parts(form, bytes)?;
                let outcome = change(&mut collection);
                let empty = collection.is_empty();
                self.put_back(collection);
                Some((outcome, empty))
            }
            Body::Object(object) => {
                let collection = T::of_mut(&mut object.value)?;
                let outcome = change(collection);
                let empty = collection.is_empty();
                self.shrink();
                Some((outcome, empty))
            }
        }
    }

    /// Puts the collection that was in the blob back, changed.
    fn put_back<T: Collection>(&mut self, collection: T) {
        let shape = self.shape();
        let Body::Blob(blob) = &mut self.body else { return };
        let at = shape.layout(blob);
        match collection.small_parts() {
            Some((form, bytes)) if blob.len() == at.value + 1 + bytes.len() => {
                blob[at.value] = tag(T::KIND, form);
                blob[at.value + 1..].copy_from_slice(bytes);
            }
            Some((form, bytes)) if bytes.len() <= SMALL_BYTES => {
                let tag = [tag(T::KIND, form)];
                // All before the value stays as it is.
                let rebuilt = [&blob[..at.value], &tag, bytes].concat().into_boxed_slice();
                self.body = Body::Blob(rebuilt);
            }
            _ => {
                let key = blob[at.key..at.key_end].into();
                let expiry_ms = shape.expiry(blob).unwrap_or(0);
                self.body = Body::Object(Box::new(Object { key, expiry_ms, value: collection.into_value() }));
            }
        }
    }

    /// Makes an object that has become small enough a blob.
    fn shrink(&mut self) {
        let Body::Object(object) = &self.body else { return };
        if let Some((kind, form, bytes)) = object.value.small_parts()
            && bytes.len() <= SMALL_AGAIN_BYTES
        {
            let (shape, rebuilt) = small(&object.key, self.expiry(), [kind, form], bytes);
            self.set_blob(shape, rebuilt);
        }
    }

    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// Gives the record the hash of its key, with which it goes into a table.
    pub(crate) fn set_hash(&mut self, hash: u32) {
        self.hash = hash;
    }

    /// 24 bits about the uses of the key; 0 if nothing was noted. Known to this replica only, no part of the replicated
    /// state.
    pub(crate) fn used(&self) -> u32 {
        self.meta.load(Ordering::Relaxed) >> USED_SHIFT
    }

    /// Notes what [`Record::used`] shall answer.
    #[inline]
    pub(crate) fn set_used(&self, used: u32) {
        let old = self.meta.load(Ordering::Relaxed);
        let new = used << USED_SHIFT | old & ((1 << USED_SHIFT) - 1);
        if new != old {
            self.meta.store(new, Ordering::Relaxed);
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        Shape(self.meta.load(Ordering::Relaxed) as u8)
    }

    fn set_shape(&mut self, shape: Shape) {
        let meta = self.meta.get_mut();
        *meta = *meta >> USED_SHIFT << USED_SHIFT | u32::from(shape.0);
    }

    fn set_blob(&mut self, shape: Shape, blob: Box<[u8]>) {
        self.set_shape(shape);
        self.body = Body::Blob(blob);
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match &self.body {
            Body::Blob(blob) => {
                let at = self.shape().layout(blob);
                &blob[at.key..at.key_end]
            }
            Body::Object(object) => &object.key,
        }
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<u64> {
        match &self.body {
            Body::Blob(blob) => self.shape().expiry(blob),
            Body::Object(object) => (object.expiry_ms != 0).then_some(object.expiry_ms),
        }
    }

    /// When the first part of the value falls due, if parts of it expire.
    #[inline]
    pub(crate) fn part_due(&self) -> Option<u64> {
        match &self.body {
            Body::Blob(_) => None,
            Body::Object(object) => object.value.next_due(),
        }
    }

    /// Whether anything of the value is left at that time.
    pub(crate) fn has_parts(&self, at_ms: u64) -> bool {
        match &self.body {
            Body::Blob(_) => true,
            Body::Object(object) => object.value.is_visible(at_ms),
        }
    }

    /// Takes parts that are due out of the value: how many it took, and whether nothing is left.
    pub(crate) fn reclaim_parts(&mut self, now_ms: u64, count_max: usize) -> (usize, bool) {
        match &mut self.body {
            Body::Blob(_) => (0, false),
            Body::Object(object) => object.value.reclaim(now_ms, count_max),
        }
    }

    pub(crate) fn value(&self) -> ValueRef<'_> {
        match &self.body {
            Body::Blob(blob) => {
                let shape = self.shape();
                match shape.collection(blob) {
                    None => ValueRef::Str {
                        bytes: &blob[shape.layout(blob).value..],
                        form: StringForm::of(shape.form()),
                    },
                    Some((kind, form, bytes)) => ValueRef::from_small_parts(kind, form, bytes)
                        .expect("a blob holds what small_parts gave"),
                }
            }
            Body::Object(object) => object.value.as_ref(),
        }
    }

    /// Bytes on the heap, as far as they are known here; the allocator's rounding is not.
    pub(crate) fn heap_size(&self) -> usize {
        match &self.body {
            Body::Blob(blob) => blob.len(),
            Body::Object(object) => size_of::<Object>() + object.key.len() + object.value.heap_size(),
        }
    }

    /// Whether freeing it takes a while.
    pub(crate) fn is_large(&self) -> bool {
        matches!(&self.body, Body::Object(object) if object.value.heap_size() >= LARGE_BYTES)
    }

    /// Takes the value out, and leaves an empty string under the key.
    pub(crate) fn take_large(&mut self) -> Record {
        let mut emptied = Record::string(self.key(), &[], StringForm::Auto, None);
        emptied.set_hash(self.hash);
        emptied.set_used(self.used());
        std::mem::replace(self, emptied)
    }

    /// Gives the record another expiry, or none.
    pub(crate) fn set_expiry(&mut self, expiry: Option<u64>) {
        let shape = self.shape();
        match &mut self.body {
            Body::Object(object) => object.expiry_ms = expiry.unwrap_or(0),
            Body::Blob(bytes) => {
                let at = shape.layout(bytes);
                match (shape.has_expiry(), expiry) {
                    (false, None) => {}
                    (true, Some(at_ms)) => bytes[at.key_end..at.value].copy_from_slice(&at_ms.to_le_bytes()),
                    _ => {
                        let key = &bytes[at.key..at.key_end];
                        let (shape, rebuilt) =
                            (Shape::new(key, shape.form(), expiry), blob(key, expiry, &[&bytes[at.value..]]));
                        self.set_blob(shape, rebuilt);
                    }
                }
            }
        }
    }

    /// Replaces whatever the value was by a string; keeps the allocation where the size is the same.
    pub(crate) fn set_string(&mut self, value: &[u8], form: StringForm, expiry: Option<u64>) {
        let shape = self.shape();
        if let Body::Blob(blob) = &mut self.body {
            let at = shape.layout(blob);
            if blob.len() - at.value == value.len() && shape.has_expiry() == expiry.is_some() {
                if let Some(at_ms) = expiry {
                    blob[at.key_end..at.value].copy_from_slice(&at_ms.to_le_bytes());
                }
                blob[at.value..].copy_from_slice(value);
                let shape = Shape::new(&blob[at.key..at.key_end], form.number(), expiry);
                self.set_shape(shape);
                return;
            }
        }
        let key = self.key();
        self.set_blob(Shape::new(key, form.number(), expiry), blob(key, expiry, &[value]));
    }

    /// The same value under another key.
    pub(crate) fn renamed(mut self, key: &[u8]) -> Record {
        match &mut self.body {
            Body::Object(object) => {
                object.key = key.into();
                self
            }
            Body::Blob(_) => {
                let renamed = self.copied(key);
                renamed.set_used(self.used());
                renamed
            }
        }
    }

    /// A copy under another key, with its expiry.
    pub(crate) fn copied(&self, key: &[u8]) -> Record {
        let expiry = self.expiry();
        match &self.body {
            Body::Blob(bytes) => {
                let (shape, mut copy) = (self.shape(), Record::vacant());
                let value = &bytes[shape.layout(bytes).value..];
                copy.set_blob(Shape::new(key, shape.form(), expiry), blob(key, expiry, &[value]));
                copy
            }
            Body::Object(object) => Record::new(key, object.value.as_ref().into_value(), expiry),
        }
    }

    /// Appends to a string. `None`, and nothing done, if the value is of another type.
    pub(crate) fn append(&mut self, tail: &[u8]) -> Option<usize> {
        if let Body::Blob(bytes) = &self.body
            && self.shape().is_string()
        {
            let (at, expiry) = (self.shape().layout(bytes), self.expiry());
            let (key, value) = (&bytes[at.key..at.key_end], &bytes[at.value..]);
            let length = value.len() + tail.len();
            if length <= GROWING_STRING_BYTES {
                self.set_blob(
                    Shape::new(key, StringForm::Raw.number(), expiry),
                    blob(key, expiry, &[value, tail]),
                );
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
        if let Body::Blob(bytes) = &self.body
            && self.shape().is_string()
        {
            let (at, expiry) = (self.shape().layout(bytes), self.expiry());
            let (key, value) = (&bytes[at.key..at.key_end], &bytes[at.value..]);
            let shape = Shape::new(key, StringForm::Raw.number(), expiry);
            if value.len() >= length_min {
                self.set_shape(shape);
            } else if length_min <= GROWING_STRING_BYTES {
                let zeros = &[0; GROWING_STRING_BYTES][..length_min - value.len()];
                self.set_blob(shape, blob(key, expiry, &[value, zeros]));
            } else {
                self.growing_string()?.grow(length_min);
            }
        }
        let shape = self.shape();
        match &mut self.body {
            Body::Blob(bytes) => {
                let at = shape.layout(bytes);
                shape.is_string().then_some(&mut bytes[at.value..])
            }
            Body::Object(object) => match &mut object.value {
                Value::Str(string) => {
                    string.grow(length_min);
                    Some(string.bytes_mut())
                }
                _ => None,
            },
        }
    }

    /// The string as a buffer that grows cheaply; moves it out of its blob.
    fn growing_string(&mut self) -> Option<&mut StringValue> {
        if let Body::Blob(bytes) = &self.body
            && self.shape().is_string()
        {
            let at = self.shape().layout(bytes);
            let object = Object {
                key: bytes[at.key..at.key_end].into(),
                expiry_ms: self.expiry().unwrap_or(0),
                value: Value::Str(StringValue::new(bytes[at.value..].to_vec(), StringForm::Raw)),
            };
            self.body = Body::Object(Box::new(object));
        }
        match &mut self.body {
            Body::Object(object) => match &mut object.value {
                Value::Str(string) => Some(string),
                _ => None,
            },
            Body::Blob(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
