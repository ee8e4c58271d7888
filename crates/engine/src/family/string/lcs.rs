//! LCS: the longest common subsequence of two strings, by the usual table of all prefixes.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    family::{Outcome, integer},
    keyspace::Reader,
};

/// The table must fit in this; Redis takes its limit for strings.
const TABLE_BYTES_MAX: u128 = 512 * 1024 * 1024;

#[derive(Debug, Default)]
struct Options {
    length_only: bool,
    ranges: bool,
    range_length_min: usize,
    with_range_length: bool,
}

impl Options {
    fn read(args: Args<'_>) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            if is(b"IDX") {
                options.ranges = true;
            } else if is(b"LEN") {
                options.length_only = true;
            } else if is(b"WITHMATCHLEN") {
                options.with_range_length = true;
            } else if is(b"MINMATCHLEN")
                && let Some(length) = rest.next()
            {
                options.range_length_min = usize::try_from(integer(length)?).unwrap_or(0);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        if options.ranges && options.length_only {
            return Err(ReplyError::LCS_LEN_AND_IDX);
        }
        Ok(options)
    }
}

pub(crate) fn lcs(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let string = |key| reader.string(key).map_err(|_| ReplyError::LCS_NOT_STRINGS);
    let (one, other) = (string(&args[0])?.unwrap_or_default(), string(&args[1])?.unwrap_or_default());
    let options = Options::read(args.from(2))?;
    let cells = (one.len() as u128 + 1) * (other.len() as u128 + 1);
    if cells * size_of::<u32>() as u128 > TABLE_BYTES_MAX {
        return Err(ReplyError::LCS_TOO_LONG);
    }
    let table = Table::new(one, other);
    if options.length_only {
        reply.integer(i64::from(table.length()));
    } else if options.ranges {
        reply_ranges(&table, &options, reply);
    } else {
        let mut common: Vec<u8> = table.matches().map(|(at, _)| one[at]).collect();
        common.reverse();
        reply.bulk(&common);
    }
    Ok(())
}

fn reply_ranges(table: &Table<'_>, options: &Options, reply: &mut ReplyWriter<'_>) {
    let mut ranges = table.ranges();
    ranges.retain(|range| range.length >= options.range_length_min);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(ranges.len());
    for range in &ranges {
        reply.array(if options.with_range_length { 3 } else { 2 });
        for start in [range.one, range.other] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer((start + range.length - 1) as i64);
        }
        if options.with_range_length {
            reply.integer(range.length as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(i64::from(table.length()));
}

/// Equal bytes that stand together in both strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    one: usize,
    other: usize,
    length: usize,
}

/// The lengths of the common subsequences of all pairs of prefixes.
struct Table<'a> {
    one: &'a [u8],
    other: &'a [u8],
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    fn new(one: &'a [u8], other: &'a [u8]) -> Table<'a> {
        let width = other.len() + 1;
        let mut lengths = vec![0_u32; (one.len() + 1) * width];
        for (i, byte) in one.iter().enumerate() {
            let (above, row) = lengths[i * width..(i + 2) * width].split_at_mut(width);
            for (j, candidate) in other.iter().enumerate() {
                row[j + 1] = if byte == candidate { above[j] + 1 } else { above[j + 1].max(row[j]) };
            }
        }
        Table { one, other, lengths }
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * (self.other.len() + 1) + j]
    }

    fn length(&self) -> u32 {
        self.at(self.one.len(), self.other.len())
    }

    /// The positions of the common bytes in both strings, from the last to the first.
    fn matches(&self) -> impl Iterator<Item = (usize, usize)> {
        let (mut i, mut j) = (self.one.len(), self.other.len());
        std::iter::from_fn(move || {
            while i > 0 && j > 0 {
                if self.one[i - 1] == self.other[j - 1] {
                    (i, j) = (i - 1, j - 1);
                    return Some((i, j));
                }
                // Of two equally good ways Redis goes back in the second string.
                if self.at(i - 1, j) > self.at(i, j - 1) { i -= 1 } else { j -= 1 }
            }
            None
        })
    }

    /// The matches put together where they adjoin, from the last to the first.
    fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for (one, other) in self.matches() {
            match ranges.last_mut() {
                Some(range) if range.one == one + 1 && range.other == other + 1 => {
                    *range = Range { one, other, length: range.length + 1 };
                }
                _ => ranges.push(Range { one, other, length: 1 }),
            }
        }
        ranges
    }
}
