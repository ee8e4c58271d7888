//! The `long double` of Redis' platforms: 64 bits of mantissa, 15 of exponent, in whole numbers.
//!
//! INCRBYFLOAT adds in this format and prints with `%.17Lf`, so `0.1 + 0.2` is `0.3`, which no arithmetic in doubles
//! yields. The state of a shard must not depend on the processor that applies the log, and replies are compared with
//! Redis' byte by byte; so reading, adding and writing are done here exactly, each rounded once to nearest, ties to even.

use super::big::Big;

/// Texts this long or longer are no numbers, as in Redis.
const TEXT_MAX: usize = 5 * 1024;
/// Of the lowest bit: that of the smallest number, and of the largest.
const EXPONENT_MIN: i32 = -16445;
const EXPONENT_MAX: i32 = 16320;
/// Decimal orders beyond which a text is infinite or 0 whatever its digits are.
const ORDER_MAX: i64 = 5000;
/// The largest powers of five and ten in 32 bits.
const FIVE_TO_13: u32 = 1_220_703_125;
const TEN_TO_9: u32 = 1_000_000_000;
/// How many decimals are written.
const DECIMALS: u32 = 17;

/// A finite number, `mantissa * 2^exponent`, or an infinity.
///
/// Invariant: the mantissa's highest bit is set, unless the exponent is the least, or the number is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Finite { mantissa: u64, exponent: i32 },
    Infinite,
}

impl Extended {
    const ZERO: Extended =
        Extended { negative: false, size: Size::Finite { mantissa: 0, exponent: EXPONENT_MIN } };

    /// Reads what C's `strtold` reads, if it is all of the text: decimal or `0x` hexadecimal, `inf`, no NaN. A number
    /// that is too large, or rounds to 0 without being it, is none.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.is_empty() || text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { negative, size: Size::Infinite });
        }
        let size = match body {
            [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
            digits => decimal(digits)?,
        };
        (size != Size::Infinite).then_some(Extended { negative, size })
    }

    /// Whether it is an infinity.
    pub fn is_infinite(self) -> bool {
        self.size == Size::Infinite
    }

    /// From an integer, exactly.
    pub fn from_i64(value: i64) -> Extended {
        Extended { negative: value < 0, size: round(u128::from(value.unsigned_abs()), 0, false) }
    }

    /// The sum, rounded to nearest; `None` if it is no finite number.
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        let (Size::Finite { mantissa: a, exponent: p }, Size::Finite { mantissa: b, exponent: q }) =
            (self.size, other.size)
        else {
            return None;
        };
        // The larger exponent first, so that the other one is shifted to the right.
        let (big, small) = if p >= q { ((self, a, p), (other, b, q)) } else { ((other, b, q), (self, a, p)) };
        let ((left, a, exponent), (right, b, q)) = (big, small);
        let a = u128::from(a) << 62;
        let b = shift_right_sticky(u128::from(b) << 62, exponent.abs_diff(q));
        let (negative, magnitude) = match (left.negative == right.negative, a >= b) {
            (true, _) => (left.negative, a + b),
            (false, true) => (left.negative, a - b),
            (false, false) => (right.negative, b - a),
        };
        if magnitude == 0 {
            return Some(Extended { negative: left.negative && right.negative, ..Extended::ZERO });
        }
        let size = round(magnitude, exponent - 62, false);
        (size != Size::Infinite).then_some(Extended { negative, size })
    }

    /// Appends it with up to 17 decimals and no zeroes at their end, as `%.17Lf` and then cut.
    pub fn write(self, buffer: &mut Vec<u8>) {
        let Size::Finite { mantissa, exponent } = self.size else {
            buffer.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            return;
        };
        let start = buffer.len();
        if self.negative {
            buffer.push(b'-');
        }
        if exponent >= 0 {
            let mut whole = Big::new(mantissa);
            whole.shift_left(exponent.unsigned_abs() as usize);
            buffer.extend_from_slice(&whole.into_decimal());
        } else {
            // A mantissa times 10^17 has 121 bits at most.
            let unit = 10_u128.pow(DECIMALS);
            let scaled = round_shift_right(u128::from(mantissa) * unit, exponent.unsigned_abs());
            let text = format!("{}.{:017}", scaled / unit, scaled % unit);
            buffer.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
        }
        if buffer[start..] == *b"-0" {
            buffer.truncate(start);
            buffer.push(b'0');
        }
    }
}

