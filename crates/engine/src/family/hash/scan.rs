//! HSCAN.

use meridian_command::{Args, ReplyWriter};

use crate::{
    family::{
        Outcome,
        collection_scan::{ScanOptions, begin_reply, cursor},
    },
    keyspace::Reader,
    value::Hash,
};

pub(crate) fn hscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let cursor = cursor(args)?;
    let Some(hash) = reader.collection::<Hash>(&args[0])? else {
        begin_reply(reply, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::read(args.from(2), true)?;
    let (mut fields, next) = hash.scan(cursor, options.count, reader.entry_ms());
    fields.retain(|field| options.admit(&field.name));
    begin_reply(reply, next, fields.len() * if options.no_values { 1 } else { 2 });
    for field in fields {
        reply.bulk(&field.name);
        if !options.no_values {
            reply.bulk(&field.value);
        }
    }
    Ok(())
}
