//! Which keys fall due when: one index over all databases of the shard.
//!
//! Exact, never lazy: it holds an entry for every key with an expiry and nothing else, so that what a budget reclaims
//! is the same on a replica that has seen the whole log and on one that started from a snapshot. (Keys of the same
//! slot, hash and expiry share an entry.)

use std::collections::BTreeSet;

use super::place::Place;

/// Words from the most significant on, so that the derived order is by time first. 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at_high: u32,
    at_low: u32,
    database: u32,
    numbered_and_slot: u32,
    hash: u32,
}

/// A place in which at least one key expires at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at_ms: u64,
    pub(crate) database: u32,
    pub(crate) numbered: u8,
    pub(crate) place: Place,
}

impl From<Due> for Entry {
    fn from(due: Due) -> Entry {
        Entry {
            at_high: (due.at_ms >> 32) as u32,
            at_low: due.at_ms as u32,
            database: due.database,
            numbered_and_slot: u32::from(due.numbered) << 16 | u32::from(due.place.slot.number()),
            hash: due.place.hash,
        }
    }
}

impl Entry {
    fn at_ms(&self) -> u64 {
        u64::from(self.at_high) << 32 | u64::from(self.at_low)
    }

    fn due(self) -> Due {
        let slot = meridian_topology::Slot::new(self.numbered_and_slot as u16).expect("was made from a slot");
        Due {
            at_ms: self.at_ms(),
            database: self.database,
            numbered: (self.numbered_and_slot >> 16) as u8,
            place: Place { slot, hash: self.hash },
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ExpiryIndex {
    entries: BTreeSet<Entry>,
}

impl ExpiryIndex {
    pub(crate) fn insert(&mut self, due: Due) {
        self.entries.insert(due.into());
    }

    pub(crate) fn remove(&mut self, due: Due) {
        self.entries.remove(&due.into());
    }

    /// When the first key falls due.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.entries.first().map(Entry::at_ms)
    }

    /// The first entry, if it is due at `now_ms`.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Due> {
        self.entries.first().filter(|entry| entry.at_ms() <= now_ms).map(|entry| entry.due())
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops all entries of a numbered database.
    pub(crate) fn clear(&mut self, database: u32, numbered: u8) {
        let cleared = |entry: &Entry| {
            entry.database == database && entry.numbered_and_slot >> 16 == u32::from(numbered)
        };
        self.entries.retain(|entry| !cleared(entry));
    }
}