/// `digits [. digits] [e exponent]`.
fn decimal(text: &[u8]) -> Option<Size> {
    let (digits, order) = split_exponent(text, |byte| byte | 0x20 == b'e')?;
    let (digits, decimals) = join_digits(digits, |byte| byte.is_ascii_digit())?;
    let Some(first) = digits.iter().position(|digit| *digit != b'0') else {
        return Some(Size::Finite { mantissa: 0, exponent: EXPONENT_MIN });
    };
    let digits = &digits[first..];
    let exponent = order - decimals as i64;
    let size = digits.len() as i64 + exponent;
    if size > ORDER_MAX {
        return Some(Size::Infinite);
    }
    if size < -ORDER_MAX {
        return None;
    }
    let mut value = Big::default();
    for chunk in digits.chunks(9) {
        let number = chunk.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
        value.multiply_add(10_u32.pow(chunk.len() as u32), number);
    }
    if exponent >= 0 {
        scale(&mut value, exponent.unsigned_abs(), 9, TEN_TO_9, 10, |value, factor| {
            value.multiply_add(factor, 0)
        });
        let (top, shift, lost) = value.top();
        return Some(round(top, shift as i32, lost));
    }
    // value / 10^k = value / 5^k / 2^k: shifted first so that the quotient keeps more bits than the mantissa has.
    let down = exponent.unsigned_abs();
    let shift = 130 + down as usize * 7 / 3;
    value.shift_left(shift);
    let mut inexact = false;
    scale(&mut value, down, 13, FIVE_TO_13, 5, |value, divisor| inexact |= value.divide(divisor) != 0);
    let (top, above, lost) = value.top();
    let size = round(top, above as i32 - shift as i32 - down as i32, lost || inexact);
    nonzero(size)
}

/// Applies `step` with `base^count`, in factors of `chunk = base^width`.
fn scale(
    value: &mut Big,
    count: u64,
    width: u64,
    chunk: u32,
    base: u32,
    mut step: impl FnMut(&mut Big, u32),
) {
    for _ in 0..count / width {
        step(value, chunk);
    }
    step(value, base.pow((count % width) as u32));
}

/// The same in base 16 behind `0x`, with `p` and a power of two.
fn hexadecimal(text: &[u8]) -> Option<Size> {
    let (digits, order) = split_exponent(text, |byte| byte | 0x20 == b'p')?;
    let (digits, decimals) = join_digits(digits, |byte| byte.is_ascii_hexdigit())?;
    let mut value = Big::default();
    for digit in &digits {
        value.multiply_add(16, char::from(*digit).to_digit(16)?);
    }
    if value.is_zero() {
        return Some(Size::Finite { mantissa: 0, exponent: EXPONENT_MIN });
    }
    let (top, shift, lost) = value.top();
    let exponent = order.saturating_add(shift as i64).saturating_sub(4 * decimals as i64);
    let exponent = exponent.clamp(i64::from(i32::MIN / 2), i64::from(i32::MAX / 2)) as i32;
    nonzero(round(top, exponent, lost))
}

/// A number that became 0 by rounding is none.
fn nonzero(size: Size) -> Option<Size> {
    (!matches!(size, Size::Finite { mantissa: 0, .. })).then_some(size)
}

/// Splits off an exponent; 0 without one.
fn split_exponent(text: &[u8], is_mark: fn(&u8) -> bool) -> Option<(&[u8], i64)> {
    let Some(mark) = text.iter().position(is_mark) else { return Some((text, 0)) };
    let (negative, digits) = match &text[mark + 1..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Far beyond what matters it need not be exact.
    let value = digits.iter().fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 40));
    Some((&text[..mark], if negative { -value } else { value }))
}

