//! LLEN, LRANGE, LINDEX, LPOS.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    family::{Outcome, index_range, integer},
    keyspace::Reader,
    value::{Item, List},
};

pub(crate) fn llen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let list = reader.collection::<List>(&args[0])?;
    reply.integer(list.as_deref().map_or(0, List::len) as i64);
    Ok(())
}

pub(crate) fn lrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (start, end) = (integer(&args[1])?, integer(&args[2])?);
    let Some(list) = reader.collection::<List>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    let range = index_range(start, end, list.len());
    reply.array(range.len());
    list.walk(range, |_, item| reply.bulk(&item.text()));
    Ok(())
}

pub(crate) fn lindex(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(list) = reader.collection::<List>(&args[0])? else {
        reply.null();
        return Ok(());
    };
    let index = index(integer(&args[1])?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(item) => reply.bulk(&item.text()),
        None => reply.null(),
    }
    Ok(())
}

/// An index that may count from the end.
pub(super) fn index(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// What LPOS can be told.
#[derive(Debug)]
struct Options {
    rank: i64,
    count: Option<usize>,
    compared_max: usize,
}

impl Options {
    fn read(args: Args<'_>) -> Result<Options, ReplyError> {
        let mut options = Options { rank: 1, count: None, compared_max: 0 };
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(ReplyError::SYNTAX)?;
            let size = |error: ReplyError| {
                integer(value).ok().and_then(|value| usize::try_from(value).ok()).ok_or(error)
            };
            if option.eq_ignore_ascii_case(b"RANK") {
                options.rank = integer(value)?;
                if options.rank == i64::MIN {
                    return Err(ReplyError::RANK_OUT_OF_RANGE);
                }
                if options.rank == 0 {
                    return Err(ReplyError::RANK_ZERO);
                }
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                options.count = Some(size(ReplyError::COUNT_NEGATIVE)?);
            } else if option.eq_ignore_ascii_case(b"MAXLEN") {
                options.compared_max = size(ReplyError::MAXLEN_NEGATIVE)?;
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The indexes that are asked for.
    fn find(&self, list: &List, text: &[u8]) -> Vec<usize> {
        let wanted = Item::of(text);
        let found_max = self.count.unwrap_or(1);
        let mut skip = self.rank.unsigned_abs() - 1;
        let (mut compared, mut found) = (0, Vec::new());
        let compare = |index: usize, item: Item<'_>| {
            if item == wanted {
                if skip > 0 {
                    skip -= 1;
                } else {
                    found.push(index);
                }
            }
            compared += 1;
            let done = found_max != 0 && found.len() == found_max;
            (done || compared == self.compared_max).then_some(())
        };
        if self.rank > 0 {
            list.find_map(0..usize::MAX, compare);
        } else {
            list.find_map_back(compare);
        }
        found
    }
}

pub(crate) fn lpos(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(2))?;
    let list = reader.collection::<List>(&args[0])?;
    let found = list.as_deref().map_or_else(Vec::new, |list| options.find(list, &args[1]));
    if options.count.is_some() {
        reply.array(found.len());
        found.iter().for_each(|index| reply.integer(*index as i64));
    } else {
        match found.first() {
            Some(index) => reply.integer(*index as i64),
            None => reply.null(),
        }
    }
    Ok(())
}
