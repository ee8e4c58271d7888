//! Stream commands.

pub(crate) mod ack;
pub(crate) mod add;
pub(crate) mod claim;
pub(crate) mod delete;
pub(crate) mod group;
pub(crate) mod info;
pub(crate) mod pending;
pub(crate) mod range;
pub(crate) mod read;
pub(crate) mod setid;
mod syntax;

use meridian_command::{ReplyError, ReplyWriter};

use crate::{
    keyspace::{Key, Writer},
    value::stream::{ConsumerId, Entry, Group, Stream, StreamId},
};

/// Writes an id as clients see it.
fn reply_id(id: StreamId, reply: &mut ReplyWriter<'_>) {
    reply.bulk(id.to_string().as_bytes());
}

/// Writes an entry: its id, and its fields and values in turn.
fn reply_entry(entry: &Entry<'_>, reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    reply_id(entry.id, reply);
    reply.array(entry.fields.len() * 2);
    for (field, value) in entry.fields.clone() {
        reply.bulk(field);
        reply.bulk(value);
    }
}

/// Writes an array whose length is only known when `write` has written it and says so.
fn reply_counted(reply: &mut ReplyWriter<'_>, write: impl FnOnce(&mut ReplyWriter<'_>) -> usize) {
    let mut body = Vec::new();
    let count = write(&mut ReplyWriter::new(&mut body, reply.protocol()));
    reply.array(count);
    reply.raw(&body);
}

/// Writes entries as one array, `count` of them at most.
fn reply_entries<'a>(entries: impl Iterator<Item = Entry<'a>>, count: usize, reply: &mut ReplyWriter<'_>) {
    reply_counted(reply, |reply| {
        let entries = entries.take(count);
        entries.map(|entry| reply_entry(&entry, reply)).count()
    });
}

/// The consumer of that name; tells of it if it had to be made.
fn consumer(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    group: &[u8],
    name: &[u8],
) -> Result<Option<ConsumerId>, ReplyError> {
    let now_ms = writer.time_ms();
    let found = change_group(writer, key, group, |group| {
        let (id, is_new) = group.find_or_make(name, now_ms);
        // That it was seen is no change that anybody waits for.
        group.consumer_mut(id).seen_ms = now_ms;
        ((id, is_new), is_new)
    })?;
    if let Some((_, true)) = found {
        writer.event(crate::effect::EventClass::Stream, "xgroup-createconsumer", key);
    }
    Ok(found.map(|(id, _)| id))
}

/// Changes a group in place; the closure also says whether it changed anything. `None` without such a key or group.
fn change_group<R>(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    group: &[u8],
    change: impl FnOnce(&mut Group) -> (R, bool),
) -> Result<Option<R>, ReplyError> {
    let changed =
        writer.change_if(key, |stream: &mut Box<Stream>, _| match stream.change_group(group, change) {
            Some((outcome, changed)) => (Some(outcome), changed),
            None => (None, false),
        })?;
    Ok(changed.flatten())
}
