//! ZPOPMIN, ZPOPMAX, ZMPOP, and the forms that wait: BZPOPMIN, BZPOPMAX, BZMPOP.

use meridian_command::{Args, Protocol, ReplyError, ReplyWriter};

use super::{tell_removed, write_score};
use crate::{
    attention::{Awaits, Block, Empty},
    family::{Outcome, Popped, blocking::timeout_ms, positive},
    keyspace::{Key, Writer},
    value::SortedSet,
};

/// What was taken out, with the scores.
type Members = Vec<(Vec<u8>, f64)>;

/// Which end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extreme {
    Lowest,
    Highest,
}

impl Extreme {
    fn event(self) -> &'static str {
        if self == Extreme::Lowest { "zpopmin" } else { "zpopmax" }
    }

    /// Takes up to `count` members out.
    fn pop(self, writer: &mut Writer<'_>, key: Key<'_>, count: usize) -> Result<Option<Members>, ReplyError> {
        let popped = writer.change(key, |set: &mut SortedSet, _| {
            let len = set.len();
            let count = count.min(len);
            let range = if self == Extreme::Lowest { 0..count } else { len - count..len };
            let mut popped = Vec::with_capacity(count);
            set.visit(range.clone(), self == Extreme::Highest, |member, score| {
                popped.push((member.to_vec(), score));
                true
            });
            set.remove_range(range);
            popped
        })?;
        if popped.is_some() {
            tell_removed(writer, key, self.event());
        }
        Ok(popped)
    }
}

pub(crate) fn zpopmin(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, Extreme::Lowest)
}

pub(crate) fn zpopmax(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, Extreme::Highest)
}

fn pop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, from: Extreme) -> Outcome {
    if args.len() > 2 {
        return Err(ReplyError::SYNTAX);
    }
    let count = args.get(1).map(positive).transpose()?;
    if count == Some(0) {
        writer.collection::<SortedSet>(writer.key(&args[0]))?;
        reply.array(0);
        return Ok(());
    }
    let popped = from.pop(writer, writer.key(&args[0]), count.unwrap_or(1))?.unwrap_or_default();
    let pairs = count.is_some() && reply.protocol() == Protocol::Resp3;
    reply.array(if pairs { popped.len() } else { popped.len() * 2 });
    for (member, score) in popped {
        if pairs {
            reply.array(2);
        }
        reply.bulk(&member);
        write_score(reply, score);
    }
    Ok(())
}

/// `numkeys key... MIN|MAX [COUNT count]`.
#[derive(Debug)]
struct Options<'a> {
    keys: &'a [&'a [u8]],
    from: Extreme,
    count: usize,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>) -> Result<Options<'a>, ReplyError> {
        let Popped { keys, from, count } = Popped::read(args)?;
        let from = if from.eq_ignore_ascii_case(b"MIN") {
            Extreme::Lowest
        } else if from.eq_ignore_ascii_case(b"MAX") {
            Extreme::Highest
        } else {
            return Err(ReplyError::SYNTAX);
        };
        Ok(Options { keys, from, count: count.unwrap_or(1) })
    }

    /// Pops from the first sorted set that is there; false if none is.
    fn pop(&self, writer: &mut Writer<'_>, reply: &mut ReplyWriter<'_>) -> Result<bool, ReplyError> {
        for name in self.keys {
            let key = writer.key(name);
            let Some(popped) = self.from.pop(writer, key, self.count)? else { continue };
            reply.array(2);
            reply.bulk(name);
            reply.array(popped.len());
            for (member, score) in popped {
                reply.array(2);
                reply.bulk(&member);
                write_score(reply, score);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

pub(crate) fn zmpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !Options::read(args)?.pop(writer, reply)? {
        reply.null_array();
    }
    Ok(())
}

pub(crate) fn bzpopmin(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop_or_wait(writer, args, reply, Extreme::Lowest)
}

pub(crate) fn bzpopmax(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop_or_wait(writer, args, reply, Extreme::Highest)
}

fn pop_or_wait(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    from: Extreme,
) -> Outcome {
    let (timeout, keys) = args.as_slice().split_last().ok_or(ReplyError::SYNTAX)?;
    let timeout_ms = timeout_ms(timeout, writer.time_ms())?;
    for name in keys {
        let key = writer.key(name);
        let popped = from.pop(writer, key, 1)?.and_then(|mut popped| popped.pop());
        if let Some((member, score)) = popped {
            reply.array(3);
            reply.bulk(name);
            reply.bulk(&member);
            write_score(reply, score);
            return Ok(());
        }
    }
    wait(writer, reply, keys.to_vec(), timeout_ms)
}

pub(crate) fn bzmpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(1))?;
    let timeout_ms = timeout_ms(&args[0], writer.time_ms())?;
    if options.pop(writer, reply)? {
        return Ok(());
    }
    wait(writer, reply, options.keys.to_vec(), timeout_ms)
}

fn wait(writer: &mut Writer<'_>, reply: &mut ReplyWriter<'_>, keys: Vec<&[u8]>, timeout_ms: u64) -> Outcome {
    let awaits = Awaits::SortedSet;
    writer.block(reply, Block { keys, awaits, empty: Empty::Array, timeout_ms, retry: None })
}
