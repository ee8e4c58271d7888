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
    Slot(crc16(hashed_part(key)) % SLOT_COUNT)
}

fn hashed_part(key: &[u8]) -> &[u8] {
    if !may_have_tag(key) {
        return key;
    }
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(length) => &rest[..length],
    }
}

/// Whether there is a `{` at all. Most keys have none, and looking at every byte in turn would cost more than the
/// checksum: without an early exit the compiler compares sixteen at once.
fn may_have_tag(key: &[u8]) -> bool {
    let (chunks, rest) = key.as_chunks::<16>();
    let open = |found: bool, byte: &u8| found | (*byte == b'{');
    chunks.iter().any(|chunk| chunk.iter().fold(false, open)) || rest.iter().fold(false, open)
}

/// Bytes that [`crc16`] takes in one step.
const STEP: usize = 8;

/// What a byte contributes to the checksum when so many bytes follow it in the same step.
const CONTRIBUTIONS: [[u16; 256]; STEP] = contributions();

const fn contributions() -> [[u16; 256]; STEP] {
    const POLYNOMIAL: u16 = 0x1021;
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut following = 1;
    while following < STEP {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[following - 1][byte];
            tables[following][byte] = crc << 8 ^ tables[0][(crc >> 8) as usize];
            byte += 1;
        }
        following += 1;
    }
    tables
}

/// CRC16 (XMODEM), eight bytes at a time: this runs for every key of every command.
fn crc16(bytes: &[u8]) -> u16 {
    let (steps, rest) = bytes.as_chunks::<STEP>();
    let mut crc = 0_u16;
    for [a, b, c, d, e, f, g, h] in steps {
        let [high, low] = crc.to_be_bytes();
        let at = |following: usize, byte: u8| CONTRIBUTIONS[following][usize::from(byte)];
        crc = at(7, a ^ high)
            ^ at(6, b ^ low)
            ^ at(5, *c)
            ^ at(4, *d)
            ^ at(3, *e)
            ^ at(2, *f)
            ^ at(1, *g)
            ^ at(0, *h);
    }
    for byte in rest {
        crc = crc << 8 ^ CONTRIBUTIONS[0][usize::from((crc >> 8) as u8 ^ byte)];
    }
    crc
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
    fn the_checksum_is_that_of_the_crate_at_every_length() {
        let bytes: Vec<u8> = (0..100_u32).map(|n| (n * 151 + 7) as u8).collect();
        for length in 0..bytes.len() {
            let expected = crc16::State::<crc16::XMODEM>::calculate(&bytes[..length]);
            assert_eq!(crc16(&bytes[..length]), expected, "length {length}");
        }
    }

    #[test]
    fn only_the_first_non_empty_hash_tag_counts() {
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"));
    }
}
