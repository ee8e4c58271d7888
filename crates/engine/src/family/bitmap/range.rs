//! The part of a string that BITCOUNT and BITPOS look at, in bytes or in bits.

use meridian_command::ReplyError;

/// What positions count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// `BYTE` or `BIT`.
    pub(super) fn parse(text: &[u8]) -> Result<Unit, ReplyError> {
        if text.eq_ignore_ascii_case(b"BYTE") {
            Ok(Unit::Byte)
        } else if text.eq_ignore_ascii_case(b"BIT") {
            Ok(Unit::Bit)
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    /// The first and last bit between two positions, both included and counted from the end if negative. `None` if
    /// nothing lies between them in a string of `length` bytes.
    pub(super) fn range(self, start: i64, end: i64, length: usize) -> Option<(u64, u64)> {
        let width = match self {
            Unit::Byte => 8,
            Unit::Bit => 1,
        };
        let total = (length * 8 / width) as i64;
        let from_front = |position: i64| if position < 0 { (total + position).max(0) } else { position };
        let (start, end) = (from_front(start), from_front(end).min(total - 1));
        if start > end {
            return None;
        }
        let width = width as u64;
        Some((start as u64 * width, (end as u64 + 1) * width - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_cut_at_the_ends() {
        for (unit, start, end, range) in [
            (Unit::Byte, 0, -1, Some((0, 23))),
            (Unit::Byte, 1, 1, Some((8, 15))),
            (Unit::Byte, -100, 0, Some((0, 7))),
            (Unit::Byte, 2, 100, Some((16, 23))),
            (Unit::Byte, 3, 100, None),
            (Unit::Byte, i64::MIN, i64::MAX, Some((0, 23))),
            (Unit::Bit, -1, -1, Some((23, 23))),
            (Unit::Bit, 5, 9, Some((5, 9))),
            (Unit::Bit, 9, 5, None),
        ] {
            assert_eq!(unit.range(start, end, 3), range, "{unit:?} {start} {end}");
        }
        assert_eq!(Unit::Byte.range(0, -1, 0), None);
    }
}
