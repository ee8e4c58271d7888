//! HRANDFIELD.

use meridian_command::{Args, Protocol, ReplyError, ReplyWriter};

use crate::{
    family::{
        Outcome,
        sample::{Sample, count, sample},
    },
    keyspace::Reader,
    value::{Field, Hash},
};

pub(crate) fn hrandfield(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let at_ms = reader.entry_ms();
    let (wanted, with_values) = match args.as_slice() {
        [_] => {
            let hash = reader.collection::<Hash>(&args[0])?;
            let field = hash.as_deref().and_then(|hash| hash.random(reader.random(), at_ms));
            reply.bulk_or_null(field.as_ref().map(|field| &field.name[..]));
            return Ok(());
        }
        [_, wanted] => (count(wanted)?, false),
        [_, wanted, option] => {
            let wanted = count(wanted)?;
            if !option.eq_ignore_ascii_case(b"WITHVALUES") {
                return Err(ReplyError::SYNTAX);
            }
            if wanted.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
                return Err(ReplyError::OUT_OF_RANGE);
            }
            (wanted, true)
        }
        [_, wanted, ..] => {
            count(wanted)?;
            return Err(ReplyError::SYNTAX);
        }
        [] => return Err(ReplyError::SYNTAX),
    };
    let Some(hash) = reader.collection::<Hash>(&args[0])? else {
        reply.array(0);
        return Ok(());
    };
    let sample = sample(
        reader.random(),
        wanted,
        hash.len(at_ms),
        || hash.fields(at_ms),
        || hash.random(reader.random(), at_ms),
        |field| field.name.to_vec(),
    );
    write(sample, with_values, reply)
}

fn write<'a>(sample: Sample<'a, Field<'a>>, with_values: bool, reply: &mut ReplyWriter<'_>) -> Outcome {
    let pairs = with_values && reply.protocol() == Protocol::Resp3;
    let length = sample.len();
    reply.array(if with_values && !pairs { length.saturating_mul(2) } else { length });
    sample.each(reply, |field, reply| {
        if pairs {
            reply.array(2);
        }
        reply.bulk(&field.name);
        if with_values {
            reply.bulk(&field.value);
        }
    })
}
