//! From text to the nearest [`Extended`].

use super::{EXPONENT_MAX, Extended, natural::Natural, round};

/// Texts from this length on are refused, as by Redis.
const TEXT_BYTES_MAX: usize = 5 * 1024;

/// Beyond this a decimal exponent leaves the range, however many digits there are.
const EXPONENT_CLAMP: i64 = 100_000;

pub(super) fn parse(text: &[u8]) -> Option<Extended> {
    if text.is_empty() || text.len() >= TEXT_BYTES_MAX {
        return None;
    }
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        return Some(Extended::Infinite { negative });
    }
    let parsed = match rest {
        [b'0', b'x' | b'X', hex @ ..] => {
            let number = Number::read(hex, 16, b'p')?;
            binary(negative, number.digits, number.exponent - 4 * number.fraction_digits)
        }
        _ => {
            let number = Number::read(rest, 10, b'e')?;
            decimal(negative, number.digits, number.exponent - number.fraction_digits)
        }
    };
    // What does not fit is refused: an infinity made of digits, or digits that vanish.
    parsed.filter(|parsed| matches!(parsed, Extended::Finite { .. }))
}

/// Digits without their point, and the exponent as written.
struct Number {
    digits: Natural,
    fraction_digits: i64,
    exponent: i64,
}

impl Number {
    fn read(text: &[u8], radix: u32, exponent_mark: u8) -> Option<Number> {
        let end =
            text.iter().position(|byte| byte.eq_ignore_ascii_case(&exponent_mark)).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(end);
        let mut digits = Natural::from(0);
        let mut count = 0;
        let mut fraction_digits = None;
        for byte in mantissa {
            match char::from(*byte).to_digit(radix) {
                Some(digit) => {
                    digits.multiply_add(radix, digit);
                    count += 1;
                    fraction_digits = fraction_digits.map(|digits: i64| digits + 1);
                }
                None if *byte == b'.' && fraction_digits.is_none() => fraction_digits = Some(0),
                None => return None,
            }
        }
        if count == 0 {
            return None;
        }
        let exponent = match exponent {
            [] => 0,
            [_, written @ ..] => read_exponent(written)?,
        };
        Some(Number { digits, fraction_digits: fraction_digits.unwrap_or(0), exponent })
    }
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_CLAMP));
    Some(if negative { -value } else { value })
}

/// `digits * 2^exponent`.
fn binary(negative: bool, digits: Natural, exponent: i64) -> Option<Extended> {
    let vanishes = !digits.is_zero();
    let (value, shift, lost) = digits.top();
    let exponent = i32::try_from(exponent + shift as i64).ok()?;
    Some(round(negative, value, exponent, lost)).filter(|rounded| !(vanishes && is_zero(rounded)))
}

/// `digits * 10^exponent`.
fn decimal(negative: bool, digits: Natural, exponent: i64) -> Option<Extended> {
    /// Bits of a quotient: enough to round to 64 with one more to tell ties from the rest.
    const QUOTIENT_BITS: usize = 68;
    if digits.is_zero() {
        return Some(round(negative, 0, 0, false));
    }
    // 2^EXPONENT_MAX has fewer decimal digits than that; so has the smallest number places after the point.
    let magnitude = exponent + (digits.bits() as i64) / 4;
    if magnitude.abs() > i64::from(EXPONENT_MAX) {
        return None;
    }
    if exponent >= 0 {
        return binary(negative, digits.times_ten_to(exponent.unsigned_abs() as usize), 0);
    }
    let divisor = Natural::from(1).times_ten_to(exponent.unsigned_abs() as usize);
    let shift = divisor.bits() as i64 - digits.bits() as i64 + QUOTIENT_BITS as i64 - 1;
    let (numerator, divisor) = if shift >= 0 {
        (digits.shifted_left(shift as usize), divisor)
    } else {
        (digits, divisor.shifted_left(shift.unsigned_abs() as usize))
    };
    let (quotient, rest) = numerator.divide(&divisor, QUOTIENT_BITS);
    let exponent = i32::try_from(-shift).ok()?;
    Some(round(negative, quotient, exponent, rest)).filter(|rounded| !is_zero(rounded))
}

fn is_zero(number: &Extended) -> bool {
    matches!(number, Extended::Finite { mantissa: 0, .. })
}
