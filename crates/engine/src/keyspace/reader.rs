//! What a command that only reads sees of one numbered database.
//!
//! Two times matter (design §5.4). What expired at or before the time of the last entry is absent. What expires
//! between that and the reader's own clock may be neither shown nor hidden: the reader notes it, and the caller must
//! read again after a later entry. Inside an entry both times are the same.

use std::cell::{Cell, RefCell};

use meridian_command::{ReplyError, acl::Told};
use meridian_topology::{DatabaseId, Slot};

use super::{Access, Database, Keyspace, Place, Position, Record, Shared, Table};
use crate::{
    effect::{Effect, EventClass, KeyAt},
    random::Random,
    scripts::Known,
    settings::Settings,
    value::{Collection, ValueRef},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    database: Option<&'a Database>,
    numbered: u8,
    shared: &'a Shared,
    entry_ms: u64,
    now_ms: u64,
    random: &'a Random,
    needs_tick: Cell<bool>,
    /// Keys that are looked up do not count as used.
    untouched: bool,
    /// Keys that were looked up and not there, if somebody wants to hear of that.
    misses: RefCell<Vec<Effect>>,
    /// What was refused to scripts of the command under way.
    told: RefCell<Told>,
}

/// A slot of up to so many keys gives a random key by exact rank; a bigger one by a random hash.
const RANK_WALK_MAX: usize = 256;

/// How often a random key is drawn anew because the one drawn has expired.
const RANDOM_TRIES: usize = 100;

