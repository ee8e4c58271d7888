//! WATCH and UNWATCH on a shard.

use meridian_command::{Args, ReplyWriter};

use crate::{family::Outcome, keyspace::Writer};

/// `key...`: notes changes of the keys from now on. Answers the moment that EXEC is to name.
pub(crate) fn watch(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (database, numbered, now_ms) = (writer.database(), writer.numbered(), writer.time_ms());
    let mut moment = 0;
    for key in args.iter() {
        // What has expired by now is reclaimed first: its going is no change.
        writer.exists(writer.key(key));
        moment = writer.attention().watched.watch(database, numbered, key, now_ms);
    }
    reply.integer(moment as i64);
    Ok(())
}

/// `key...`: the client watches them no more.
pub(crate) fn unwatch(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (database, numbered) = (writer.database(), writer.numbered());
    for key in args.iter() {
        writer.attention().watched.unwatch(database, numbered, key);
    }
    reply.ok();
    Ok(())
}
