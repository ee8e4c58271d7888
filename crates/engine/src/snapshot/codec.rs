//! The bytes of a snapshot's parts, little endian; lengths and counts as LEB128. Independent of how records lie in
//! memory.

use bytes::Bytes;

use super::restore::CorruptSnapshot;
use crate::{
    keyspace::Record,
    session::{Block, Session, Sessions},
    value::{STRING_KIND, StringForm, Value},
};

/// Appends `kind u8 | has expiry u8 | key | expiry u64, if it has | value`.
pub(crate) fn encode_record(buffer: &mut Vec<u8>, record: &Record) {
    let value = record.value();
    buffer.push(value.kind());
    let expiry = record.expiry();
    buffer.push(u8::from(expiry.is_some()));
    put_bytes(buffer, record.key());
    if let Some(at_ms) = expiry {
        buffer.extend_from_slice(&at_ms.to_le_bytes());
    }
    value.encode(buffer);
}

/// Reads one record.
pub(super) fn decode_record(input: &mut Input<'_>) -> Result<Record, CorruptSnapshot> {
    let kind = input.byte()?;
    let has_expiry = input.byte()? != 0;
    let key = input.bytes()?;
    let expiry = if has_expiry { Some(input.u64()?) } else { None };
    if kind == STRING_KIND {
        let form = StringForm::of(input.byte()?);
        return Ok(Record::string(key, input.bytes()?, form, expiry));
    }
    Ok(Record::new(key, Value::decode(kind, input)?, expiry))
}

pub(super) fn encode_sessions(buffer: &mut Vec<u8>, sessions: &Sessions) {
    let sessions = sessions.iter();
    put_varint(buffer, sessions.len() as u64);
    for (id, session) in sessions {
        put_varint(buffer, id);
        put_varint(buffer, session.last);
        put_varint(buffer, session.used_ms);
        put_varint(buffer, session.blocks.len() as u64);
        for block in &session.blocks {
            put_varint(buffer, block.first);
            put_varint(buffer, u64::from(block.count));
            put_bytes(buffer, &block.replies);
        }
    }
}

pub(super) fn decode_sessions(input: &mut Input<'_>) -> Result<Sessions, CorruptSnapshot> {
    let mut sessions = Sessions::default();
    for _ in 0..input.varint()? {
        let id = input.varint()?;
        let mut session = Session { last: input.varint()?, used_ms: input.varint()?, ..Session::default() };
        for _ in 0..input.varint()? {
            let first = input.varint()?;
            let count = u32::try_from(input.varint()?).map_err(|_| CorruptSnapshot::Malformed)?;
            let replies = Bytes::copy_from_slice(input.bytes()?);
            let end = first.checked_add(u64::from(count)).ok_or(CorruptSnapshot::Malformed)?;
            if end > session.last.saturating_add(1) {
                return Err(CorruptSnapshot::Malformed);
            }
            session.blocks.push_back(Block { first, count, replies });
        }
        sessions.restore(id, session);
    }
    Ok(sessions)
}

/// Appends a number as LEB128.
pub(crate) fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Appends a length and so many bytes.
pub(crate) fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

/// Reads from the front of a chunk. Never past its end, and never allocates.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CorruptSnapshot> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(CorruptSnapshot::Malformed)?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CorruptSnapshot> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CorruptSnapshot> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, CorruptSnapshot> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(CorruptSnapshot::Malformed);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CorruptSnapshot::Malformed)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CorruptSnapshot> {
        let length = usize::try_from(self.varint()?).map_err(|_| CorruptSnapshot::Malformed)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CorruptSnapshot::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_reads_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut buffer = Vec::new();
            put_varint(&mut buffer, value);
            let mut input = Input::new(&buffer);
            assert_eq!(input.varint(), Ok(value));
            assert!(input.is_empty());
        }
        assert!(Input::new(&[0xff; 11]).varint().is_err());
        assert!(Input::new(&[0x80]).varint().is_err());
    }
}
