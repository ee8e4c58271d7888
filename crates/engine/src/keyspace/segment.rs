//! An open-addressing table whose records stand in the order of their hashes.
//!
//! A record's home is its hash scaled to the number of homes, which is monotone in the hash; collisions move towards
//! the end and never wrap around. So the order of a walk depends on the keys and the seed alone, not on the table's
//! size or past: a cursor survives growth, and every replica sees the same order. Records of equal hash stand in the
//! order of their keys.
//!
//! Invariants: between a record's home and the record no place is vacant; hashes never decrease.

use super::record::Record;

/// See the module. The highest `PART_BITS` of all hashes in it are the same.
#[derive(Debug, Default)]
pub(crate) struct Segment<const PART_BITS: u32> {
    entries: Vec<Record>,
    /// How many places are some hash's home; the rest takes what is pushed over the end.
    homes: u32,
    len: u32,
}

/// How many places an allocation for at least `len` entries under the load limit should have.
///
/// Sizes follow the allocator's classes (four to each power of two), so that none of it is wasted.
fn places_for(len: usize) -> usize {
    let mut words = 4_usize;
    let mut step = 1;
    loop {
        let places = words / 3;
        if load_limit(places) >= len {
            return places;
        }
        if words >= 8 * step {
            step *= 2;
        }
        words += step;
    }
}

/// The most entries that so many places may hold.
fn load_limit(places: usize) -> usize {
    (places * 7 / 8).max(1)
}

