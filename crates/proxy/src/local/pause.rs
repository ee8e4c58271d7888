//! CLIENT PAUSE and UNPAUSE: for the clients of this process.

use std::time::Duration;

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};
use meridian_rt::clock::Instant;

use super::{Answer, Context};

/// Nobody is held up longer.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn pause(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let all = match args.from(1).as_slice() {
        [] => true,
        [mode] if mode.eq_ignore_ascii_case(b"all") => true,
        [mode] if mode.eq_ignore_ascii_case(b"write") => false,
        [_] => return Err(ReplyError::new("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(ReplyError::subcommand_syntax(b"PAUSE", "CLIENT")),
    };
    let millis = parse_i64(&args[0]).ok_or(ReplyError::TIMEOUT_NOT_AN_INTEGER)?;
    let millis = u64::try_from(millis).map_err(|_| ReplyError::TIMEOUT_NEGATIVE)?;
    let length = Duration::from_millis(millis).min(LONGEST);
    context.shared.observed.pause.begin(Instant::now() + length, all);
    reply.ok();
    Ok(())
}

pub(super) fn unpause(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.shared.observed.pause.end();
    reply.ok();
    Ok(())
}
