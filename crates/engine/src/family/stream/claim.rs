//! XCLAIM and XAUTOCLAIM.

use std::ops::Bound;

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{change_group, consumer, reply_counted, reply_entry, reply_id, syntax};
use crate::{
    family::Outcome,
    keyspace::{Key, Writer},
    value::stream::{ConsumerId, Pending, Stream, StreamId},
};

/// XAUTOCLAIM looks at so many times as many entries as it may claim.
const LOOKS_PER_CLAIM: usize = 10;
/// Unless told, it claims so many.
const AUTOCLAIM_COUNT: usize = 100;
const AUTOCLAIM_COUNT_MAX: i64 = i64::MAX / 16;

/// How claimed entries change.
#[derive(Debug)]
struct Claim {
    min_idle_ms: u64,
    delivered_ms: u64,
    deliveries: Option<u64>,
    ids_only: bool,
    force: bool,
    last_id: StreamId,
}

/// An idle time; below zero it is none.
fn min_idle(text: &[u8], refusal: ReplyError) -> Result<u64, ReplyError> {
    Ok(u64::try_from(parse_i64(text).ok_or(refusal)?).unwrap_or(0))
}

impl Claim {
    /// Reads what stands behind the ids of XCLAIM.
    fn read(args: Args<'_>, min_idle_ms: u64, now_ms: u64) -> Result<Claim, ReplyError> {
        let mut claim = Claim {
            min_idle_ms,
            delivered_ms: now_ms,
            deliveries: None,
            ids_only: false,
            force: false,
            last_id: StreamId::MIN,
        };
        let now = now_ms as i64;
        let mut rest = args.iter().peekable();
        while let Some(option) = rest.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let unknown = || ReplyError::xclaim_option(option);
            if is(b"FORCE") {
                claim.force = true;
                continue;
            } else if is(b"JUSTID") {
                claim.ids_only = true;
                continue;
            }
            let known = [&b"IDLE"[..], b"TIME", b"RETRYCOUNT", b"LASTID"].into_iter().any(is);
            let value = if known { rest.next() } else { None }.ok_or_else(unknown)?;
            let number = |refusal| parse_i64(value).ok_or(refusal);
            // A time that is bogus becomes now: clients may count from clocks of their own.
            let sane = |time: i64| u64::try_from(time).ok().filter(|_| time <= now).unwrap_or(now_ms);
            if is(b"IDLE") {
                claim.delivered_ms = sane(now.saturating_sub(number(ReplyError::XCLAIM_IDLE)?));
            } else if is(b"TIME") {
                claim.delivered_ms = sane(number(ReplyError::XCLAIM_TIME)?);
            } else if is(b"RETRYCOUNT") {
                claim.deliveries = u64::try_from(number(ReplyError::XCLAIM_RETRY_COUNT)?).ok();
            } else {
                claim.last_id = syntax::id(value)?;
            }
        }
        Ok(claim)
    }

    /// What an entry's note becomes; `None` if it may not be claimed.
    fn claimed(&self, pending: Option<Pending>, owner: ConsumerId, now_ms: u64) -> Option<Pending> {
        let before = match pending {
            Some(pending) if pending.idle_ms(now_ms) < self.min_idle_ms => return None,
            Some(pending) => pending.deliveries,
            None if self.force => 1,
            None => return None,
        };
        let counted = if self.ids_only { before } else { before.wrapping_add(1) };
        Some(Pending {
            delivered_ms: self.delivered_ms,
            deliveries: self.deliveries.unwrap_or(counted),
            owner,
        })
    }
}

/// Refuses a key or group that is not there.
fn need_group(writer: &mut Writer<'_>, key: Key<'_>, group: &[u8]) -> Outcome {
    match writer.collection::<Box<Stream>>(key)?.and_then(|stream| stream.group(group)) {
        Some(_) => Ok(()),
        None => Err(ReplyError::no_group(key.bytes, group, "")),
    }
}

/// What became of an entry that somebody claims.
enum Claimed {
    Yes,
    /// It is not pending, or not long enough.
    No,
    /// It is no more; so is the note of it.
    Deleted,
}

