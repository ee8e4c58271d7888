//! PFCOUNT: a count is kept in the header until elements are added. So a count that is not there goes through the log.

use meridian_command::{Args, ReplyWriter};

use crate::{
    family::Outcome,
    keyspace::{Reader, Writer},
    value::hyperloglog::{Registers, count, keep_count, kept_count},
};

pub(crate) fn pfcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let count = if args.len() == 1 {
        let bytes = reader.string(&args[0])?;
        if let Some(bytes) = bytes
            && kept_count(bytes)?.is_none()
        {
            reader.ask_for_log();
        }
        bytes.map_or(Ok(0), count)?
    } else {
        let mut registers = Registers::default();
        for key in args.iter() {
            if let Some(bytes) = reader.string(key)? {
                registers.merge(bytes)?;
            }
        }
        registers.count()
    };
    reply.integer(count as i64);
    Ok(())
}

/// In the log, where the count of a lone key is kept.
pub(crate) fn pfcount_logged(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if let [name] = args.as_slice() {
        let key = writer.key(name);
        if let Some(bytes) = writer.string(key)?
            && kept_count(bytes)?.is_none()
        {
            let counted = count(bytes)?;
            writer.update(key, |record| {
                keep_count(record.string_mut(0)?, counted);
                Some(())
            });
        }
    }
    pfcount(&writer.reader(), args, reply)
}
