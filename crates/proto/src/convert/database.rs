//! [`Database`].

use meridian_topology::{Database, DatabaseId, ShardId, Slot, SlotMap, SlotRange};

use super::Error;
use crate::meta;

impl meta::Database {
    /// The message for a database and its number.
    pub fn of(id: DatabaseId, database: &Database) -> meta::Database {
        let run = |(range, shard): (SlotRange, ShardId)| meta::SlotRun {
            first: range.first.number().into(),
            last: range.last.number().into(),
            shard: shard.0,
        };
        meta::Database {
            id: id.0,
            name: database.name.clone(),
            slots: database.slots.ranges().into_iter().map(run).collect(),
        }
    }
}

impl TryFrom<meta::Database> for Database {
    type Error = Error;

    fn try_from(database: meta::Database) -> Result<Self, Error> {
        let slot = |number: u32| u16::try_from(number).ok().and_then(Slot::new);
        let mut runs = Vec::new();
        for run in database.slots {
            let (Some(first), Some(last)) = (slot(run.first), slot(run.last)) else {
                return Err(Error::at("SlotRun.first"));
            };
            runs.push((SlotRange { first, last }, ShardId(run.shard)));
        }
        let slots = SlotMap::from_ranges(runs).ok_or(Error::at("Database.slots"))?;
        Ok(Database { name: database.name, slots })
    }
}
