//! PFMERGE.

use meridian_command::{Args, ReplyWriter};

use super::{put, read, sparse_bytes_max};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::hyperloglog::{Encoding, HyperLogLog, Registers},
};

pub(crate) fn pfmerge(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut registers = Registers::default();
    let mut dense = false;
    for key in args.iter() {
        let key = writer.key(key);
        match writer.string(key)? {
            Some(bytes) => dense |= registers.merge(bytes)? == Encoding::Dense,
            None => writer.missed(key),
        }
    }
    let target = writer.key(&args[0]);
    let mut log = read(writer, target)?.unwrap_or_else(|| HyperLogLog::new(sparse_bytes_max(writer)));
    if dense {
        log.make_dense()?;
    }
    log.merge(&registers)?;
    put(writer, target, &log);
    // Redis' name for both.
    writer.event(EventClass::String, "pfadd", target);
    reply.ok();
    Ok(())
}
