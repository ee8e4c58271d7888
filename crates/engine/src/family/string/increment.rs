//! Commands that count: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use meridian_command::{Args, ReplyError, ReplyWriter, number::Extended};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Key, Writer},
    value::{StringForm, ValueRef},
};

pub(crate) fn incr(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    add(writer, &args[0], 1, reply)
}

pub(crate) fn decr(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    add(writer, &args[0], -1, reply)
}

pub(crate) fn incrby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    add(writer, &args[0], integer(&args[1])?, reply)
}

pub(crate) fn decrby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let increment = integer(&args[1])?.checked_neg().ok_or(ReplyError::DECREMENT_OVERFLOW)?;
    add(writer, &args[0], increment, reply)
}

fn add(writer: &mut Writer<'_>, key: &[u8], increment: i64, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(key);
    let (old, expiry) = match string_with_expiry(writer, key)? {
        Some((bytes, expiry)) => (integer(bytes)?, expiry),
        None => (0, None),
    };
    let new = old.checked_add(increment).ok_or(ReplyError::OVERFLOW)?;
    writer.put_string(key, itoa::Buffer::new().format(new).as_bytes(), StringForm::Auto, expiry);
    writer.event(EventClass::String, "incrby", key);
    reply.integer(new);
    Ok(())
}

pub(crate) fn incrbyfloat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let (old, expiry) = match string_with_expiry(writer, key)? {
        Some((bytes, expiry)) => (bytes, expiry),
        None => (&b"0"[..], None),
    };
    let old = Extended::parse(old).ok_or(ReplyError::NOT_A_FLOAT)?;
    let increment = Extended::parse(&args[1]).ok_or(ReplyError::NOT_A_FLOAT)?;
    let mut text = Vec::new();
    old.checked_add(increment).ok_or(ReplyError::NAN_OR_INFINITY)?.write(&mut text);
    writer.put_string(key, &text, StringForm::Text, expiry);
    writer.event(EventClass::String, "incrbyfloat", key);
    reply.bulk(&text);
    Ok(())
}

/// A string and its expiry.
type Found<'w> = (&'w [u8], Option<u64>);

fn string_with_expiry<'w>(writer: &'w mut Writer<'_>, key: Key<'_>) -> Result<Option<Found<'w>>, ReplyError> {
    let Some(record) = writer.find(key) else { return Ok(None) };
    match record.value() {
        ValueRef::Str { bytes, .. } => Ok(Some((bytes, record.expiry()))),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}
