//! Commands about keys as such: DEL, UNLINK, EXISTS, TOUCH, TYPE, RANDOMKEY.

use meridian_command::{Args, ReplyWriter};

use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Reader, Writer},
};

pub(crate) fn del(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut removed = 0;
    for key in args.iter() {
        let key = writer.key(key);
        if writer.delete(key) {
            writer.event(EventClass::Generic, "del", key);
            removed += 1;
        }
    }
    reply.integer(removed);
    Ok(())
}

pub(crate) fn exists(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.integer(args.iter().filter(|key| reader.look(key).is_some()).count() as i64);
    Ok(())
}

pub(crate) fn touch(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.integer(args.iter().filter(|key| reader.find(key).is_some()).count() as i64);
    Ok(())
}

pub(crate) fn type_of(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.simple(reader.look(&args[0]).map_or("none", |record| record.value().type_name()));
    Ok(())
}

pub(crate) fn randomkey(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.bulk_or_null(reader.random_key());
    Ok(())
}
