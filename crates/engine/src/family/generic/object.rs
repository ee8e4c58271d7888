//! OBJECT ENCODING, REFCOUNT, IDLETIME, FREQ.
//!
//! What is known of the uses of keys is known to each replica for itself (reads do not go through the log), so it is
//! that of the replica that answers.

use meridian_command::{Args, ReplyError, ReplyWriter, settings::eviction::Order};

use crate::{
    family::Outcome,
    keyspace::{Reader, Record},
    value::ValueRef,
};

/// Redis keeps one shared object for each integer below this, with as many references as fit.
const SHARED_INTEGERS: i64 = 10_000;

pub(crate) fn encoding(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = reader.peek(&args[0]).map(|record| record.value().encoding_name(reader.settings()));
    reply.bulk_or_null(name.map(str::as_bytes));
    Ok(())
}

pub(crate) fn refcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match reader.peek(&args[0]).map(Record::value) {
        None => reply.null(),
        Some(value) => {
            reply.integer(if shares(reader) && is_shared(value) { i64::from(i32::MAX) } else { 1 });
        }
    }
    Ok(())
}

/// Redis shares no objects whose uses it has to tell apart.
fn shares(reader: &Reader<'_>) -> bool {
    let settings = reader.settings();
    let tells_apart =
        settings.eviction().is_some_and(|policy| matches!(policy.order, Order::Lru | Order::Lfu));
    settings.maxmemory == 0 || !tells_apart
}

fn is_shared(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str { bytes, form } => {
            form.integer(bytes).is_some_and(|number| (0..SHARED_INTEGERS).contains(&number))
        }
        _ => false,
    }
}

pub(crate) fn idletime(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(record) = reader.peek(&args[0]) else {
        reply.null();
        return Ok(());
    };
    let idle_s = reader.access().idle_s(record, reader.now_ms()).ok_or(ReplyError::IDLE_NOT_TRACKED)?;
    reply.integer(i64::from(idle_s));
    Ok(())
}

pub(crate) fn freq(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(record) = reader.peek(&args[0]) else {
        reply.null();
        return Ok(());
    };
    let count = reader.access().frequency(record, reader.now_ms()).ok_or(ReplyError::FREQ_NOT_TRACKED)?;
    reply.integer(i64::from(count));
    Ok(())
}
