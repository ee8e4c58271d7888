//! WAIT and WAITAOF: until enough replicas have what this connection wrote.

use std::{sync::Arc, time::Duration};

use meridian_command::{Args, ReplyError, ReplyWriter, Wait};

use super::{Context, Outcome};
use crate::clients::Trait;

pub(super) fn wait(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    Ok(until_replicated(context, Wait::of(args)?, |replicas, reply| reply.integer(replicas)))
}

/// WAITAOF. What is acknowledged is on the disks of a majority, so on one at least where it was executed.
pub(super) fn wait_on_disk(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    Ok(until_replicated(context, Wait::on_disk(args)?, |replicas, reply| {
        reply.array(2);
        reply.integer(1);
        reply.integer(replicas);
    }))
}

/// Waits until so many replicas besides the leader have what the connection wrote.
fn until_replicated(context: &Context<'_>, wait: Wait, write: fn(i64, &mut ReplyWriter<'_>)) -> Outcome {
    // Whoever wants none is told at once how many have it.
    let (wanted, timeout) = match u64::try_from(wait.replicas) {
        // Inside a transaction nobody waits.
        Ok(wanted) if wanted > 0 && !context.session.executes() => {
            // No time-out: for ever.
            (wanted, (wait.timeout_ms > 0).then(|| Duration::from_millis(wait.timeout_ms)))
        }
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