impl<const PART_BITS: u32> Segment<PART_BITS> {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap but for what the records point to.
    pub(super) fn heap_size(&self) -> usize {
        self.entries.capacity() * size_of::<Record>()
    }

    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash << PART_BITS) * u64::from(self.homes)) >> 32) as usize
    }

    /// The first place at or after the home of `hash` whose hash is not smaller, or that is vacant.
    fn lower_bound(&self, hash: u32) -> usize {
        let mut at = self.home(hash);
        while let Some(entry) = self.entries.get(at) {
            if entry.hash() >= hash || entry.hash() == Record::VACANT {
                break;
            }
            at += 1;
        }
        at
    }

    /// The position of a key, or the position where it belongs.
    pub(super) fn locate(&self, hash: u32, key: &[u8]) -> Result<usize, usize> {
        let mut at = self.lower_bound(hash);
        while let Some(entry) = self.entries.get(at) {
            if entry.hash() != hash {
                break;
            }
            let found = entry.key();
            if found == key {
                return Ok(at);
            }
            if found > key {
                break;
            }
            at += 1;
        }
        Err(at)
    }

    /// The record at a position that [`Segment::locate`] found.
    pub(super) fn at(&self, position: usize) -> &Record {
        &self.entries[position]
    }

    /// The record at a position that [`Segment::locate`] found. Its key must not be changed.
    pub(super) fn at_mut(&mut self, position: usize) -> &mut Record {
        &mut self.entries[position]
    }

    /// Puts a key in, with its hash, that [`Segment::locate`] did not find; `position` is where it belongs.
    pub(super) fn insert(&mut self, position: usize, record: Record) {
        let mut position = position;
        if self.len() >= load_limit(self.entries.len()) {
            self.resize(places_for(self.len() + 1));
            position = match self.locate(record.hash(), record.key()) {
                Ok(position) | Err(position) => position,
            };
        }
        let vacant = (position..self.entries.len()).find(|at| self.entries[*at].hash() == Record::VACANT);
        let vacant = vacant.unwrap_or_else(|| {
            self.entries.reserve_exact(2);
            self.entries.push(Record::vacant());
            self.entries.len() - 1
        });
        self.entries[position..=vacant].rotate_right(1);
        self.entries[position] = record;
        self.len += 1;
    }

    /// Takes out the key at a position.
    pub(super) fn remove(&mut self, position: usize) -> Record {
        let removed = std::mem::replace(&mut self.entries[position], Record::vacant());
        let mut end = position + 1;
        while let Some(entry) = self.entries.get(end) {
            if entry.hash() == Record::VACANT || self.home(entry.hash()) >= end {
                break;
            }
            end += 1;
        }
        self.entries[position..end].rotate_left(1);
        self.len -= 1;
        if self.is_empty() {
            *self = Segment::default();
        } else if self.entries.len() > 8 && self.len() < self.entries.len() / 4 {
            self.resize(places_for(self.len() + self.len() / 4));
        }
        removed
    }

    fn resize(&mut self, places: usize) {
        let old = std::mem::take(&mut self.entries);
        self.homes = (places - places / 16 - usize::from(places > 1)) as u32;
        self.entries.reserve_exact(places);
        for entry in old {
            if entry.hash() != Record::VACANT {
                let home = self.home(entry.hash());
                while self.entries.len() < home {
                    self.entries.push(Record::vacant());
                }
                self.entries.push(entry);
            }
        }
        while self.entries.len() < places {
            self.entries.push(Record::vacant());
        }
    }

    /// Puts a key in whose place is behind all others.
    pub(super) fn push(&mut self, record: Record) {
        let position = self.locate(record.hash(), record.key()).unwrap_or_else(|position| position);
        self.insert(position, record);
    }

    /// All records in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().filter(|entry| entry.hash() != Record::VACANT)
    }

    /// All records in order.
    pub(super) fn into_records(self) -> impl Iterator<Item = Record> {
        self.entries.into_iter().filter(|entry| entry.hash() != Record::VACANT)
    }

    /// The records whose hash is at least `hash`, in order.
    pub(super) fn iter_from(&self, hash: u32) -> impl Iterator<Item = &Record> {
        let start = self.home(hash).min(self.entries.len());
        self.entries[start..]
            .iter()
            .filter(move |entry| entry.hash() != Record::VACANT && entry.hash() >= hash)
    }

    /// The records of exactly that hash: hardly ever more than one.
    pub(super) fn iter_equal(&self, hash: u32) -> impl Iterator<Item = &Record> {
        let start = self.lower_bound(hash);
        self.entries.get(start..).unwrap_or_default().iter().take_while(move |entry| entry.hash() == hash)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::value::{StringForm, ValueRef};

    fn record(hash: u32, key: &[u8]) -> Record {
        let mut record = Record::string(key, key, StringForm::Auto, None);
        record.set_hash(hash);
        record
    }

    fn check(table: &Segment<0>) {
        let mut last = 0;
        let mut count = 0;
        for (at, entry) in table.entries.iter().enumerate() {
            if entry.hash() == Record::VACANT {
                continue;
            }
            let home = table.home(entry.hash());
            assert!(home <= at && entry.hash() >= last);
            assert!(table.entries[home..at].iter().all(|between| between.hash() != Record::VACANT));
            last = entry.hash();
            count += 1;
        }
        assert_eq!(count, table.len());
    }

    proptest! {
        /// Few distinct hashes, at both ends of the range too, make long runs and equal hashes.
        #[test]
        fn a_table_is_a_map_ordered_by_hash_and_key(
            steps in prop::collection::vec((any::<bool>(), 0_u8..12, 0_u8..12), 1..400),
        ) {
            let mut table = Segment::<0>::default();
            let mut model = BTreeMap::new();
            for (insert, hash, key) in steps {
                let hash = match hash { 0 => 1, 11 => u32::MAX, n => u32::from(n) << 28 };
                let key = [key];
                match (table.locate(hash, &key), insert) {
                    (Err(position), true) => {
                        prop_assert!(!model.contains_key(&(hash, key)));
                        table.insert(position, record(hash, &key));
                        model.insert((hash, key), ());
                    }
                    (Ok(position), false) => {
                        prop_assert!(table.remove(position).key() == key);
                        prop_assert!(model.remove(&(hash, key)).is_some());
                    }
                    (Ok(_), true) => prop_assert!(model.contains_key(&(hash, key))),
                    (Err(_), false) => prop_assert!(!model.contains_key(&(hash, key))),
                }
                check(&table);
                let order: Vec<_> = table.iter().map(|record| (record.hash(), [record.key()[0]])).collect();
                prop_assert_eq!(order, model.keys().copied().collect::<Vec<_>>());
                let from: Vec<_> = table.iter_from(hash).map(|record| (record.hash(), [record.key()[0]])).collect();
                prop_assert_eq!(from, model.range((hash, [0])..).map(|(at, ())| *at).collect::<Vec<_>>());
                let equal = model.keys().filter(|at| at.0 == hash).count();
                prop_assert_eq!(table.iter_equal(hash).count(), equal);
            }
        }
    }

    #[test]
    fn a_big_table_finds_everything_and_shrinks() {
        let mut table = Segment::<0>::default();
        let keys: Vec<(u32, [u8; 4])> =
            (1_u32..20_000).map(|n| (n.wrapping_mul(2_654_435_761).max(1), n.to_le_bytes())).collect();
        for (hash, key) in &keys {
            let position = table.locate(*hash, key).unwrap_err();
            table.insert(position, record(*hash, key));
        }
        check(&table);
        assert!(table.entries.len() * 5 < table.len() * 8, "load above 0.62");
        for (hash, key) in &keys {
            let position = table.locate(*hash, key).unwrap();
            let ValueRef::Str { bytes, .. } = table.at(position).value() else { panic!("a string") };
            assert_eq!(bytes, key);
            table.remove(position);
        }
        assert!(table.is_empty() && table.entries.len() < 16);
    }
}
