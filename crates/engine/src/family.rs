//! The commands, by family: their syntax and their replies. How data lies in memory is not known here.

pub(crate) mod bitmap;
pub(crate) mod generic;
pub(crate) mod internal;
pub(crate) mod json;
pub(crate) mod string;
pub(crate) mod transactions;

use meridian_command::ReplyError;
use meridian_command::number::parse_i64;

/// What a handler answers with where it does not write a reply.
pub(crate) type Outcome = Result<(), ReplyError>;

/// An argument that must be an integer.
fn integer(text: &[u8]) -> Result<i64, ReplyError> {
    parse_i64(text).ok_or(ReplyError::NOT_AN_INTEGER)
}

/// An argument that must be the number of a numbered database. `out_of_range` is what the command says otherwise.
fn numbered_database(text: &[u8], out_of_range: ReplyError) -> Result<u8, ReplyError> {
    let number = integer(text)?;
    if i32::try_from(number).is_err() {
        return Err(ReplyError::NOT_AN_I32);
    }
    u8::try_from(number).ok().filter(|number| *number < crate::keyspace::NUMBERED_COUNT).ok_or(out_of_range)
}
