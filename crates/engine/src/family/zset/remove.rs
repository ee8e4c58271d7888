//! ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use meridian_command::{Args, ReplyWriter};

use super::{
    bound::{Bounds, By},
    tell_removed,
};
use crate::{family::Outcome, keyspace::Writer, value::SortedSet};

pub(crate) fn zrem(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    remove(writer, args, reply, "zrem", |set| args.iter().skip(1).filter(|member| set.remove(member)).count())
}

pub(crate) fn zremrangebyrank(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    remove_range(writer, args, reply, By::Rank, "zremrangebyrank")
}

pub(crate) fn zremrangebyscore(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    remove_range(writer, args, reply, By::Score, "zremrangebyscore")
}

pub(crate) fn zremrangebylex(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    remove_range(writer, args, reply, By::Member, "zremrangebylex")
}

fn remove_range(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    by: By,
    event: &'static str,
) -> Outcome {
    let bounds = Bounds::read(by, &args[1], &args[2])?;
    remove(writer, args, reply, event, |set| {
        let ranks = bounds.ranks(set, false);
        let removed = ranks.len();
        set.remove_range(ranks);
        removed
    })
}

fn remove(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    event: &'static str,
    remove: impl FnOnce(&mut SortedSet) -> usize,
) -> Outcome {
    let key = writer.key(&args[0]);
    let removed = writer.change_if(key, |set: &mut SortedSet, _| {
        let removed = remove(set);
        (removed, removed > 0)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        tell_removed(writer, key, event);
    }
    reply.integer(removed as i64);
    Ok(())
}
