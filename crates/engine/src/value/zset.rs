//! Sorted sets: members with scores, in the order of scores and then of members.
//!
//! A small one is packed into one allocation, in order. A large one ([`Large`]) has a counted tree for ranks and ranges
//! and a table for scores. Which of the two it is shows as Redis' encodings, thresholds and all: a small one grows up
//! and never becomes small again. Everything that is asked of either is a range of ranks; a bound of any other kind is
//! turned into a rank by [`SortedSet::rank_where`].

mod large;
mod small;
mod table;
mod tree;

use std::{cmp::Ordering, ops::Range};

use large::Large;
use small::Small;

use super::Collection;
use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input, put_bytes, put_varint},
};

/// A sorted set; see the module.
#[derive(Clone, Debug)]
pub(crate) struct SortedSet(Body);

#[derive(Clone, Debug)]
enum Body {
    Small(Small),
    Large(Box<Large>),
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet(Body::Small(Small::default()))
    }
}

/// The order of members: by score, then by bytes. Scores are never NaN, and both zeroes are one.
fn order(left: (f64, &[u8]), right: (f64, &[u8])) -> Ordering {
    left.0.partial_cmp(&right.0).unwrap_or(Ordering::Equal).then_with(|| left.1.cmp(right.1))
}

impl SortedSet {
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Body::Small(small) => small.len(),
            Body::Large(large) => large.len(),
        }
    }

    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Body::Small(small) => small.score(member),
            Body::Large(large) => large.score(member),
        }
    }

    /// Gives a member a score, whether it is there or not. The score must not be NaN.
    pub(crate) fn set(&mut self, member: &[u8], score: f64, settings: &Settings) {
        if let Body::Small(small) = &mut self.0 {
            let fits = |limit: i64, size: usize| usize::try_from(limit).is_ok_and(|limit| size <= limit);
            let stays = small.score(member).is_some()
                || fits(settings.zset_max_listpack_entries, small.len() + 1)
                    && fits(settings.zset_max_listpack_value, member.len());
            if stays {
                small.set(member, score);
                return;
            }
        }
        self.enlarge(settings.table_seed()).set(member, score);
    }

    /// Takes a member out; false if it is not there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Body::Small(small) => small.remove(member),
            Body::Large(large) => large.remove(member),
        }
    }

    /// How many members come before this one.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        let score = self.score(member)?;
        Some(self.rank_where(|other, bytes| order((other, bytes), (score, member)) == Ordering::Less))
    }

    /// How many members `is_before` holds for. It must hold for all up to some rank, and for none from there on.
    pub(crate) fn rank_where(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        match &self.0 {
            Body::Small(small) => {
                small.iter().take_while(|(member, score)| is_before(*score, member)).count()
            }
            Body::Large(large) => large.rank_where(is_before),
        }
    }

    /// The ranks between two bounds. Where the order of members is not that of the bounds (members of different scores
    /// and bounds by bytes) it is the run that is met first, from the end if `reverse`, as in Redis.
    pub(crate) fn span(
        &self,
        reverse: bool,
        is_low: impl Fn(f64, &[u8]) -> bool,
        is_high: impl Fn(f64, &[u8]) -> bool,
    ) -> Range<usize> {
        let small = match &self.0 {
            Body::Small(small) => small,
            Body::Large(large) => {
                let start = large.rank_where(is_low);
                let end = large.rank_where(|score, member| !is_high(score, member));
                return start..end.max(start);
            }
        };
        let members: Vec<_> =
            small.iter().map(|(member, score)| (is_low(score, member), is_high(score, member))).collect();
        let (Some((_, first_is_high)), Some((last_is_low, _))) = (members.first(), members.last()) else {
            return 0..0;
        };
        if *first_is_high || *last_is_low {
            return 0..0;
        }
        if reverse {
            let last = members.iter().rposition(|(_, is_high)| !is_high).unwrap_or(0);
            let run = members[..=last].iter().rev().take_while(|(is_low, _)| !is_low).count();
            return last + 1 - run..last + 1;
        }
        let start = members.iter().position(|(is_low, _)| !is_low).unwrap_or(members.len());
        let run = members[start..].iter().take_while(|(_, is_high)| !is_high).count();
        start..start + run
    }

    /// Calls `each` with the members of a range of ranks, until it says false; the last first if `reverse`.
    pub(crate) fn visit<'a>(
        &'a self,
        range: Range<usize>,
        reverse: bool,
        mut each: impl FnMut(&'a [u8], f64) -> bool,
    ) {
        match &self.0 {
            Body::Small(small) if reverse => {
                let members: Vec<_> = small.iter().take(range.end).skip(range.start).collect();
                members.into_iter().rev().all(|(member, score)| each(member, score));
            }
            Body::Small(small) => {
                let mut members = small.iter().take(range.end).skip(range.start);
                members.all(|(member, score)| each(member, score));
            }
            Body::Large(large) => large.visit(range, reverse, &mut each),
        }
    }

    /// The member of that rank.
    pub(crate) fn at(&self, rank: usize) -> Option<(&[u8], f64)> {
        let mut found = None;
        self.visit(rank..rank + 1, false, |member, score| {
            found = Some((member, score));
            false
        });
        found
    }

    /// Takes out a range of ranks.
    pub(crate) fn remove_range(&mut self, range: Range<usize>) {
        match &mut self.0 {
            Body::Small(small) => small.remove_range(range),
            Body::Large(large) => large.remove_range(range),
        }
    }

    /// A chunk of about `count` members in an order that changes do not disturb, and where to go on; 0 at the end.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (Vec<(&[u8], f64)>, u64) {
        match &self.0 {
            Body::Small(small) => (small.iter().collect(), 0),
            Body::Large(large) => large.scan(cursor, count),
        }
    }

    fn enlarge(&mut self, seed: u64) -> &mut Large {
        if let Body::Small(small) = &self.0 {
            let mut large = Large::new(seed);
            small.iter().for_each(|(member, score)| large.set(member, score));
            self.0 = Body::Large(Box::new(large));
        }
        match &mut self.0 {
            Body::Large(large) => large,
            Body::Small(_) => unreachable!("it was just made large"),
        }
    }
}

