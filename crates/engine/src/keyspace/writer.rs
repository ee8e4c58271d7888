//! What a command that writes sees of one numbered database.
//!
//! Every change goes through here, so that index, counters, snapshot and effects cannot be forgotten. A key that is
//! due is reclaimed as soon as a command looks at it. Order of each change: the snapshot gets the slot as it was,
//! then the table changes, then the index.

mod attention;

use meridian_command::{ReplyError, acl::Told};
use meridian_topology::DatabaseId;

use super::{
    Database, Due, Keyspace, Place, Position, Reader, Record, Shared, dues,
    reclaim::{drop_due, expires_at},
};
use crate::{
    effect::{Effect, EventClass, KeyAt},
    random::Random,
    scripts::Known,
    settings::Settings,
    value::{Collection, StringForm, ValueRef},
};

/// A key together with its place, which is computed once per command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'k> {
    pub(crate) bytes: &'k [u8],
    place: Place,
}

/// Which uses of keys count: one for each command.
#[derive(Debug, Default)]
struct Uses {
    /// None of the command under way.
    untouched: bool,
    /// The key that the command has used last.
    last: Option<Place>,
}

impl Uses {
    /// Whether the use of a key counts, as one more than its last.
    fn count(&mut self, place: Place) -> bool {
        !self.untouched && self.last.replace(place) != Some(place)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    database: &'a mut Database,
    shared: &'a mut Shared,
    numbered: u8,
    time_ms: u64,
    random: &'a Random,
    uses: Uses,
    /// What was refused to scripts of the command under way.
    told: Told,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        database: &'a mut Database,
        shared: &'a mut Shared,
        random: &'a Random,
        time_ms: u64,
    ) -> Writer<'a> {
        Writer {
            database,
            shared,
            numbered: 0,
            time_ms,
            random,
            uses: Uses::default(),
            told: Told::default(),
        }
    }

    /// Notes what was refused to a script.
    pub(crate) fn tell(&mut self, told: Told) {
        self.told.merge(told);
    }

    /// Takes what was refused to scripts.
    pub(crate) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    /// Works on another numbered database from now on.
    pub(crate) fn select(&mut self, numbered: u8) {
        self.numbered = numbered;
        self.uses.last = None;
    }

    /// Whether keys that are looked up from now on do not count as used.
    pub(crate) fn leave_untouched(&mut self, untouched: bool) {
        self.uses = Uses { untouched, last: None };
    }

    /// The numbered database it works on.
    pub(crate) fn numbered(&self) -> u8 {
        self.numbered
    }

    /// The scripts and functions that the database knows.
    pub(crate) fn scripts(&mut self) -> &mut Known {
        self.shared.scripts.of_mut(self.database.id)
    }

    /// The entry's time.
    pub(crate) fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// What is drawn at random: the same on all replicas.
    pub(crate) fn random(&self) -> &'a Random {
        self.random
    }

    /// The replicated settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// As [`Writer::settings`], to change them.
    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.shared.settings
    }

    /// Puts into force what follows from a change of the settings.
    pub(crate) fn follow_settings(&mut self) {
        self.shared.follow_settings();
    }

    /// Takes the keys that a read did not find.
    pub(crate) fn note_misses(&mut self, misses: Vec<Effect>) {
        for miss in misses {
            self.shared.effects.add(miss);
        }
    }

    /// Reads, and takes the keys that were not found.
    pub(crate) fn reading<R>(&mut self, read: impl FnOnce(&Reader<'_>) -> R) -> R {
        let reader = self.reader();
        let outcome = read(&reader);
        let misses = reader.take_misses();
        self.note_misses(misses);
        outcome
    }

    /// Says that a key was read and not found.
    pub(crate) fn missed(&mut self, key: Key<'_>) {
        self.event(EventClass::Missed, "keymiss", key);
    }

    /// The same numbered database for reading.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let mut reader =
            Reader::new(Some(self.database), self.shared, self.random, self.time_ms, self.time_ms);
        reader.select(self.numbered);
        reader.leave_untouched(self.uses.untouched);
        reader
    }

    /// Finds a key's place.
    pub(crate) fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, place: self.shared.placing.of(bytes) }
    }

    /// Looks a key up, noting that it was used; reclaims it if it is due.
    pub(crate) fn find(&mut self, key: Key<'_>) -> Option<&Record> {
        let position = self.position(key)?;
        let table = self.database.keyspace(self.numbered)?.table(key.place.slot)?;
        let record = table.at(position);
        if self.uses.count(key.place) {
            self.shared.access.touch(record, self.time_ms);
        }
        Some(record)
    }

    /// Whether a key is there.
    pub(crate) fn exists(&mut self, key: Key<'_>) -> bool {
        self.position(key).is_some()
    }

    /// A key's string; an error if it holds something else.
    pub(crate) fn string(&mut self, key: Key<'_>) -> Result<Option<&[u8]>, ReplyError> {
        match self.find(key).map(Record::value) {
            None => Ok(None),
            Some(ValueRef::Str { bytes, .. }) => Ok(Some(bytes)),
            Some(_) => Err(ReplyError::WRONG_TYPE),
        }
    }

    /// A key's collection; an error if it holds something else.
    pub(crate) fn collection<T: Collection>(
        &mut self,
        key: Key<'_>,
    ) -> Result<Option<T::Seen<'_>>, ReplyError> {
        match self.find(key) {
            None => Ok(None),
            Some(record) => record.collection::<T>().map(Some).ok_or(ReplyError::WRONG_TYPE),
        }
    }

    /// Changes a key's collection in place; removes the key if it is empty then. `None` if there is no such key.
    ///
    /// The key counts as changed. A change that may turn out to be none goes through [`Writer::change_if`].
    pub(crate) fn change<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &Settings) -> R,
    ) -> Result<Option<R>, ReplyError> {
        self.change_if(key, |collection, settings| (change(collection, settings), true))
    }

    /// As [`Writer::change`]; the closure also says whether it changed anything.
    pub(crate) fn change_if<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &Settings) -> (R, bool),
    ) -> Result<Option<R>, ReplyError> {
        match self.find(key) {
            None => return Ok(None),
            Some(record) if !record.is::<T>() => return Err(ReplyError::WRONG_TYPE),
            Some(_) => {}
        }
        let Ok(position) = self.before_write(key) else { return Ok(None) };
        let Some(keyspace) = self.database.keyspace_mut(self.numbered) else { return Ok(None) };
        let Some(table) = keyspace.table_mut(key.place.slot) else { return Ok(None) };
        let record = table.at_mut(position);
        let (size, old) = (record.heap_size(), dues(record));
        let settings = &self.shared.settings;
        let ((outcome, changed), empty) = record
            .change_collection(|collection| change(collection, settings))
            .ok_or(ReplyError::WRONG_TYPE)?;
        let (grown, new) = (record.heap_size(), dues(record));
        keyspace.resized(size, grown);
        keyspace.dues_changed(old, new);
        self.reindex(key.place, old, new);
        if empty {
            self.remove(key);
            self.effect(key, Effect::Removed);
        } else if changed {
            self.changed(key);
        }
        Ok(Some(outcome))
    }

    /// As [`Writer::change`], but begins with an empty collection if there is no such key. One that stays empty makes
    /// no key.
    pub(crate) fn change_or_make<T: Collection + Default, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &Settings) -> R,
    ) -> Result<R, ReplyError> {
        self.change_or_make_if(key, |collection, settings| (change(collection, settings), true))
    }

    /// As [`Writer::change_or_make`]; the closure also says whether it changed anything.
    pub(crate) fn change_or_make_if<T: Collection + Default, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &Settings) -> (R, bool),
    ) -> Result<R, ReplyError> {
        if self.exists(key) {
            return match self.change_if(key, change)? {
                Some(outcome) => Ok(outcome),
                None => Err(ReplyError::WRONG_TYPE),
            };
        }
        let mut made = T::default();
        let (outcome, _) = change(&mut made, &self.shared.settings);
        if !made.is_empty() {
            self.put_collection(key, made, None);
        }
        Ok(outcome)
    }

    /// Makes a key hold a collection, whatever it held before. An empty one removes the key.
    pub(crate) fn put_collection<T: Collection>(&mut self, key: Key<'_>, value: T, expiry: Option<u64>) {
        let used = self.remove(key).map(|replaced| {
            let used = replaced.used();
            self.shared.garbage.add(replaced);
            used
        });
        if value.is_empty() {
            if used.is_some() {
                self.effect(key, Effect::Removed);
            }
            return;
        }
        let record = Record::new(key.bytes, value.into_value(), expiry);
        if let Some(used) = used {
            record.set_used(used);
        }
        self.insert(key, record, used.is_some());
    }

    /// Tells of a keyspace event; every handler that changes something does, as Redis would.
    pub(crate) fn event(&mut self, class: EventClass, name: &'static str, key: Key<'_>) {
        let (database, numbered) = (DatabaseId(self.database.id), self.numbered);
        let at = || KeyAt { database, numbered, key: key.bytes.into() };
        self.shared.effects.event(class, name, at);
    }

    /// Makes a key hold a string, whatever it held before.
    pub(crate) fn put_string(&mut self, key: Key<'_>, value: &[u8], form: StringForm, expiry: Option<u64>) {
        let position = self.before_write(key);
        let now_ms = self.time_ms;
        let keyspace = self.database.keyspace_or_new(self.numbered);
        let old = match position {
            Err(position) => {
                let record = Record::string(key.bytes, value, form, expiry);
                self.shared.access.put_in(&record, now_ms);
                keyspace.put(key.place, position, record);
                self.event(EventClass::New, "new", key);
                [None; 2]
            }
            Ok(position) => {
                let Some(table) = keyspace.table_mut(key.place.slot) else { return };
                let record = table.at_mut(position);
                let access = &self.shared.access;
                // What replaces a value is new, but a key keeps its count.
                if self.uses.count(key.place) || !access.counts() {
                    access.touch(record, now_ms);
                }
                let (size, old) = (record.heap_size(), dues(record));
                if record.is_large() {
                    self.shared.garbage.add(record.take_large());
                }
                record.set_string(value, form, expiry);
                let grown = record.heap_size();
                keyspace.resized(size, grown);
                keyspace.dues_changed(old, [expiry, None]);
                old
            }
        };
        self.reindex(key.place, old, [expiry, None]);
        self.changed(key);
    }

    /// Puts a record in under its own key, whatever that key held before.
    pub(crate) fn put(&mut self, key: Key<'_>, record: Record) {
        self.delete(key);
        self.insert(key, record, false);
    }

    /// Puts a record in under its own key, which is absent. Whether it was there until now decides about its event.
    fn insert(&mut self, key: Key<'_>, record: Record, replaced: bool) {
        let dues = dues(&record);
        let position = self.before_write(key).unwrap_or_else(|position| position);
        self.shared.access.put_in(&record, self.time_ms);
        self.database.keyspace_or_new(self.numbered).put(key.place, position, record);
        self.reindex(key.place, [None; 2], dues);
        if !replaced {
            self.event(EventClass::New, "new", key);
        }
        self.changed(key);
    }

    /// Changes a key's value in place. `None` if the key is absent, or if `change` says that it changed nothing.
    pub(crate) fn update<R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut Record) -> Option<R>,
    ) -> Option<R> {
        self.position(key)?;
        let position = self.before_write(key).ok()?;
        let keyspace = self.database.keyspace_mut(self.numbered)?;
        let record = keyspace.table_mut(key.place.slot)?.at_mut(position);
        if self.uses.count(key.place) {
            self.shared.access.touch(record, self.time_ms);
        }
        let size = record.heap_size();
        let outcome = change(record)?;
        let grown = record.heap_size();
        keyspace.resized(size, grown);
        self.changed(key);
        Some(outcome)
    }

    /// Changes a key's string in place, after zero bytes were appended up to `length_min`; makes the key if it is absent.
    pub(crate) fn change_string<R>(
        &mut self,
        key: Key<'_>,
        length_min: usize,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, ReplyError> {
        if !self.exists(key) {
            self.put(key, Record::string(key.bytes, &[], StringForm::Raw, None));
        }
        let changed = self.update(key, |record| record.string_mut(length_min).map(change));
        changed.ok_or(ReplyError::WRONG_TYPE)
    }

    /// Gives a key another expiry, or none. False if the key is absent.
    pub(crate) fn set_expiry(&mut self, key: Key<'_>, expiry: Option<u64>) -> bool {
        let Some([old, part]) = self.find(key).map(dues) else { return false };
        let done = self.update(key, |record| {
            record.set_expiry(expiry);
            Some(())
        });
        if done.is_some() {
            if let Some(keyspace) = self.database.keyspace_mut(self.numbered) {
                keyspace.dues_changed([old, part], [expiry, part]);
            }
            self.reindex(key.place, [old, part], [expiry, part]);
        }
        done.is_some()
    }

    /// Says for how long a key was not used, or how often it was, as far as the policy in force notes such.
    pub(crate) fn set_use(&mut self, key: Key<'_>, idle_s: Option<u64>, frequency: Option<u8>) {
        let Some(position) = self.position(key) else { return };
        let table = self.database.keyspace(self.numbered).and_then(|keyspace| keyspace.table(key.place.slot));
        let Some(record) = table.map(|table| table.at(position)) else { return };
        if let Some(idle_s) = idle_s {
            self.shared.access.set_idle(record, idle_s, self.time_ms);
        }
        if let Some(frequency) = frequency {
            self.shared.access.set_frequency(record, frequency, self.time_ms);
        }
    }

    /// Takes a key out for want of memory, if it is there.
    pub(crate) fn evict(&mut self, key: Key<'_>) {
        if self.uncounted(|writer| writer.delete(key)) {
            self.shared.evicted += 1;
            self.event(EventClass::Evicted, "evicted", key);
        }
    }

    /// Whether memory is full: what needs more is to be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.shared.full
    }

    /// Says that memory is full for the rest of the entry.
    pub(crate) fn note_full(&mut self) {
        self.shared.full = true;
    }

    /// Takes a key out and frees it; false if it is absent.
    pub(crate) fn delete(&mut self, key: Key<'_>) -> bool {
        let Some(record) = self.take(key) else { return false };
        self.shared.garbage.add(record);
        true
    }

    /// Takes a key out to be put in elsewhere; nothing if it is absent.
    pub(crate) fn take(&mut self, key: Key<'_>) -> Option<Record> {
        let record = self.remove(key)?;
        self.effect(key, Effect::Removed);
        Some(record)
    }

    fn remove(&mut self, key: Key<'_>) -> Option<Record> {
        self.position(key)?;
        let position = self.before_write(key).ok()?;
        let record = self.database.keyspace_mut(self.numbered)?.take(key.place.slot, position)?;
        self.reindex(key.place, dues(&record), [None; 2]);
        Some(record)
    }

    /// Drops all keys of the numbered database.
    pub(crate) fn flush(&mut self) {
        let (id, numbered) = (self.database.id, self.numbered);
        let Some(place) = self.database.numbered.get_mut(usize::from(numbered)) else { return };
        self.shared.effects.push(|| Effect::Flushed { database: DatabaseId(id), numbered });
        let Some(keyspace) = place.take() else { return };
        self.shared.changed = true;
        self.shared.touch_contents(id, numbered, &[&keyspace]);
        self.shared.forget_expiries(id, numbered, &keyspace);
        let unneeded = match &mut self.shared.walk {
            Some(walk) => walk.detach(id, numbered, keyspace),
            None => Some(keyspace),
        };
        if let Some(unneeded) = unneeded {
            self.shared.garbage.add_keyspace(unneeded);
        }
    }

    /// The position of a key that is there. One that is due is reclaimed and then is not.
    fn position(&mut self, key: Key<'_>) -> Option<Position> {
        loop {
            let table = self.database.keyspace(self.numbered)?.table(key.place.slot)?;
            let position = table.locate(key.place.hash, key.bytes).ok()?;
            let at_ms = dues(table.at(position)).into_iter().flatten().min();
            let Some(at_ms) = at_ms.filter(|at_ms| *at_ms <= self.time_ms) else { return Some(position) };
            let due = self.due(key.place, at_ms);
            drop_due(self.database, self.shared, due, self.time_ms, usize::MAX);
        }
    }

    /// Hands the slot to the snapshot if that still needs it as it is; then finds the key.
    fn before_write(&mut self, key: Key<'_>) -> Result<Position, Position> {
        let table = self.database.keyspace(self.numbered).and_then(|keyspace| keyspace.table(key.place.slot));
        if let Some(walk) = &mut self.shared.walk {
            walk.before_write(self.database.id, self.numbered, key.place, table);
        }
        match table {
            Some(table) => table.locate(key.place.hash, key.bytes),
            None => Err(Position::default()),
        }
    }

    fn due(&self, place: Place, at_ms: u64) -> Due {
        Due { at_ms, database: self.database.id, numbered: self.numbered, place }
    }

    fn reindex(&mut self, place: Place, old: [Option<u64>; 2], new: [Option<u64>; 2]) {
        if old == new {
            return;
        }
        for at_ms in old.into_iter().flatten() {
            let table = self.database.keyspace(self.numbered).and_then(|keyspace| keyspace.table(place.slot));
            if !expires_at(table, place.hash, at_ms) {
                let due = self.due(place, at_ms);
                self.shared.expiry.remove(due);
            }
        }
        for at_ms in new.into_iter().flatten() {
            let due = self.due(place, at_ms);
            self.shared.expiry.insert(due);
        }
    }

    /// Counts the command that has just ended if it changed something.
    pub(crate) fn count_change(&mut self) {
        self.shared.changes += u64::from(std::mem::take(&mut self.shared.changed));
    }

    /// Makes changes that do not count as such: Redis would not tell its replicas of them.
    pub(crate) fn uncounted<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        let changed = self.shared.changed;
        let outcome = change(self);
        self.shared.changed = changed;
        outcome
    }

    fn changed(&mut self, key: Key<'_>) {
        self.effect(key, Effect::Changed);
    }

    fn effect(&mut self, key: Key<'_>, kind: fn(KeyAt) -> Effect) {
        self.shared.changed = true;
        let (database, numbered) = (DatabaseId(self.database.id), self.numbered);
        self.shared.key_changed(self.database.id, numbered, key.bytes);
        self.shared.effects.push(|| kind(KeyAt { database, numbered, key: key.bytes.into() }));
    }
}

