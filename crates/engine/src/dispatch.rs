//! Which function executes which command: one exhaustive match.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use crate::{
    family::string,
    keyspace::{Reader, Writer},
};

/// A command that only reads: may be answered outside the log.
type Read = fn(&Reader<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Result<(), ReplyError>;

/// A command that may write: only inside an entry.
type Write = fn(&mut Writer<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Result<(), ReplyError>;

/// How a command is executed. The number of its arguments has been checked against its row.
pub(crate) enum Handler {
    Read(Read),
    Write(Write),
}

/// The handler of a command.
pub(crate) fn handler(command: EngineCommand) -> Handler {
    use EngineCommand as C;
    use Handler::{Read, Write};
    match command {
        C::Get => Read(string::read::get),
        C::Set => Write(string::set::set),
        // Until the families have landed.
        other if other.spec().is_write() => Write(|_, _, _| Err(ABSENT)),
        _ => Read(|_, _, _| Err(ABSENT)),
    }
}

const ABSENT: ReplyError = ReplyError::new("ERR this command is not executed by this version");
