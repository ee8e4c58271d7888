//! SLOWLOG.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{Answer, Context};

/// Entries that GET answers when it is not told how many.
const SHOWN: usize = 10;

pub(super) fn get(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let count = match args.as_slice() {
        [] => SHOWN,
        [count] => match parse_i64(count).ok_or(ReplyError::NOT_AN_INTEGER)? {
            -1 => usize::MAX,
            count => usize::try_from(count)
                .map_err(|_| ReplyError::new("ERR count should be greater than or equal to -1"))?,
        },
        _ => return Err(ReplyError::subcommand_syntax(b"GET", "SLOWLOG")),
    };
    let entries = context.shared.observed.slow_log.newest(count);
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.integer(entry.id as i64);
        reply.integer(entry.at as i64);
        reply.integer(entry.micros);
        reply.array(entry.words.len());
        entry.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(entry.address.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(())
}

pub(super) fn len(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer(context.shared.observed.slow_log.len() as i64);
    Ok(())
}

pub(super) fn reset(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.shared.observed.slow_log.clear();
    reply.ok();
    Ok(())
}