impl Collection for SortedSet {
    fn is_empty(&self) -> bool {
        match &self.0 {
            Body::Small(small) => small.is_empty(),
            Body::Large(large) => large.len() == 0,
        }
    }

    fn heap_size(&self) -> usize {
        match &self.0 {
            Body::Small(small) => small.heap_size(),
            Body::Large(large) => size_of::<Large>() + large.heap_size(),
        }
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        match &self.0 {
            Body::Small(_) => "listpack",
            Body::Large(_) => "skiplist",
        }
    }

    fn small_parts(&self) -> Option<(u8, &[u8])> {
        if let Body::Small(small) = &self.0 { Some((0, small.bytes())) } else { None }
    }

    fn from_small_parts(_: u8, bytes: &[u8]) -> Option<SortedSet> {
        Some(SortedSet(Body::Small(Small::from_bytes(bytes))))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Body::Small(_) => out.push(0),
            Body::Large(large) => {
                out.push(1);
                out.extend_from_slice(&large.seed().to_le_bytes());
            }
        }
        put_varint(out, self.len() as u64);
        self.visit(0..usize::MAX, false, |member, score| {
            put_bytes(out, member);
            out.extend_from_slice(&score.to_bits().to_le_bytes());
            true
        });
    }

    fn decode(input: &mut Input<'_>) -> Result<SortedSet, CorruptSnapshot> {
        let mut body = match input.byte()? {
            0 => Body::Small(Small::default()),
            1 => Body::Large(Box::new(Large::new(input.u64()?))),
            _ => return Err(CorruptSnapshot::Malformed),
        };
        let mut last: Option<(f64, &[u8])> = None;
        for _ in 0..input.varint()? {
            let (member, score) = (input.bytes()?, f64::from_bits(input.u64()?));
            // In order, so a small one is pushed without being searched.
            let rises = last.is_none_or(|last| order(last, (score, member)) == Ordering::Less);
            if score.is_nan() || !rises {
                return Err(CorruptSnapshot::Malformed);
            }
            last = Some((score, member));
            match &mut body {
                Body::Small(small) => small.push(member, score),
                Body::Large(large) if large.score(member).is_some() => {
                    return Err(CorruptSnapshot::Malformed);
                }
                Body::Large(large) => large.set(member, score),
            }
        }
        if last.is_none() { Err(CorruptSnapshot::Malformed) } else { Ok(SortedSet(body)) }
    }
}

#[cfg(test)]
mod tests;
