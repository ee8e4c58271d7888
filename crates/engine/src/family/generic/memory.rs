//! MEMORY USAGE.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use crate::{
    family::Outcome,
    keyspace::{Reader, Record},
};

/// What the key takes: its record, what that points to, and its share of the table. Every value knows its size, so
/// nothing is sampled.
pub(crate) fn usage(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match args.from(1).as_slice() {
        [] => {}
        [option, count] if option.eq_ignore_ascii_case(b"samples") => {
            let count = parse_i64(count).ok_or(ReplyError::NOT_AN_INTEGER)?;
            if count < 0 {
                return Err(ReplyError::SYNTAX);
            }
        }
        _ => return Err(ReplyError::SYNTAX),
    }
    match reader.peek(&args[0]) {
        None => reply.null(),
        Some(record) => reply.integer((size_of::<Record>() + record.heap_size()) as i64),
    }
    Ok(())
}
