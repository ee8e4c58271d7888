//! Floats with a 64-bit mantissa: what Redis computes INCRBYFLOAT and HINCRBYFLOAT with on x86.
//!
//! Done in integers, so that every replica gets the same bits on every platform. Reading rounds correctly (to nearest,
//! ties to even), adding too, and the text is that of `%.17Lf` without trailing zeros.

mod natural;
mod parse;

use std::cmp::Ordering;

/// The smallest exponent of the mantissa's last bit (that of 2^-16382 as the smallest normal number).
const EXPONENT_MIN: i32 = -16445;

/// The greatest.
const EXPONENT_MAX: i32 = 16320;

/// A number, or an infinity. Never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extended {
    Finite {
        negative: bool,
        mantissa: u64,
        /// Of the mantissa's last bit.
        exponent: i32,
    },
    Infinite {
        negative: bool,
    },
}

impl Extended {
    /// Reads what C's `strtold` reads, as a whole. `None` for what it does not, for NaN, and for what is too great or too
    /// small.
    pub(crate) fn parse(text: &[u8]) -> Option<Extended> {
        parse::parse(text)
    }

    /// The sum; `None` where it is no finite number.
    pub(crate) fn plus(self, other: Extended) -> Option<Extended> {
        use Extended::Finite;
        let Finite { negative: n1, mantissa: m1, exponent: e1 } = self else { return None };
        let Finite { negative: n2, mantissa: m2, exponent: e2 } = other else { return None };
        if m1 == 0 || m2 == 0 {
            return Some(if m1 == 0 { other } else { self });
        }
        let (e1, m1, n1, e2, m2, n2) =
            if (e1, m1) >= (e2, m2) { (e1, m1, n1, e2, m2, n2) } else { (e2, m2, n2, e1, m1, n1) };
        let great = u128::from(m1) << 63;
        let small = shift_right_sticky(u128::from(m2) << 63, (e1 - e2).unsigned_abs());
        let sum = if n1 == n2 { great + small } else { great.abs_diff(small) };
        let negative = if great >= small { n1 } else { n2 };
        let sum = round(negative && sum != 0, sum, e1 - 63, false);
        matches!(sum, Finite { .. }).then_some(sum)
    }

    /// The text of a finite number: up to 17 digits after the point, no trailing zeros.
    pub(crate) fn text(self) -> String {
        let (negative, mantissa, exponent) = match self {
            Extended::Finite { negative, mantissa, exponent } => (negative, mantissa, exponent),
            Extended::Infinite { negative } => return if negative { "-inf" } else { "inf" }.to_owned(),
        };
        let text = match exponent.cmp(&0) {
            Ordering::Less => fraction_text(mantissa, exponent.unsigned_abs()),
            _ => natural::Natural::from(mantissa).shifted_left(exponent.unsigned_abs() as usize).text(),
        };
        if negative && text != "0" { format!("-{text}") } else { text }
    }
}

/// The text of `mantissa / 2^shift`.
fn fraction_text(mantissa: u64, shift: u32) -> String {
    const SCALE: u128 = 100_000_000_000_000_000;
    let scaled = u128::from(mantissa) * SCALE;
    // The product has at most 121 bits: from this shift on, less than half a unit is left.
    let rounded = if shift >= 127 {
        0
    } else {
        let (quotient, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
        let half = 1_u128 << (shift - 1);
        quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
    };
    let text = format!("{}.{:017}", rounded / SCALE, rounded % SCALE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Shifts right; any bit lost sets the last one.
fn shift_right_sticky(value: u128, shift: u32) -> u128 {
    match shift {
        0 => value,
        1..128 => value >> shift | u128::from(value & ((1 << shift) - 1) != 0),
        _ => u128::from(value != 0),
    }
}

/// Rounds `value * 2^exponent` to 64 bits, to nearest, ties to even. `sticky` says that a little more was cut off; the
/// value must then have more than 64 bits.
fn round(negative: bool, value: u128, exponent: i32, sticky: bool) -> Extended {
    let bits = 128 - value.leading_zeros() as i32;
    let shift = (bits - 64).max(EXPONENT_MIN - exponent);
    if value == 0 || shift <= 0 {
        return finite(negative, (value << shift.min(0).unsigned_abs()) as u64, exponent + shift);
    }
    let kept = value.checked_shr(shift.unsigned_abs()).unwrap_or(0);
    let below = shift.unsigned_abs() - 1;
    let half = value.checked_shr(below).unwrap_or(0) & 1 == 1;
    let rest = sticky || below >= 128 || value & ((1 << below) - 1) != 0;
    let rounded = kept + u128::from(half && (rest || kept & 1 == 1));
    if rounded >> 64 == 0 {
        finite(negative, rounded as u64, exponent + shift)
    } else {
        finite(negative, (rounded >> 1) as u64, exponent + shift + 1)
    }
}

fn finite(negative: bool, mantissa: u64, exponent: i32) -> Extended {
    if mantissa == 0 {
        return Extended::Finite { negative, mantissa, exponent: EXPONENT_MIN };
    }
    if exponent > EXPONENT_MAX {
        return Extended::Infinite { negative };
    }
    Extended::Finite { negative, mantissa, exponent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(one: &str, other: &str) -> Option<String> {
        let (one, other) = (Extended::parse(one.as_bytes())?, Extended::parse(other.as_bytes())?);
        one.plus(other).map(Extended::text)
    }

    /// Every line was answered so by a Redis 7.0 on x86.
    #[test]
    fn sums_are_those_of_redis() {
        for (one, other, text) in [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0.1", "0.2", "0.3"),
            ("3", "-3", "0"),
            ("-0", "0", "0"),
            ("1e-17", "0", "0.00000000000000001"),
            ("4e-18", "0", "0"),
            ("0x10", "0x.8p1", "17"),
            ("1e20", "1", "100000000000000000000"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
            ("1e30", "1", "1000000000000000000024696061952"),
            ("-1.25", "0.25", "-1"),
            ("1e-5000", "1", "?"),
            ("1e5000", "1", "?"),
            ("inf", "1", "?"),
            ("nan", "1", "?"),
            ("", "1", "?"),
            (" 1", "1", "?"),
            ("1 ", "1", "?"),
            (".", "1", "?"),
            ("1e", "1", "?"),
            ("0x", "1", "?"),
        ] {
            assert_eq!(sum(one, other).as_deref().unwrap_or("?"), text, "{one} + {other}");
        }
    }

    #[test]
    fn the_ends_of_the_range_hold() {
        let greatest = "1.18973149535723176502e4932";
        assert_eq!(sum(greatest, greatest), None);
        assert_eq!(sum(greatest, "0").map(|text| text.len()), Some(4933));
        let tiny = Extended::parse(b"4e-4951").unwrap();
        assert!(matches!(tiny, Extended::Finite { mantissa: 1, exponent: EXPONENT_MIN, .. }));
        assert_eq!(Extended::parse(b"1e-4951"), None);
        assert_eq!(Extended::parse(b"0e99999999999999999999"), Extended::parse(b"0"));
    }
}
