//! Integers of 1 to 64 bits and what happens where a value does not fit.

use meridian_command::{ReplyError, number::parse_i64};

/// The type of a field: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) signed: bool,
    pub(super) width: u32,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Its low bits are kept.
    Wrap,
    /// It becomes the smallest or largest that fits.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Overflow {
    pub(super) fn parse(name: &[u8]) -> Result<Overflow, ReplyError> {
        let named = [(&b"WRAP"[..], Overflow::Wrap), (b"SAT", Overflow::Saturate), (b"FAIL", Overflow::Fail)];
        let found = named.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, overflow)| overflow).ok_or(ReplyError::BITFIELD_OVERFLOW)
    }
}

impl Kind {
    pub(super) fn parse(text: &[u8]) -> Option<Kind> {
        let (signed, width, width_max) = match text {
            [b'i', width @ ..] => (true, width, 64),
            [b'u', width @ ..] => (false, width, 63),
            _ => return None,
        };
        let width = parse_i64(width).filter(|width| (1..=width_max).contains(width))?;
        Some(Kind { signed, width: width as u32 })
    }

    /// The value of a field from its bits.
    pub(super) fn extend(self, bits: u64) -> i64 {
        let unused = 64 - self.width;
        if self.signed { (bits << unused) as i64 >> unused } else { (bits << unused >> unused) as i64 }
    }

    /// A value for this field; `None` if it must not be written.
    pub(super) fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        // An unsigned field takes a negative value as the large number of the same bits.
        let value = if self.signed { i128::from(value) } else { i128::from(value as u64) };
        self.fit_wide(value, overflow)
    }

    /// The sum of the field's value and an increment.
    pub(super) fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        self.fit_wide(i128::from(value) + i128::from(increment), overflow)
    }

    fn fit_wide(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = if self.signed {
            (-(1_i128 << (self.width - 1)), (1_i128 << (self.width - 1)) - 1)
        } else {
            (0, (1_i128 << self.width) - 1)
        };
        match overflow {
            _ if (min..=max).contains(&value) => Some(value as i64),
            Overflow::Wrap => Some(self.extend(value as u64)),
            Overflow::Saturate => Some(value.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const I8: Kind = Kind { signed: true, width: 8 };
    const U8: Kind = Kind { signed: false, width: 8 };
    const I64: Kind = Kind { signed: true, width: 64 };

    #[test]
    fn types_are_those_of_redis() {
        assert_eq!(Kind::parse(b"i8"), Some(I8));
        assert_eq!(Kind::parse(b"u63"), Some(Kind { signed: false, width: 63 }));
        for bad in [&b""[..], b"i", b"i0", b"u64", b"i65", b"I8", b"i08", b"x8", b"u-1"] {
            assert_eq!(Kind::parse(bad), None);
        }
    }

    #[test]
    fn overflow_wraps_saturates_or_fails() {
        use Overflow::{Fail, Saturate, Wrap};
        for (kind, value, increment, overflow, result) in [
            (I8, 127, 1, Wrap, Some(-128)),
            (I8, 127, 1, Saturate, Some(127)),
            (I8, 127, 1, Fail, None),
            (I8, -128, -1, Wrap, Some(127)),
            (I8, -128, i64::MIN, Saturate, Some(-128)),
            (U8, 255, 1, Wrap, Some(0)),
            (U8, 0, -1, Saturate, Some(0)),
            (U8, 0, -1, Wrap, Some(255)),
            (I64, i64::MAX, 1, Wrap, Some(i64::MIN)),
            (I64, i64::MAX, i64::MAX, Saturate, Some(i64::MAX)),
            (I64, i64::MIN, -1, Fail, None),
        ] {
            assert_eq!(kind.add(value, increment, overflow), result, "{kind:?} {value} {increment}");
        }
        assert_eq!(U8.fit(-1, Saturate), Some(255));
        assert_eq!(U8.fit(-1, Fail), None);
        assert_eq!(I8.fit(-129, Wrap), Some(127));
        assert_eq!(I8.fit(i64::MIN, Saturate), Some(-128));
    }
}
