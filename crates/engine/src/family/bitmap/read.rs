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
    // As in Redis, an absent key has no bits, whatever the other arguments are.
    let Some(string) = reader.string(&args[0])? else {
        reply.integer(0);
        return Ok(());
    };
    let range = match args.as_slice() {
        [_] => Unit::Byte.range(0, -1, string.len()),
        [_, start, end, unit @ ..] if unit.len() <= 1 => {
            let (start, end) = (integer(start)?, integer(end)?);
            let unit = unit.first().map_or(Ok(Unit::Byte), |unit| Unit::parse(unit));
            // Before the unit is looked at: so does Redis.
            if start < 0 && end < 0 && start > end { None } else { unit?.range(start, end, string.len()) }
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    reply.integer(range.map_or(0, |(first, last)| bits::count(string, first, last)) as i64);
    Ok(())
}

pub(crate) fn bitpos(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let value = match integer(&args[1])? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::BIT_ARGUMENT),
    };
    // As in Redis, an absent key is endless zeroes, whatever the other arguments are.
    let Some(string) = reader.string(&args[0])? else {
        reply.integer(if value { -1 } else { 0 });
        return Ok(());
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
