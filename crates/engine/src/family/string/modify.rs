//! Commands that change a part of a string: APPEND, SETRANGE.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::STRING_BYTES_MAX;
use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::Writer,
    value::StringForm,
};

pub(crate) fn append(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, tail) = (writer.key(&args[0]), &args[1]);
    let length = match writer.string(key)?.map(<[u8]>::len) {
        None => {
            writer.put_string(key, tail, StringForm::Auto, None);
            tail.len()
        }
        Some(length) => {
            check_length(length, tail.len())?;
            writer.update(key, |record| record.append(tail)).ok_or(ReplyError::WRONG_TYPE)?
        }
    };
    writer.event(EventClass::String, "append", key);
    reply.integer(length as i64);
    Ok(())
}

pub(crate) fn setrange(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, offset, bytes) = (writer.key(&args[0]), integer(&args[1])?, &args[2]);
    let offset = usize::try_from(offset).map_err(|_| ReplyError::OFFSET_OUT_OF_RANGE)?;
    let length = writer.string(key)?.map_or(0, <[u8]>::len);
    if bytes.is_empty() {
        reply.integer(length as i64);
        return Ok(());
    }
    check_length(offset, bytes.len())?;
    let end = offset + bytes.len();
    let length = writer.change_string(key, end, |string| {
        string[offset..end].copy_from_slice(bytes);
        string.len()
    })?;
    writer.event(EventClass::String, "setrange", key);
    reply.integer(length as i64);
    Ok(())
}

/// Refuses a string that would become too long.
fn check_length(length: usize, more: usize) -> Outcome {
    match length.checked_add(more) {
        Some(length) if length <= STRING_BYTES_MAX => Ok(()),
        _ => Err(ReplyError::STRING_TOO_LONG),
    }
}
