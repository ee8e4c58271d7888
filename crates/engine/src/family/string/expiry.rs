//! The expiry options of SET, GETEX and their like.

use meridian_command::{EngineCommand, ReplyError};

use crate::family::integer;

/// How an expiry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// `EX`: seconds from now.
    Seconds,
    /// `PX`: milliseconds from now.
    Milliseconds,
    /// `EXAT`: seconds since 1970.
    SecondsAt,
    /// `PXAT`: milliseconds since 1970.
    MillisecondsAt,
}

impl Unit {
    /// The unit of an option's name.
    pub(super) fn of(option: &[u8]) -> Option<Unit> {
        const NAMES: [(&[u8], Unit); 4] = [
            (b"EX", Unit::Seconds),
            (b"PX", Unit::Milliseconds),
            (b"EXAT", Unit::SecondsAt),
            (b"PXAT", Unit::MillisecondsAt),
        ];
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(option)).map(|(_, unit)| *unit)
    }

    /// The time that the text of an expiry means, in milliseconds since 1970.
    pub(super) fn at_ms(self, text: &[u8], now_ms: u64, command: EngineCommand) -> Result<u64, ReplyError> {
        let invalid = || ReplyError::invalid_expire(command.spec());
        let number = integer(text)?;
        if number <= 0 {
            return Err(invalid());
        }
        let ms = match self {
            Unit::Seconds | Unit::SecondsAt => number.checked_mul(1000).ok_or_else(invalid)?,
            Unit::Milliseconds | Unit::MillisecondsAt => number,
        };
        match self {
            Unit::Seconds | Unit::Milliseconds => {
                ms.checked_add_unsigned(now_ms).map(i64::unsigned_abs).ok_or_else(invalid)
            }
            Unit::SecondsAt | Unit::MillisecondsAt => Ok(ms.unsigned_abs()),
        }
    }
}
