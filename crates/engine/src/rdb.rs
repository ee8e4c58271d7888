//! Values in the format of Redis' snapshots, as DUMP gives and RESTORE takes them.
//!
//! A payload is `type | value | version (2 bytes) | CRC-64 (8 bytes)`. All encodings that Redis up to 8.0 writes are
//! read, into a [`Plain`] value that knows none of them; the plainest one that 7.0 reads is written. Nothing is
//! allocated from a length that a payload declares, and what does not add up is [`Corrupt`].

mod checksum;
mod input;
mod listpack;
mod lzf;
mod old;
mod read;
mod stream;
mod value;
mod write;

pub(crate) use read::read;
pub(crate) use stream::{PlainConsumer, PlainGroup, PlainPending, PlainStream};
pub(crate) use value::{NotRestored, plain, restored};
pub(crate) use write::write;

use crate::value::json::Json;

/// The newest version that is read: that of Redis 7.4 and 8.0.
const VERSION_MAX: u16 = 12;

/// What is written: the version of Redis 7.0.
const VERSION: u16 = 10;

/// What is written where fields of a hash have expiries, which no earlier Redis than 7.4 knows.
const VERSION_FIELD_EXPIRY: u16 = 12;

/// Bytes behind the value.
const FOOTER: usize = 10;

/// A payload that cannot be a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corrupt {
    /// It is of a version that is not known, or its checksum is not that of its bytes.
    Footer,
    /// What it holds does not add up.
    Value,
}

/// A field of a hash: name, value, and when it expires.
pub(crate) type PlainField = (Vec<u8>, Vec<u8>, Option<u64>);

/// A value without any encoding. Members and fields are distinct, and no collection is empty but a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    Hash(Vec<PlainField>),
    SortedSet(Vec<(Vec<u8>, f64)>),
    Stream(PlainStream),
    Json(Json),
}

/// The types of values, by the number in front of them.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const ZSET: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const ZSET_2: u8 = 5;
    pub(super) const MODULE_2: u8 = 7;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const ZSET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_QUICKLIST: u8 = 14;
    pub(super) const STREAM_LISTPACKS: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const ZSET_LISTPACK: u8 = 17;
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    pub(super) const STREAM_LISTPACKS_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_LISTPACKS_3: u8 = 21;
    pub(super) const HASH_METADATA: u8 = 24;
    pub(super) const HASH_LISTPACK_EX: u8 = 25;
}

/// Of RedisJSON's values: nine letters of six bits each and the version of their form.
mod module {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const NAME: &[u8; 9] = b"ReJSON-RL";

    /// The version that is written: the text of the value.
    pub(super) const FORM: u64 = 3;
    /// In front of each part of a module's value.
    pub(super) const END: u64 = 0;
    pub(super) const UNSIGNED: u64 = 2;
    pub(super) const STRING: u64 = 5;

    /// The number that stands for RedisJSON and a version of its form.
    pub(super) const fn json(form: u64) -> u64 {
        let mut id = 0;
        let mut at = 0;
        while at < NAME.len() {
            let mut letter = 0;
            while LETTERS[letter] != NAME[at] {
                letter += 1;
            }
            id = id << 6 | letter as u64;
            at += 1;
        }
        id << 10 | form
    }
}

#[cfg(test)]
mod tests;
