//! Commands for HyperLogLogs, which are strings of a form of their own.

pub(crate) mod add;
pub(crate) mod count;
pub(crate) mod debug;
pub(crate) mod merge;
pub(crate) mod selftest;

use meridian_command::ReplyError;

use crate::{
    keyspace::{Key, Record, Writer},
    value::{
        StringForm,
        hyperloglog::{Fault, HyperLogLog},
    },
};

impl From<Fault> for ReplyError {
    fn from(fault: Fault) -> ReplyError {
        match fault {
            Fault::Foreign => ReplyError::NOT_A_HYPERLOGLOG,
            Fault::Corrupt => ReplyError::CORRUPT_HYPERLOGLOG,
        }
    }
}

/// Up to how many bytes a HyperLogLog stays sparse.
fn sparse_bytes_max(writer: &Writer<'_>) -> usize {
    usize::try_from(writer.settings().hll_sparse_max_bytes).unwrap_or(0)
}

/// A copy of the HyperLogLog that a key holds.
fn read(writer: &mut Writer<'_>, key: Key<'_>) -> Result<Option<HyperLogLog>, ReplyError> {
    let sparse_bytes_max = sparse_bytes_max(writer);
    let Some(bytes) = writer.string(key)? else { return Ok(None) };
    Ok(Some(HyperLogLog::read(bytes, sparse_bytes_max)?))
}

/// Puts a HyperLogLog where it was or where none was; an expiry stays.
fn put(writer: &mut Writer<'_>, key: Key<'_>, log: &HyperLogLog) {
    let expiry = writer.find(key).and_then(Record::expiry);
    writer.put_string(key, log.bytes(), StringForm::Raw, expiry);
}
