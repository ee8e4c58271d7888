//! Commands that set a string as a whole: SET.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{keyspace::Writer, value::StringForm};

pub(crate) fn set(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), ReplyError> {
    if args.len() > 2 {
        return Err(ReplyError::SYNTAX);
    }
    let key = writer.key(&args[0]);
    writer.put_string(key, &args[1], StringForm::Auto, None);
    reply.ok();
    Ok(())
}
