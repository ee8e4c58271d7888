//! DEBUG, as far as test-suites need it: SLEEP holds up the own connection and nobody else.

use std::time::Duration;

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::Outcome;

/// Nobody sleeps longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "SLEEP <seconds>",
    "    Holds up this connection for so many seconds, decimals allowed.",
    "HELP",
    "    Prints this help.",
];

pub(super) fn debug(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<Outcome, ReplyError> {
    let sub = &args[0];
    match args.from(1).as_slice() {
        [seconds] if sub.eq_ignore_ascii_case(b"SLEEP") => {
            // As C reads numbers: what is none counts as zero.
            let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            let pause = Duration::try_from_secs_f64(seconds).unwrap_or_default().min(LONGEST);
            Ok(Outcome::Async(Box::pin(async move {
                tokio::time::sleep(pause).await;
                b"+OK\r\n".to_vec()
            })))
        }
        [] if sub.eq_ignore_ascii_case(b"HELP") => {
            reply.array(HELP.len());
            for line in HELP {
                reply.simple(line);
            }
            Ok(Outcome::Done)
        }
        _ => Err(ReplyError::subcommand_syntax(sub, "DEBUG")),
    }
}
