//! XPENDING.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{reply_counted, reply_id, syntax};
use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
    value::stream::{Group, Pending, Stream, StreamId},
};

/// Which entries are asked for.
#[derive(Debug)]
struct Filter<'a> {
    idle_ms: u64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn read(args: Args<'a>) -> Result<Filter<'a>, ReplyError> {
        let (mut idle_ms, mut rest) = (0, args);
        if args[0].eq_ignore_ascii_case(b"IDLE") {
            idle_ms = u64::try_from(integer(&args[1])?).unwrap_or(0);
            rest = args.from(2);
        }
        let (Some(start), Some(end), Some(count)) = (rest.get(0), rest.get(1), rest.get(2)) else {
            return Err(ReplyError::SYNTAX);
        };
        let count = syntax::count(count)?;
        let (start, end) = (syntax::start(start)?, syntax::end(end)?);
        Ok(Filter { idle_ms, start, end, count, consumer: rest.get(3) })
    }
}

pub(crate) fn xpending(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let filter = match args.len() {
        2 => None,
        5..=8 => Some(Filter::read(args.from(2))?),
        _ => return Err(ReplyError::SYNTAX),
    };
    let stream = reader.collection::<Box<Stream>>(&args[0])?;
    let group = stream.and_then(|stream| stream.group(&args[1]));
    let group = group.ok_or_else(|| ReplyError::no_group(&args[0], &args[1], ""))?;
    match filter {
        None => summary(group, reply),
        Some(filter) => list(group, &filter, reader.now_ms(), reply),
    }
    Ok(())
}

fn summary(group: &Group, reply: &mut ReplyWriter<'_>) {
    reply.array(4);
    reply.integer(group.pending_count() as i64);
    let mut ids = group.pending_from(StreamId::MIN).map(|(id, _)| id);
    let Some(first) = ids.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(first, reply);
    reply_id(ids.next_back().unwrap_or(first), reply);
    reply_counted(reply, |reply| {
        let busy = group.consumers().filter(|consumer| consumer.pending_count() > 0);
        busy.map(|consumer| {
            reply.array(2);
            reply.bulk(&consumer.name);
            reply.bulk_integer(consumer.pending_count() as i64);
        })
        .count()
    });
}

fn list(group: &Group, filter: &Filter<'_>, now_ms: u64, reply: &mut ReplyWriter<'_>) {
    let write = |reply: &mut ReplyWriter<'_>, id: StreamId, pending: &Pending| {
        reply.array(4);
        reply_id(id, reply);
        reply.bulk(&group.consumer(pending.owner).name);
        reply.integer(pending.idle_ms(now_ms) as i64);
        reply.integer(pending.deliveries as i64);
    };
    let fits = |pending: &Pending| pending.idle_ms(now_ms) >= filter.idle_ms;
    reply_counted(reply, |reply| match filter.consumer {
        None => {
            let pending = group.pending_from(filter.start).take_while(|(id, _)| *id <= filter.end);
            let pending = pending.filter(|(_, pending)| fits(pending)).take(filter.count);
            pending.map(|(id, pending)| write(reply, id, pending)).count()
        }
        Some(name) => {
            let Some(consumer) = group.find(name) else { return 0 };
            let ids = group.consumer(consumer).pending_from(filter.start).take_while(|id| *id <= filter.end);
            let pending = ids.filter_map(|id| Some((id, group.pending(id)?)));
            let pending = pending.filter(|(_, pending)| fits(pending)).take(filter.count);
            pending.map(|(id, pending)| write(reply, id, pending)).count()
        }
    });
}
