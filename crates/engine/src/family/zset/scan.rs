//! ZSCAN.

use meridian_command::{Args, ReplyWriter};

use super::score_text;
use crate::{
    family::{
        Outcome,
        collection_scan::{ScanOptions, begin_reply, cursor},
    },
    keyspace::Reader,
    value::SortedSet,
};

pub(crate) fn zscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let cursor = cursor(args)?;
    let Some(set) = reader.collection::<SortedSet>(&args[0])? else {
        begin_reply(reply, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::read(args.from(2), false)?;
    let (mut found, next) = set.scan(cursor, options.count);
    found.retain(|(member, _)| options.admit(member));
    begin_reply(reply, next, found.len() * 2);
    for (member, score) in found {
        reply.bulk(member);
        reply.bulk(score_text(score).as_bytes());
    }
    Ok(())
}
