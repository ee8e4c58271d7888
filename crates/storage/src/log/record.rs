//! The bytes of a log: a segment's header, and the records behind it.
//!
//! ```text
//! segment  magic 8 | format u32 | generation u32 | salt u32 | 0 u64 | crc u32
//! record   crc u32 | length u32 | generation u32 | batch u32 | group u32 | kind u8 | flags u8 | entry kind u8 | 0 u8
//!          | term u64 | index u64 | payload | zeroes up to a multiple of 8
//! ```
//!
//! All numbers are little endian. A record's checksum covers payload and header, and starts from the segment's salt:
//! neither what an earlier generation left in a recycled file nor bytes that a client made up pass for a record.
//! A batch is what one write and one sync carried; its records are numbered alike, the first and the last marked.

use crc32fast::Hasher;

/// Format of the log that this version writes.
pub(crate) const FORMAT: u32 = 1;
/// Length of a segment's header.
pub(crate) const SEGMENT_HEADER: usize = 32;
/// Length of a record's header.
pub(crate) const RECORD_HEADER: usize = 40;
/// Records start at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;
/// The longest payload of a record.
pub(crate) const PAYLOAD_MAX: usize = 1 << 30;

const MAGIC: [u8; 8] = *b"mrdn-log";

const FIRST: u8 = 1;
const LAST: u8 = 2;
const MOVED: u8 = 4;

/// Bytes that a record with a payload of `length` takes.
pub(crate) const fn record_bytes(length: usize) -> u64 {
    (RECORD_HEADER + length).next_multiple_of(ALIGNMENT) as u64
}

/// What identifies the records of one use of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) generation: u32,
    pub(crate) salt: u32,
}

/// Why bytes are no segment header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    Damaged,
    NewerFormat(u32),
}