/// Claims one entry and writes it.
fn claim_one(
    stream: &mut Stream,
    (group, owner): (&[u8], ConsumerId),
    id: StreamId,
    claim: &Claim,
    now_ms: u64,
    reply: &mut ReplyWriter<'_>,
) -> Claimed {
    if stream.get(id).is_none() {
        let forgotten = stream.change_group(group, |group| group.acknowledge(id));
        return if forgotten == Some(true) { Claimed::Deleted } else { Claimed::No };
    }
    let claimed = stream.change_group(group, |group| {
        let pending = claim.claimed(group.pending(id).copied(), owner, now_ms)?;
        group.deliver(id, pending);
        group.consumer_mut(owner).active_ms = Some(now_ms);
        Some(())
    });
    if claimed.flatten().is_none() {
        return Claimed::No;
    }
    match stream.get(id) {
        Some(entry) if !claim.ids_only => reply_entry(&entry, reply),
        _ => reply_id(id, reply),
    }
    Claimed::Yes
}

pub(crate) fn xclaim(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, group, now_ms) = (writer.key(&args[0]), &args[1], writer.time_ms());
    need_group(writer, key, group)?;
    let min_idle_ms = min_idle(&args[3], ReplyError::XCLAIM_MIN_IDLE)?;
    let ids: Vec<StreamId> = args.from(4).iter().map_while(|text| StreamId::parse(text, 0)).collect();
    let claim = Claim::read(args.from(4 + ids.len()), min_idle_ms, now_ms)?;
    change_group(writer, key, group, |group| {
        let moves = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        ((), moves)
    })?;
    let Some(owner) = consumer(writer, key, group, &args[2])? else { return Ok(()) };
    writer.change_if(key, |stream: &mut Box<Stream>, _| {
        let mut changed = false;
        reply_counted(reply, |reply| {
            let mut count = 0;
            for id in &ids {
                match claim_one(stream, (group, owner), *id, &claim, now_ms, reply) {
                    Claimed::Yes => {
                        (count, changed) = (count + 1, true);
                    }
                    Claimed::Deleted => changed = true,
                    Claimed::No => {}
                }
            }
            count
        });
        ((), changed)
    })?;
    Ok(())
}

pub(crate) fn xautoclaim(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, group, now_ms) = (writer.key(&args[0]), &args[1], writer.time_ms());
    let min_idle_ms = min_idle(&args[3], ReplyError::XAUTOCLAIM_MIN_IDLE)?;
    let start = syntax::start(&args[4])?;
    let (mut count, mut ids_only) = (AUTOCLAIM_COUNT, false);
    let mut rest = args.from(5).iter();
    while let Some(option) = rest.next() {
        if option.eq_ignore_ascii_case(b"JUSTID") {
            ids_only = true;
        } else if option.eq_ignore_ascii_case(b"COUNT")
            && let Some(value) = rest.next()
        {
            let wanted = parse_i64(value).filter(|wanted| (1..=AUTOCLAIM_COUNT_MAX).contains(wanted));
            let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
            count = wanted.ok_or(ReplyError::XAUTOCLAIM_COUNT)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    need_group(writer, key, group)?;
    let Some(owner) = consumer(writer, key, group, &args[2])? else { return Ok(()) };
    let claim = Claim {
        min_idle_ms,
        delivered_ms: now_ms,
        deliveries: None,
        ids_only,
        force: false,
        last_id: StreamId::MIN,
    };
    writer.change_if(key, |stream: &mut Box<Stream>, _| {
        ((), claim_idle(stream, (group, owner), (start, count), &claim, now_ms, reply))
    })?;
    Ok(())
}

/// Claims what has waited long enough, from an id on, and answers with where to go on, what was claimed, and what is no
/// more. Says whether anything changed.
fn claim_idle(
    stream: &mut Stream,
    (group, owner): (&[u8], ConsumerId),
    (start, count): (StreamId, usize),
    claim: &Claim,
    now_ms: u64,
    reply: &mut ReplyWriter<'_>,
) -> bool {
    let (mut deleted, mut claimed, mut body) = (Vec::new(), 0, Vec::new());
    let mut out = ReplyWriter::new(&mut body, reply.protocol());
    let mut looks = count.saturating_mul(LOOKS_PER_CLAIM);
    let mut at = Bound::Included(start);
    let next = loop {
        let found = stream.group(group).and_then(|group| group.pending_after(at));
        let Some((id, _)) = found else { break StreamId::MIN };
        if looks == 0 || claimed + deleted.len() >= count {
            break id;
        }
        looks -= 1;
        at = Bound::Excluded(id);
        match claim_one(stream, (group, owner), id, claim, now_ms, &mut out) {
            Claimed::Yes => claimed += 1,
            Claimed::Deleted => deleted.push(id),
            Claimed::No => {}
        }
    };
    reply.array(3);
    reply_id(next, reply);
    reply.array(claimed);
    reply.raw(&body);
    reply.array(deleted.len());
    for id in &deleted {
        reply_id(*id, reply);
    }
    claimed + deleted.len() > 0
}
