//! EXEC on a shard: one command of the log, whatever it holds.

use meridian_command::{
    Args, Flags, ReplyError, ReplyWriter,
    wire::{Record, Records},
};

use crate::{engine::nested, family::Outcome, keyspace::Writer, snapshot::Input};

/// A key that must not have changed since a moment.
struct Condition<'a> {
    numbered: u8,
    moment: u64,
    key: &'a [u8],
}

/// `conditions records`: executes the records one after the other if every condition holds, and ends their watches.
///
/// A condition is `numbered u8 | moment (LEB128) | length (LEB128) | key`.
pub(crate) fn execute_all(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let conditions = conditions(&args[0])?;
    let records = Records::new(&args[1]).collect::<Result<Vec<Record<'_>>, _>>();
    let records = records.map_err(|_| ReplyError::INTERNAL_MALFORMED)?;
    if records.iter().any(|record| record.head.command.spec().is_internal()) {
        return Err(ReplyError::INTERNAL_MALFORMED);
    }
    let needs_memory = |record: &Record<'_>| record.head.command.spec().flags.contains(Flags::DENYOOM);
    let refused = writer.is_full() && records.iter().any(needs_memory);
    let mut holds = true;
    for condition in &conditions {
        writer.select(condition.numbered);
        // What has expired by now is reclaimed first, so that its going is noted.
        writer.exists(writer.key(condition.key));
        let database = writer.database();
        let watched = &mut writer.attention().watched;
        holds &= watched.holds(database, condition.numbered, condition.key, condition.moment);
    }
    for condition in &conditions {
        let database = writer.database();
        writer.attention().watched.unwatch(database, condition.numbered, condition.key);
    }
    if refused {
        return Err(ReplyError::EXEC_OUT_OF_MEMORY);
    }
    if !holds {
        reply.null_array();
        return Ok(());
    }
    reply.array(records.len());
    let mut bytes = Vec::new();
    writer.without_blocking(|writer| {
        for record in &records {
            nested(writer, record, &mut bytes);
        }
    });
    reply.raw(&bytes);
    Ok(())
}

fn conditions(bytes: &[u8]) -> Result<Vec<Condition<'_>>, ReplyError> {
    let mut input = Input::new(bytes);
    let mut conditions = Vec::new();
    while !input.is_empty() {
        let mut next = || {
            let (numbered, moment) = (input.byte()?, input.varint()?);
            Ok(Condition { numbered, moment, key: input.bytes()? })
        };
        let condition = next().map_err(|_: crate::CorruptSnapshot| ReplyError::INTERNAL_MALFORMED)?;
        conditions.push(condition);
    }
    Ok(conditions)
}
