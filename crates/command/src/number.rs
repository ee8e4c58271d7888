//! Numbers as texts, by Redis' rules: the same for the engine and for whoever reads arguments.
//!
//! Floats of strings (INCRBYFLOAT) are Redis' `long double`, which on its platforms is the 80-bit format of x87: see
//! [`Extended`]. Scores and coordinates are doubles.

mod big;
mod extended;
mod memory;

pub use extended::Extended;
pub use memory::parse_memory;

/// Reads a 64-bit integer. Strict: no spaces, no `+`, no leading zeroes, nothing behind it; what [`parse_i64`] accepts
/// is exactly what formatting an integer yields.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut magnitude: u64 = 0;
    for digit in digits {
        // At most 19 digits: below 10^19, which u64 holds.
        magnitude = magnitude * 10 + decimal_digit(*digit)?;
    }
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Reads a 64-bit unsigned integer, as strictly as [`parse_i64`].
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    text.iter().try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(decimal_digit(*digit)?))
}

fn decimal_digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

/// Reads a double as C does: decimal or hexadecimal, or `inf` in any case and with a sign. No spaces, no NaN, and
/// nothing that is too large for a double, or so small that it would be 0.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if bare.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) {
        let mut decimal = Vec::new();
        Extended::parse(text.as_bytes())?.write(&mut decimal);
        return std::str::from_utf8(&decimal).ok()?.parse().ok();
    }
    let value: f64 = text.parse().ok()?;
    let digits = bare.split(['e', 'E']).next().unwrap_or_default();
    let lost = match value {
        _ if value.is_nan() => true,
        _ if value.is_infinite() => bare.bytes().any(|byte| byte.is_ascii_digit()),
        0.0 => digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
        _ => false,
    };
    (!lost).then_some(value)
}

/// Appends a double with 17 significant digits, as C's `%.17g` and so Redis 7.0.
pub fn write_f64(buffer: &mut Vec<u8>, value: f64) {
    const DIGITS: i32 = 17;
    if !value.is_finite() {
        buffer.extend_from_slice(if value.is_nan() {
            b"nan"
        } else if value > 0.0 {
            b"inf"
        } else {
            b"-inf"
        });
        return;
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the format's exponent is a number");
    if value.is_sign_negative() {
        buffer.push(b'-');
    }
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let significant = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    let digits = &digits[..significant];
    if (-4..DIGITS).contains(&exponent) {
        let whole = usize::try_from(exponent + 1).unwrap_or(0);
        if whole == 0 {
            buffer.extend_from_slice(b"0.");
            buffer.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
            buffer.extend_from_slice(digits);
        } else if digits.len() <= whole {
            buffer.extend_from_slice(digits);
            buffer.extend(std::iter::repeat_n(b'0', whole - digits.len()));
        } else {
            let (whole, fraction) = digits.split_at(whole);
            buffer.extend_from_slice(whole);
            buffer.push(b'.');
            buffer.extend_from_slice(fraction);
        }
        return;
    }
    buffer.push(digits[0]);
    if digits.len() > 1 {
        buffer.push(b'.');
        buffer.extend_from_slice(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    buffer.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_read() {
        for value in [0, 1, -1, 10, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }
        for text in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "9223372036854775808",
            "-9223372036854775809",
            "1a",
            "1e3",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn doubles_are_written_as_by_c() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (3.5, "3.5"),
            (100.0, "100"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut buffer = Vec::new();
            write_f64(&mut buffer, value);
            assert_eq!(String::from_utf8(buffer).expect("ASCII"), text);
        }
    }
}
