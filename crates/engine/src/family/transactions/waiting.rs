//! What a proxy says about its blocked clients.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{attention::Origin, family::Outcome, keyspace::Writer};

/// First byte of the answer that nothing is known of the waiter. No reply to a client begins with it.
const UNKNOWN: &[u8] = &[1];

/// `session sequence reason` (the numbers little endian): the client waits no more, because of `TIMEOUT`, `ERROR` (CLIENT UNBLOCK), or because it
/// is `GONE`. Answers what the client is to get: what it was served before, if it was.
pub(crate) fn cancel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let number =
        |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| ReplyError::INTERNAL_MALFORMED);
    let origin = Origin { session: number(&args[0])?, sequence: number(&args[1])? };
    let waiters = &mut writer.attention().waiters;
    if let Some(waiter) = waiters.cancel(origin) {
        match &args[2] {
            b"ERROR" => return Err(ReplyError::UNBLOCKED),
            // Who has waited in vain gets this, whatever the command answers where nobody may wait.
            _ => reply.in_protocol(waiter.protocol).null_array(),
        }
    } else if let Some(late) = waiters.forget(origin) {
        reply.raw(late.get(4..).unwrap_or_default());
    } else {
        reply.raw(UNKNOWN);
    }
    Ok(())
}

/// `waiters done`: the proxy is there for these waiters, and has the late replies of those, or wants them no more. Each is `session u64 |
/// sequence u64`, little endian.
pub(crate) fn renew(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let now_ms = writer.time_ms();
    let waiters = &mut writer.attention().waiters;
    for origin in origins(&args[0])? {
        waiters.renew(origin, now_ms);
    }
    for origin in origins(&args[1])? {
        waiters.cancel(origin);
        waiters.forget(origin);
    }
    reply.ok();
    Ok(())
}

fn origins(bytes: &[u8]) -> Result<impl Iterator<Item = Origin> + '_, ReplyError> {
    let (pairs, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(ReplyError::INTERNAL_MALFORMED);
    }
    let word = |pair: &[u8; 16], at: usize| {
        u64::from_le_bytes(*pair[at..].first_chunk().expect("a pair has sixteen bytes"))
    };
    Ok(pairs.iter().map(move |pair| Origin { session: word(pair, 0), sequence: word(pair, 8) }))
}
