//! How commands travel: from proxy to shard and in the Raft log, the same bytes.
//!
//! A record is `length u32 | command u16 | flags u8 | numbered database u8 | count u32 | (length u32, bytes)*`, little
//! endian; `length` counts what follows it. Records of one batch lie one after the other. Nothing is allocated from a
//! declared length, and a record that does not add up is a [`Malformed`], never a panic.

use std::fmt;

use smallvec::SmallVec;

use crate::{Args, EngineCommand, Protocol};

/// Bit of a record's flags: answer in RESP3.
const RESP3: u8 = 1;
/// Bit of a record's flags: keys that the command looks at do not count as used by it.
const UNTOUCHED: u8 = 2;
/// Where the flags stand in a record.
const FLAGS_AT: usize = 6;

/// The bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed command record")
    }
}

impl std::error::Error for Malformed {}

/// Everything about a call but its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which command.
    pub command: EngineCommand,
    /// The protocol its reply is written in.
    pub protocol: Protocol,
    /// 0 to 15: the numbered database of `SELECT`.
    pub numbered: u8,
}

/// Appends one record.
pub fn encode<'a>(buffer: &mut Vec<u8>, head: Head, args: impl ExactSizeIterator<Item = &'a [u8]> + Clone) {
    let body: usize = args.clone().map(|arg| arg.len() + 4).sum::<usize>() + 8;
    buffer.reserve(body + 4);
    buffer.extend_from_slice(&(body as u32).to_le_bytes());
    buffer.extend_from_slice(&head.command.id().to_le_bytes());
    buffer.push(if head.protocol == Protocol::Resp3 { RESP3 } else { 0 });
    buffer.push(head.numbered);
    buffer.extend_from_slice(&(args.len() as u32).to_le_bytes());
    for arg in args {
        buffer.extend_from_slice(&(arg.len() as u32).to_le_bytes());
        buffer.extend_from_slice(arg);
    }
}

/// Says of an encoded record that keys it looks at do not count as used (`CLIENT NO-TOUCH`).
pub fn leave_untouched(record: &mut [u8]) {
    if let Some(flags) = record.get_mut(FLAGS_AT) {
        *flags |= UNTOUCHED;
    }
}

/// One record, its arguments borrowed from the batch.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    pub head: Head,
    /// Keys that it looks at do not count as used.
    pub untouched: bool,
    parts: SmallVec<[&'a [u8]; 8]>,
    /// The whole record as it was encoded, length included.
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The arguments, the name not among them.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.parts)
    }
}

/// Iterates over the records of a batch. After an error it yields nothing more.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Reads the records that `batch` holds.
    pub fn new(batch: &'a [u8]) -> Records<'a> {
        Records { rest: batch }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = decode(&mut self.rest).ok_or(Malformed);
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

fn decode<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let whole = *rest;
    let length = take_u32(rest)? as usize;
    let (mut body, after) = rest.split_at_checked(length)?;
    *rest = after;
    let (head, tail) = body.split_first_chunk::<4>()?;
    body = tail;
    let command = EngineCommand::from_id(u16::from_le_bytes([head[0], head[1]]))?;
    let protocol = if head[2] & RESP3 != 0 { Protocol::Resp3 } else { Protocol::Resp2 };
    let count = take_u32(&mut body)?;
    let mut parts = SmallVec::new();
    for _ in 0..count {
        let length = take_u32(&mut body)? as usize;
        let (arg, tail) = body.split_at_checked(length)?;
        body = tail;
        parts.push(arg);
    }
    let bytes = &whole[..4 + length];
    let untouched = head[2] & UNTOUCHED != 0;
    let head = Head { command, protocol, numbered: head[3] };
    body.is_empty().then_some(Record { head, untouched, parts, bytes })
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reads_back_and_a_cut_one_is_malformed() {
        let head = Head { command: EngineCommand::Set, protocol: Protocol::Resp3, numbered: 3 };
        let mut batch = Vec::new();
        encode(&mut batch, head, [&b"key"[..], b"value"].into_iter());
        let second = batch.len();
        encode(&mut batch, head, [&b"k"[..]].into_iter());
        leave_untouched(&mut batch[second..]);
        let records: Vec<_> = Records::new(&batch).map(|record| record.expect("well formed")).collect();
        assert_eq!(records.len(), 2);
        assert_eq!((records[0].head, records[1].head), (head, head));
        assert!(!records[0].untouched && records[1].untouched);
        assert_eq!(records[0].args().as_slice(), [&b"key"[..], b"value"]);
        for cut in 1..batch.len() {
            let whole = Records::new(&batch[..cut]).filter(Result::is_ok).count();
            assert!(whole <= 1, "cut at {cut}");
        }
    }
}
