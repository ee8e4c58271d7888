//! XLEN, XRANGE, XREVRANGE.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{reply_entries, syntax};
use crate::{family::Outcome, keyspace::Reader, value::stream::Stream};

pub(crate) fn xlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = reader.collection::<Box<Stream>>(&args[0])?;
    reply.integer(stream.map_or(0, |stream| stream.len()) as i64);
    Ok(())
}

pub(crate) fn xrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    range(reader, args, reply, false)
}

pub(crate) fn xrevrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    range(reader, args, reply, true)
}

fn range(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, backwards: bool) -> Outcome {
    let (first, last) = if backwards { (2, 1) } else { (1, 2) };
    let (start, end) = (syntax::start(&args[first])?, syntax::end(&args[last])?);
    let mut count = None;
    let mut rest = args.from(3).iter();
    while let Some(option) = rest.next() {
        match rest.next() {
            Some(value) if option.eq_ignore_ascii_case(b"COUNT") => count = Some(syntax::count(value)?),
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    let stream = reader.collection::<Box<Stream>>(&args[0])?;
    match (stream, count) {
        (None, _) => reply.array(0),
        (Some(_), Some(0)) => reply.null_array(),
        (Some(stream), count) => {
            let count = count.unwrap_or(usize::MAX);
            if backwards {
                reply_entries(stream.range_backwards(start, end), count, reply);
            } else {
                reply_entries(stream.range(start, end), count, reply);
            }
        }
    }
    Ok(())
}
