//! Commands that set and remove fields: HSET, HSETNX, HMSET, HDEL.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::exists;
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::{FieldExpiry, Hash},
};

pub(crate) fn hset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let new = set_pairs(writer, args, EngineCommand::Hset)?;
    reply.integer(new);
    Ok(())
}

pub(crate) fn hmset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_pairs(writer, args, EngineCommand::Hmset)?;
    reply.ok();
    Ok(())
}

/// Sets fields; how many of them are new.
fn set_pairs(writer: &mut Writer<'_>, args: Args<'_>, command: EngineCommand) -> Result<i64, ReplyError> {
    let (pairs, []) = args.from(1).as_slice().as_chunks::<2>() else {
        return Err(ReplyError::wrong_arity(command.spec()));
    };
    let key = writer.key(&args[0]);
    let new = writer.change_or_make(key, |hash: &mut Hash, settings| {
        let set = |[name, value]: &[&[u8]; 2]| hash.set(name, value, FieldExpiry::Clear, settings);
        pairs.iter().map(set).filter(|new| *new).count()
    })?;
    writer.event(EventClass::Hash, "hset", key);
    Ok(new as i64)
}

pub(crate) fn hsetnx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, name) = (writer.key(&args[0]), &args[1]);
    let now_ms = writer.time_ms();
    let found = writer.collection::<Hash>(key)?.is_some_and(|hash| hash.get(name, now_ms).is_some());
    if !found {
        writer.change_or_make(key, |hash: &mut Hash, settings| {
            hash.set(name, &args[2], FieldExpiry::Clear, settings)
        })?;
        writer.event(EventClass::Hash, "hset", key);
    }
    reply.integer(i64::from(!found));
    Ok(())
}

pub(crate) fn hdel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let removed = writer.change_if(key, |hash: &mut Hash, _| {
        let removed = args.from(1).iter().filter(|name| hash.remove(name)).count();
        (removed, removed > 0)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        writer.event(EventClass::Hash, "hdel", key);
        if !exists(writer, key)? {
            writer.event(EventClass::Generic, "del", key);
        }
    }
    reply.integer(removed as i64);
    Ok(())
}
