//! XREAD and XREADGROUP.

use meridian_command::{Args, EngineCommand, Protocol, ReplyError, ReplyWriter};

use super::{change_group, consumer, reply_entries, reply_entry, reply_id, syntax};
use crate::{
    attention::{Awaits, Block, Empty},
    family::{Outcome, transactions::timeout::timeout_milliseconds},
    keyspace::{Reader, Writer},
    value::stream::{ConsumerId, Stream, StreamId},
};

/// What stands before the keys.
#[derive(Debug)]
struct Options<'a> {
    count: usize,
    /// How long to wait for entries if there are none; 0 for as long as it takes.
    block_ms: Option<u64>,
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
}

/// From where on a stream is read.
#[derive(Clone, Copy, Debug)]
enum From {
    /// Behind this id; for a consumer of what it was given before.
    Behind(StreamId),
    /// The last entry, once more.
    LastEntry,
    /// What no consumer of the group was given yet.
    New,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>, command: EngineCommand, now_ms: u64) -> Result<Options<'a>, ReplyError> {
        let grouped = command == EngineCommand::Xreadgroup;
        let (mut count, mut block_ms, mut group, mut no_ack) = (0, None, None, false);
        let mut at = 0;
        loop {
            let option = args.get(at).ok_or(ReplyError::SYNTAX)?;
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let more = args.len() - 1 - at;
            at += 1;
            if is(b"BLOCK") && more > 0 {
                block_ms = Some(timeout_milliseconds(&args[at], now_ms)?);
                at += 1;
            } else if is(b"COUNT") && more > 0 {
                count = syntax::count(&args[at])?;
                at += 1;
            } else if is(b"STREAMS") && more > 0 {
                break;
            } else if is(b"GROUP") && more >= 2 {
                if !grouped {
                    return Err(ReplyError::XREAD_GROUP);
                }
                group = args.get(at).zip(args.get(at + 1));
                at += 2;
            } else if is(b"NOACK") {
                if !grouped {
                    return Err(ReplyError::XREAD_NOACK);
                }
                no_ack = true;
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        let streams = args.from(at).as_slice();
        if !streams.len().is_multiple_of(2) {
            let special = if grouped { " or '>'" } else { ", '+', or '$'" };
            return Err(ReplyError::unbalanced_streams(command.spec(), special));
        }
        if grouped && group.is_none() {
            return Err(ReplyError::XREADGROUP_NO_GROUP);
        }
        let (keys, ids) = streams.split_at(streams.len() / 2);
        let count = if count == 0 { usize::MAX } else { count };
        Ok(Options { count, block_ms, group, no_ack, keys, ids })
    }
}

/// Opens what one stream answers.
fn open(key: &[u8], reply: &mut ReplyWriter<'_>) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Writes what `count` streams answered, or that there is nothing.
fn answer(count: usize, body: &[u8], reply: &mut ReplyWriter<'_>) {
    match (count, reply.protocol()) {
        (0, _) => reply.null_array(),
        (count, Protocol::Resp2) => reply.array(count),
        (count, Protocol::Resp3) => reply.map(count),
    }
    reply.raw(body);
}

pub(crate) fn xread(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args, EngineCommand::Xread, reader.now_ms())?;
    let (served, body) = read_all(reader, &options, reply.protocol())?;
    answer(served, &body, reply);
    Ok(())
}

/// XREAD in the log: waits if it is to and there is nothing.
pub(crate) fn xread_blocking(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let options = Options::read(args, EngineCommand::Xread, writer.time_ms())?;
    let (served, body) = read_all(&writer.reader(), &options, reply.protocol())?;
    let Some(timeout_ms) = options.block_ms.filter(|_| served == 0) else {
        answer(served, &body, reply);
        return Ok(());
    };
    // Tried again, `$` must be what it is now.
    let mut retry: Vec<Vec<u8>> = args.iter().map(<[u8]>::to_vec).collect();
    let first_id = retry.len() - options.ids.len();
    for (key, id) in options.keys.iter().zip(&mut retry[first_id..]) {
        if id == b"$" {
            let stream = writer.collection::<Box<Stream>>(writer.key(key))?;
            *id = stream.map_or(StreamId::MIN, |stream| stream.last_id()).to_string().into_bytes();
        }
    }
    let (keys, awaits) = (options.keys.to_vec(), Awaits::Stream);
    writer.block(reply, Block { keys, awaits, empty: Empty::Array, timeout_ms, retry: Some(retry) })
}

