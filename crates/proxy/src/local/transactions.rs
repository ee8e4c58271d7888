//! MULTI, DISCARD and UNWATCH. EXEC and WATCH need shards: the connection sees to them.

use meridian_command::{ReplyError, ReplyWriter};

use super::{Answer, Context};
use crate::transaction::unwatch;

pub(super) fn multi(context: &mut Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    if !context.session.begin_transaction() {
        return Err(ReplyError::new("ERR MULTI calls can not be nested"));
    }
    reply.ok();
    Ok(())
}

pub(super) fn discard(context: &mut Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    if context.session.take_transaction().is_none() {
        return Err(ReplyError::new("ERR DISCARD without MULTI"));
    }
    unwatch(context.session.take_watched(), context.shared);
    reply.ok();
    Ok(())
}

pub(super) fn forget_watched(context: &mut Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    unwatch(context.session.take_watched(), context.shared);
    reply.ok();
    Ok(())
}
