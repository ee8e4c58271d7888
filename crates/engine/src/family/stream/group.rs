//! XGROUP CREATE, SETID, DESTROY, CREATECONSUMER, DELCONSUMER.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{change_group, syntax};
use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Key, Writer},
    value::stream::{Group, Stream, StreamId},
};

/// What stands behind the id of CREATE and SETID.
#[derive(Debug, Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn read(args: Args<'_>, subcommand: &str) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let creating = subcommand == "CREATE";
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            if creating && option.eq_ignore_ascii_case(b"MKSTREAM") {
                options.make_stream = true;
            } else if option.eq_ignore_ascii_case(b"ENTRIESREAD")
                && let Some(value) = rest.next()
            {
                options.entries_read = match integer(value)? {
                    -1 => None,
                    count => Some(u64::try_from(count).map_err(|_| ReplyError::XGROUP_ENTRIES_READ)?),
                };
            } else {
                return Err(ReplyError::subcommand_syntax(subcommand.as_bytes(), "XGROUP"));
            }
        }
        // Each option once is all that there can be.
        let most = if creating { 3 } else { 2 };
        if args.len() > most || (!creating && args.len() == 1) {
            return Err(ReplyError::subcommand_syntax(subcommand.as_bytes(), "XGROUP"));
        }
        Ok(options)
    }
}

/// The stream, which has to be there.
fn stream<'w>(writer: &'w mut Writer<'_>, key: Key<'_>) -> Result<&'w Stream, ReplyError> {
    writer.collection::<Box<Stream>>(key)?.map(|stream| &**stream).ok_or(ReplyError::XGROUP_NO_KEY)
}

/// Refuses a group that is not there.
fn need_group(writer: &mut Writer<'_>, key: Key<'_>, group: &[u8]) -> Outcome {
    match stream(writer, key)?.group(group) {
        Some(_) => Ok(()),
        None => Err(ReplyError::no_group_of_key(key.bytes, group)),
    }
}

/// The id of CREATE; `$` is the last.
fn group_id(text: &[u8], last: StreamId) -> Result<StreamId, ReplyError> {
    if text == b"$" { Ok(last) } else { syntax::id(text) }
}

pub(crate) fn create(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(3), "CREATE")?;
    let (key, name) = (writer.key(&args[0]), &args[1]);
    let last = match writer.collection::<Box<Stream>>(key)? {
        Some(stream) => stream.last_id(),
        None if options.make_stream => StreamId::MIN,
        None => return Err(ReplyError::XGROUP_NO_KEY),
    };
    let group = Group::new(group_id(&args[2], last)?, options.entries_read);
    let made = writer.change_or_make_if(key, |stream: &mut Box<Stream>, _| {
        let made = stream.make_group(name, group);
        (made, made)
    })?;
    if !made {
        return Err(ReplyError::XGROUP_BUSY);
    }
    writer.event(EventClass::Stream, "xgroup-create", key);
    reply.ok();
    Ok(())
}

pub(crate) fn setid(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(3), "SETID")?;
    let (key, name) = (writer.key(&args[0]), &args[1]);
    need_group(writer, key, name)?;
    let id = match &args[2] {
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        text => group_id(text, stream(writer, key)?.last_id())?,
    };
    change_group(writer, key, name, |group| {
        (group.last_id, group.entries_read) = (id, options.entries_read);
        ((), true)
    })?;
    writer.event(EventClass::Stream, "xgroup-setid", key);
    reply.ok();
    Ok(())
}

pub(crate) fn destroy(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, name) = (writer.key(&args[0]), &args[1]);
    stream(writer, key)?;
    let removed = writer.change_if(key, |stream: &mut Box<Stream>, _| {
        let removed = stream.remove_group(name);
        (removed, removed)
    })?;
    let removed = removed.unwrap_or(false);
    if removed {
        writer.event(EventClass::Stream, "xgroup-destroy", key);
    }
    reply.integer(removed.into());
    Ok(())
}

pub(crate) fn create_consumer(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let (key, name) = (writer.key(&args[0]), &args[1]);
    need_group(writer, key, name)?;
    let now_ms = writer.time_ms();
    let made = change_group(writer, key, name, |group| {
        let (_, made) = group.find_or_make(&args[2], now_ms);
        (made, made)
    })?;
    let made = made.unwrap_or(false);
    if made {
        writer.event(EventClass::Stream, "xgroup-createconsumer", key);
    }
    reply.integer(made.into());
    Ok(())
}

pub(crate) fn delete_consumer(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let (key, name) = (writer.key(&args[0]), &args[1]);
    need_group(writer, key, name)?;
    let pending = change_group(writer, key, name, |group| {
        let pending = group.remove_consumer(&args[2]);
        (pending, pending.is_some())
    })?;
    let pending = pending.flatten();
    if pending.is_some() {
        writer.event(EventClass::Stream, "xgroup-delconsumer", key);
    }
    reply.integer(pending.unwrap_or(0) as i64);
    Ok(())
}
