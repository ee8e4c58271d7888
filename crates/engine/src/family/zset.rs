//! Commands on sorted sets.

pub(super) mod add;
mod bound;
mod combine;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;

pub(crate) use add::{zadd, zincrby};
pub(crate) use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub(crate) use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub(crate) use random::zrandmember;
pub(crate) use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore,
};
pub(crate) use read::{zcard, zcount, zlexcount, zmscore, zrank, zrevrank, zscore};
pub(crate) use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};
pub(crate) use scan::zscan;

use meridian_command::{Protocol, ReplyWriter, number::write_f64};

use crate::{
    effect::EventClass,
    keyspace::{Key, Writer},
    value::SortedSet,
};

/// A score as Redis 7.0 writes it.
fn score_text(score: f64) -> String {
    let mut text = Vec::new();
    write_f64(&mut text, score);
    String::from_utf8_lossy(&text).into_owned()
}

/// Answers a score.
pub(super) fn write_score(reply: &mut ReplyWriter<'_>, score: f64) {
    reply.double_text(&score_text(score));
}

/// Opens an array of members, with or without their scores.
fn open_members(reply: &mut ReplyWriter<'_>, count: usize, with_scores: bool) {
    let flat = with_scores && reply.protocol() == Protocol::Resp2;
    reply.array(if flat { count * 2 } else { count });
}

/// Answers a member inside such an array: in RESP3 with its score as a pair.
fn write_member(reply: &mut ReplyWriter<'_>, member: &[u8], score: f64, with_scores: bool) {
    if with_scores && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(member);
    if with_scores {
        write_score(reply, score);
    }
}

/// Tells of a change that may have removed the key.
pub(super) fn tell_removed(writer: &mut Writer<'_>, key: Key<'_>, event: &'static str) {
    writer.event(EventClass::SortedSet, event, key);
    if !writer.exists(key) {
        writer.event(EventClass::Generic, "del", key);
    }
}

/// Makes a key hold what a command found, whatever it held before; an empty result removes it. Answers how many members
/// there are.
pub(super) fn store(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    result: SortedSet,
    event: &'static str,
    reply: &mut ReplyWriter<'_>,
) {
    let (existed, len) = (writer.exists(key), result.len());
    writer.put_collection(key, result, None);
    if len > 0 {
        writer.event(EventClass::SortedSet, event, key);
    } else if existed {
        writer.event(EventClass::Generic, "del", key);
    }
    reply.integer(len as i64);
}
