//! SSCAN.

use meridian_command::{Args, ReplyWriter};

use crate::{
    family::{
        Outcome,
        collection_scan::{ScanOptions, begin_reply, cursor},
    },
    keyspace::Reader,
    value::Set,
};

pub(crate) fn sscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let cursor = cursor(args)?;
    let Some(set) = reader.collection::<Set>(&args[0])? else {
        begin_reply(reply, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::read(args.from(2), false)?;
    let (mut members, next) = set.scan(cursor, options.count);
    members.retain(|member| options.admit(member));
    begin_reply(reply, next, members.len());
    for member in members {
        reply.bulk(&member);
    }
    Ok(())
}