impl<'a> Reader<'a> {
    pub(crate) fn new(
        database: Option<&'a Database>,
        shared: &'a Shared,
        random: &'a Random,
        entry_ms: u64,
        now_ms: u64,
    ) -> Reader<'a> {
        Reader {
            database,
            numbered: 0,
            shared,
            entry_ms,
            now_ms,
            random,
            needs_tick: Cell::new(false),
            untouched: false,
            misses: RefCell::default(),
            told: RefCell::default(),
        }
    }

    /// Notes what was refused to a script.
    pub(crate) fn tell(&self, told: Told) {
        self.told.borrow_mut().merge(told);
    }

    /// Takes what was refused to scripts.
    pub(crate) fn take_told(&self) -> Told {
        self.told.take()
    }

    /// Reads another numbered database from now on.
    pub(crate) fn select(&mut self, numbered: u8) {
        self.numbered = numbered;
    }

    /// A reader of the same state that may go to other numbered databases.
    pub(crate) fn again(&self) -> Reader<'a> {
        let mut again = Reader::new(self.database, self.shared, self.random, self.entry_ms, self.now_ms);
        again.select(self.numbered);
        again.leave_untouched(self.untouched);
        again
    }

    /// Whether keys that are looked up from now on do not count as used.
    pub(crate) fn leave_untouched(&mut self, untouched: bool) {
        self.untouched = untouched;
    }

    /// The numbered database that is read.
    pub(crate) fn numbered(&self) -> u8 {
        self.numbered
    }

    /// What cannot be answered outside the log goes through it, as if a key had fallen due.
    pub(crate) fn ask_for_log(&self) {
        self.needs_tick.set(true);
    }

    /// The scripts and functions that the database knows, if it ever learned one.
    pub(crate) fn scripts(&self) -> Option<&'a Known> {
        self.shared.scripts.of(self.database?.id)
    }

    /// Whether something was met whose expiry lies between the last entry and the reader's clock.
    pub(crate) fn needs_tick(&self) -> bool {
        self.needs_tick.get()
    }

    /// The reader's clock.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The time of the last entry: what is due then is gone.
    pub(crate) fn entry_ms(&self) -> u64 {
        self.entry_ms
    }

    /// The keys, if there ever were any.
    pub(crate) fn keyspace(&self) -> Option<&'a Keyspace> {
        self.database?.keyspace(self.numbered)
    }

    /// Whether a record is there as far as its expiry goes.
    pub(crate) fn is_visible(&self, record: &Record) -> bool {
        if let Some(at_ms) = record.part_due()
            && at_ms <= self.now_ms
        {
            if at_ms > self.entry_ms {
                self.needs_tick.set(true);
            } else if !record.has_parts(self.entry_ms) {
                return false;
            }
        }
        match record.expiry() {
            None => true,
            Some(at_ms) if at_ms <= self.entry_ms => false,
            Some(at_ms) => {
                if at_ms <= self.now_ms {
                    self.needs_tick.set(true);
                }
                true
            }
        }
    }

    /// Looks a key up without noting that it was used.
    pub(crate) fn peek(&self, key: &[u8]) -> Option<&'a Record> {
        let (table, position) = self.position(key)?;
        Some(table.at(position)).filter(|record| self.is_visible(record))
    }

    /// Looks a key up.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&'a Record> {
        let found = self.position(key).map(|(table, position)| table.at(position));
        let Some(record) = found.filter(|record| self.is_visible(record)) else {
            self.shared.lookups.count(false);
            self.missed(key);
            return None;
        };
        self.shared.lookups.count(true);
        if !self.untouched {
            self.shared.access.touch(record, self.now_ms);
        }
        Some(record)
    }

    /// Looks a key up that does not count as used.
    pub(crate) fn look(&self, key: &[u8]) -> Option<&'a Record> {
        let found = self.peek(key);
        self.shared.lookups.count(found.is_some());
        if found.is_none() {
            self.missed(key);
        }
        found
    }

    fn missed(&self, key: &[u8]) {
        if self.shared.effects.wants_event(EventClass::Missed) {
            // A database without a key has no number yet, and the events are those of the only one that has any.
            let database = DatabaseId(self.database.map_or(DatabaseId::DEFAULT.0, |database| database.id));
            let key = KeyAt { database, numbered: self.numbered, key: key.into() };
            let miss = Effect::Event { class: EventClass::Missed, name: "keymiss", key };
            self.misses.borrow_mut().push(miss);
        }
    }

    /// Takes what a script that runs inside this read has to tell.
    pub(crate) fn note(&self, misses: Vec<Effect>) {
        self.misses.borrow_mut().extend(misses);
    }

    /// Whether anybody hears what scripts read.
    pub(crate) fn tells_reads(&self) -> bool {
        self.shared.effects.is_wanted()
    }

    /// A script has read the keys. To be told only if [`Reader::tells_reads`].
    pub(crate) fn read_by_script<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let database = DatabaseId(self.database.map_or(DatabaseId::DEFAULT.0, |database| database.id));
        let read = |key: &[u8]| Effect::Read(KeyAt { database, numbered: self.numbered, key: key.into() });
        self.misses.borrow_mut().extend(keys.map(read));
    }

    /// The keys that were looked up and not there, as events, and those that scripts have read.
    pub(crate) fn take_misses(&self) -> Vec<Effect> {
        self.misses.take()
    }

    /// A key's string; an error if it holds something else.
    pub(crate) fn string(&self, key: &[u8]) -> Result<Option<&'a [u8]>, ReplyError> {
        match self.find(key).map(Record::value) {
            None => Ok(None),
            Some(ValueRef::Str { bytes, .. }) => Ok(Some(bytes)),
            Some(_) => Err(ReplyError::WRONG_TYPE),
        }
    }

    /// A key's collection; an error if it holds something else.
    pub(crate) fn collection<T: Collection>(&self, key: &[u8]) -> Result<Option<T::Seen<'a>>, ReplyError> {
        match self.find(key) {
            None => Ok(None),
            Some(record) => record.collection::<T>().map(Some).ok_or(ReplyError::WRONG_TYPE),
        }
    }

    /// The replicated settings.
    pub(crate) fn settings(&self) -> &'a Settings {
        &self.shared.settings
    }

    /// What is known of the uses of keys.
    pub(crate) fn access(&self) -> &'a Access {
        &self.shared.access
    }

    /// What is drawn at random: in an entry the same on all replicas.
    pub(crate) fn random(&self) -> &'a Random {
        self.random
    }

    /// A random key. Where it falls depends on the keys and the draw alone.
    pub(crate) fn random_key(&self) -> Option<&'a [u8]> {
        let keyspace = self.keyspace()?;
        for _ in 0..RANDOM_TRIES {
            let rank = self.random.below(keyspace.keys() as u64) as usize;
            let (slot, rank) = keyspace.slot_of_rank(rank)?;
            let record = self.draw(keyspace.table(slot)?, rank)?;
            if self.is_visible(record) {
                return Some(record.key());
            }
        }
        let records = keyspace.tables_from(Slot::default()).flat_map(|(_, table)| table.iter());
        let mut records = records.map(|(_, record)| record);
        records.find(|record| self.is_visible(record)).map(Record::key)
    }

    fn draw(&self, table: &'a Table, rank: usize) -> Option<&'a Record> {
        if table.len() <= RANK_WALK_MAX {
            return table.iter().nth(rank).map(|(_, record)| record);
        }
        let hash = self.random.next() as u32;
        table.iter_from(hash).next().or_else(|| table.iter().next()).map(|(_, record)| record)
    }

    fn position(&self, key: &[u8]) -> Option<(&'a Table, Position)> {
        let Place { slot, hash } = self.shared.placing.of(key);
        let table = self.keyspace()?.table(slot)?;
        let position = table.locate(hash, key).ok()?;
        Some((table, position))
    }
}
