//! The integers of RESP headers.

/// Reads an integer as strictly as Redis does: no plus sign, no leading zeroes, no spaces, within 64 bits.
pub(crate) fn strict_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Counted downwards, because the smallest integer has no positive counterpart.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Reads the short, ordinary header: one to nine digits without a leading zero, CR, and one byte more (the LF, which
/// Redis does not look at either). Yields the number and the length with the line end. `None` means: look closer.
#[inline]
pub(crate) fn short(line: &[u8]) -> Option<(usize, usize)> {
    let first = line.first()?.wrapping_sub(b'0');
    if first > 9 {
        return None;
    }
    let mut value = usize::from(first);
    let mut at = 1;
    loop {
        let byte = *line.get(at)?;
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (byte == b'\r' && line.len() > at + 1).then_some((value, at + 2));
        }
        if at == 9 || value == 0 {
            return None;
        }
        value = value * 10 + usize::from(digit);
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_strict_as_redis() {
        for (text, value) in [("0", 0), ("-1", -1), ("10", 10), ("9223372036854775807", i64::MAX)] {
            assert_eq!(strict_i64(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!(strict_i64(b"-9223372036854775808"), Some(i64::MIN));
        for text in
            ["", "-", "+1", "01", "-0", "00", " 1", "1 ", "1a", "9223372036854775808", "99999999999999999999"]
        {
            assert_eq!(strict_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn short_headers_need_their_line_end() {
        assert_eq!(short(b"3\r\nabc"), Some((3, 3)));
        assert_eq!(short(b"123456789\r\n"), Some((123_456_789, 11)));
        for line in [&b""[..], b"3", b"3\r", b"03\r\n", b"1234567890\r\n", b"-1\r\n", b"3x\r\n"] {
            assert_eq!(short(line), None, "{line:?}");
        }
    }
}
