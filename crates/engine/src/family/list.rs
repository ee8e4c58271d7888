//! Commands on lists.

mod blocking;
mod modify;
mod pop;
mod push;
mod read;
mod transfer;

pub(crate) use blocking::{blmove, blmpop, blpop, brpop, brpoplpush};
pub(crate) use modify::{linsert, lrem, lset, ltrim};
pub(crate) use pop::{lmpop, lpop, rpop};
pub(crate) use push::{lpush, lpushx, rpush, rpushx};
pub(crate) use read::{lindex, llen, lpos, lrange};
pub(crate) use transfer::{lmove, rpoplpush};

use meridian_command::ReplyError;

use crate::{
    effect::EventClass,
    keyspace::{Key, Writer},
    value::End,
};

/// An argument that must be LEFT or RIGHT.
fn end(text: &[u8]) -> Result<End, ReplyError> {
    if text.eq_ignore_ascii_case(b"LEFT") {
        Ok(End::Front)
    } else if text.eq_ignore_ascii_case(b"RIGHT") {
        Ok(End::Back)
    } else {
        Err(ReplyError::SYNTAX)
    }
}

/// Tells that elements were put in at an end.
fn tell_pushed(writer: &mut Writer<'_>, key: Key<'_>, end: End) {
    writer.event(EventClass::List, if end == End::Front { "lpush" } else { "rpush" }, key);
}

/// Tells that elements were taken out at an end, and perhaps the key with them.
fn tell_popped(writer: &mut Writer<'_>, key: Key<'_>, end: End) {
    tell_removed(writer, key, if end == End::Front { "lpop" } else { "rpop" });
}

/// Tells of a change that may have removed the key.
fn tell_removed(writer: &mut Writer<'_>, key: Key<'_>, event: &'static str) {
    writer.event(EventClass::List, event, key);
    if !writer.exists(key) {
        writer.event(EventClass::Generic, "del", key);
    }
}
