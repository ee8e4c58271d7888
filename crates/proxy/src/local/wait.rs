//! WAIT and WAITAOF: until enough replicas have what this connection wrote.

use std::{sync::Arc, time::Duration};

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{Context, Outcome};
use crate::clients::Trait;

pub(super) fn wait(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let wanted = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    let timeout = timeout(&args[1])?;
    Ok(until_replicated(context, wanted, timeout, |replicas, reply| reply.integer(replicas)))
}

/// WAITAOF. What is acknowledged is on the disks of a majority, so on one at least where it was executed.
pub(super) fn wait_on_disk(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let local = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    if !(0..=1).contains(&local) {
        return Err(ReplyError::new("ERR value is out of range, value must between 0 and 1"));
    }
    let wanted = parse_i64(&args[1]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    if wanted < 0 {
        return Err(ReplyError::NOT_POSITIVE);
    }
    let timeout = timeout(&args[2])?;
    Ok(until_replicated(context, wanted, timeout, |replicas, reply| {
        reply.array(2);
        reply.integer(1);
        reply.integer(replicas);
    }))
}

fn timeout(text: &[u8]) -> Result<Option<Duration>, ReplyError> {
    let timeout = parse_i64(text).ok_or(ReplyError::TIMEOUT_NOT_AN_INTEGER)?;
    let timeout = u64::try_from(timeout).map_err(|_| ReplyError::TIMEOUT_NEGATIVE)?;
    // No time-out: for ever.
    Ok((timeout > 0).then(|| Duration::from_millis(timeout)))
}

/// Waits until so many replicas besides the leader have what the connection wrote.
fn until_replicated(
    context: &Context<'_>,
    wanted: i64,
    timeout: Option<Duration>,
    write: fn(i64, &mut ReplyWriter<'_>),
) -> Outcome {
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
    Outcome::Async(Box::pin(async move {
        let have = replicas.await;
        client.set(Trait::BLOCKED, false);
        let mut bytes = Vec::new();
        write(i64::try_from(have).unwrap_or(i64::MAX), &mut ReplyWriter::new(&mut bytes, protocol));
        bytes
    }))
}