pub(crate) fn encode_segment_header(stamp: Stamp) -> [u8; SEGMENT_HEADER] {
    let mut bytes = [0; SEGMENT_HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[12..16].copy_from_slice(&stamp.generation.to_le_bytes());
    bytes[16..20].copy_from_slice(&stamp.salt.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

pub(crate) fn decode_segment_header(bytes: &[u8]) -> Result<Stamp, BadHeader> {
    if bytes.len() < SEGMENT_HEADER || bytes[..8] != MAGIC {
        return Err(BadHeader::Damaged);
    }
    if u32_at(bytes, 28) != crc32fast::hash(&bytes[..28]) {
        return Err(BadHeader::Damaged);
    }
    match u32_at(bytes, 8) {
        FORMAT => Ok(Stamp { generation: u32_at(bytes, 12), salt: u32_at(bytes, 16) }),
        newer => Err(BadHeader::NewerFormat(newer)),
    }
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An entry, behind all others of its group.
    Entry = 1,
    Vote = 2,
    Committed = 3,
    /// Entries after `index` are gone; all of them if the entry kind is 1.
    Truncate = 4,
    /// Entries up to `index` are gone.
    Purge = 5,
    /// Nothing is left of the group.
    Remove = 6,
    /// The last record of its segment.
    Seal = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        use Kind::{Committed, Entry, Purge, Remove, Seal, Truncate, Vote};
        [Entry, Vote, Committed, Truncate, Purge, Remove, Seal].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) group: u32,
    pub(crate) entry_kind: u8,
    pub(crate) term: u64,
    pub(crate) index: u64,
    pub(crate) length: u32,
    pub(crate) batch: u32,
    pub(crate) first: bool,
    pub(crate) last: bool,
    /// The record repeats one of an older segment: it replaces that one's place and has no other effect.
    pub(crate) moved: bool,
}

impl Header {
    /// The header of a record that stands alone; a batch fills in the rest.
    pub(crate) fn new(kind: Kind, group: u32, term: u64, index: u64) -> Header {
        Header {
            kind,
            group,
            entry_kind: 0,
            term,
            index,
            length: 0,
            batch: 0,
            first: false,
            last: false,
            moved: false,
        }
    }

    /// Encodes the header; `payload` is the checksum's state after the payload.
    pub(crate) fn encode(&self, stamp: Stamp, mut payload: Hasher) -> [u8; RECORD_HEADER] {
        let mut bytes = [0; RECORD_HEADER];
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..12].copy_from_slice(&stamp.generation.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.batch.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.group.to_le_bytes());
        bytes[20] = self.kind as u8;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        bytes[21] = flag(self.first, FIRST) | flag(self.last, LAST) | flag(self.moved, MOVED);
        bytes[22] = self.entry_kind;
        bytes[24..32].copy_from_slice(&self.term.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.index.to_le_bytes());
        payload.update(&bytes[4..]);
        bytes[..4].copy_from_slice(&payload.finalize().to_le_bytes());
        bytes
    }
}

/// Reads the length that a record at the start of `bytes` claims, if it can be one of this generation.
pub(crate) fn claimed_length(bytes: &[u8], stamp: Stamp) -> Option<usize> {
    let length = u32_at(bytes, 4) as usize;
    let plausible = u32_at(bytes, 8) == stamp.generation && length <= PAYLOAD_MAX;
    plausible.then_some(length)
}

/// Decodes a record that fills `bytes` (padding aside); `None` if the checksum says that it is none.
pub(crate) fn decode(bytes: &[u8], stamp: Stamp) -> Option<(Header, &[u8])> {
    if bytes.len() < RECORD_HEADER {
        return None;
    }
    let length = claimed_length(bytes, stamp)?;
    let (head, rest) = bytes.split_at(RECORD_HEADER);
    let payload = rest.get(..length)?;
    let mut hasher = start_hash(stamp);
    hasher.update(payload);
    hasher.update(&head[4..]);
    if hasher.finalize() != u32_at(head, 0) {
        return None;
    }
    let flags = head[21];
    let header = Header {
        kind: Kind::from_byte(head[20])?,
        group: u32_at(head, 16),
        entry_kind: head[22],
        term: u64_at(head, 24),
        index: u64_at(head, 32),
        length: length as u32,
        batch: u32_at(head, 12),
        first: flags & FIRST != 0,
        last: flags & LAST != 0,
        moved: flags & MOVED != 0,
    };
    Some((header, payload))
}

/// The checksum before a record's payload.
pub(crate) fn start_hash(stamp: Stamp) -> Hasher {
    Hasher::new_with_initial(stamp.salt)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { generation: 7, salt: 99 };

    fn record(payload: &[u8]) -> Vec<u8> {
        let mut header = Header::new(Kind::Entry, 3, 5, 11);
        header.length = payload.len() as u32;
        header.last = true;
        let mut hasher = start_hash(STAMP);
        hasher.update(payload);
        [&header.encode(STAMP, hasher)[..], payload].concat()
    }

    #[test]
    fn a_record_survives_and_any_flipped_bit_is_noticed() {
        let bytes = record(b"payload");
        let (header, payload) = decode(&bytes, STAMP).unwrap();
        assert_eq!((header.group, header.term, header.index, payload), (3, 5, 11, &b"payload"[..]));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes, STAMP), None, "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_another_generation_or_salt_is_none() {
        let bytes = record(b"payload");
        assert_eq!(decode(&bytes, Stamp { generation: 8, ..STAMP }), None);
        assert_eq!(decode(&bytes, Stamp { salt: 98, ..STAMP }), None);
    }

    #[test]
    fn a_segment_of_a_newer_format_is_told_from_a_damaged_one() {
        let mut bytes = encode_segment_header(STAMP);
        assert_eq!(decode_segment_header(&bytes), Ok(STAMP));
        bytes[8] = 2;
        assert_eq!(decode_segment_header(&bytes), Err(BadHeader::Damaged));
        let crc = crc32fast::hash(&bytes[..28]).to_le_bytes();
        bytes[28..].copy_from_slice(&crc);
        assert_eq!(decode_segment_header(&bytes), Err(BadHeader::NewerFormat(2)));
    }

    #[test]
    fn format_1_stays_as_it_is() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(&encode_segment_header(STAMP)),
            "6d72646e2d6c6f670100000007000000630000000000000000000000c78df6f1"
        );
        assert_eq!(
            hex(&record(b"payload")),
            "7fffc440070000000700000000000000030000000102000005000000000000000b000000000000007061796c6f6164"
        );
    }
}
