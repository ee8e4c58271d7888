//! Ranges by score and by member, and the ranks they come to.

use std::ops::Range;

use meridian_command::{ReplyError, number::parse_f64};

use crate::{
    family::{index_range, integer},
    value::SortedSet,
};

/// What a range is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Member,
}

/// A range of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'a> {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Members(MemberBound<'a>, MemberBound<'a>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreBound {
    score: f64,
    exclusive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MemberBound<'a> {
    First,
    Of { member: &'a [u8], exclusive: bool },
    Last,
}

impl<'a> Bounds<'a> {
    pub(super) fn read(by: By, low: &'a [u8], high: &'a [u8]) -> Result<Bounds<'a>, ReplyError> {
        Ok(match by {
            By::Rank => Bounds::Ranks(integer(low)?, integer(high)?),
            By::Score => Bounds::Scores(ScoreBound::read(low)?, ScoreBound::read(high)?),
            By::Member => Bounds::Members(MemberBound::read(low)?, MemberBound::read(high)?),
        })
    }

    /// The ranks of a set that are meant; of ranks, those that count from the end if `reverse`.
    pub(super) fn ranks(&self, set: &SortedSet, reverse: bool) -> Range<usize> {
        match *self {
            Bounds::Ranks(start, end) => {
                let len = set.len();
                let range = index_range(start, end, len);
                if reverse { len - range.end..len - range.start } else { range }
            }
            Bounds::Scores(low, high) => {
                let is_low = |score: f64, _: &[u8]| score < low.score || low.exclusive && score == low.score;
                let is_high =
                    |score: f64, _: &[u8]| score > high.score || high.exclusive && score == high.score;
                if low.score > high.score {
                    return 0..0;
                }
                set.span(reverse, is_low, is_high)
            }
            Bounds::Members(low, high) => {
                let is_low = |_: f64, member: &[u8]| match low {
                    MemberBound::First => false,
                    MemberBound::Of { member: low, exclusive } => member < low || exclusive && member == low,
                    MemberBound::Last => true,
                };
                let is_high = |_: f64, member: &[u8]| match high {
                    MemberBound::First => true,
                    MemberBound::Of { member: high, exclusive } => {
                        member > high || exclusive && member == high
                    }
                    MemberBound::Last => false,
                };
                if MemberBound::is_empty(low, high) {
                    return 0..0;
                }
                set.span(reverse, is_low, is_high)
            }
        }
    }
}

impl ScoreBound {
    /// As lenient as `strtod`: spaces in front, and nothing at all is 0.
    fn read(text: &[u8]) -> Result<ScoreBound, ReplyError> {
        let (exclusive, text) = match text.split_first() {
            Some((b'(', rest)) => (true, rest),
            _ => (false, text),
        };
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let bare = text.trim_ascii_start();
        let score = if text.is_empty() { Some(0.0) } else { parse_f64(bare).or_else(|| overflowed(bare)) };
        Ok(ScoreBound { score: score.ok_or(ReplyError::BOUND_NOT_A_FLOAT)?, exclusive })
    }
}

/// A number too large or too small for a double.
fn overflowed(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

impl<'a> MemberBound<'a> {
    fn read(text: &'a [u8]) -> Result<MemberBound<'a>, ReplyError> {
        match text {
            b"-" => Ok(MemberBound::First),
            b"+" => Ok(MemberBound::Last),
            [b'[', member @ ..] => Ok(MemberBound::Of { member, exclusive: false }),
            [b'(', member @ ..] => Ok(MemberBound::Of { member, exclusive: true }),
            _ => Err(ReplyError::BOUND_NOT_A_MEMBER),
        }
    }

    fn is_empty(low: MemberBound<'_>, high: MemberBound<'_>) -> bool {
        match (low, high) {
            (
                MemberBound::Of { member: low, exclusive: low_exclusive },
                MemberBound::Of { member: high, exclusive: high_exclusive },
            ) => low > high || low == high && (low_exclusive || high_exclusive),
            (low, high) => low > high,
        }
    }
}
