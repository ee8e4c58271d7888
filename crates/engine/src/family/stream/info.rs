//! XINFO STREAM, GROUPS, CONSUMERS.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{reply_counted, reply_entries, reply_entry, reply_id};
use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
    value::stream::{Entry, Group, Stream, StreamId},
};

/// Unless told, FULL shows so many entries of every list.
const FULL_COUNT: usize = 10;

fn stream<'a>(reader: &Reader<'a>, key: &[u8]) -> Result<&'a Stream, ReplyError> {
    reader.collection::<Box<Stream>>(key)?.map(|stream| &**stream).ok_or(ReplyError::NO_SUCH_KEY)
}

/// Writes the name of a field; its value must follow.
fn name<'r, 'w>(reply: &'r mut ReplyWriter<'w>, name: &str) -> &'r mut ReplyWriter<'w> {
    reply.bulk(name.as_bytes());
    reply
}

fn integer_or_null(reply: &mut ReplyWriter<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

pub(crate) fn of_stream(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = stream(reader, &args[0])?;
    let count = match args.from(1).as_slice() {
        [] => None,
        [full] if full.eq_ignore_ascii_case(b"FULL") => Some(FULL_COUNT),
        [full, count, number]
            if full.eq_ignore_ascii_case(b"FULL") && count.eq_ignore_ascii_case(b"COUNT") =>
        {
            Some(usize::try_from(integer(number)?).unwrap_or(FULL_COUNT))
        }
        _ => return Err(ReplyError::subcommand_syntax(b"STREAM", "XINFO")),
    };
    reply.map(if count.is_some() { 9 } else { 10 });
    name(reply, "length").integer(stream.len() as i64);
    name(reply, "radix-tree-keys").integer(stream.node_count() as i64);
    name(reply, "radix-tree-nodes").integer(stream.radix_node_count() as i64);
    reply_id(stream.last_id(), name(reply, "last-generated-id"));
    reply_id(stream.max_deleted_id(), name(reply, "max-deleted-entry-id"));
    name(reply, "entries-added").integer(stream.entries_added() as i64);
    reply_id(stream.first_id(), name(reply, "recorded-first-entry-id"));
    match count {
        None => ends(stream, reply),
        Some(0) => full(stream, usize::MAX, reply),
        Some(count) => full(stream, count, reply),
    }
    Ok(())
}

fn ends(stream: &Stream, reply: &mut ReplyWriter<'_>) {
    let entry = |reply: &mut ReplyWriter<'_>, entry: Option<Entry<'_>>| match entry {
        Some(entry) => reply_entry(&entry, reply),
        None => reply.null(),
    };
    name(reply, "groups").integer(stream.groups().len() as i64);
    entry(name(reply, "first-entry"), stream.get(stream.first_id()));
    entry(name(reply, "last-entry"), stream.last_entry());
}

fn full(stream: &Stream, count: usize, reply: &mut ReplyWriter<'_>) {
    reply_entries(stream.range(StreamId::MIN, StreamId::MAX), count, name(reply, "entries"));
    let groups = stream.groups();
    name(reply, "groups").array(groups.len());
    for (title, group) in groups {
        reply.map(7);
        name(reply, "name").bulk(title);
        progress(stream, group, reply);
        name(reply, "pel-count").integer(group.pending_count() as i64);
        reply_counted(name(reply, "pending"), |reply| {
            let pending = group.pending_from(StreamId::MIN).take(count);
            pending
                .map(|(id, pending)| {
                    reply.array(4);
                    reply_id(id, reply);
                    reply.bulk(&group.consumer(pending.owner).name);
                    reply.integer(pending.delivered_ms as i64);
                    reply.integer(pending.deliveries as i64);
                })
                .count()
        });
        full_consumers(group, count, reply);
    }
}

fn full_consumers(group: &Group, count: usize, reply: &mut ReplyWriter<'_>) {
    let consumers = group.consumers();
    name(reply, "consumers").array(consumers.len());
    for consumer in consumers {
        reply.map(5);
        name(reply, "name").bulk(&consumer.name);
        name(reply, "seen-time").integer(consumer.seen_ms as i64);
        name(reply, "active-time").integer(consumer.active_ms.map_or(-1, |ms| ms as i64));
        name(reply, "pel-count").integer(consumer.pending_count() as i64);
        let pending = consumer.pending_from(StreamId::MIN).take(count);
        reply_counted(name(reply, "pending"), |reply| {
            let pending = pending.filter_map(|id| Some((id, group.pending(id)?)));
            pending
                .map(|(id, pending)| {
                    reply.array(3);
                    reply_id(id, reply);
                    reply.integer(pending.delivered_ms as i64);
                    reply.integer(pending.deliveries as i64);
                })
                .count()
        });
    }
}

/// How far a group has read.
fn progress(stream: &Stream, group: &Group, reply: &mut ReplyWriter<'_>) {
    reply_id(group.last_id, name(reply, "last-delivered-id"));
    integer_or_null(name(reply, "entries-read"), group.entries_read.map(|read| read as i64));
    integer_or_null(name(reply, "lag"), stream.lag(group));
}

pub(crate) fn of_groups(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = stream(reader, &args[0])?;
    let groups = stream.groups();
    reply.array(groups.len());
    for (title, group) in groups {
        reply.map(6);
        name(reply, "name").bulk(title);
        name(reply, "consumers").integer(group.consumers().len() as i64);
        name(reply, "pending").integer(group.pending_count() as i64);
        progress(stream, group, reply);
    }
    Ok(())
}

pub(crate) fn of_consumers(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = stream(reader, &args[0])?;
    let group = stream.group(&args[1]).ok_or_else(|| ReplyError::no_group_of_key(&args[0], &args[1]))?;
    let now_ms = reader.now_ms();
    let consumers = group.consumers();
    reply.array(consumers.len());
    for consumer in consumers {
        reply.map(4);
        name(reply, "name").bulk(&consumer.name);
        name(reply, "pending").integer(consumer.pending_count() as i64);
        name(reply, "idle").integer(now_ms.saturating_sub(consumer.seen_ms) as i64);
        let inactive = consumer.active_ms.map_or(-1, |active_ms| now_ms as i64 - active_ms as i64);
        name(reply, "inactive").integer(inactive);
    }
    Ok(())
}
