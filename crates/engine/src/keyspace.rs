//! The keys of the shard: per database, numbered database and slot.
//!
//! [`Store`] owns them; [`Reader`] and [`Writer`] are how commands see one numbered database: with expiry being
//! logical, with the expiry index, the counters, the snapshot and the effects kept in step. Handlers never touch a
//! [`Table`] themselves.

mod access;
mod expiry;
mod place;
mod reader;
mod reclaim;
mod record;
mod segment;
mod table;
mod writer;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use meridian_topology::{SLOT_COUNT, Slot};

pub(crate) use access::Access;
pub(crate) use expiry::{Due, Entry as ExpiryEntry, ExpiryIndex};
pub(crate) use place::{Place, Placing};
pub(crate) use reader::Reader;
pub(crate) use record::Record;
pub(crate) use table::{Position, Table};
pub(crate) use writer::{Key, Writer};

use crate::{
    attention::Attention, effect::Effects, garbage::Garbage, scripts::Scripts, settings::Settings,
    snapshot::Walk,
};

/// How many numbered databases `SELECT` knows.
pub(crate) const NUMBERED_COUNT: u8 = 16;

/// Slots per leaf: tables are found in two steps, so that a small database does not pay for 16384 slots.
const LEAF_SLOTS: usize = 16;

/// All databases of the shard and what they share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) databases: BTreeMap<u32, Database>,
    pub(crate) shared: Shared,
}

/// What all databases share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) placing: Placing,
    pub(crate) expiry: ExpiryIndex,
    /// The snapshot being taken, if one is.
    pub(crate) walk: Option<Walk>,
    pub(crate) effects: Effects,
    /// What `CONFIG SET` has sent through the log.
    pub(crate) settings: Settings,
    /// How uses of keys are noted.
    pub(crate) access: Access,
    /// Who has to hear of which keys inside the shard.
    pub(crate) attention: Attention,
    /// The scripts and functions that are known.
    pub(crate) scripts: Scripts,
    /// Keys reclaimed because their time had come, since this replica started.
    pub(crate) expired: u64,
    /// Parts of values (fields of hashes) reclaimed because their time had come, since this replica started.
    pub(crate) expired_parts: u64,
    /// Keys that were evicted, since this replica started.
    pub(crate) evicted: u64,
    /// Memory is full for the rest of the entry, as its leader says: what needs more is refused.
    pub(crate) full: bool,
    /// Commands that changed something, since this replica started.
    pub(crate) changes: u64,
    /// The command under way has changed something.
    pub(crate) changed: bool,
    pub(crate) lookups: Lookups,
    /// What was taken out and is to be freed.
    pub(crate) garbage: Garbage,
}

