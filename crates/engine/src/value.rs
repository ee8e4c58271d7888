//! What a key can hold. Data only: no syntax, no replies.
//!
//! A type is a file below `value/` that implements [`Collection`], and one line in `collections!` below; type name,
//! copy, snapshot, digest and size follow.

mod dictionary;
mod hash;
pub(crate) mod hyperloglog;
mod intset;
pub(crate) mod json;
mod list;
mod packed;
mod set;
pub(crate) mod stream;
mod string;
mod zset;

pub(crate) use hash::{Field, FieldExpiry, Hash};
use json::Document;
pub(crate) use list::{End, List};
pub(crate) use packed::{Item, Packed};
pub(crate) use set::Set;
pub(crate) use string::{StringForm, StringValue};
pub(crate) use zset::SortedSet;

use std::{borrow::Cow, fmt::Debug, ops::Deref};

use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input},
};

/// A value that is no string.
pub(crate) trait Collection: Variant + Clone + Debug {
    /// Whether it holds nothing: its key is then removed.
    fn is_empty(&self) -> bool;

    /// Bytes on the heap.
    fn heap_size(&self) -> usize;

    /// As `OBJECT ENCODING` names it.
    fn encoding_name(&self, settings: &Settings) -> &'static str;

    /// Appends all of its state, independent of how it lies in memory: for snapshots and the digest.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads what [`Collection::encode`] wrote. Trusts nothing, and never makes an empty value.
    fn decode(input: &mut Input<'_>) -> Result<Self, CorruptSnapshot>;

    /// Its form and bytes, if it is plain enough to lie in its record's own allocation while it is small. Nothing of it
    /// expires then.
    fn small_parts(&self) -> Option<(u8, &[u8])> {
        None
    }

    /// A copy of the collection whose parts [`Collection::small_parts`] gave.
    fn from_small_parts(_form: u8, _bytes: &[u8]) -> Option<Self> {
        None
    }

    /// When the first of its parts falls due, if parts of it expire.
    fn next_due(&self) -> Option<u64> {
        None
    }

    /// Whether anything of it is left at that time.
    fn is_visible(&self, _at_ms: u64) -> bool {
        true
    }

    /// Takes out parts that are due, so many at most; how many it took.
    fn reclaim(&mut self, _now_ms: u64, _count_max: usize) -> usize {
        0
    }
}

/// What `collections!` says of a type.
pub(crate) trait Variant: Sized {
    /// As `TYPE` names it.
    const TYPE: &'static str;

    /// The number that stands for it in snapshots; never reused.
    const KIND: u8;

    /// A collection to look at.
    type Seen<'a>: Seen<'a, Self>
    where
        Self: 'a;

    /// The value, if it is of this type.
    fn of(value: &Value) -> Option<&Self>;

    /// As [`Variant::of`], to change it.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;

    fn into_value(self) -> Value;
}

/// A collection to look at: where it lies, or a copy of one that lies in a record's own allocation.
pub(crate) trait Seen<'a, T: 'a>: Deref<Target = T> {
    fn borrowed(collection: &'a T) -> Self;

    /// `None` for a type that never lies in a record's own allocation.
    fn copied(collection: T) -> Option<Self>
    where
        Self: Sized;
}

impl<'a, T> Seen<'a, T> for &'a T {
    fn borrowed(collection: &'a T) -> &'a T {
        collection
    }

    fn copied(_: T) -> Option<&'a T> {
        None
    }
}

impl<'a, T: Clone> Seen<'a, T> for Cow<'a, T> {
    fn borrowed(collection: &'a T) -> Cow<'a, T> {
        Cow::Borrowed(collection)
    }

    fn copied(collection: T) -> Option<Cow<'a, T>> {
        Some(Cow::Owned(collection))
    }
}

/// How a type that never lies in a record's own allocation is seen.
type Lent<'a, T> = &'a T;

