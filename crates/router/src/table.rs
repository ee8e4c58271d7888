//! The cluster map as the hot path wants it: from slot to link without a look-up.

use std::{collections::BTreeMap, sync::Arc};

use meridian_topology::{ClusterMap, DatabaseId, Epoch, ShardId, Slot};

use crate::Link;

/// Where every slot of every database goes, at one epoch.
#[derive(Debug)]
pub struct Table {
    epoch: Epoch,
    links: Vec<Arc<Link>>,
    databases: BTreeMap<DatabaseId, Owners>,
}

#[derive(Debug)]
struct Owners {
    /// Index into `links`, by slot.
    by_slot: Box<[u16]>,
    /// Indexes of the links that own slots, in order of their first slot.
    all: Vec<u16>,
    /// Last slot of the run that a slot belongs to.
    runs: Vec<Slot>,
}

impl Table {
    pub(crate) fn new(map: &ClusterMap, links: &BTreeMap<ShardId, Arc<Link>>) -> Table {
        let index: BTreeMap<ShardId, u16> = links.keys().copied().zip(0..).collect();
        let databases = map.databases.iter().filter_map(|(id, database)| {
            let owner = |slot| index.get(&database.slots.shard_of(slot)?).copied();
            let by_slot = Slot::all().map(owner).collect::<Option<Box<[u16]>>>()?;
            let ranges = database.slots.ranges();
            let mut all = Vec::new();
            for (range, _) in &ranges {
                let owner = by_slot[range.first.index()];
                if !all.contains(&owner) {
                    all.push(owner);
                }
            }
            let runs = ranges.iter().map(|(range, _)| range.last).collect();
            Some((*id, Owners { by_slot, all, runs }))
        });
        Table { epoch: map.epoch, links: links.values().cloned().collect(), databases: databases.collect() }
    }

    /// The version of the map that this was made from.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many links there are; indexes are below it.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The link of that index.
    pub fn link(&self, index: usize) -> &Arc<Link> {
        &self.links[index]
    }

    /// The index of the link that owns a slot; `None` if the database does not exist.
    pub fn owner(&self, database: DatabaseId, slot: Slot) -> Option<usize> {
        Some(usize::from(self.databases.get(&database)?.by_slot[slot.index()]))
    }

    /// The indexes of all links that own a part of the database, in order of their first slot.
    pub fn owners(&self, database: DatabaseId) -> impl ExactSizeIterator<Item = usize> + Clone + '_ {
        let all = self.databases.get(&database).map_or(&[][..], |owners| &owners.all);
        all.iter().map(|index| usize::from(*index))
    }

    /// The slots of the database that a link has: `0-5460,10923-16383`.
    pub fn slots_text(&self, database: DatabaseId, link: usize) -> String {
        let Some(owners) = self.databases.get(&database) else { return String::new() };
        let mut text = String::new();
        let mut first = 0;
        for last in &owners.runs {
            if usize::from(owners.by_slot[last.index()]) == link {
                let comma = if text.is_empty() { "" } else { "," };
                text += &format!("{comma}{first}-{}", last.number());
            }
            first = last.number() + 1;
        }
        text
    }

    /// The last slot of the run of equal owners that a slot stands in.
    pub fn run_end(&self, database: DatabaseId, slot: Slot) -> Option<Slot> {
        let runs = &self.databases.get(&database)?.runs;
        runs.get(runs.partition_point(|last| *last < slot)).copied()
    }
}
