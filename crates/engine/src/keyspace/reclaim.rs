//! Taking out what is due: keys, and parts of values.
//!
//! How much one entry takes out is bounded, so that no entry takes long however much falls due at once. What is left is
//! absent all the same, and the leader proposes further entries.

use meridian_topology::DatabaseId;

use super::{Database, Due, Keyspace, Position, Record, Shared, Store, Table, dues};
use crate::{
    effect::{Effect, EventClass, KeyAt},
    value::ValueRef,
};

impl Store {
    /// Reclaims what is due at `now_ms`: at most `budget` keys and parts of values together, about.
    pub(crate) fn reclaim(&mut self, now_ms: u64, budget: usize) {
        let mut left = budget;
        while left > 0 {
            let Some(due) = self.shared.expiry.first_due(now_ms) else { return };
            let done = match self.databases.get_mut(&due.database) {
                Some(database) => drop_due(database, &mut self.shared, due, now_ms, left),
                None => {
                    self.shared.expiry.remove(due);
                    1
                }
            };
            left = left.saturating_sub(done.max(1));
        }
    }
}

/// Whether some key of that hash expires at that very time: two keys can share an entry of the index.
pub(super) fn expires_at(table: Option<&Table>, hash: u32, at_ms: u64) -> bool {
    table.is_some_and(|table| table.iter_equal(hash).any(|record| dues(record).contains(&Some(at_ms))))
}

/// Reclaims the keys of one entry of the expiry index, and the entry; or parts of their values, so many at most. Says how
/// many keys and parts it were.
pub(super) fn drop_due(
    database: &mut Database,
    shared: &mut Shared,
    due: Due,
    now_ms: u64,
    parts_max: usize,
) -> usize {
    let Due { at_ms, numbered, place, .. } = due;
    shared.expiry.remove(due);
    let Some(keyspace) = database.keyspace_mut(numbered) else { return 0 };
    if let Some(walk) = &mut shared.walk {
        walk.before_write(due.database, numbered, place, keyspace.table(place.slot));
    }
    let mut done = 0;
    loop {
        let found = keyspace.table(place.slot).and_then(|table| {
            let record = table.iter_equal(place.hash).find(|record| dues(record).contains(&Some(at_ms)))?;
            table.locate(place.hash, record.key()).ok().map(|position| (position, record.expiry()))
        });
        let Some((position, expiry)) = found else { return done };
        if expiry == Some(at_ms) {
            drop_key(keyspace, shared, due, position);
            done += 1;
        } else {
            let (parts, is_over) = drop_parts(keyspace, shared, due, position, now_ms, parts_max);
            done += parts;
            if !is_over {
                return done;
            }
        }
    }
}

fn drop_key(keyspace: &mut Keyspace, shared: &mut Shared, due: Due, position: Position) {
    let Some(record) = keyspace.take(due.place.slot, position) else { return };
    if let Some(at_ms) = record.part_due() {
        shared.unindex(keyspace, Due { at_ms, ..due });
    }
    shared.expired += 1;
    let at =
        || KeyAt { database: DatabaseId(due.database), numbered: due.numbered, key: record.key().into() };
    shared.key_changed(due.database, due.numbered, record.key());
    shared.effects.push(|| Effect::Expired(at()));
    shared.effects.event(EventClass::Expired, "expired", at);
    shared.garbage.add(record);
}

/// Reclaims parts of a value, and its key if nothing is left of it. How many it were, and false if more is due at the
/// same time.
fn drop_parts(
    keyspace: &mut Keyspace,
    shared: &mut Shared,
    due: Due,
    position: Position,
    now_ms: u64,
    parts_max: usize,
) -> (usize, bool) {
    let Some(table) = keyspace.table_mut(due.place.slot) else { return (0, true) };
    let record = table.at_mut(position);
    let (size, old) = (record.heap_size(), dues(record));
    // What has nothing left goes as a whole: however many parts that are, it takes no time.
    let (parts, empty, expired) = if record.has_parts(now_ms) {
        let (parts, empty) = record.reclaim_parts(now_ms, parts_max);
        (parts, empty, parts)
    } else {
        (1, true, stored_parts(record))
    };
    shared.expired_parts += expired as u64;
    let (grown, new) = (record.heap_size(), dues(record));
    let key: Box<[u8]> = record.key().into();
    keyspace.resized(size, grown);
    keyspace.dues_changed(old, new);
    shared.key_changed(due.database, due.numbered, &key);
    let at = || KeyAt { database: DatabaseId(due.database), numbered: due.numbered, key: key.clone() };
    shared.effects.event(EventClass::Hash, "hexpired", at);
    if empty {
        if let Some(record) = keyspace.take(due.place.slot, position) {
            shared.garbage.add(record);
        }
        if let [Some(at_ms), _] = old {
            shared.unindex(keyspace, Due { at_ms, ..due });
        }
        shared.effects.push(|| Effect::Removed(at()));
        shared.effects.event(EventClass::Generic, "del", at);
        return (parts, true);
    }
    shared.effects.push(|| Effect::Changed(at()));
    if let [_, Some(at_ms)] = new {
        shared.expiry.insert(Due { at_ms, ..due });
        return (parts, at_ms != due.at_ms);
    }
    (parts, true)
}

/// How many parts a value has, due or not.
fn stored_parts(record: &Record) -> usize {
    match record.value() {
        ValueRef::Hash(fields) => fields.len(0),
        _ => 0,
    }
}
