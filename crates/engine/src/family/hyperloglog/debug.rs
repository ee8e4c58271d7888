//! PFDEBUG: looks into a HyperLogLog.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{put, read};
use crate::{
    family::Outcome,
    keyspace::{Key, Writer},
    value::hyperloglog::{Encoding, REGISTERS, Registers, encoding, runs},
};

pub(crate) fn pfdebug(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (subcommand, key) = (&args[0], writer.key(&args[1]));
    let is = |name: &[u8]| subcommand.eq_ignore_ascii_case(name);
    let bytes = writer.string(key)?.ok_or(ReplyError::PFDEBUG_NO_KEY)?;
    let encoding = encoding(bytes)?;
    if is(b"GETREG") {
        let mut registers = Registers::default();
        registers.merge(bytes)?;
        make_dense(writer, key)?;
        reply.array(REGISTERS);
        registers.iter().for_each(|register| reply.integer(register.into()));
    } else if is(b"DECODE") {
        if encoding != Encoding::Sparse {
            return Err(ReplyError::PFDEBUG_NOT_SPARSE);
        }
        reply.bulk(decoded(bytes).as_bytes());
    } else if is(b"ENCODING") {
        reply.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        });
    } else if is(b"TODENSE") {
        make_dense(writer, key)?;
        reply.integer(i64::from(encoding == Encoding::Sparse));
    } else {
        return Err(ReplyError::pfdebug_subcommand(subcommand));
    }
    Ok(())
}

fn make_dense(writer: &mut Writer<'_>, key: Key<'_>) -> Outcome {
    if let Some(bytes) = writer.string(key)?
        && encoding(bytes)? == Encoding::Sparse
        && let Some(mut log) = read(writer, key)?
    {
        log.make_dense()?;
        put(writer, key, &log);
    }
    Ok(())
}

/// The runs of a sparse one as words.
fn decoded(bytes: &[u8]) -> String {
    let words = runs(bytes).map(|run| match (run.value, run.bytes) {
        (0, 1) => format!("z:{}", run.len),
        (0, _) => format!("Z:{}", run.len),
        (value, _) => format!("v:{value},{}", run.len),
    });
    words.collect::<Vec<_>>().join(" ")
}
