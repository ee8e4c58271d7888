//! WAIT: until enough replicas have what this connection wrote.

use std::{sync::Arc, time::Duration};

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{Context, Outcome};
use crate::clients::Trait;

pub(super) fn wait(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let wanted = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    let timeout = parse_i64(&args[1]).ok_or(ReplyError::TIMEOUT_NOT_AN_INTEGER)?;
    let timeout = u64::try_from(timeout).map_err(|_| ReplyError::TIMEOUT_NEGATIVE)?;
    // No time-out: for ever.
    let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
    // Whoever wants none is told at once how many have it.
    let (wanted, timeout) = match u64::try_from(wanted) {
        // Inside a transaction nobody waits.
        Ok(wanted) if wanted > 0 && !context.session.executes() => (wanted, timeout),
        _ => (0, Some(Duration::ZERO)),
    };
    let replicas = Arc::clone(&context.shared.cluster).replicas(context.session.written(), wanted, timeout);
    let protocol = context.session.protocol();
    let client = Arc::clone(context.session.client());
    client.set(Trait::BLOCKED, true);
    Ok(Outcome::Async(Box::pin(async move {
        let have = replicas.await;
        client.set(Trait::BLOCKED, false);
        let mut bytes = Vec::new();
        ReplyWriter::new(&mut bytes, protocol).integer(i64::try_from(have).unwrap_or(i64::MAX));
        bytes
    })))
}
