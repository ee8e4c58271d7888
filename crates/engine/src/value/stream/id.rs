//! Ids of stream entries: a time in milliseconds and a number within it.

use std::fmt;

/// The longest text that is looked at as an id.
const TEXT_BYTES_MAX: usize = 127;

/// The id of an entry; ordered by time, then number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamId {
    pub(crate) ms: u64,
    pub(crate) seq: u64,
}

/// The id that XADD is asked to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewId {
    /// `*`: the time, or right after the last one.
    Auto,
    /// `ms-*`: the next number within that time.
    AutoNumber(u64),
    /// Exactly this one.
    Exactly(StreamId),
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub(crate) const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last that there is.
    pub(crate) const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub(crate) const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The one right after it.
    pub(crate) fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| StreamId { ms, seq: 0 }),
        }
    }

    /// The one right before it.
    pub(crate) fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| StreamId { ms, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` alone, to which `missing_seq` is added.
    pub(crate) fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match NewId::parse(text, missing_seq)? {
            NewId::Exactly(id) => Some(id),
            NewId::Auto | NewId::AutoNumber(_) => None,
        }
    }

    /// As one number, in the order of ids.
    pub(super) fn number(self) -> u128 {
        u128::from(self.ms) << 64 | u128::from(self.seq)
    }
}

/// A number as C reads it: with spaces, a plus sign and zeroes before it.
fn number(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    let digits = text[start..].strip_prefix(b"+").unwrap_or(&text[start..]);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

impl NewId {
    /// Reads `*`, `ms-*`, `ms-seq`, or `ms` alone, to which `missing_seq` is added.
    pub(crate) fn parse(text: &[u8], missing_seq: u64) -> Option<NewId> {
        if text == b"*" {
            return Some(NewId::Auto);
        }
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let Some(dash) = text.iter().position(|byte| *byte == b'-') else {
            return Some(NewId::Exactly(StreamId::new(number(text)?, missing_seq)));
        };
        let ms = number(&text[..dash])?;
        match &text[dash + 1..] {
            b"*" => Some(NewId::AutoNumber(ms)),
            seq => Some(NewId::Exactly(StreamId::new(ms, number(seq)?))),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_written() {
        for (text, id) in [
            ("1-2", Some(StreamId::new(1, 2))),
            ("7", Some(StreamId::new(7, 9))),
            ("18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            ("18446744073709551616-0", None),
            ("1-", None),
            ("-1", None),
            ("", None),
            ("1-*", None),
            ("*", None),
            ("01-1", Some(StreamId::new(1, 1))),
            ("+1-2", Some(StreamId::new(1, 2))),
            ("1-1-1", None),
            ("+", None),
        ] {
            assert_eq!(StreamId::parse(text.as_bytes(), 9), id, "{text}");
        }
        assert_eq!(NewId::parse(b"5-*", 0), Some(NewId::AutoNumber(5)));
        assert_eq!(NewId::parse(b"*", 0), Some(NewId::Auto));
    }

    #[test]
    fn neighbours_cross_the_millisecond() {
        let edge = StreamId::new(1, u64::MAX);
        assert_eq!(edge.next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).previous(), Some(edge));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.previous()), (None, None));
    }
}
