//! A snapshot in the making.
//!
//! The walk goes through databases, numbered databases, slots and hashes in order. Everything before its position is
//! written. A place that is written to while it still lies ahead is copied first, and skipped later; so a write waits
//! for the copy of one key, and memory grows with the keys that are written meanwhile. A numbered database that is
//! flushed is not copied: the walk takes it over and writes it from there. The result is exactly the state at the
//! beginning.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use meridian_topology::{SLOT_COUNT, Slot};

use super::{ATTENTION, END, HEAD, MAGIC, RECORDS, SCRIPTS, VERSION, codec};
use crate::{
    keyspace::{Database, Keyspace, NUMBERED_COUNT, Place, Shared, Table},
    session::Sessions,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The first place that is not yet written, in the live keyspaces. `None` when all of them are.
    position: Option<Spot>,
    /// What was written out of order, for the next chunk.
    ready: Vec<u8>,
    /// Places ahead of the position that need not be written any more: they are, or they came after the beginning.
    ahead: BTreeSet<Spot>,
    /// Numbered databases ahead of the position, or at it, of which that is true altogether.
    replaced: BTreeSet<(u32, u8)>,
    /// Flushed since the beginning, not yet (wholly) written, each with the first place to write.
    detached: VecDeque<(Spot, Box<Keyspace>)>,
    /// Where the contents of numbered databases are now that SWAPDB has moved since the beginning, by where they were.
    moved: BTreeMap<(u32, u8), u8>,
    keys: u64,
    ended: bool,
}

/// Reserved for a chunk at most before it is filled.
const CHUNK_RESERVED_MAX: usize = 1 << 20;

/// A place of the shard, in the order of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    database: u32,
    numbered: u8,
    /// [`SLOT_COUNT`] stands for the end of the numbered database.
    slot: u16,
    hash: u32,
}

impl Spot {
    fn beginning(database: u32, numbered: u8) -> Spot {
        Spot { database, numbered, slot: 0, hash: 0 }
    }

    fn keyspace(self) -> (u32, u8) {
        (self.database, self.numbered)
    }
}

impl Walk {
    /// Begins with what is not walked: time, index, settings, sessions, and who watches and waits.
    pub(crate) fn begin(time_ms: u64, index: u64, shared: &Shared, sessions: &Sessions) -> Walk {
        let mut ready = vec![HEAD];
        ready.extend_from_slice(&MAGIC);
        ready.push(VERSION);
        ready.extend_from_slice(&time_ms.to_le_bytes());
        ready.extend_from_slice(&index.to_le_bytes());
        shared.settings.encode(&mut ready);
        codec::encode_sessions(&mut ready, sessions);
        if !shared.attention.is_empty() {
            ready.push(ATTENTION);
            shared.attention.encode(&mut ready);
        }
        if !shared.scripts.is_empty() {
            ready.push(SCRIPTS);
            shared.scripts.encode(&mut ready);
        }
        Walk {
            position: Some(Spot::beginning(0, 0)),
            ready,
            ahead: BTreeSet::new(),
            replaced: BTreeSet::new(),
            detached: VecDeque::new(),
            moved: BTreeMap::new(),
            keys: 0,
            ended: false,
        }
    }

    /// Must be called before the keys of a place change, with the table they are in.
    pub(crate) fn before_write(&mut self, database: u32, numbered: u8, place: Place, table: Option<&Table>) {
        let numbered = self.original(database, numbered);
        let spot = Spot { database, numbered, slot: place.slot.number(), hash: place.hash };
        if self.position.is_none_or(|position| spot < position)
            || self.replaced.contains(&spot.keyspace())
            || !self.ahead.insert(spot)
        {
            return;
        }
        let mut equal = table.into_iter().flat_map(|table| table.iter_equal(place.hash)).peekable();
        if equal.peek().is_some() {
            let mut run = Run::begin(&mut self.ready, spot);
            equal.for_each(|record| run.push(record));
            self.keys += run.end();
        }
    }

    /// Takes over a numbered database that is being flushed; gives it back if it needs nothing of it any more.
    pub(crate) fn detach(
        &mut self,
        database: u32,
        numbered: u8,
        keyspace: Box<Keyspace>,
    ) -> Option<Box<Keyspace>> {
        let Some(position) = self.position else { return Some(keyspace) };
        let numbered = self.original(database, numbered);
        let id = (database, numbered);
        if id >= position.keyspace() && self.replaced.insert(id) {
            let at = if id == position.keyspace() { position } else { Spot::beginning(database, numbered) };
            self.detached.push_back((at, keyspace));
            return None;
        }
        Some(keyspace)
    }

    /// The contents of two numbered databases have been exchanged.
    pub(crate) fn swapped(&mut self, database: u32, one: u8, other: u8) {
        let originals = [one, other].map(|numbered| self.original(database, numbered));
        for (original, now_at) in originals.into_iter().zip([other, one]) {
            self.moved.insert((database, original), now_at);
        }
    }

