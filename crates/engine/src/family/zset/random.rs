//! ZRANDMEMBER.

use std::collections::BTreeSet;

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{open_members, write_member};
use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
    random::Random,
    value::SortedSet,
};

/// No reply draws more members than this.
const DRAWS_MAX: usize = 1 << 24;

pub(crate) fn zrandmember(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(count) = args.get(1) else {
        let set = reader.collection::<SortedSet>(&args[0])?;
        let drawn = set.as_deref().and_then(|set| set.at(reader.random().below(set.len() as u64) as usize));
        reply.bulk_or_null(drawn.map(|(member, _)| member));
        return Ok(());
    };
    let count = count_of(count)?;
    let with_scores = match args.len() {
        2 => false,
        3 if args[2].eq_ignore_ascii_case(b"WITHSCORES") => true,
        _ => return Err(ReplyError::SYNTAX),
    };
    if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(ReplyError::OUT_OF_RANGE);
    }
    let Some(set) = reader.collection::<SortedSet>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = draw(reader.random(), set.len(), count)?;
    open_members(reply, ranks.len(), with_scores);
    for rank in ranks {
        if let Some((member, score)) = set.at(rank) {
            write_member(reply, member, score, with_scores);
        }
    }
    Ok(())
}

fn count_of(text: &[u8]) -> Result<i64, ReplyError> {
    let count = integer(text)?;
    if count == i64::MIN {
        return Err(ReplyError::RANK_OUT_OF_RANGE);
    }
    Ok(count)
}

/// Ranks: different ones if `count` is positive, otherwise any.
fn draw(random: &Random, len: usize, count: i64) -> Result<Vec<usize>, ReplyError> {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        if wanted > DRAWS_MAX {
            return Err(ReplyError::OUT_OF_RANGE);
        }
        return Ok((0..wanted).map(|_| random.below(len as u64) as usize).collect());
    }
    if wanted >= len {
        return Ok((0..len).collect());
    }
    // Floyd's way: each rank is as likely as any other, with one draw per member.
    let mut drawn = BTreeSet::new();
    for last in len - wanted..len {
        let rank = random.below(last as u64 + 1) as usize;
        if !drawn.insert(rank) {
            drawn.insert(last);
        }
    }
    Ok(drawn.into_iter().collect())
}
