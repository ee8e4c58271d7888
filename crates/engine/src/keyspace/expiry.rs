//! Which keys fall due when: one index over all databases of the shard.
//!
//! Exact, never lazy: it holds an entry for every key with an expiry and nothing else, so that what a budget reclaims
//! is the same on a replica that has seen the whole log and on one that started from a snapshot. (Keys of the same
//! slot, hash and expiry share an entry.)

use std::collections::{BTreeMap, BTreeSet};

use super::place::Place;

/// Words from the most significant on, so that the derived order is by time first. 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
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

/// Bytes that an entry takes, on the average fill of a tree's nodes.
const ENTRY_BYTES: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ExpiryIndex {
    entries: BTreeSet<Entry>,
    /// How many entries each numbered database has.
    counts: BTreeMap<(u32, u8), usize>,
}

impl ExpiryIndex {
    pub(crate) fn insert(&mut self, due: Due) {
        if self.entries.insert(due.into()) {
            *self.counts.entry((due.database, due.numbered)).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, due: Due) {
        if self.entries.remove(&due.into())
            && let Some(count) = self.counts.get_mut(&(due.database, due.numbered))
        {
            *count -= 1;
        }
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

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.len() * ENTRY_BYTES
    }

    /// All entries, by their time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Due> {
        self.entries.iter().map(|entry| entry.due())
    }

    /// The entries from a time on that lies at `share` (of 2^32) between the first and the last.
    pub(crate) fn iter_from_share(&self, share: u32) -> impl Iterator<Item = Due> {
        let first = self.entries.first().map_or(0, Entry::at_ms);
        let span = self.entries.last().map_or(0, Entry::at_ms) - first;
        let at_ms = first + ((u128::from(span) * u128::from(share)) >> 32) as u64;
        let from = Entry {
            at_high: (at_ms >> 32) as u32,
            at_low: at_ms as u32,
            database: 0,
            numbered_and_slot: 0,
            hash: 0,
        };
        self.entries.range(from..).map(|entry| entry.due())
    }

    /// Takes all entries of a numbered database out. Takes no time if there are no others.
    pub(crate) fn clear(&mut self, database: u32, numbered: u8) -> BTreeSet<Entry> {
        let count = self.counts.remove(&(database, numbered)).unwrap_or(0);
        if count == self.entries.len() {
            return std::mem::take(&mut self.entries);
        }
        let cleared = |entry: &Entry| {
            entry.database == database && entry.numbered_and_slot >> 16 == u32::from(numbered)
        };
        self.entries.retain(|entry| !cleared(entry));
        BTreeSet::new()
    }
}
