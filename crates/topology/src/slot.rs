//! Keys to slots: CRC16 (XMODEM) of the key or its hash tag, modulo 16384.
//!
//! Source: Redis cluster specification, "Key distribution model" and "Hash tags".

use std::fmt;

/// How many slots a database has.
pub const SLOT_COUNT: u16 = 16_384;

/// One of the 16384 parts of a database's keyspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot of that number, or `None` from [`SLOT_COUNT`] on.
    pub fn new(number: u16) -> Option<Slot> {
        (number < SLOT_COUNT).then_some(Slot(number))
    }

    /// The number, below [`SLOT_COUNT`].
    pub fn number(self) -> u16 {
        self.0
    }

    /// The number as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All slots in order.
    pub fn all() -> impl Iterator<Item = Slot> {
        (0..SLOT_COUNT).map(Slot)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The slot of a key. Only what stands between the first `{` and the next `}` counts, unless that is empty.
pub fn slot_of(key: &[u8]) -> Slot {
    Slot(crc16::State::<crc16::XMODEM>::calculate(hashed_part(key)) % SLOT_COUNT)
}

fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(length) => &rest[..length],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_is_that_of_the_cluster_specification() {
        assert_eq!(slot_of(b"123456789").number(), 12_739);
        assert_eq!(slot_of(b"").number(), 0);
    }

    #[test]
    fn only_the_first_non_empty_hash_tag_counts() {
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"));
    }
}
