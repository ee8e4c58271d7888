//! Commands about one slot of a numbered database: CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT.

use meridian_command::{Args, ReplyError, ReplyWriter};
use meridian_topology::Slot;

use crate::{
    family::{Outcome, integer},
    keyspace::{Keyspace, Reader, Table},
};

pub(crate) fn count(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let slot = slot(integer(&args[0])?).ok_or(ReplyError::INVALID_SLOT)?;
    reply.integer(table(reader, slot).map_or(0, Table::len) as i64);
    Ok(())
}

pub(crate) fn keys(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (number, count) = (integer(&args[0])?, integer(&args[1])?);
    let count = usize::try_from(count).map_err(|_| ReplyError::INVALID_SLOT_OR_COUNT)?;
    let slot = slot(number).ok_or(ReplyError::INVALID_SLOT_OR_COUNT)?;
    let records = table(reader, slot).into_iter().flat_map(Table::iter).map(|(_, record)| record);
    let found: Vec<&[u8]> =
        records.filter(|record| reader.is_visible(record)).take(count).map(|record| record.key()).collect();
    reply.array(found.len());
    for key in found {
        reply.bulk(key);
    }
    Ok(())
}

fn slot(number: i64) -> Option<Slot> {
    u16::try_from(number).ok().and_then(Slot::new)
}

fn table<'a>(reader: &Reader<'a>, slot: Slot) -> Option<&'a Table> {
    reader.keyspace().and_then(|keyspace| Keyspace::table(keyspace, slot))
}
