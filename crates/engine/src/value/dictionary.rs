//! Large collections of texts, each with a value and perhaps an expiry: a table in the order of keyed hashes.
//!
//! It is the table that also holds the keys of a slot. Its order depends on what it holds and on its seed alone, so
//! that a cursor stays good while it grows, and every replica draws the same at random. The seed is part of the state.

use siphasher::sip::SipHasher13;

use crate::{
    keyspace::{Record, Table},
    random::Random,
    snapshot::{CorruptSnapshot, Input, put_bytes, put_varint},
    value::{StringForm, ValueRef},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Dictionary {
    table: Table,
    seed: u64,
    record_bytes: usize,
}

/// Bytes of a place in the table, on the average fill.
const PLACE_BYTES: usize = 32;

/// Of so many entries one is drawn by its rank, of more by its hash.
const RANK_MAX: usize = 64;

/// When drawing by hash, ranges of it are looked at that hold 16 to 32 entries on the average, and never so many.
const RANGE_MAX: u64 = 128;
const RANGE_BITS: u32 = 4;

/// Draws before something is taken that is not quite random: never reached by keyed hashes.
const DRAWS_MAX: usize = 10_000;

impl Clone for Dictionary {
    fn clone(&self) -> Dictionary {
        let mut copy = Dictionary::new(self.seed);
        for record in self.iter() {
            copy.set(record.key(), text(record), record.expiry());
        }
        copy
    }
}

/// The value of an entry.
pub(crate) fn text(record: &Record) -> &[u8] {
    match record.value() {
        ValueRef::Str { bytes, .. } => bytes,
        _ => unreachable!("a dictionary holds nothing else"),
    }
}

impl Dictionary {
    pub(crate) fn new(seed: u64) -> Dictionary {
        Dictionary { table: Table::default(), seed, record_bytes: 0 }
    }

    fn hash(&self, key: &[u8]) -> u32 {
        let hash = SipHasher13::new_with_keys(self.seed, 0x636f_6c6c_6563_7469).hash(key);
        ((hash >> 32) as u32).max(1)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes on the heap, about.
    pub(crate) fn heap_size(&self) -> usize {
        self.record_bytes + self.len() * PLACE_BYTES
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Record> {
        let position = self.table.locate(self.hash(key), key).ok()?;
        Some(self.table.at(position))
    }

    /// Sets value and expiry of a key; whether it is new.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<u64>) -> bool {
        let hash = self.hash(key);
        match self.table.locate(hash, key) {
            Ok(position) => {
                let record = self.table.at_mut(position);
                self.record_bytes -= record.heap_size();
                record.set_string(value, StringForm::Auto, expiry);
                self.record_bytes += record.heap_size();
                false
            }
            Err(position) => {
                let mut record = Record::string(key, value, StringForm::Auto, expiry);
                record.set_hash(hash);
                self.record_bytes += record.heap_size();
                self.table.insert(position, record);
                true
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Record> {
        let position = self.table.locate(self.hash(key), key).ok()?;
        let record = self.table.remove(position);
        self.record_bytes -= record.heap_size();
        Some(record)
    }

    /// All entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.table.iter().map(|(_, record)| record)
    }

    /// At least `count` entries from a cursor on, and the cursor to go on with: 0 at the end. Entries of equal hash
    /// come together.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (Vec<&Record>, u64) {
        let mut found = Vec::new();
        let Ok(from) = u32::try_from(cursor) else { return (found, 0) };
        let mut last = 0;
        for (hash, record) in self.table.iter_from(from) {
            if found.len() >= count && hash != last {
                return (found, u64::from(hash));
            }
            last = hash;
            found.push(record);
        }
        (found, 0)
    }

    /// An entry drawn at random, each as likely as any other.
    ///
    /// The table's layout depends on its past, so that places must not be drawn. Ranges of hashes are: of equal size,
    /// each taken with a chance that grows with what it holds.
    pub(crate) fn random(&self, random: &Random) -> Option<&Record> {
        let length = self.len();
        if length <= RANK_MAX {
            let rank = random.below((length as u64).max(1));
            return self.iter().nth(rank as usize);
        }
        let shift = u32::BITS - (length.ilog2() - RANGE_BITS);
        for _ in 0..DRAWS_MAX {
            let range = random.next() as u32 >> shift;
            let rank = random.below(RANGE_MAX) as usize;
            let entries = self.table.iter_from(range << shift);
            let found = entries.take_while(|(hash, _)| hash >> shift == range).nth(rank);
            if let Some((_, record)) = found {
                return Some(record);
            }
        }
        self.iter().next()
    }

    /// Appends seed, count and for each entry `key | value | expiry as LEB128, 0 for none`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seed.to_le_bytes());
        put_varint(out, self.len() as u64);
        for record in self.iter() {
            put_bytes(out, record.key());
            put_bytes(out, text(record));
            put_varint(out, record.expiry().unwrap_or(0));
        }
    }

    /// Reads what [`Dictionary::encode`] wrote; an empty one, or one that holds something twice, is refused.
    pub(crate) fn decode(input: &mut Input<'_>) -> Result<Dictionary, CorruptSnapshot> {
        let mut dictionary = Dictionary::new(input.u64()?);
        for _ in 0..input.varint()? {
            let (key, value) = (input.bytes()?, input.bytes()?);
            let expiry = Some(input.varint()?).filter(|at_ms| *at_ms != 0);
            if !dictionary.set(key, value, expiry) {
                return Err(CorruptSnapshot::Malformed);
            }
        }
        if dictionary.is_empty() {
            return Err(CorruptSnapshot::Malformed);
        }
        Ok(dictionary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_drawn_about_as_often() {
        for length in [10_u32, 100, 5000] {
            let mut dictionary = Dictionary::new(7);
            for n in 0..length {
                assert!(dictionary.set(&n.to_le_bytes(), b"", None));
            }
            let random = Random::new(3);
            let mut counts = vec![0_u32; length as usize];
            for _ in 0..length * 100 {
                let record = dictionary.random(&random).unwrap();
                counts[u32::from_le_bytes(record.key().try_into().unwrap()) as usize] += 1;
            }
            let square: f64 = counts.iter().map(|count| (f64::from(*count) - 100.0).powi(2) / 100.0).sum();
            let freedom = f64::from(length - 1);
            assert!((square - freedom).abs() < 6.0 * (2.0 * freedom).sqrt(), "{square} of {freedom}");
        }
    }

    #[test]
    fn a_walk_goes_on_while_the_table_grows() {
        let mut dictionary = Dictionary::new(7);
        for n in 0..1000_u32 {
            dictionary.set(&n.to_le_bytes(), b"x", None);
        }
        let (mut found, mut cursor) = (std::collections::BTreeSet::new(), 0);
        loop {
            let (some, next) = dictionary.scan(cursor, 10);
            found.extend(some.iter().map(|record| record.key().to_vec()));
            cursor = next;
            if cursor == 0 {
                break;
            }
            let more = 1000 + found.len() as u32;
            dictionary.set(&more.to_le_bytes(), b"x", None);
        }
        assert!((0..1000_u32).all(|n| found.contains(&n.to_le_bytes()[..])));
        let mut bytes = Vec::new();
        dictionary.encode(&mut bytes);
        let restored = Dictionary::decode(&mut Input::new(&bytes)).unwrap();
        let mut again = Vec::new();
        restored.encode(&mut again);
        assert_eq!(bytes, again);
    }
}
