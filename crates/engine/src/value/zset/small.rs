//! A small sorted set: members in order in one allocation.
//!
//! Each is `score | length as LEB128 | bytes`. A score of 0 to 239 is one byte; otherwise a byte that says which of 16
//! or 32 bits of an integer, or the 64 of a double, follow.

use std::{cmp::Ordering, ops::Range};

use super::order;

const BITS_16: u8 = 240;
const BITS_32: u8 = 241;
const DOUBLE: u8 = 242;

#[derive(Clone, Debug, Default)]
pub(super) struct Small {
    bytes: Vec<u8>,
}

/// Walks members with their positions.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        let rest = self.bytes.get(self.at..)?;
        let (score, size) = read_score(rest)?;
        let mut at = size;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = *rest.get(at)?;
            at += 1;
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let member = rest.get(at..at + length)?;
        self.at += at + length;
        Some((member, score))
    }
}

fn read_score(bytes: &[u8]) -> Option<(f64, usize)> {
    let (head, rest) = bytes.split_first()?;
    Some(match *head {
        BITS_16 => (f64::from(i16::from_le_bytes(*rest.first_chunk()?)), 3),
        BITS_32 => (f64::from(i32::from_le_bytes(*rest.first_chunk()?)), 5),
        DOUBLE => (f64::from_bits(u64::from_le_bytes(*rest.first_chunk()?)), 9),
        score => (f64::from(score), 1),
    })
}

fn write_score(out: &mut Vec<u8>, score: f64) {
    let integer = score as i32;
    // The number, not the bits: as in Redis, a small set knows no -0.
    if f64::from(integer) != score {
        out.push(DOUBLE);
        out.extend_from_slice(&score.to_bits().to_le_bytes());
    } else if (0..i32::from(BITS_16)).contains(&integer) {
        out.push(integer as u8);
    } else if let Ok(short) = i16::try_from(integer) {
        out.push(BITS_16);
        out.extend_from_slice(&short.to_le_bytes());
    } else {
        out.push(BITS_32);
        out.extend_from_slice(&integer.to_le_bytes());
    }
}

fn entry(member: &[u8], score: f64) -> Vec<u8> {
    let mut entry = Vec::with_capacity(member.len() + 12);
    write_score(&mut entry, score);
    let mut length = member.len();
    while length >= 0x80 {
        entry.push(length as u8 | 0x80);
        length >>= 7;
    }
    entry.push(length as u8);
    entry.extend_from_slice(member);
    entry
}

impl Small {
    pub(super) fn iter(&self) -> Members<'_> {
        Members { bytes: &self.bytes, at: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From bytes that [`Small::bytes`] gave.
    pub(super) fn from_bytes(bytes: &[u8]) -> Small {
        Small { bytes: bytes.to_vec() }
    }

    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn heap_size(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.iter().find(|(other, _)| *other == member).map(|(_, score)| score)
    }

    /// Gives a member a score, whether it is there or not.
    pub(super) fn set(&mut self, member: &[u8], score: f64) {
        self.remove(member);
        let mut members = self.iter();
        let mut at = 0;
        while let Some((other, other_score)) = members.next() {
            if order((other_score, other), (score, member)) != Ordering::Less {
                break;
            }
            at = members.at;
        }
        self.splice(at..at, &entry(member, score));
    }

    /// Puts a member in behind all others.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        let end = self.bytes.len();
        self.splice(end..end, &entry(member, score));
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let mut members = self.iter();
        let mut at = 0;
        while let Some((other, _)) = members.next() {
            if other == member {
                let end = members.at;
                self.splice(at..end, &[]);
                return true;
            }
            at = members.at;
        }
        false
    }

    pub(super) fn remove_range(&mut self, range: Range<usize>) {
        let mut members = self.iter();
        members.by_ref().take(range.start).for_each(drop);
        let start = members.at;
        members.by_ref().take(range.len()).for_each(drop);
        let end = members.at;
        self.splice(start..end, &[]);
    }

    fn splice(&mut self, range: Range<usize>, new: &[u8]) {
        self.bytes.reserve_exact(new.len());
        self.bytes.splice(range, new.iter().copied());
        self.bytes.shrink_to_fit();
    }
}
