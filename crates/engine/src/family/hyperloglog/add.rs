//! PFADD.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{put, read, sparse_bytes_max};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Writer},
    value::hyperloglog::{Encoding, HyperLogLog, add_to_dense, encoding},
};

pub(crate) fn pfadd(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, elements) = (writer.key(&args[0]), args.from(1));
    let held = writer.string(key)?.map(encoding).transpose()?;
    let changed = match held {
        // Dense ones are long: they are changed where they lie.
        Some(Encoding::Dense) => {
            writer.update(key, |record| add_to_dense(record.string_mut(0)?, elements.iter()).then_some(()))
        }
        Some(Encoding::Sparse) | None => add(writer, key, elements)?.then_some(()),
    };
    if changed.is_some() {
        writer.event(EventClass::String, "pfadd", key);
    }
    reply.integer(i64::from(changed.is_some()));
    Ok(())
}

fn add(writer: &mut Writer<'_>, key: Key<'_>, elements: Args<'_>) -> Result<bool, ReplyError> {
    let held = read(writer, key)?;
    let mut changed = held.is_none();
    let mut log = held.unwrap_or_else(|| HyperLogLog::new(sparse_bytes_max(writer)));
    for element in elements.iter() {
        changed |= log.add(element)?;
    }
    if changed {
        log.make_stale();
        put(writer, key, &log);
    }
    Ok(changed)
}
