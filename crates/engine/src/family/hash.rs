//! Commands for hashes.

pub(crate) mod exchange;
pub(crate) mod expire;
pub(crate) mod increment;
pub(crate) mod random;
pub(crate) mod read;
pub(crate) mod scan;
pub(crate) mod write;

use meridian_command::ReplyError;

use crate::{
    keyspace::{Key, Writer},
    value::Hash,
};

/// Whether a key holds a hash; an error if it holds something else.
fn exists(writer: &mut Writer<'_>, key: Key<'_>) -> Result<bool, ReplyError> {
    writer.collection::<Hash>(key).map(|hash| hash.is_some())
}