    /// Where the contents of a numbered database were at the beginning.
    fn original(&self, database: u32, numbered: u8) -> u8 {
        let moved = self.moved.range((database, 0)..=(database, u8::MAX));
        let mut moved = moved.filter(|(_, now_at)| **now_at == numbered);
        moved.next().map_or(numbered, |((_, original), _)| *original)
    }

    /// The next chunk: about `budget` bytes and what was written out of order. `None` after the last.
    pub(crate) fn chunk(&mut self, databases: &BTreeMap<u32, Database>, budget: usize) -> Option<Vec<u8>> {
        let budget = budget.max(1);
        let mut chunk = std::mem::take(&mut self.ready);
        chunk.reserve(budget.min(CHUNK_RESERVED_MAX));
        while chunk.len() < budget && self.step(databases, &mut chunk, budget) {}
        if self.position.is_none() && self.detached.is_empty() && !self.ended && chunk.len() < budget {
            chunk.push(END);
            chunk.extend_from_slice(&self.keys.to_le_bytes());
            self.ended = true;
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Writes one run of records. False when there is nothing left to write.
    fn step(&mut self, databases: &BTreeMap<u32, Database>, chunk: &mut Vec<u8>, budget: usize) -> bool {
        if let Some((at, keyspace)) = self.detached.front_mut() {
            match walk_run(chunk, keyspace, at, &self.ahead, budget) {
                Some(keys) => self.keys += keys,
                None => drop(self.detached.pop_front()),
            }
            return true;
        }
        let Some(mut position) = self.position else { return false };
        let id = position.keyspace();
        let now_at = self.moved.get(&id).copied().unwrap_or(id.1);
        let keyspace = databases.get(&id.0).and_then(|database| database.keyspace(now_at));
        let keyspace = keyspace.filter(|_| !self.replaced.contains(&id));
        let run = keyspace.and_then(|keyspace| walk_run(chunk, keyspace, &mut position, &self.ahead, budget));
        self.position = match run {
            Some(keys) => {
                self.keys += keys;
                Some(position)
            }
            None => next_keyspace(databases, id),
        };
        let reached = self.position;
        while self.ahead.first().is_some_and(|spot| reached.is_none_or(|reached| *spot < reached)) {
            self.ahead.pop_first();
        }
        true
    }
}

/// The beginning of the numbered database after this one.
fn next_keyspace(databases: &BTreeMap<u32, Database>, (database, numbered): (u32, u8)) -> Option<Spot> {
    if numbered + 1 < NUMBERED_COUNT {
        return Some(Spot::beginning(database, numbered + 1));
    }
    let (next, _) = databases.range(database.checked_add(1)?..).next()?;
    Some(Spot::beginning(*next, 0))
}

/// Writes the next run of a numbered database, of one slot, and moves on behind it. `None` at its end. The run ends
/// when the chunk has `budget` bytes, but never between equal hashes.
fn walk_run(
    chunk: &mut Vec<u8>,
    keyspace: &Keyspace,
    at: &mut Spot,
    ahead: &BTreeSet<Spot>,
    budget: usize,
) -> Option<u64> {
    let Some((slot, table)) = keyspace.tables_from(Slot::new(at.slot)?).next() else {
        *at = Spot { slot: SLOT_COUNT, hash: 0, ..*at };
        return None;
    };
    if slot.number() != at.slot {
        *at = Spot { slot: slot.number(), hash: 0, ..*at };
    }
    let end = Spot { slot: slot.number() + 1, hash: 0, ..*at };
    let mut written = ahead.range(*at..end).map(|spot| spot.hash).peekable();
    let mut run = Run::begin(chunk, *at);
    let mut last = None;
    let mut next = end;
    for (hash, record) in table.iter_from(at.hash) {
        if run.buffer.len() >= budget && last.is_some_and(|last| last != hash) {
            next = Spot { hash, ..*at };
            break;
        }
        last = Some(hash);
        while written.next_if(|written| *written < hash).is_some() {}
        if written.peek() != Some(&hash) {
            run.push(record);
        }
    }
    *at = next;
    Some(run.end())
}

/// Records of one slot in the making: `RECORDS | database u32 | numbered u8 | slot u16 | count u32 | records`.
struct Run<'a> {
    buffer: &'a mut Vec<u8>,
    count_at: usize,
    count: u32,
}

impl<'a> Run<'a> {
    fn begin(buffer: &'a mut Vec<u8>, at: Spot) -> Run<'a> {
        buffer.push(RECORDS);
        buffer.extend_from_slice(&at.database.to_le_bytes());
        buffer.push(at.numbered);
        buffer.extend_from_slice(&at.slot.to_le_bytes());
        let count_at = buffer.len();
        buffer.extend_from_slice(&[0; 4]);
        Run { buffer, count_at, count: 0 }
    }

    fn push(&mut self, record: &crate::keyspace::Record) {
        codec::encode_record(self.buffer, record);
        self.count += 1;
    }

    /// How many records it has.
    fn end(self) -> u64 {
        self.buffer[self.count_at..self.count_at + 4].copy_from_slice(&self.count.to_le_bytes());
        u64::from(self.count)
    }
}
