//! LPUSH, RPUSH, LPUSHX, RPUSHX.

use meridian_command::{Args, ReplyWriter};

use super::tell_pushed;
use crate::{
    family::Outcome,
    keyspace::Writer,
    settings::Settings,
    value::{End, List},
};

pub(crate) fn lpush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    push(writer, args, reply, End::Front)
}

pub(crate) fn rpush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    push(writer, args, reply, End::Back)
}

pub(crate) fn lpushx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    push_if_exists(writer, args, reply, End::Front)
}

pub(crate) fn rpushx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    push_if_exists(writer, args, reply, End::Back)
}

fn push(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, end: End) -> Outcome {
    let key = writer.key(&args[0]);
    let len = writer
        .change_or_make(key, |list: &mut List, settings| push_all(list, args.from(1), end, settings))?;
    tell_pushed(writer, key, end);
    reply.integer(len as i64);
    Ok(())
}

fn push_if_exists(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, end: End) -> Outcome {
    let key = writer.key(&args[0]);
    let len = writer.change(key, |list: &mut List, settings| push_all(list, args.from(1), end, settings))?;
    if len.is_some() {
        tell_pushed(writer, key, end);
    }
    reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

/// Puts elements in one after the other; the length then.
fn push_all(list: &mut List, texts: Args<'_>, end: End, settings: &Settings) -> usize {
    list.prepare(texts.as_slice(), settings);
    texts.iter().for_each(|text| list.push(end, text));
    list.len()
}
