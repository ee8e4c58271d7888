//! Numbers as C's `%.{n}g` prints them.

/// Formats with `precision` significant digits.
pub(crate) fn general(value: f64, precision: usize) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_nan() {
        return format!("{sign}nan");
    }
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, value);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let power: i32 = exponent.parse().unwrap_or_default();
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), power.unsigned_abs());
    }
    let decimals = usize::try_from(precision as i64 - 1 - i64::from(power)).unwrap_or_default();
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// The integer that a number is, if it is one of 64 bits.
pub(crate) fn integer(value: f64) -> Option<i64> {
    // 2^63 itself does not fit; -2^63 does.
    let fits = value.trunc() == value
        && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    fits.then_some(value as i64)
}

/// A number as a C program casts it: what does not fit becomes the smallest integer.
pub(crate) fn truncated(value: f64) -> i64 {
    integer(value.trunc()).unwrap_or(i64::MIN)
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_c() {
        let cases: [(f64, usize, &str); 12] = [
            (0.1, 17, "0.10000000000000001"),
            (0.1, 14, "0.1"),
            (1e20, 17, "1e+20"),
            (1e300, 17, "1.0000000000000001e+300"),
            (12_345_678_901_234_568.0, 17, "12345678901234568"),
            (1e14, 14, "1e+14"),
            (123_456.0, 14, "123456"),
            (-0.0, 14, "-0"),
            (0.00001, 14, "1e-05"),
            (0.0001, 14, "0.0001"),
            (f64::INFINITY, 14, "inf"),
            (1.0 / 3.0, 3, "0.333"),
        ];
        for (value, precision, text) in cases {
            assert_eq!(general(value, precision), text);
        }
    }

    #[test]
    fn casts_are_those_of_the_processor() {
        assert_eq!(truncated(1.9), 1);
        assert_eq!(truncated(-1.9), -1);
        assert_eq!(truncated(1e30), i64::MIN);
        assert_eq!(truncated(f64::NAN), i64::MIN);
        assert_eq!(integer(1.5), None);
    }
}
