//! XACK and XACKDEL.

use meridian_command::{Args, ReplyWriter};

use super::{change_group, syntax};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::stream::{References, Removal, Stream, StreamId},
};

pub(crate) fn xack(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, group) = (writer.key(&args[0]), &args[1]);
    let stream = writer.collection::<Box<Stream>>(key)?;
    if stream.is_none_or(|stream| stream.group(group).is_none()) {
        reply.integer(0);
        return Ok(());
    }
    let ids = syntax::ids(args.from(2))?;
    let acknowledged = change_group(writer, key, group, |group| {
        let count = ids.iter().filter(|id| group.acknowledge(**id)).count();
        (count, count > 0)
    })?;
    reply.integer(acknowledged.unwrap_or(0) as i64);
    Ok(())
}

/// What XACKDEL answers for an id.
const NOT_PENDING: i64 = -1;
const DELETED: i64 = 1;
const STILL_NEEDED: i64 = 2;

pub(crate) fn xackdel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, group) = (writer.key(&args[0]), &args[1]);
    writer.collection::<Box<Stream>>(key)?;
    let (references, ids) = syntax::counted_ids(args.from(2))?;
    let done = writer.change_if(key, |stream: &mut Box<Stream>, _| {
        let done: Vec<_> = ids.iter().map(|id| acknowledge(stream, group, *id, references)).collect();
        let changed = done.iter().any(|(answer, _)| *answer != NOT_PENDING);
        (done, changed)
    })?;
    let done = done.unwrap_or_else(|| vec![(NOT_PENDING, false); ids.len()]);
    if done.iter().any(|(_, removed)| *removed) {
        writer.event(EventClass::Stream, "xdel", key);
    }
    reply.array(done.len());
    for (answer, _) in done {
        reply.integer(answer);
    }
    Ok(())
}

/// Acknowledges an entry and deletes it if it may. Says what to answer, and whether an entry went.
fn acknowledge(stream: &mut Stream, group: &[u8], id: StreamId, references: References) -> (i64, bool) {
    if stream.change_group(group, |group| group.acknowledge(id)) != Some(true) {
        return (NOT_PENDING, false);
    }
    match stream.remove(id, references) {
        Removal::Needed => (STILL_NEEDED, false),
        Removal::Removed => (DELETED, true),
        Removal::Absent => {
            if references == References::Delete {
                stream.forget(id);
            }
            (DELETED, false)
        }
    }
}