/// How often keys that commands looked for were there, since this replica started.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Lookups {
    pub(crate) fn count(&self, found: bool) {
        let counter = if found { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Found and not found.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

impl Shared {
    /// Puts into force what follows from the settings.
    pub(crate) fn follow_settings(&mut self) {
        self.effects.want_events(self.settings.notify_keyspace_events);
        self.access.follow(&self.settings);
    }
}

impl Store {
    pub(crate) fn new(seed: u128) -> Store {
        let shared = Shared {
            placing: Placing::new(seed),
            expiry: ExpiryIndex::default(),
            walk: None,
            effects: Effects::default(),
            settings: Settings::new(seed),
            access: Access::new(seed as u64),
            attention: Attention::default(),
            scripts: Scripts::default(),
            expired: 0,
            expired_parts: 0,
            evicted: 0,
            full: false,
            changes: 0,
            changed: false,
            lookups: Lookups::default(),
            garbage: Garbage::default(),
        };
        Store { databases: BTreeMap::new(), shared }
    }

    /// Puts a record in that a snapshot held. False if its key belongs elsewhere or is there already.
    pub(crate) fn restore(
        &mut self,
        id: u32,
        numbered: u8,
        slot: Slot,
        time_ms: u64,
        record: Record,
    ) -> bool {
        let place = self.shared.placing.of(record.key());
        let keyspace =
            self.databases.entry(id).or_insert_with(|| Database::new(id)).keyspace_or_new(numbered);
        let found = keyspace
            .table(slot)
            .map_or(Err(Position::default()), |table| table.locate(place.hash, record.key()));
        let Err(position) = found else { return false };
        if place.slot != slot {
            return false;
        }
        for at_ms in dues(&record).into_iter().flatten() {
            self.shared.expiry.insert(Due { at_ms, database: id, numbered, place });
        }
        self.shared.access.put_in(&record, time_ms);
        keyspace.put(place, position, record);
        true
    }

    /// Bytes of all that clients have put in; what the allocator adds is not in it. Takes no time.
    pub(crate) fn data_bytes(&self) -> usize {
        let keyspaces =
            self.keyspaces().map(|(_, _, keyspace)| keyspace.record_bytes() + keyspace.table_bytes());
        size_of::<Store>() + keyspaces.sum::<usize>() + self.shared.expiry.bytes()
    }

    /// All numbered databases that hold keys, in order.
    pub(crate) fn keyspaces(&self) -> impl Iterator<Item = (u32, u8, &Keyspace)> {
        self.databases.iter().flat_map(|(id, database)| {
            (0..NUMBERED_COUNT).filter_map(move |numbered| {
                database.keyspace(numbered).map(|keyspace| (*id, numbered, keyspace))
            })
        })
    }
}

/// One database: its 16 numbered ones.
#[derive(Debug)]
pub(crate) struct Database {
    id: u32,
    numbered: [Option<Box<Keyspace>>; NUMBERED_COUNT as usize],
}

impl Database {
    pub(crate) fn new(id: u32) -> Database {
        Database { id, numbered: Default::default() }
    }

    /// The numbered database, if it ever held a key.
    pub(crate) fn keyspace(&self, numbered: u8) -> Option<&Keyspace> {
        self.numbered.get(usize::from(numbered))?.as_deref()
    }

    fn keyspace_mut(&mut self, numbered: u8) -> Option<&mut Keyspace> {
        self.numbered.get_mut(usize::from(numbered))?.as_deref_mut()
    }

    /// The numbered database, made if need be.
    ///
    /// # Panics
    /// From [`NUMBERED_COUNT`] on; the executor has refused such calls.
    fn keyspace_or_new(&mut self, numbered: u8) -> &mut Keyspace {
        self.numbered[usize::from(numbered)].get_or_insert_default()
    }
}

/// The keys of one numbered database.
#[derive(Debug)]
pub(crate) struct Keyspace {
    leaves: Vec<Option<Box<Leaf>>>,
    keys: usize,
    expiring: usize,
    /// Keys of whose values parts expire.
    expiring_parts: usize,
    record_bytes: usize,
    /// Bytes of leaves and their tables.
    leaf_bytes: usize,
}

#[derive(Debug, Default)]
struct Leaf {
    tables: [Table; LEAF_SLOTS],
    keys: usize,
}

impl Default for Keyspace {
    fn default() -> Keyspace {
        let leaves = (0..usize::from(SLOT_COUNT) / LEAF_SLOTS).map(|_| None).collect();
        Keyspace { leaves, keys: 0, expiring: 0, expiring_parts: 0, record_bytes: 0, leaf_bytes: 0 }
    }
}

impl Keyspace {
    /// How many keys there are, those included that are due but not yet reclaimed.
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    /// How many of them have an expiry.
    pub(crate) fn expiring(&self) -> usize {
        self.expiring
    }

    /// How many of them have a value of which parts expire.
    pub(crate) fn expiring_parts(&self) -> usize {
        self.expiring_parts
    }

    /// Bytes of all records.
    pub(crate) fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    pub(crate) fn table(&self, slot: Slot) -> Option<&Table> {
        let (leaf, at) = split(slot);
        self.leaves[leaf].as_ref().map(|leaf| &leaf.tables[at])
    }

    /// The tables from a slot on that hold keys, in slot order.
    pub(crate) fn tables_from(&self, first: Slot) -> impl Iterator<Item = (Slot, &Table)> {
        let (leaf, at) = split(first);
        let leaves = self.leaves.iter().enumerate().skip(leaf);
        leaves.filter_map(|(n, leaf)| leaf.as_deref().map(|leaf| (n, leaf))).flat_map(move |(n, found)| {
            let skipped = if n == leaf { at } else { 0 };
            let tables = found.tables.iter().enumerate().skip(skipped);
            tables.filter(|(_, table)| !table.is_empty()).map(move |(m, table)| {
                let slot =
                    Slot::new((n * LEAF_SLOTS + m) as u16).expect("leaves cover the slots and no more");
                (slot, table)
            })
        })
    }

    /// All tables that hold keys, in slot order.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (Slot, &Table)> {
        self.tables_from(Slot::default())
    }

    /// The slot in which the key of that rank stands (in slot order), and its rank there.
    pub(crate) fn slot_of_rank(&self, rank: usize) -> Option<(Slot, usize)> {
        let mut rest = rank;
        for (n, leaf) in self.leaves.iter().enumerate() {
            let Some(leaf) = leaf else { continue };
            if rest >= leaf.keys {
                rest -= leaf.keys;
                continue;
            }
            for (m, table) in leaf.tables.iter().enumerate() {
                let length = table.len();
                if rest < length {
                    return Slot::new((n * LEAF_SLOTS + m) as u16).map(|slot| (slot, rest));
                }
                rest -= length;
            }
        }
        None
    }

    /// Bytes of tables and leaves.
    pub(crate) fn table_bytes(&self) -> usize {
        size_of::<Keyspace>() + self.leaves.capacity() * size_of::<usize>() + self.leaf_bytes
    }

    fn table_mut(&mut self, slot: Slot) -> Option<&mut Table> {
        let (leaf, at) = split(slot);
        self.leaves[leaf].as_mut().map(|leaf| &mut leaf.tables[at])
    }

    /// Takes a key out of its table, and the leaf away with its last key.
    fn take(&mut self, slot: Slot, position: Position) -> Option<Record> {
        let (leaf, at) = split(slot);
        let place = &mut self.leaves[leaf];
        let found = place.as_mut()?;
        let table = &mut found.tables[at];
        let before = table.heap_size();
        let record = table.remove(position);
        self.leaf_bytes = self.leaf_bytes - before + table.heap_size();
        found.keys -= 1;
        if found.keys == 0 {
            self.leaf_bytes -= size_of::<Leaf>();
            *place = None;
        }
        self.keys -= 1;
        self.expiring -= usize::from(record.expiry().is_some());
        self.expiring_parts -= usize::from(record.part_due().is_some());
        self.record_bytes -= record.heap_size();
        Some(record)
    }

    /// Puts a key in that its table did not find.
    fn put(&mut self, place: Place, position: Position, mut record: Record) {
        self.keys += 1;
        self.expiring += usize::from(record.expiry().is_some());
        self.expiring_parts += usize::from(record.part_due().is_some());
        self.record_bytes += record.heap_size();
        let (leaf, at) = split(place.slot);
        let place_of_leaf = &mut self.leaves[leaf];
        if place_of_leaf.is_none() {
            self.leaf_bytes += size_of::<Leaf>();
        }
        let leaf = place_of_leaf.get_or_insert_default();
        leaf.keys += 1;
        record.set_hash(place.hash);
        let table = &mut leaf.tables[at];
        let before = table.heap_size();
        table.insert(position, record);
        self.leaf_bytes = self.leaf_bytes - before + table.heap_size();
    }
}

/// When a record is due: as a whole, and the first part of it.
fn dues(record: &Record) -> [Option<u64>; 2] {
    [record.expiry(), record.part_due()]
}

fn split(slot: Slot) -> (usize, usize) {
    (slot.index() / LEAF_SLOTS, slot.index() % LEAF_SLOTS)
}
