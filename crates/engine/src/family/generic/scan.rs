//! SCAN over the keys of a run of slots.
//!
//! The router puts one argument before those of the client: the last slot of the run that this shard is to scan. A
//! cursor is a slot in its upper 16 bits and, below, the first hash in it that is not yet scanned. Tables are ordered
//! by hash, so a cursor stays good whatever happens to them. Keys of equal hash are answered together. A run that is
//! scanned to its end gives the beginning of the slot behind it as the cursor, and the last run gives 0.

use meridian_command::{Args, ReplyError, ReplyWriter, glob_match};
use meridian_topology::{SLOT_COUNT, Slot};

use crate::{
    family::{Outcome, integer},
    keyspace::{Reader, Record},
};

/// Bits of a cursor for the position inside a slot.
const HASH_BITS: u32 = 48;

/// How many keys are looked at unless told.
const COUNT: usize = 10;

#[derive(Debug)]
struct Options<'a> {
    count: usize,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options { count: COUNT, pattern: None, type_name: None };
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(ReplyError::SYNTAX)?;
            if option.eq_ignore_ascii_case(b"COUNT") {
                let count = integer(value)?;
                options.count =
                    usize::try_from(count).ok().filter(|count| *count > 0).ok_or(ReplyError::SYNTAX)?;
            } else if option.eq_ignore_ascii_case(b"MATCH") {
                options.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if option.eq_ignore_ascii_case(b"TYPE") {
                options.type_name = Some(value);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    fn admit(&self, record: &Record) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, record.key(), false))
            && self
                .type_name
                .is_none_or(|name| record.value().type_name().as_bytes().eq_ignore_ascii_case(name))
    }
}

pub(crate) fn scan(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let last = integer(&args[0])?;
    let last = u16::try_from(last).ok().and_then(Slot::new).ok_or(ReplyError::SYNTAX)?;
    let cursor = parse_cursor(args.get(1).ok_or(ReplyError::SYNTAX)?)?;
    let options = Options::read(args.from(2))?;
    let (found, next) = scan_run(reader, cursor, last, &options);
    reply.array(2);
    reply.bulk(next.to_string().as_bytes());
    reply.array(found.len());
    for key in found {
        reply.bulk(key);
    }
    Ok(())
}

/// The keys from a cursor on, and the cursor to go on with.
fn scan_run<'a>(reader: &Reader<'a>, cursor: u64, last: Slot, options: &Options<'_>) -> (Vec<&'a [u8]>, u64) {
    let mut found = Vec::new();
    let mut looked_at = 0;
    let first = u16::try_from(cursor >> HASH_BITS).ok().and_then(Slot::new);
    let hash = cursor & ((1 << HASH_BITS) - 1);
    let tables = first.and_then(|first| Some(reader.keyspace()?.tables_from(first)));
    for (slot, table) in tables.into_iter().flatten().take_while(|(slot, _)| *slot <= last) {
        let from = if Some(slot) == first { hash } else { 0 };
        let Ok(from) = u32::try_from(from) else { continue };
        let mut at = None;
        for (hash, record) in table.iter_from(from) {
            if looked_at >= options.count && at != Some(hash) {
                return (found, u64::from(slot.number()) << HASH_BITS | u64::from(hash));
            }
            at = Some(hash);
            looked_at += 1;
            if options.admit(record) && reader.is_visible(record) {
                found.push(record.key());
            }
        }
    }
    let behind = last.number() + 1;
    (found, if behind == SLOT_COUNT { 0 } else { u64::from(behind) << HASH_BITS })
}

/// As lenient as `strtoul`: one sign, and nothing at all is 0.
pub(in crate::family) fn parse_cursor(text: &[u8]) -> Result<u64, ReplyError> {
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(ReplyError::INVALID_CURSOR);
    }
    let text = std::str::from_utf8(digits).map_err(|_| ReplyError::INVALID_CURSOR)?;
    let number: u64 = text.parse().map_err(|_| ReplyError::INVALID_CURSOR)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}
