//! SCRIPT DEBUG: there is no debugger, because a script runs on every replica.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::Answer;

pub(super) fn debug(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let mode = &args[0];
    if mode.eq_ignore_ascii_case(b"NO") {
        reply.ok();
        return Ok(());
    }
    let known = mode.eq_ignore_ascii_case(b"YES") || mode.eq_ignore_ascii_case(b"SYNC");
    Err(if known { ReplyError::SCRIPT_DEBUG } else { ReplyError::SCRIPT_DEBUG_MODE })
}
