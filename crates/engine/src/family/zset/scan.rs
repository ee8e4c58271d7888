//! ZSCAN.

use meridian_command::{Args, ReplyWriter, glob_match};

use super::score_text;
use crate::{
    family::{
        Outcome,
        generic::scan::{ElementOptions, parse_cursor},
    },
    keyspace::Reader,
    value::SortedSet,
};

pub(crate) fn zscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let cursor = parse_cursor(&args[1])?;
    let (found, next) = match reader.collection::<SortedSet>(&args[0])? {
        None => (Vec::new(), 0),
        Some(set) => {
            let options = ElementOptions::read(args.from(2))?;
            let (mut found, next) = set.scan(cursor, options.count);
            found.retain(|(member, _)| {
                options.pattern.is_none_or(|pattern| glob_match(pattern, member, false))
            });
            (found, next)
        }
    };
    reply.array(2);
    reply.bulk(next.to_string().as_bytes());
    reply.array(found.len() * 2);
    for (member, score) in found {
        reply.bulk(member);
        reply.bulk(score_text(score).as_bytes());
    }
    Ok(())
}