/// Turns `Variant(type) seen as = kind in snapshots, name in TYPE` lines into [`Value`] and all that is said of each type.
macro_rules! collections {
    ($($variant:ident($type:ty) $seen:ident = $kind:literal, $name:literal;)+) => {
        /// A value that is owned, outside or inside an object.
        #[derive(Debug)]
        pub(crate) enum Value { Str(StringValue), $($variant($type)),+ }

        /// A value to look at, wherever its bytes lie.
        #[derive(Debug)]
        pub(crate) enum ValueRef<'a> {
            Str { bytes: &'a [u8], form: StringForm },
            $($variant($seen<'a, $type>)),+
        }

        impl Value {
            pub(crate) fn as_ref(&self) -> ValueRef<'_> {
                match self {
                    Value::Str(string) => ValueRef::Str { bytes: string.bytes(), form: string.form() },
                    $(Value::$variant(collection) => ValueRef::$variant(Seen::borrowed(collection))),+
                }
            }

            /// Kind, form and bytes; see [`Collection::small_parts`].
            pub(crate) fn small_parts(&self) -> Option<(u8, u8, &[u8])> {
                match self {
                    Value::Str(_) => None,
                    $(Value::$variant(collection) => {
                        collection.small_parts().map(|(form, bytes)| ($kind, form, bytes))
                    })+
                }
            }

            /// Bytes on the heap.
            pub(crate) fn heap_size(&self) -> usize {
                match self {
                    Value::Str(string) => string.heap_size(),
                    $(Value::$variant(collection) => collection.heap_size()),+
                }
            }

            /// See [`Collection::next_due`].
            pub(crate) fn next_due(&self) -> Option<u64> {
                match self {
                    Value::Str(_) => None,
                    $(Value::$variant(collection) => collection.next_due()),+
                }
            }

            /// See [`Collection::is_visible`].
            pub(crate) fn is_visible(&self, at_ms: u64) -> bool {
                match self {
                    Value::Str(_) => true,
                    $(Value::$variant(collection) => collection.is_visible(at_ms)),+
                }
            }

            /// See [`Collection::reclaim`]; and whether nothing is left.
            pub(crate) fn reclaim(&mut self, now_ms: u64, count_max: usize) -> (usize, bool) {
                match self {
                    Value::Str(_) => (0, false),
                    $(Value::$variant(collection) => {
                        let taken = collection.reclaim(now_ms, count_max);
                        (taken, collection.is_empty())
                    })+
                }
            }

            /// Reads a collection of that kind.
            pub(crate) fn decode(kind: u8, input: &mut Input<'_>) -> Result<Value, CorruptSnapshot> {
                match kind {
                    $($kind => <$type as Collection>::decode(input).map(Variant::into_value),)+
                    kind => Err(CorruptSnapshot::Kind(kind)),
                }
            }
        }

        impl<'a> ValueRef<'a> {
            /// A copy of the collection whose parts [`Value::small_parts`] gave.
            pub(crate) fn from_small_parts(kind: u8, form: u8, bytes: &[u8]) -> Option<ValueRef<'a>> {
                match kind {
                    $($kind => <$type>::from_small_parts(form, bytes).and_then(Seen::copied).map(ValueRef::$variant),)+
                    _ => None,
                }
            }

            /// As `TYPE` names it.
            pub(crate) fn type_name(&self) -> &'static str {
                match self {
                    ValueRef::Str { .. } => "string",
                    $(ValueRef::$variant(_) => $name),+
                }
            }

            /// As `OBJECT ENCODING` names it.
            pub(crate) fn encoding_name(&self, settings: &Settings) -> &'static str {
                match self {
                    ValueRef::Str { bytes, form } => form.encoding_name(bytes),
                    $(ValueRef::$variant(collection) => collection.encoding_name(settings)),+
                }
            }

            /// The number that stands for its type in snapshots; never reused.
            pub(crate) fn kind(&self) -> u8 {
                match self {
                    ValueRef::Str { .. } => STRING_KIND,
                    $(ValueRef::$variant(_) => $kind),+
                }
            }

            /// Appends all of the value's state.
            pub(crate) fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    ValueRef::Str { bytes, form } => {
                        out.push(form.number());
                        crate::snapshot::put_bytes(out, bytes);
                    }
                    $(ValueRef::$variant(collection) => collection.encode(out)),+
                }
            }

            /// A copy that is owned.
            pub(crate) fn into_value(self) -> Value {
                match self {
                    ValueRef::Str { bytes, form } => Value::Str(StringValue::new(bytes.to_vec(), form)),
                    $(ValueRef::$variant(collection) => Value::$variant((*collection).clone())),+
                }
            }

        }

        $(
            impl Variant for $type {
                const TYPE: &'static str = $name;
                const KIND: u8 = $kind;
                type Seen<'a> = $seen<'a, $type>;

                fn of(value: &Value) -> Option<&$type> {
                    if let Value::$variant(collection) = value { Some(collection) } else { None }
                }

                fn of_mut(value: &mut Value) -> Option<&mut $type> {
                    if let Value::$variant(collection) = value { Some(collection) } else { None }
                }

                fn into_value(self) -> Value {
                    Value::$variant(self)
                }
            }
        )+
    };
}

/// The kind of strings in snapshots.
pub(crate) const STRING_KIND: u8 = 1;

collections! {
    Hash(Hash) Cow = 2, "hash";
    Set(Set) Cow = 3, "set";
    List(List) Cow = 4, "list";
    SortedSet(SortedSet) Cow = 5, "zset";
    Stream(Box<stream::Stream>) Lent = 6, "stream";
    Json(Document) Lent = 7, "ReJSON-RL";
}

/// Objects of all types are as large as the largest: what is larger belongs behind a pointer of its own.
const _: () = assert!(size_of::<Value>() <= 32);
