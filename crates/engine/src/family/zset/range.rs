//! ZRANGE in all its forms, ZRANGESTORE.

use std::ops::Range;

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{
    bound::{Bounds, By},
    open_members, store, write_member,
};
use crate::{
    family::{Outcome, integer},
    keyspace::{Reader, Writer},
    value::SortedSet,
};

/// What a command is of ZRANGE, and what it leaves to options.
#[derive(Clone, Copy, Debug)]
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    stores: bool,
}

/// A range that was asked for.
#[derive(Debug)]
struct Wanted<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

impl<'a> Wanted<'a> {
    /// `low high option...`
    fn read(args: Args<'a>, form: Form) -> Result<Wanted<'a>, ReplyError> {
        let (mut by, mut reverse) = (form.by, form.reverse);
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut rest = args.as_slice().get(2..).unwrap_or_default();
        while let [option, after @ ..] = rest {
            rest = after;
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            if !form.stores && is(b"WITHSCORES") {
                with_scores = true;
            } else if is(b"LIMIT")
                && let [first, count, after @ ..] = rest
            {
                (offset, limit) = (integer(first)?, integer(count)?);
                rest = after;
            } else if reverse.is_none() && is(b"REV") {
                reverse = Some(true);
            } else if by.is_none() && is(b"BYLEX") {
                by = Some(By::Member);
            } else if by.is_none() && is(b"BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(ReplyError::LIMIT_NEEDS_BOUNDS);
        }
        if with_scores && by == By::Member {
            return Err(ReplyError::WITHSCORES_BYLEX);
        }
        let swapped = reverse && by != By::Rank;
        let [low, high, ..] = *args.as_slice() else { return Err(ReplyError::SYNTAX) };
        let (low, high) = if swapped { (high, low) } else { (low, high) };
        Ok(Wanted { bounds: Bounds::read(by, low, high)?, reverse, with_scores, offset, limit })
    }

    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let range = self.bounds.ranks(set, self.reverse);
        if matches!(self.bounds, Bounds::Ranks(..)) {
            return range;
        }
        let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let skipped = size(self.offset).min(range.len());
        let count = size(self.limit).min(range.len() - skipped);
        if self.reverse {
            range.end - skipped - count..range.end - skipped
        } else {
            range.start + skipped..range.start + skipped + count
        }
    }
}

fn answer(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, form: Form) -> Outcome {
    let wanted = Wanted::read(args.from(1), form)?;
    let Some(set) = reader.collection::<SortedSet>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = wanted.ranks(&set);
    open_members(reply, ranks.len(), wanted.with_scores);
    set.visit(ranks, wanted.reverse, |member, score| {
        write_member(reply, member, score, wanted.with_scores);
        true
    });
    Ok(())
}

pub(crate) fn zrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: None, reverse: None, stores: false })
}

pub(crate) fn zrevrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: Some(By::Rank), reverse: Some(true), stores: false })
}

pub(crate) fn zrangebyscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: Some(By::Score), reverse: Some(false), stores: false })
}

pub(crate) fn zrevrangebyscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: Some(By::Score), reverse: Some(true), stores: false })
}

pub(crate) fn zrangebylex(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: Some(By::Member), reverse: Some(false), stores: false })
}

pub(crate) fn zrevrangebylex(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Form { by: Some(By::Member), reverse: Some(true), stores: false })
}

pub(crate) fn zrangestore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let wanted = Wanted::read(args.from(2), Form { by: None, reverse: None, stores: true })?;
    let result = writer.reading(|reader| {
        let mut result = SortedSet::default();
        if let Some(set) = reader.collection::<SortedSet>(&args[1])? {
            set.visit(wanted.ranks(&set), wanted.reverse, |member, score| {
                result.set(member, score, reader.settings());
                true
            });
        }
        Ok::<_, ReplyError>(result)
    })?;
    let key = writer.key(&args[0]);
    store(writer, key, result, "zrangestore", reply);
    Ok(())
}
