//! CONFIG.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{Answer, Context};

pub(super) fn get(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let found = context.shared.config.get(args.as_slice());
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(value.as_bytes());
    }
    Ok(())
}

pub(super) fn set(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let (pairs, []) = args.as_slice().as_chunks::<2>() else { return Err(ReplyError::SYNTAX) };
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    context.shared.config.set(&pairs)?;
    reply.ok();
    Ok(())
}

pub(super) fn reset_statistics(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.shared.stats.reset();
    reply.ok();
    Ok(())
}

/// What was set at run time is this process' and is gone with it: no file is written.
pub(super) fn rewrite() -> Answer {
    Err(ReplyError::NO_CONFIG_FILE)
}