/// What XREAD finds: in how many streams, and the replies of those.
fn read_all(
    reader: &Reader<'_>,
    options: &Options<'_>,
    protocol: Protocol,
) -> Result<(usize, Vec<u8>), ReplyError> {
    let mut wanted = Vec::with_capacity(options.keys.len());
    for (key, id) in options.keys.iter().zip(options.ids) {
        let stream = reader.collection::<Box<Stream>>(key)?;
        let from = match *id {
            b"$" => From::Behind(stream.map_or(StreamId::MIN, |stream| stream.last_id())),
            b"+" => From::LastEntry,
            b">" => return Err(ReplyError::XREAD_NEW),
            id => From::Behind(syntax::id(id)?),
        };
        wanted.push((key, stream, from));
    }
    let (mut served, mut body) = (0, Vec::new());
    let mut writer = ReplyWriter::new(&mut body, protocol);
    for (key, stream, from) in wanted {
        let (Some(stream), Some(last)) = (stream, stream.and_then(|stream| stream.last_entry())) else {
            continue;
        };
        let (start, count) = match from {
            From::Behind(id) => (id.next(), options.count),
            From::LastEntry | From::New => (Some(last.id), 1),
        };
        if let Some(start) = start.filter(|start| *start <= last.id) {
            served += 1;
            open(key, &mut writer);
            reply_entries(stream.range(start, StreamId::MAX), count, &mut writer);
        }
    }
    Ok((served, body))
}

pub(crate) fn xreadgroup(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args, EngineCommand::Xreadgroup, writer.time_ms())?;
    let (group, name) = options.group.ok_or(ReplyError::XREADGROUP_NO_GROUP)?;
    let mut wanted = Vec::with_capacity(options.keys.len());
    for (key, id) in options.keys.iter().zip(options.ids) {
        let stream = writer.collection::<Box<Stream>>(writer.key(key))?;
        if stream.is_none_or(|stream| stream.group(group).is_none()) {
            return Err(ReplyError::no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        wanted.push((
            *key,
            match *id {
                b"$" => return Err(ReplyError::XREADGROUP_LAST),
                b"+" => return Err(ReplyError::XREADGROUP_PLUS),
                b">" => From::New,
                // The last id there is means the same, as in Redis.
                id => match syntax::id(id)? {
                    StreamId::MAX => From::New,
                    id => From::Behind(id),
                },
            },
        ));
    }
    let (mut served, mut body) = (0, Vec::new());
    let mut out = ReplyWriter::new(&mut body, reply.protocol());
    for (key, from) in wanted {
        let Some(consumer) = consumer(writer, writer.key(key), group, name)? else { continue };
        let answered = match from {
            From::Behind(id) => again(writer, key, (group, consumer), id, &options, &mut out)?,
            From::New | From::LastEntry => deliver(writer, key, (group, consumer), &options, &mut out)?,
        };
        served += usize::from(answered);
    }
    if let Some(timeout_ms) = options.block_ms.filter(|_| served == 0) {
        let (keys, awaits) = (options.keys.to_vec(), Awaits::StreamOrGone);
        return writer.block(reply, Block { keys, awaits, empty: Empty::Array, timeout_ms, retry: None });
    }
    answer(served, &body, reply);
    Ok(())
}

/// Gives a consumer new entries. False if there are none.
fn deliver(
    writer: &mut Writer<'_>,
    key: &[u8],
    (group, consumer): (&[u8], ConsumerId),
    options: &Options<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, ReplyError> {
    let now_ms = writer.time_ms();
    let keep = (!options.no_ack).then_some(now_ms);
    let delivered = writer.change_if(writer.key(key), |stream: &mut Box<Stream>, _| {
        let behind = stream.group(group).map_or(StreamId::MAX, |group| group.last_id);
        if stream.last_entry().is_none_or(|last| last.id <= behind) {
            return (false, false);
        }
        open(key, reply);
        super::reply_counted(reply, |reply| {
            let mut count = 0;
            stream.deliver(group, consumer, options.count, keep, |entry| {
                reply_entry(entry, reply);
                count += 1;
            });
            count
        });
        (true, true)
    })?;
    Ok(delivered.unwrap_or(false))
}

/// Gives a consumer once more what it has not acknowledged.
fn again(
    writer: &mut Writer<'_>,
    key: &[u8],
    (group, consumer): (&[u8], ConsumerId),
    behind: StreamId,
    options: &Options<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, ReplyError> {
    let start = behind.next().unwrap_or(behind);
    let stream = writer.collection::<Box<Stream>>(writer.key(key))?;
    let Some((stream, owner)) = stream.and_then(|stream| Some((stream, stream.group(group)?))) else {
        return Ok(false);
    };
    open(key, reply);
    let mut redelivered = Vec::new();
    let ids = owner.consumer(consumer).pending_from(start).take(options.count);
    super::reply_counted(reply, |reply| {
        ids.map(|id| match stream.get(id) {
            Some(entry) => {
                reply_entry(&entry, reply);
                redelivered.push(id);
            }
            None => {
                reply.array(2);
                reply_id(id, reply);
                reply.null_array();
            }
        })
        .count()
    });
    let now_ms = writer.time_ms();
    writer.uncounted(|writer| {
        change_group(writer, writer.key(key), group, |group| {
            redelivered.iter().for_each(|id| group.redeliver(*id, now_ms));
            ((), !redelivered.is_empty())
        })
    })?;
    Ok(true)
}
