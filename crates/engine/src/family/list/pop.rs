//! LPOP, RPOP, LMPOP.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{end, tell_popped};
use crate::{
    family::{Outcome, Popped, positive},
    keyspace::{Key, Writer},
    value::{End, List},
};

pub(crate) fn lpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, End::Front, EngineCommand::Lpop)
}

pub(crate) fn rpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    pop(writer, args, reply, End::Back, EngineCommand::Rpop)
}

fn pop(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    end: End,
    command: EngineCommand,
) -> Outcome {
    if args.len() > 2 {
        return Err(ReplyError::wrong_arity(command.spec()));
    }
    let key = writer.key(&args[0]);
    let Some(count) = args.get(1) else {
        if !pop_one(writer, key, reply, end)? {
            reply.null();
        }
        return Ok(());
    };
    let count = positive(count)?;
    match writer.collection::<List>(key)? {
        None => reply.null_array(),
        Some(_) if count == 0 => reply.array(0),
        Some(_) => {
            pop_many(writer, key, reply, end, count)?;
        }
    }
    Ok(())
}

/// Takes one element and answers it; false if the list is not there.
pub(super) fn pop_one(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    reply: &mut ReplyWriter<'_>,
    end: End,
) -> Result<bool, ReplyError> {
    let popped = writer.change(key, |list: &mut List, settings| {
        list.pop(end, 1, |text| reply.bulk(text));
        list.settle(settings);
    })?;
    if popped.is_some() {
        tell_popped(writer, key, end);
    }
    Ok(popped.is_some())
}

/// Takes elements and answers them as an array; false if the list is not there.
pub(super) fn pop_many(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    reply: &mut ReplyWriter<'_>,
    end: End,
    count: usize,
) -> Result<bool, ReplyError> {
    let popped = writer.change(key, |list: &mut List, settings| {
        reply.array(count.min(list.len()));
        list.pop(end, count, |text| reply.bulk(text));
        list.settle(settings);
    })?;
    if popped.is_some() {
        tell_popped(writer, key, end);
    }
    Ok(popped.is_some())
}

/// `numkeys key... LEFT|RIGHT [COUNT count]`.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> Options<'a> {
    pub(super) fn read(args: Args<'a>) -> Result<Options<'a>, ReplyError> {
        let Popped { keys, from, count } = Popped::read(args)?;
        Ok(Options { keys, end: end(from)?, count: count.unwrap_or(1) })
    }

    /// Pops from the first list that is there; false if none is.
    pub(super) fn pop(
        &self,
        writer: &mut Writer<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<bool, ReplyError> {
        for name in self.keys {
            let key = writer.key(name);
            if writer.collection::<List>(key)?.is_some() {
                reply.array(2);
                reply.bulk(name);
                return pop_many(writer, key, reply, self.end, self.count);
            }
        }
        Ok(false)
    }
}

pub(crate) fn lmpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !Options::read(args)?.pop(writer, reply)? {
        reply.null_array();
    }
    Ok(())
}
