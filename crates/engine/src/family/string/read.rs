//! Commands that read strings: GET.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::keyspace::Reader;

pub(crate) fn get(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), ReplyError> {
    reply.bulk_or_null(reader.string(&args[0])?);
    Ok(())
}
