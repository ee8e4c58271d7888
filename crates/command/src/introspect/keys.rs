//! `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`: the arguments are a whole call.

use super::simple_set;
use crate::{Args, Flags, KeyPositions, KeySpec, ReplyError, ReplyWriter, table::named};

/// `COMMAND GETKEYS`.
///
/// # Errors
/// If the call is none, or has no keys.
pub fn keys(call: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    let found = keys_of(call.as_slice())?;
    reply.array(found.len());
    for (position, _) in found {
        reply.bulk(&call[position]);
    }
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS`.
///
/// # Errors
/// If the call is none, or has no keys.
pub fn keys_and_flags(call: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    let found = keys_of(call.as_slice())?;
    reply.array(found.len());
    for (position, keys) in found {
        reply.array(2);
        reply.bulk(&call[position]);
        simple_set(reply, keys.flags_for(call.as_slice()).names());
    }
    Ok(())
}

fn keys_of(call: &[&[u8]]) -> Result<Vec<(usize, &'static KeySpec)>, ReplyError> {
    let (entry, _) = named(call).map_err(|_| ReplyError::INVALID_COMMAND)?;
    let spec = entry.spec();
    if spec.keys.is_empty() {
        return Err(ReplyError::NO_KEY_ARGUMENTS);
    }
    if !spec.arity.admits(call.len()) {
        return Err(ReplyError::INVALID_ARITY);
    }
    let mut found = Vec::new();
    for keys in spec.keys {
        let mut positions = KeyPositions::new();
        keys.positions(call, &mut positions)?;
        found.extend(positions.into_iter().map(|position| (position, keys)));
    }
    if found.is_empty() && !spec.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(ReplyError::INVALID_KEYS);
    }
    Ok(found)
}
