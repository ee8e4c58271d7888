//! Commands about a numbered database as a whole: DBSIZE, KEYS, FLUSHDB, FLUSHALL, SWAPDB. They act on the shard's part.

use meridian_command::{Args, ReplyError, ReplyWriter, glob_match, number::parse_i64};

use crate::{
    family::Outcome,
    keyspace::{Keyspace, NUMBERED_COUNT, Reader, Writer},
};

pub(crate) fn dbsize(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.integer(reader.keyspace().map_or(0, Keyspace::keys) as i64);
    Ok(())
}

pub(crate) fn keys(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let pattern = &args[0];
    let records =
        reader.keyspace().into_iter().flat_map(Keyspace::tables).flat_map(|(_, table)| table.iter());
    let found: Vec<&[u8]> = records
        .filter(|(_, record)| pattern == b"*" || glob_match(pattern, record.key(), false))
        .filter(|(_, record)| reader.is_visible(record))
        .map(|(_, record)| record.key())
        .collect();
    reply.array(found.len());
    for key in found {
        reply.bulk(key);
    }
    Ok(())
}

pub(crate) fn flushdb(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_mode(args)?;
    writer.flush();
    reply.ok();
    Ok(())
}

pub(crate) fn flushall(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_mode(args)?;
    let selected = writer.numbered();
    for numbered in 0..NUMBERED_COUNT {
        writer.select(numbered);
        writer.flush();
    }
    writer.select(selected);
    reply.ok();
    Ok(())
}

/// `first second`: exchanges their keys.
pub(crate) fn swapdb(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let number = |text: &[u8], error: &'static str| {
        parse_i64(text).and_then(|number| i32::try_from(number).ok()).ok_or(ReplyError::new(error))
    };
    let first = number(&args[0], "ERR invalid first DB index")?;
    let second = number(&args[1], "ERR invalid second DB index")?;
    let numbered = |number: i32| {
        u8::try_from(number).ok().filter(|number| *number < NUMBERED_COUNT).ok_or(ReplyError::DB_OUT_OF_RANGE)
    };
    writer.swap(numbered(first)?, numbered(second)?);
    reply.ok();
    Ok(())
}

/// `ASYNC` and `SYNC` make no difference: a replica answers when the entry is applied.
fn check_mode(args: Args<'_>) -> Outcome {
    match args.as_slice() {
        [] => Ok(()),
        [mode] if mode.eq_ignore_ascii_case(b"ASYNC") || mode.eq_ignore_ascii_case(b"SYNC") => Ok(()),
        _ => Err(ReplyError::SYNTAX),
    }
}
