//! The arguments of WAIT and WAITAOF, which connections answer, and scripts.

use crate::{Args, ReplyError, number::parse_i64};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How many replicas shall have it.
    pub replicas: i64,
    /// For so long at most; 0 is for ever.
    pub timeout_ms: u64,
}

impl Wait {
    /// `numreplicas timeout`.
    ///
    /// # Errors
    /// As Redis.
    pub fn of(args: &Args<'_>) -> Result<Wait, ReplyError> {
        let replicas = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
        Ok(Wait { replicas, timeout_ms: timeout(&args[1])? })
    }

    /// `numlocal numreplicas timeout`: of WAITAOF.
    ///
    /// # Errors
    /// As Redis.
    pub fn on_disk(args: &Args<'_>) -> Result<Wait, ReplyError> {
        let local = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
        if !(0..=1).contains(&local) {
            return Err(ReplyError::new("ERR value is out of range, value must between 0 and 1"));
        }
        let replicas = parse_i64(&args[1]).ok_or(ReplyError::NOT_AN_INTEGER)?;
        if replicas < 0 {
            return Err(ReplyError::NOT_POSITIVE);
        }
        Ok(Wait { replicas, timeout_ms: timeout(&args[2])? })
    }
}

fn timeout(text: &[u8]) -> Result<u64, ReplyError> {
    let timeout = parse_i64(text).ok_or(ReplyError::TIMEOUT_NOT_AN_INTEGER)?;
    u64::try_from(timeout).map_err(|_| ReplyError::TIMEOUT_NEGATIVE)
}
