//! XSETID.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::syntax;
use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::Writer,
    value::stream::{Stream, StreamId},
};

pub(crate) fn xsetid(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let id = syntax::id(&args[1])?;
    let (mut added, mut deleted) = (None, None);
    let mut rest = args.from(2).iter();
    while let Some(option) = rest.next() {
        let value = rest.next().ok_or(ReplyError::SYNTAX)?;
        if option.eq_ignore_ascii_case(b"ENTRIESADDED") {
            added = Some(u64::try_from(integer(value)?).map_err(|_| ReplyError::XSETID_ADDED_NEGATIVE)?);
        } else if option.eq_ignore_ascii_case(b"MAXDELETEDID") {
            let given = syntax::id(value)?;
            if id < given {
                return Err(ReplyError::XSETID_BELOW_GIVEN_DELETED);
            }
            deleted = Some(given);
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let key = writer.key(&args[0]);
    check(writer.collection::<Box<Stream>>(key)?.ok_or(ReplyError::NO_SUCH_KEY)?, id, added)?;
    let deleted = deleted.filter(|deleted| *deleted != StreamId::MIN);
    writer.change(key, |stream: &mut Box<Stream>, _| stream.set_past(id, added, deleted))?;
    writer.event(EventClass::Stream, "xsetid", key);
    reply.ok();
    Ok(())
}

fn check(stream: &Stream, id: StreamId, added: Option<u64>) -> Outcome {
    if id < stream.max_deleted_id() {
        return Err(ReplyError::XSETID_BELOW_DELETED);
    }
    if stream.last_entry().is_some_and(|last| id < last.id) {
        return Err(ReplyError::XSETID_BELOW_LAST);
    }
    if stream.len() > 0 && added.is_some_and(|added| (stream.len() as u64) > added) {
        return Err(ReplyError::XSETID_ADDED_TOO_FEW);
    }
    Ok(())
}
