//! Commands that take members at random: SPOP, SRANDMEMBER.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    effect::EventClass,
    family::{
        Outcome, integer,
        sample::{count, sample},
    },
    keyspace::{Reader, Writer},
    value::Set,
};

pub(crate) fn srandmember(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let wanted = match args.as_slice() {
        [_] => {
            let set = reader.collection::<Set>(&args[0])?;
            let member = set.as_deref().and_then(|set| set.random(reader.random()));
            reply.bulk_or_null(member.as_deref());
            return Ok(());
        }
        [_, wanted] => count(wanted)?,
        _ => return Err(ReplyError::SYNTAX),
    };
    let Some(set) = reader.collection::<Set>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    let sample = sample(
        reader.random(),
        wanted,
        set.len(),
        || set.members(),
        || set.random(reader.random()),
        |member| member.to_vec(),
    );
    reply.array(sample.len());
    sample.each(reply, |member, reply| reply.bulk(member))
}

pub(crate) fn spop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let wanted = match args.as_slice() {
        [_] => None,
        [_, wanted] => {
            let wanted = integer(wanted).ok().and_then(|wanted| usize::try_from(wanted).ok());
            Some(wanted.ok_or(ReplyError::NOT_POSITIVE)?)
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    let random = writer.random();
    let popped = writer.change_if(key, |set: &mut Set, _| {
        let count = wanted.unwrap_or(1).min(set.len());
        let popped: Vec<Vec<u8>> = (0..count)
            .map_while(|_| {
                let member = set.random(random)?.to_vec();
                set.remove(&member);
                Some(member)
            })
            .collect();
        let any = !popped.is_empty();
        (popped, any)
    })?;
    let popped = popped.unwrap_or_default();
    if !popped.is_empty() {
        writer.event(EventClass::Set, "spop", key);
        if !writer.exists(key) {
            writer.event(EventClass::Generic, "del", key);
        }
    }
    if wanted.is_none() {
        reply.bulk_or_null(popped.first().map(Vec::as_slice));
        return Ok(());
    }
    reply.set(popped.len());
    for member in popped {
        reply.bulk(&member);
    }
    Ok(())
}
