//! One group in memory: where each of its entries is, and what it has been told to remember.
//!
//! Memory is ahead of the disk: it shows what was asked for, while the queue to the writer still holds the records.
//! Each change is made and queued under the group's lock, so that the queue has the order of memory.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::{LogEntry, LogPosition, record::record_bytes};

/// Where an entry's record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Waiting to be written, by the append of this number.
    Queued(u64),
    /// In a segment.
    At { generation: u32, offset: u32 },
}

/// An entry in the index.
pub(super) struct Slot {
    pub(super) term: u64,
    pub(super) place: Place,
    /// Kept until written, and then as long as the cache has room.
    pub(super) payload: Option<Bytes>,
    pub(super) length: u32,
    pub(super) kind: u8,
}

impl Slot {
    pub(super) fn bytes(&self) -> u64 {
        record_bytes(self.length as usize)
    }
}

/// Bytes of records that no longer matter, by the segment they are in.
pub(super) type Freed = Vec<(u32, u64)>;

/// A group's state.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
    pub(super) purged: Option<LogPosition>,
    /// Index of the first slot.
    pub(super) first: u64,
    pub(super) slots: VecDeque<Slot>,
    /// Bytes of the records of all slots.
    pub(super) bytes: u64,
    /// How many appends there were.
    pub(super) appends: u64,
}

impl Memory {
    /// Whether there is nothing to remember of the group, not even that it was there.
    pub(super) fn is_empty(&self) -> bool {
        let marked = self.vote.is_some() || self.committed.is_some() || self.purged.is_some();
        !marked && self.slots.is_empty()
    }

    pub(super) fn last(&self) -> Option<LogPosition> {
        let last = self.slots.back().map(|slot| LogPosition { term: slot.term, index: self.end() - 1 });
        last.or(self.purged)
    }

    /// The index after the last slot.
    pub(super) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    pub(super) fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Whether entries that start at `index` may be appended.
    pub(super) fn accepts(&self, index: u64) -> bool {
        match (self.slots.is_empty(), self.purged) {
            (false, _) => index == self.end(),
            (true, Some(purged)) => index == purged.index.saturating_add(1),
            (true, None) => true,
        }
    }

    /// Adds entries whose indexes follow each other; the number is that of [`Place::Queued`].
    pub(super) fn append(&mut self, entries: &[LogEntry]) -> u64 {
        self.appends += 1;
        if self.slots.is_empty() {
            self.first = entries.first().map_or(self.first, |entry| entry.index);
        }
        for entry in entries {
            let slot = Slot {
                term: entry.term,
                place: Place::Queued(self.appends),
                payload: Some(entry.data.clone()),
                length: entry.data.len() as u32,
                kind: entry.kind,
            };
            self.bytes += slot.bytes();
            self.slots.push_back(slot);
        }
        self.appends
    }

    /// Notes where the entries of an append were written, and says how many bytes of them still matter.
    pub(super) fn place(&mut self, append: u64, entries: &[LogEntry], generation: u32, start: u64) -> u64 {
        let mut offset = start;
        let mut live = 0;
        for entry in entries {
            let bytes = record_bytes(entry.data.len());
            if let Some(slot) = self.slot_mut(entry.index).filter(|slot| slot.place == Place::Queued(append))
            {
                slot.place = Place::At { generation, offset: offset as u32 };
                live += bytes;
            }
            offset += bytes;
        }
        live
    }

    /// Notes that an entry's record was repeated elsewhere; false if the entry is no longer at `from`.
    pub(super) fn relocate(&mut self, index: u64, from: Place, to: Place) -> bool {
        match self.slot_mut(index) {
            Some(slot) if slot.place == from => {
                slot.place = to;
                true
            }
            _ => false,
        }
    }

    /// Drops the payloads of written entries.
    pub(super) fn forget_payloads(&mut self, range: Range<u64>) {
        for index in range.start.max(self.first)..range.end.min(self.end()) {
            if let Some(slot) = self.slot_mut(index)
                && matches!(slot.place, Place::At { .. })
            {
                slot.payload = None;
            }
        }
    }

    pub(super) fn truncate_after(&mut self, index: Option<u64>) -> Freed {
        let keep = index.map_or(0, |index| index.saturating_add(1).saturating_sub(self.first));
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).min(self.slots.len());
        let dropped = self.slots.split_off(keep);
        self.freed(dropped)
    }

    pub(super) fn purge(&mut self, upto: LogPosition) -> Freed {
        if self.purged.is_some_and(|purged| purged.index >= upto.index) {
            return Vec::new();
        }
        self.purged = Some(upto);
        let count = upto.index.saturating_add(1).saturating_sub(self.first);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.slots.len());
        let kept = self.slots.split_off(count);
        let dropped = std::mem::replace(&mut self.slots, kept);
        self.first = upto.index.saturating_add(1).max(self.first);
        self.freed(dropped)
    }

    pub(super) fn remove(&mut self) -> Freed {
        let appends = self.appends;
        let dropped = std::mem::take(&mut self.slots);
        let freed = self.freed(dropped);
        *self = Memory { appends, ..Memory::default() };
        freed
    }

    fn freed(&mut self, dropped: VecDeque<Slot>) -> Freed {
        let mut freed: BTreeMap<u32, u64> = BTreeMap::new();
        for slot in dropped {
            self.bytes -= slot.bytes();
            // What is not written yet is counted by nobody.
            if let Place::At { generation, .. } = slot.place {
                *freed.entry(generation).or_default() += slot.bytes();
            }
        }
        freed.into_iter().collect()
    }
}

/// A group that caller and writer share.
pub(super) struct Cell {
    pub(super) id: u32,
    pub(super) memory: Mutex<Memory>,
}

/// All groups of a log.
#[derive(Clone, Default)]
pub(super) struct Groups(Arc<RwLock<BTreeMap<u32, Arc<Cell>>>>);

impl Groups {
    pub(super) fn get(&self, id: u32) -> Option<Arc<Cell>> {
        self.0.read().get(&id).cloned()
    }

    pub(super) fn get_or_create(&self, id: u32) -> Arc<Cell> {
        if let Some(cell) = self.get(id) {
            return cell;
        }
        let new = || Arc::new(Cell { id, memory: Mutex::default() });
        self.0.write().entry(id).or_insert_with(new).clone()
    }

    pub(super) fn all(&self) -> Vec<Arc<Cell>> {
        self.0.read().values().cloned().collect()
    }
}