impl Shared {
    /// Every change, removal and expiry of a key passes here: what WATCH and blocked clients have to know of. (A flush
    /// drops all at once.)
    pub(super) fn key_changed(&mut self, database: u32, numbered: u8, key: &[u8]) {
        self.attention.touched(database, numbered, key);
    }

    /// Takes an entry out of the index unless another record still has it.
    pub(super) fn unindex(&mut self, keyspace: &Keyspace, due: Due) {
        if !expires_at(keyspace.table(due.place.slot), due.place.hash, due.at_ms) {
            self.expiry.remove(due);
        }
    }

    /// Takes all keys of a keyspace out of the index: one by one, or by one pass over the index if it has not many
    /// others.
    fn forget_expiries(&mut self, database: u32, numbered: u8, keyspace: &Keyspace) {
        let expiring = keyspace.expiring() + keyspace.expiring_parts;
        if expiring == 0 {
            return;
        }
        if expiring > self.expiry.len() / 8 {
            let cleared = self.expiry.clear(database, numbered);
            self.garbage.add_expiries(cleared);
            return;
        }
        for (slot, table) in keyspace.tables() {
            for (hash, record) in table.iter() {
                for at_ms in dues(record).into_iter().flatten() {
                    self.expiry.remove(Due { at_ms, database, numbered, place: Place { slot, hash } });
                }
            }
        }
    }
}

impl Keyspace {
    pub(super) fn resized(&mut self, old: usize, new: usize) {
        self.record_bytes = self.record_bytes - old + new;
    }

    pub(super) fn dues_changed(&mut self, old: [Option<u64>; 2], new: [Option<u64>; 2]) {
        let [[old, old_part], [new, new_part]] =
            [old, new].map(|dues| dues.map(|due| usize::from(due.is_some())));
        self.expiring = self.expiring - old + new;
        self.expiring_parts = self.expiring_parts - old_part + new_part;
    }
}
