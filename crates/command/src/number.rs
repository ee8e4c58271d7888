//! Numbers as texts, by Redis' rules: the same for the engine and for whoever reads arguments.

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
        magnitude = magnitude * 10 + u64::from(digit.is_ascii_digit().then_some(digit - b'0')?);
    }
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}
