//! Commands that read strings: GET, MGET, STRLEN, GETRANGE, SUBSTR.

use meridian_command::{Args, ReplyWriter};
use smallvec::SmallVec;

use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
};

/// What a bulk string takes beside its bytes, at most.
const BULK_FRAME_BYTES: usize = 16;

pub(crate) fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.bulk_or_null(reader.string(&args[0])?);
    Ok(())
}

pub(crate) fn mget(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    // A key that holds something else counts as absent here.
    let values: SmallVec<[Option<&[u8]>; 16]> =
        args.iter().map(|key| reader.string(key).unwrap_or(None)).collect();
    // Before anything is copied: what is too long would have taken long too.
    reply.reserve(values.iter().map(|value| value.map_or(0, <[u8]>::len) + BULK_FRAME_BYTES).sum())?;
    reply.array(values.len());
    values.into_iter().for_each(|value| reply.bulk_or_null(value));
    Ok(())
}

pub(crate) fn strlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.integer(reader.string(&args[0])?.map_or(0, <[u8]>::len) as i64);
    Ok(())
}

pub(crate) fn getrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (start, end) = (integer(&args[1])?, integer(&args[2])?);
    let string = reader.string(&args[0])?.unwrap_or_default();
    reply.bulk(range(string, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative positions count from the end.
fn range(string: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let length = string.len() as i64;
    let from_front = |position: i64| if position < 0 { (length + position).max(0) } else { position };
    let (start, end) = (from_front(start), from_front(end).min(length - 1));
    if start > end { &[] } else { &string[start as usize..=end as usize] }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn a_range_is_cut_at_the_ends() {
        for (start, end, part) in [
            (0, -1, "hello"),
            (1, 3, "ell"),
            (-3, -2, "ll"),
            (-100, 1, "he"),
            (3, 100, "lo"),
            (-100, -50, "h"),
            (3, 1, ""),
            (-1, -3, ""),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MAX, i64::MIN, ""),
            (5, 9, ""),
        ] {
            assert_eq!(range(b"hello", start, end), part.as_bytes(), "{start} {end}");
        }
        assert_eq!(range(b"", 0, -1), b"");
    }
}
