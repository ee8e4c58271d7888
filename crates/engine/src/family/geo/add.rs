//! GEOADD.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::place;
use crate::{
    family::{
        Outcome,
        zset::add::{Options, add},
    },
    keyspace::Writer,
};

pub(crate) fn geoadd(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut options = Options::default();
    let mut rest = &args.as_slice()[1..];
    while let [option, after @ ..] = rest {
        let flag = if option.eq_ignore_ascii_case(b"NX") {
            &mut options.only_new
        } else if option.eq_ignore_ascii_case(b"XX") {
            &mut options.only_existing
        } else if option.eq_ignore_ascii_case(b"CH") {
            &mut options.count_changed
        } else {
            break;
        };
        *flag = true;
        rest = after;
    }
    let (places, []) = rest.as_chunks::<3>() else { return Err(ReplyError::SYNTAX) };
    if options.only_new && options.only_existing {
        return Err(ReplyError::SYNTAX);
    }
    let pairs: Result<Vec<(f64, &[u8])>, ReplyError> = places
        .iter()
        .map(|[longitude, latitude, member]| Ok((place(longitude, latitude)?.score(), *member)))
        .collect();
    let pairs = pairs?;
    if pairs.is_empty() {
        return Err(ReplyError::SYNTAX);
    }
    add(writer, writer.key(&args[0]), options, &pairs, reply)
}
