//! The commands, by family: their syntax and their replies. How data lies in memory is not known here.

pub(crate) mod bitmap;
mod blocking;
pub(crate) mod collection_scan;
pub(crate) mod generic;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod internal;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod sample;
pub(crate) mod scripting;
pub(crate) mod set;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod transactions;
pub(crate) mod zset;

use std::ops::Range;

use meridian_command::{Args, ReplyError, number::parse_i64};

/// What a handler answers with where it does not write a reply.
pub(crate) type Outcome = Result<(), ReplyError>;

/// An argument that must be an integer.
fn integer(text: &[u8]) -> Result<i64, ReplyError> {
    parse_i64(text).ok_or(ReplyError::NOT_AN_INTEGER)
}

/// An argument that must be the number of a numbered database. `out_of_range` is what the command says otherwise.
fn numbered_database(text: &[u8], out_of_range: ReplyError) -> Result<u8, ReplyError> {
    let number = integer(text)?;
    if i32::try_from(number).is_err() {
        return Err(ReplyError::NOT_AN_I32);
    }
    u8::try_from(number).ok().filter(|number| *number < crate::keyspace::NUMBERED_COUNT).ok_or(out_of_range)
}

/// An argument that must be a number of things.
fn positive(text: &[u8]) -> Result<usize, ReplyError> {
    parse_i64(text).and_then(|count| usize::try_from(count).ok()).ok_or(ReplyError::NOT_POSITIVE)
}

/// What `start` to `end`, both included, is of so many elements; negative indexes count from the end.
fn index_range(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index + len } else { index };
    let (start, end) = (from_front(start).max(0), from_front(end).min(len - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

/// `numkeys key... from [COUNT count]`: how LMPOP and ZMPOP are called.
#[derive(Debug)]
struct Popped<'a> {
    keys: &'a [&'a [u8]],
    from: &'a [u8],
    count: Option<usize>,
}

impl<'a> Popped<'a> {
    fn read(args: Args<'a>) -> Result<Popped<'a>, ReplyError> {
        let parts = args.as_slice();
        let keys = parts.first().and_then(|count| parse_i64(count)).filter(|count| *count > 0);
        let keys = keys.ok_or(ReplyError::NUMKEYS_NOT_POSITIVE)?;
        let keys = usize::try_from(keys).unwrap_or(usize::MAX);
        let from = *parts[1..].get(keys).ok_or(ReplyError::SYNTAX)?;
        Ok(Popped { keys: &parts[1..=keys], from, count: Popped::count(&parts[keys + 2..])? })
    }

    fn count(options: &[&[u8]]) -> Result<Option<usize>, ReplyError> {
        match options {
            [] => Ok(None),
            [option, count, rest @ ..] if option.eq_ignore_ascii_case(b"COUNT") => {
                let count = parse_i64(count).and_then(|count| usize::try_from(count).ok());
                let count = count.filter(|count| *count > 0).ok_or(ReplyError::COUNT_NOT_POSITIVE)?;
                if rest.is_empty() { Ok(Some(count)) } else { Err(ReplyError::SYNTAX) }
            }
            _ => Err(ReplyError::SYNTAX),
        }
    }
}
