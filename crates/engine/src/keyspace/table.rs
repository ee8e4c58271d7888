//! The keys of one slot, in the order of their hashes: see [`Segment`].
//!
//! A small table is one segment. A big one (clients can put any number of keys in one slot, by a hash tag) is split by
//! the highest bits of the hash, so that growing it never moves more than a small part at a time. The order is the
//! same.

use super::{record::Record, segment::Segment};

/// See the module.
#[derive(Debug)]
pub(crate) enum Table {
    One(Segment<0>),
    Split(Box<Split>),
}

/// Tables stand in leaves side by side.
const _: () = assert!(size_of::<Table>() == 32);

#[derive(Debug)]
pub(crate) struct Split {
    parts: Vec<Segment<PART_BITS>>,
    len: usize,
    /// Bytes of the parts on the heap.
    heap: usize,
}

/// A position that [`Table::locate`] found. Good until the table changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    part: u32,
    at: u32,
}

/// A table is split into so many parts (a power of two).
const PART_BITS: u32 = 10;

/// A table of so many keys is split.
const SPLIT_FROM: usize = 32 * 1024;

/// A split table of fewer keys becomes one again.
const ONE_BELOW: usize = 8 * 1024;

impl Default for Table {
    fn default() -> Table {
        Table::One(Segment::default())
    }
}

fn part_of(hash: u32) -> usize {
    (hash >> (u32::BITS - PART_BITS)) as usize
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        match self {
            Table::One(segment) => segment.len(),
            Table::Split(split) => split.len,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap but for what the records point to.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Table::One(segment) => segment.heap_size(),
            Table::Split(split) => size_of::<Split>() + size_of_val(&*split.parts) + split.heap,
        }
    }

    /// The position of a key, or the position where it belongs.
    #[inline]
    pub(crate) fn locate(&self, hash: u32, key: &[u8]) -> Result<Position, Position> {
        let (part, found) = match self {
            Table::One(segment) => (0, segment.locate(hash, key)),
            Table::Split(split) => {
                let part = part_of(hash);
                (part as u32, split.parts[part].locate(hash, key))
            }
        };
        let position = |at| Position { part, at: at as u32 };
        found.map(position).map_err(position)
    }

    /// The record at a position.
    #[inline]
    pub(crate) fn at(&self, position: Position) -> &Record {
        match self {
            Table::One(segment) => segment.at(position.at as usize),
            Table::Split(split) => split.parts[position.part as usize].at(position.at as usize),
        }
    }

    /// The record at a position. Its key must not be changed.
    pub(crate) fn at_mut(&mut self, position: Position) -> &mut Record {
        match self {
            Table::One(segment) => segment.at_mut(position.at as usize),
            Table::Split(split) => split.parts[position.part as usize].at_mut(position.at as usize),
        }
    }

    /// Puts a key in, with its hash, that [`Table::locate`] did not find; `position` is where it belongs.
    pub(crate) fn insert(&mut self, position: Position, record: Record) {
        match self {
            Table::One(segment) => {
                segment.insert(position.at as usize, record);
                if segment.len() >= SPLIT_FROM {
                    let mut split = Split { parts: Vec::new(), len: segment.len(), heap: 0 };
                    split.parts.resize_with(1 << PART_BITS, Segment::default);
                    for record in std::mem::take(segment).into_records() {
                        split.parts[part_of(record.hash())].push(record);
                    }
                    split.heap = split.parts.iter().map(Segment::heap_size).sum();
                    *self = Table::Split(Box::new(split));
                }
            }
            Table::Split(split) => {
                let part = &mut split.parts[position.part as usize];
                let before = part.heap_size();
                part.insert(position.at as usize, record);
                split.heap = split.heap - before + part.heap_size();
                split.len += 1;
            }
        }
    }

    /// Takes out the key at a position.
    pub(crate) fn remove(&mut self, position: Position) -> Record {
        match self {
            Table::One(segment) => segment.remove(position.at as usize),
            Table::Split(split) => {
                let part = &mut split.parts[position.part as usize];
                let before = part.heap_size();
                let record = part.remove(position.at as usize);
                split.heap = split.heap - before + part.heap_size();
                split.len -= 1;
                if split.len < ONE_BELOW {
                    let mut one = Segment::default();
                    std::mem::take(&mut split.parts)
                        .into_iter()
                        .flat_map(Segment::into_records)
                        .for_each(|record| one.push(record));
                    *self = Table::One(one);
                }
                record
            }
        }
    }

    /// All keys in order, with their hashes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Record)> {
        self.iter_from(0)
    }

    /// The keys whose hash is at least `hash`, in order.
    pub(crate) fn iter_from(&self, hash: u32) -> impl Iterator<Item = (u32, &Record)> {
        let (one, parts) = match self {
            Table::One(segment) => (Some(segment), &[][..]),
            Table::Split(split) => (None, &split.parts[part_of(hash)..]),
        };
        let one = one.into_iter().flat_map(move |segment| segment.iter_from(hash));
        let first = parts.first().into_iter().flat_map(move |part| part.iter_from(hash));
        let others = parts.iter().skip(1).flat_map(Segment::iter);
        one.chain(first).chain(others).map(|record| (record.hash(), record))
    }

    /// The keys of exactly that hash: hardly ever more than one.
    pub(crate) fn iter_equal(&self, hash: u32) -> impl Iterator<Item = &Record> {
        let (one, part) = match self {
            Table::One(segment) => (Some(segment), None),
            Table::Split(split) => (None, split.parts.get(part_of(hash))),
        };
        let one = one.into_iter().flat_map(move |segment| segment.iter_equal(hash));
        one.chain(part.into_iter().flat_map(move |part| part.iter_equal(hash)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::StringForm;

    /// Whether a split table knows how large its parts are.
    fn is_counted(table: &Table) -> bool {
        match table {
            Table::One(_) => true,
            Table::Split(split) => split.heap == split.parts.iter().map(Segment::heap_size).sum::<usize>(),
        }
    }

    #[test]
    fn a_table_is_ordered_whatever_its_size() {
        const KEYS: u32 = 50_000;
        let keys: Vec<(u32, [u8; 4])> =
            (1..=KEYS).map(|n| (n.wrapping_mul(2_654_435_761).max(1), n.to_le_bytes())).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let mut table = Table::default();
        for (hash, key) in &keys {
            let mut record = Record::string(key, b"", StringForm::Auto, None);
            record.set_hash(*hash);
            let position = table.locate(*hash, key).unwrap_err();
            table.insert(position, record);
        }
        assert!(matches!(table, Table::Split(_)) && table.len() == keys.len());
        assert!(is_counted(&table));
        for from in [0, 1, 1 << 22, (1 << 22) - 1, 3 << 30, u32::MAX] {
            let walked = table.iter_from(from).map(|(hash, record)| (hash, record.key().to_vec()));
            let expected = sorted.iter().filter(|(hash, _)| *hash >= from);
            assert!(walked.eq(expected.map(|(hash, key)| (*hash, key.to_vec()))), "from {from}");
        }
        for (removed, (hash, key)) in keys.iter().enumerate() {
            assert_eq!(table.iter_equal(*hash).count(), 1);
            let position = table.locate(*hash, key).unwrap();
            assert!(table.at(position).key() == key && table.remove(position).key() == key);
            assert_eq!(table.len(), keys.len() - removed - 1);
            if removed % 10_000 == 0 {
                assert!(is_counted(&table));
                assert_eq!(table.iter().count(), table.len());
            }
        }
        assert!(matches!(table, Table::One(_)) && table.is_empty());
    }
}