/// Takes out the point: all digits, and how many stood behind it.
fn join_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(Vec<u8>, usize)> {
    let point = text.iter().position(|byte| *byte == b'.');
    let digits: Vec<u8> = match point {
        Some(point) => [&text[..point], &text[point + 1..]].concat(),
        None => text.to_vec(),
    };
    let decimals = point.map_or(0, |point| text.len() - point - 1);
    (!digits.is_empty() && digits.iter().all(is_digit)).then_some((digits, decimals))
}

/// `value * 2^exponent`, of which something smaller may be `lost`, to the nearest number.
fn round(value: u128, exponent: i32, lost: bool) -> Size {
    if value == 0 {
        return Size::Finite { mantissa: 0, exponent: EXPONENT_MIN };
    }
    let bits = 128 - value.leading_zeros() as i32;
    // Of the result's lowest bit: 64 bits below the highest one, but not below the smallest number's.
    let lowest = (exponent + bits - 64).max(EXPONENT_MIN);
    let mantissa = if lowest <= exponent {
        value << (exponent - lowest)
    } else {
        // What was lost lies below the bits that are kept or judged: it only breaks a tie.
        round_shift_right_sticky(value, lowest.abs_diff(exponent), lost)
    };
    let (mantissa, exponent) = match u64::try_from(mantissa) {
        Ok(mantissa) => (mantissa, lowest),
        Err(_) => (1 << 63, lowest + 1),
    };
    if exponent > EXPONENT_MAX { Size::Infinite } else { Size::Finite { mantissa, exponent } }
}

/// Shifts right; the lowest bit of the result is set if anything was shifted out.
fn shift_right_sticky(value: u128, by: u32) -> u128 {
    if by == 0 {
        value
    } else if by >= 128 {
        u128::from(value != 0)
    } else {
        value >> by | u128::from(value << (128 - by) != 0)
    }
}

fn round_shift_right(value: u128, by: u32) -> u128 {
    round_shift_right_sticky(value, by, false)
}

/// Shifts right and rounds to nearest, ties to even, where `lost` says that something smaller is missing already.
fn round_shift_right_sticky(value: u128, by: u32, lost: bool) -> u128 {
    if by == 0 {
        return value;
    }
    if by > 128 {
        return 0;
    }
    let whole = if by == 128 { 0 } else { value >> by };
    let rest = value << (128 - by);
    let half = 1 << 127;
    let up = rest > half || rest == half && (lost || whole & 1 == 1);
    whole + u128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Extended) -> String {
        let mut buffer = Vec::new();
        value.write(&mut buffer);
        String::from_utf8(buffer).expect("ASCII")
    }

    fn sum(a: &str, b: &str) -> Option<String> {
        let read = |text: &str| Extended::parse(text.as_bytes());
        read(a)?.checked_add(read(b)?).map(text)
    }

    #[test]
    fn small_decimals_do_not_surprise() {
        for (a, b, wanted) in [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "-3", "0"),
            ("-0", "0", "0"),
            ("-0", "-0", "0"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("-1e-18", "0", "0"),
            ("0x1p4", "0x.8", "16.5"),
            (".5", "5.", "5.5"),
            ("+1", "1E2", "101"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("36893488147419103233", "0", "36893488147419103232"),
            ("36893488147419103235", "0", "36893488147419103236"),
        ] {
            assert_eq!(sum(a, b).as_deref(), Some(wanted), "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for bad in [
            "",
            " 1",
            "1 ",
            "nan",
            "1e",
            "e1",
            ".",
            "-",
            "1e5000",
            "1e-5000",
            "0x",
            "1_0",
            "0x1p",
            "1e99999999999",
        ] {
            assert_eq!(Extended::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Extended::parse(&[b'1'; TEXT_MAX]), None);
        assert!(Extended::parse(b"0e99999999999").is_some());
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("1.1e4932", "1.1e4932"), None);
        assert!(sum("1.1e4932", "-1.1e4932").is_some());
    }

    #[test]
    fn integers_are_exact() {
        for value in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1] {
            assert_eq!(text(Extended::from_i64(value)), value.to_string());
        }
    }
}
