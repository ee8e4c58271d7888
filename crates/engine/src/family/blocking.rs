//! What blocking commands of all types share: their timeouts.

use meridian_command::{ReplyError, number::Extended};

/// A timeout in seconds, perhaps with a fraction, as milliseconds; 0 for none. Any fraction of a millisecond is a whole
/// one, so that a short timeout does not become none.
pub(super) fn timeout_ms(text: &[u8], now_ms: u64) -> Result<u64, ReplyError> {
    let seconds = seconds(text).ok_or(ReplyError::TIMEOUT_NOT_A_FLOAT)?;
    let milliseconds = (seconds * 1000.0).ceil();
    if milliseconds >= i64::MAX as f64 {
        return Err(ReplyError::TIMEOUT_OUT_OF_RANGE);
    }
    if milliseconds < 0.0 {
        return Err(ReplyError::TIMEOUT_NEGATIVE);
    }
    let milliseconds = milliseconds as u64;
    let end_ms = now_ms.checked_add(milliseconds).filter(|end_ms| i64::try_from(*end_ms).is_ok());
    end_ms.map(|_| milliseconds).ok_or(ReplyError::TIMEOUT_OUT_OF_RANGE)
}

fn seconds(text: &[u8]) -> Option<f64> {
    match Extended::parse(text) {
        Some(number) => {
            let mut decimal = Vec::new();
            number.write(&mut decimal);
            std::str::from_utf8(&decimal).ok()?.parse().ok()
        }
        None => {
            let text = std::str::from_utf8(text).ok()?;
            let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
            let infinite = bare.eq_ignore_ascii_case("inf") || bare.eq_ignore_ascii_case("infinity");
            infinite.then_some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_like_those_of_redis() {
        let now_ms = 1_790_000_000_000;
        assert_eq!(timeout_ms(b"0", now_ms), Ok(0));
        assert_eq!(timeout_ms(b"1.5", now_ms), Ok(1500));
        assert_eq!(timeout_ms(b"0.0001", now_ms), Ok(1));
        assert_eq!(timeout_ms(b"-1", now_ms), Err(ReplyError::TIMEOUT_NEGATIVE));
        assert_eq!(timeout_ms(b"x", now_ms), Err(ReplyError::TIMEOUT_NOT_A_FLOAT));
        assert_eq!(timeout_ms(b"9223372036854775", now_ms), Err(ReplyError::TIMEOUT_OUT_OF_RANGE));
        assert_eq!(timeout_ms(b"inf", now_ms), Err(ReplyError::TIMEOUT_OUT_OF_RANGE));
    }
}
