//! Commands that read one set: SISMEMBER, SMISMEMBER, SCARD, SMEMBERS.

use meridian_command::{Args, ReplyWriter};

use crate::{family::Outcome, keyspace::Reader, value::Set};

pub(crate) fn sismember(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = reader.collection::<Set>(&args[0])?;
    reply.integer(set.as_deref().is_some_and(|set| set.contains(&args[1])).into());
    Ok(())
}

pub(crate) fn smismember(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = reader.collection::<Set>(&args[0])?;
    reply.array(args.len() - 1);
    for member in args.from(1).iter() {
        reply.integer(set.as_deref().is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

pub(crate) fn scard(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.integer(reader.collection::<Set>(&args[0])?.map_or(0, |set| set.len()) as i64);
    Ok(())
}

pub(crate) fn smembers(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(set) = reader.collection::<Set>(&args[0])? else {
        reply.set(0);
        return Ok(());
    };
    reply.set(set.len());
    for member in set.members() {
        reply.bulk(&member);
    }
    Ok(())
}
