//! XDEL and XDELEX.

use meridian_command::{Args, ReplyWriter};

use super::syntax;
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::stream::{References, Removal, Stream, StreamId},
};

pub(crate) fn xdel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    if writer.collection::<Box<Stream>>(key)?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let removals = remove(writer, args, &syntax::ids(args.from(1))?, References::Keep)?;
    let removed = removals.iter().filter(|removal| **removal == Removal::Removed).count();
    reply.integer(removed as i64);
    Ok(())
}

pub(crate) fn xdelex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    writer.collection::<Box<Stream>>(key)?;
    let (references, ids) = syntax::counted_ids(args.from(1))?;
    let removals = remove(writer, args, &ids, references)?;
    reply.array(removals.len());
    for removal in removals {
        reply.integer(match removal {
            Removal::Absent => -1,
            Removal::Removed => 1,
            Removal::Needed => 2,
        });
    }
    Ok(())
}

/// Removes entries of the key that is the first argument; says what became of each.
fn remove(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    ids: &[StreamId],
    references: References,
) -> Result<Vec<Removal>, meridian_command::ReplyError> {
    let key = writer.key(&args[0]);
    let removals = writer.change_if(key, |stream: &mut Box<Stream>, _| {
        let removals: Vec<_> = ids.iter().map(|id| stream.remove(*id, references)).collect();
        let changed = removals.contains(&Removal::Removed);
        (removals, changed)
    })?;
    let removals = removals.unwrap_or_else(|| vec![Removal::Absent; ids.len()]);
    if removals.contains(&Removal::Removed) {
        writer.event(EventClass::Stream, "xdel", key);
    }
    Ok(removals)
}
