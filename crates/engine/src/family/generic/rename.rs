//! Commands that give a value another key or place: RENAME, RENAMENX, COPY, MOVE.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    effect::EventClass,
    family::{Outcome, numbered_database},
    keyspace::Writer,
};

pub(crate) fn rename(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    rename_key(writer, args, true)?;
    reply.ok();
    Ok(())
}

pub(crate) fn renamenx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let renamed = rename_key(writer, args, false)?;
    reply.integer(i64::from(renamed));
    Ok(())
}

fn rename_key(writer: &mut Writer<'_>, args: Args<'_>, replace: bool) -> Result<bool, ReplyError> {
    let (from, to) = (writer.key(&args[0]), writer.key(&args[1]));
    if !writer.exists(from) {
        return Err(ReplyError::NO_SUCH_KEY);
    }
    if from.bytes == to.bytes || (!replace && writer.exists(to)) {
        return Ok(false);
    }
    let Some(record) = writer.take(from) else { return Ok(false) };
    writer.put(to, record.renamed(to.bytes));
    writer.event(EventClass::Generic, "rename_from", from);
    writer.event(EventClass::Generic, "rename_to", to);
    Ok(true)
}

pub(crate) fn copy(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let source = writer.numbered();
    let mut target = source;
    let mut replace = false;
    let options = args.from(2);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        if option.eq_ignore_ascii_case(b"REPLACE") {
            replace = true;
        } else if option.eq_ignore_ascii_case(b"DB")
            && let Some(number) = rest.next()
        {
            target = numbered_database(number, ReplyError::DB_OUT_OF_RANGE)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let (from, to) = (writer.key(&args[0]), writer.key(&args[1]));
    if source == target && from.bytes == to.bytes {
        return Err(ReplyError::SAME_OBJECT);
    }
    let copied = writer.find(from).map(|record| record.copied(to.bytes));
    writer.select(target);
    let copied = copied.filter(|_| replace || !writer.exists(to));
    let done = copied.is_some();
    if let Some(record) = copied {
        writer.put(to, record);
        writer.event(EventClass::Generic, "copy_to", to);
    }
    writer.select(source);
    reply.integer(i64::from(done));
    Ok(())
}

pub(crate) fn move_key(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let source = writer.numbered();
    let target = numbered_database(&args[1], ReplyError::DB_OUT_OF_RANGE)?;
    if source == target {
        return Err(ReplyError::SAME_OBJECT);
    }
    let key = writer.key(&args[0]);
    writer.select(target);
    let taken = writer.exists(key);
    writer.select(source);
    let record = if taken { None } else { writer.take(key) };
    let done = record.is_some();
    if let Some(record) = record {
        writer.select(target);
        writer.put(key, record);
        writer.select(source);
        writer.event(EventClass::Generic, "move_from", key);
        writer.select(target);
        writer.event(EventClass::Generic, "move_to", key);
        writer.select(source);
    }
    reply.integer(i64::from(done));
    Ok(())
}
