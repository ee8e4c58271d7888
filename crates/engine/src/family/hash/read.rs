//! Commands that read hashes: HGET, HMGET, HLEN, HSTRLEN, HEXISTS, HKEYS, HVALS, HGETALL.

use meridian_command::{Args, ReplyWriter};

use crate::{family::Outcome, keyspace::Reader, value::Hash};

pub(crate) fn hget(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    let field = hash.as_deref().and_then(|hash| hash.get(&args[1], reader.entry_ms()));
    reply.bulk_or_null(field.as_ref().map(|field| &field.value[..]));
    Ok(())
}

pub(crate) fn hmget(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    reply.array(args.len() - 1);
    for name in args.from(1).iter() {
        let field = hash.as_deref().and_then(|hash| hash.get(name, reader.entry_ms()));
        reply.bulk_or_null(field.as_ref().map(|field| &field.value[..]));
    }
    Ok(())
}

pub(crate) fn hlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    reply.integer(hash.as_deref().map_or(0, |hash| hash.len(reader.entry_ms())) as i64);
    Ok(())
}

pub(crate) fn hstrlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    let field = hash.as_deref().and_then(|hash| hash.get(&args[1], reader.entry_ms()));
    reply.integer(field.map_or(0, |field| field.value.len()) as i64);
    Ok(())
}

pub(crate) fn hexists(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    let found = hash.as_deref().is_some_and(|hash| hash.get(&args[1], reader.entry_ms()).is_some());
    reply.integer(i64::from(found));
    Ok(())
}

pub(crate) fn hkeys(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(hash) = reader.collection::<Hash>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len(reader.entry_ms()));
    for field in hash.fields(reader.entry_ms()) {
        reply.bulk(&field.name);
    }
    Ok(())
}

pub(crate) fn hvals(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(hash) = reader.collection::<Hash>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len(reader.entry_ms()));
    for field in hash.fields(reader.entry_ms()) {
        reply.bulk(&field.value);
    }
    Ok(())
}

pub(crate) fn hgetall(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(hash) = reader.collection::<Hash>(&args[0])? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len(reader.entry_ms()));
    for field in hash.fields(reader.entry_ms()) {
        reply.bulk(&field.name);
        reply.bulk(&field.value);
    }
    Ok(())
}
