//! OBJECT ENCODING, REFCOUNT, IDLETIME, FREQ.
//!
//! The idle time is measured by each replica for itself (reads do not go through the log), so it is that of the
//! replica that answers.

use meridian_command::{Args, ReplyError, ReplyWriter};

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
        Some(value) => reply.integer(if is_shared(value) { i64::from(i32::MAX) } else { 1 }),
    }
    Ok(())
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
    match reader.peek(&args[0]) {
        None => reply.null(),
        Some(record) => reply.integer(i64::from(record.idle_s(reader.now_ms() / 1000))),
    }
    Ok(())
}

pub(crate) fn freq(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if reader.peek(&args[0]).is_none() {
        reply.null();
        return Ok(());
    }
    Err(ReplyError::FREQ_NOT_TRACKED)
}
