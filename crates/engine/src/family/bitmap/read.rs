//! Commands that look at bits: GETBIT, BITCOUNT, BITPOS.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{bit_offset, bits, range::Unit};
use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
};

pub(crate) fn getbit(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let offset = bit_offset(&args[1])?;
    let string = reader.string(&args[0])?.unwrap_or_default();
    reply.integer(bits::get(string, offset).into());
    Ok(())
}

pub(crate) fn bitcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (start, end, unit) = match args.as_slice() {
        [_] => (0, -1, Unit::Byte),
        [_, start, end, unit @ ..] if unit.len() <= 1 => {
            let (start, end) = (integer(start)?, integer(end)?);
            (start, end, unit.first().map_or(Ok(Unit::Byte), |unit| Unit::parse(unit))?)
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    let string = reader.string(&args[0])?.unwrap_or_default();
    // Both before the beginning are no range here, other than for BITPOS.
    let backwards = start < 0 && end < 0 && start > end;
    let range = unit.range(start, end, string.len()).filter(|_| !backwards);
    reply.integer(range.map_or(0, |(first, last)| bits::count(string, first, last)) as i64);
    Ok(())
}

pub(crate) fn bitpos(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let value = match integer(&args[1])? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::BIT_ARGUMENT),
    };
    let (start, end, unit) = match args.from(2).as_slice() {
        [] => (0, None, Unit::Byte),
        [start] => (integer(start)?, None, Unit::Byte),
        [start, end] => (integer(start)?, Some(integer(end)?), Unit::Byte),
        [start, end, unit] => {
            let (start, unit) = (integer(start)?, Unit::parse(unit)?);
            (start, Some(integer(end)?), unit)
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    // An absent key is endless zeroes.
    let Some(string) = reader.string(&args[0])? else {
        reply.integer(if value { -1 } else { 0 });
        return Ok(());
    };
    let Some((first, last)) = unit.range(start, end.unwrap_or(-1), string.len()) else {
        reply.integer(-1);
        return Ok(());
    };
    let position = match bits::find(string, value, first, last) {
        Some(offset) => offset as i64,
        // Without an end, the string goes on in zeroes.
        None if !value && end.is_none() => string.len() as i64 * 8,
        None => -1,
    };
    reply.integer(position);
    Ok(())
}
