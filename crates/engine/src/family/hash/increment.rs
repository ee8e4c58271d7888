//! Commands that count in fields: HINCRBY, HINCRBYFLOAT.

use meridian_command::{Args, ReplyError, ReplyWriter, number::Extended, number::parse_i64};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Key, Writer},
    value::{FieldExpiry, Hash},
};

pub(crate) fn hincrby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, name, increment) = (writer.key(&args[0]), &args[1], integer(&args[2])?);
    let old = value(writer, key, name)?;
    let old = old.map_or(Some(0), |old| parse_i64(&old)).ok_or(ReplyError::HASH_NOT_AN_INTEGER)?;
    let new = old.checked_add(increment).ok_or(ReplyError::OVERFLOW)?;
    set(writer, key, name, itoa::Buffer::new().format(new).as_bytes(), "hincrby")?;
    reply.integer(new);
    Ok(())
}

pub(crate) fn hincrbyfloat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, name) = (writer.key(&args[0]), &args[1]);
    let increment = Extended::parse(&args[2]).ok_or(ReplyError::NOT_A_FLOAT)?;
    if increment.is_infinite() {
        return Err(ReplyError::VALUE_NAN_OR_INFINITY);
    }
    let old = value(writer, key, name)?;
    let old = Extended::parse(old.as_deref().unwrap_or(b"0")).ok_or(ReplyError::HASH_NOT_A_FLOAT)?;
    let mut text = Vec::new();
    old.checked_add(increment).ok_or(ReplyError::NAN_OR_INFINITY)?.write(&mut text);
    set(writer, key, name, &text, "hincrbyfloat")?;
    reply.bulk(&text);
    Ok(())
}

fn value(writer: &mut Writer<'_>, key: Key<'_>, name: &[u8]) -> Result<Option<Vec<u8>>, ReplyError> {
    let now_ms = writer.time_ms();
    let hash = writer.collection::<Hash>(key)?;
    let field = hash.as_deref().and_then(|hash| hash.get(name, now_ms));
    Ok(field.map(|field| field.value.to_vec()))
}

fn set(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    name: &[u8],
    value: &[u8],
    event: &'static str,
) -> Result<(), ReplyError> {
    writer.change_or_make(key, |hash: &mut Hash, settings| {
        hash.set(name, value, FieldExpiry::Keep, settings)
    })?;
    writer.event(EventClass::Hash, event, key);
    Ok(())
}
