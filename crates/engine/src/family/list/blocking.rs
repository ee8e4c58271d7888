//! BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP: as their like that do not block, and where those find nothing the client
//! waits.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{
    pop::{Options, pop_one},
    transfer::Move,
};
use crate::{
    attention::{Awaits, Block, Empty},
    family::{Outcome, blocking::timeout_ms},
    keyspace::Writer,
    value::{End, List},
};

pub(crate) fn blpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, End::Front)
}

pub(crate) fn brpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, End::Back)
}

fn pop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, end: End) -> Outcome {
    let (timeout, keys) = args.as_slice().split_last().ok_or(ReplyError::SYNTAX)?;
    let timeout_ms = timeout_ms(timeout, writer.time_ms())?;
    for name in keys {
        let key = writer.key(name);
        if writer.collection::<List>(key)?.is_some() {
            reply.array(2);
            reply.bulk(name);
            pop_one(writer, key, reply, end)?;
            return Ok(());
        }
    }
    wait(writer, reply, keys.to_vec(), Empty::Array, timeout_ms)
}

pub(crate) fn blmove(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let transfer = Move::read(args)?;
    move_or_wait(writer, transfer, &args[4], reply)
}

pub(crate) fn brpoplpush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let transfer = Move::back_to_front(args)?;
    move_or_wait(writer, transfer, &args[2], reply)
}

fn move_or_wait(
    writer: &mut Writer<'_>,
    transfer: Move<'_>,
    timeout: &[u8],
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let timeout_ms = timeout_ms(timeout, writer.time_ms())?;
    if transfer.apply(writer, reply)? {
        return Ok(());
    }
    wait(writer, reply, vec![transfer.source], Empty::Bulk, timeout_ms)
}

pub(crate) fn blmpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(1))?;
    let timeout_ms = timeout_ms(&args[0], writer.time_ms())?;
    if options.pop(writer, reply)? {
        return Ok(());
    }
    wait(writer, reply, options.keys.to_vec(), Empty::Array, timeout_ms)
}

fn wait(
    writer: &mut Writer<'_>,
    reply: &mut ReplyWriter<'_>,
    keys: Vec<&[u8]>,
    empty: Empty,
    timeout_ms: u64,
) -> Outcome {
    writer.block(reply, Block { keys, awaits: Awaits::List, empty, timeout_ms, retry: None })
}
