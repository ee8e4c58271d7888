//! The time-outs of blocking commands, with Redis' errors.

use meridian_command::{ReplyError, number::parse_i64};

const NOT_A_FLOAT: ReplyError = ReplyError::new("ERR timeout is not a float or out of range");
const OUT_OF_RANGE: ReplyError = ReplyError::new("ERR timeout is out of range");

/// Seconds, as BLPOP has them: a float. Answers milliseconds, rounded up; 0 is never.
pub(crate) fn timeout_seconds(text: &[u8], now_ms: u64) -> Result<u64, ReplyError> {
    let seconds: f64 = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)))
        .and_then(|text| text.parse().ok())
        .filter(|seconds: &f64| seconds.is_finite())
        .ok_or(NOT_A_FLOAT)?;
    let milliseconds = (seconds * 1000.0).ceil();
    if milliseconds >= i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    checked(milliseconds as i64, now_ms)
}

/// Milliseconds, as XREAD has them: an integer; 0 is never.
pub(crate) fn timeout_milliseconds(text: &[u8], now_ms: u64) -> Result<u64, ReplyError> {
    checked(parse_i64(text).ok_or(ReplyError::TIMEOUT_NOT_AN_INTEGER)?, now_ms)
}

fn checked(milliseconds: i64, now_ms: u64) -> Result<u64, ReplyError> {
    let milliseconds = u64::try_from(milliseconds).map_err(|_| ReplyError::TIMEOUT_NEGATIVE)?;
    match i64::try_from(milliseconds.saturating_add(now_ms)) {
        Ok(_) => Ok(milliseconds),
        Err(_) => Err(OUT_OF_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_are_rounded_up_and_checked() {
        assert_eq!(timeout_seconds(b"0", 5), Ok(0));
        assert_eq!(timeout_seconds(b"0.0001", 5), Ok(1));
        assert_eq!(timeout_seconds(b"1.5", 5), Ok(1500));
        assert_eq!(timeout_seconds(b"-1", 5), Err(ReplyError::TIMEOUT_NEGATIVE));
        for none in [&b""[..], b"x", b"inf", b"nan", b" 1"] {
            assert_eq!(timeout_seconds(none, 5), Err(NOT_A_FLOAT));
        }
        assert_eq!(timeout_seconds(b"1e300", 5), Err(OUT_OF_RANGE));
        assert_eq!(timeout_seconds(b"9223372036854775", 5000), Err(OUT_OF_RANGE));
        assert_eq!(timeout_milliseconds(b"7", 5), Ok(7));
        assert_eq!(timeout_milliseconds(b"x", 5), Err(ReplyError::TIMEOUT_NOT_AN_INTEGER));
        assert_eq!(timeout_milliseconds(b"9223372036854775807", 5), Err(OUT_OF_RANGE));
    }
}
