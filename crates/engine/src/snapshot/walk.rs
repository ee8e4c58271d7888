//! A snapshot in the making.
//!
//! The walk goes through databases, numbered databases, slots and hashes in order. Everything before its position is
//! written. A slot that is written to while it still lies ahead is copied first, and skipped later. A numbered
//! database that is flushed is not copied: the walk takes what was flushed over and writes it from there. So the
//! result is exactly the state at the beginning, and a command waits for the copy of one slot at most.

use std::collections::{BTreeMap, VecDeque};

use meridian_topology::{SLOT_COUNT, Slot};

use super::{END, HEAD, MAGIC, RECORDS, VERSION, codec};
use crate::{
    keyspace::{Database, Keyspace, NUMBERED_COUNT, Table},
    session::Sessions,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Where it stands in the live keyspaces. `None` when all of them are written.
    position: Option<Position>,
    /// What was written out of order, for the next chunk.
    ready: Vec<u8>,
    /// Numbered databases ahead of the position of which something is written already.
    ahead: BTreeMap<(u32, u8), Ahead>,
    /// Flushed since the beginning, not yet (wholly) written.
    detached: VecDeque<Detached>,
    keys: u64,
    ended: bool,
}

/// Reserved for a chunk at most before it is filled.
const CHUNK_RESERVED_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    database: u32,
    numbered: u8,
    at: Spot,
}

/// A place inside a numbered database; slot 16384 is its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    slot: u16,
    hash: u32,
}

#[derive(Debug)]
enum Ahead {
    /// These slots.
    Slots(SlotSet),
    /// All of it: whatever is there now came after the beginning.
    Whole,
}

#[derive(Debug)]
struct Detached {
    database: u32,
    numbered: u8,
    keyspace: Box<Keyspace>,
    at: Spot,
    written: SlotSet,
}

/// A set of slots.
#[derive(Debug, Default)]
struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    fn contains(&self, slot: Slot) -> bool {
        self.words.get(slot.index() / 64).is_some_and(|word| word >> (slot.index() % 64) & 1 != 0)
    }

    /// False if it was in already.
    fn insert(&mut self, slot: Slot) -> bool {
        self.words.resize(usize::from(SLOT_COUNT) / 64, 0);
        let word = &mut self.words[slot.index() / 64];
        let bit = 1 << (slot.index() % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl Walk {
    /// Begins with what is not walked: time, index and sessions.
    pub(crate) fn begin(time_ms: u64, index: u64, sessions: &Sessions) -> Walk {
        let mut ready = vec![HEAD];
        ready.extend_from_slice(&MAGIC);
        ready.push(VERSION);
        ready.extend_from_slice(&time_ms.to_le_bytes());
        ready.extend_from_slice(&index.to_le_bytes());
        codec::encode_sessions(&mut ready, sessions);
        Walk {
            position: Some(Position { database: 0, numbered: 0, at: Spot::default() }),
            ready,
            ahead: BTreeMap::new(),
            detached: VecDeque::new(),
            keys: 0,
            ended: false,
        }
    }

    /// Must be called before a slot changes, with its table as it is.
    pub(crate) fn before_write(&mut self, database: u32, numbered: u8, slot: Slot, table: Option<&Table>) {
        let Some(position) = &mut self.position else { return };
        if matches!(self.ahead.get(&(database, numbered)), Some(Ahead::Whole)) {
            return;
        }
        let here = (position.database, position.numbered) == (database, numbered);
        if here && position.at.slot == slot.number() && position.at.hash > 0 {
            let from = position.at.hash;
            position.at = Spot { slot: slot.number() + 1, hash: 0 };
            self.keys +=
                encode_run(&mut self.ready, (database, numbered, slot), table, from, usize::MAX).keys;
            return;
        }
        if (database, numbered, slot.number()) < (position.database, position.numbered, position.at.slot) {
            return;
        }
        match self.ahead.entry((database, numbered)).or_insert_with(|| Ahead::Slots(SlotSet::default())) {
            Ahead::Whole => {}
            Ahead::Slots(slots) => {
                if slots.insert(slot) {
                    let run = encode_run(&mut self.ready, (database, numbered, slot), table, 0, usize::MAX);
                    self.keys += run.keys;
                }
            }
        }
    }

    /// Takes over a numbered database that is being flushed.
    pub(crate) fn detach(&mut self, database: u32, numbered: u8, keyspace: Box<Keyspace>) {
        let Some(position) = &mut self.position else { return };
        let current = (position.database, position.numbered);
        if (database, numbered) < current {
            return;
        }
        let written = match self.ahead.insert((database, numbered), Ahead::Whole) {
            Some(Ahead::Whole) => return,
            Some(Ahead::Slots(slots)) => slots,
            None => SlotSet::default(),
        };
        let at = if (database, numbered) == current { position.at } else { Spot::default() };
        self.detached.push_back(Detached { database, numbered, keyspace, at, written });
    }

    /// The next chunk: about `budget` bytes and what was written out of order. `None` after the last.
    pub(crate) fn chunk(&mut self, databases: &BTreeMap<u32, Database>, budget: usize) -> Option<Vec<u8>> {
        let mut chunk = std::mem::take(&mut self.ready);
        chunk.reserve(budget.min(CHUNK_RESERVED_MAX));
        while chunk.len() < budget.max(1) && self.step(databases, &mut chunk, budget) {}
        if self.position.is_none() && self.detached.is_empty() && !self.ended && chunk.len() < budget.max(1) {
            chunk.push(END);
            chunk.extend_from_slice(&self.keys.to_le_bytes());
            self.ended = true;
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Writes one run of records. False when there is nothing left to write.
    fn step(&mut self, databases: &BTreeMap<u32, Database>, chunk: &mut Vec<u8>, budget: usize) -> bool {
        if let Some(detached) = self.detached.front_mut() {
            let Detached { database, numbered, keyspace, at, written } = detached;
            let run = walk_run(chunk, (*database, *numbered), keyspace, at, Some(written), budget);
            match run {
                Some(keys) => self.keys += keys,
                None => drop(self.detached.pop_front()),
            }
            return true;
        }
        let Some(mut position) = self.position else { return false };
        let id = (position.database, position.numbered);
        let keyspace = databases.get(&id.0).and_then(|database| database.keyspace(id.1));
        let run = match (keyspace, self.ahead.get(&id)) {
            (None, _) | (_, Some(Ahead::Whole)) => None,
            (Some(keyspace), ahead) => {
                let written = match ahead {
                    Some(Ahead::Slots(slots)) => Some(slots),
                    _ => None,
                };
                walk_run(chunk, id, keyspace, &mut position.at, written, budget)
            }
        };
        self.position = match run {
            Some(keys) => {
                self.keys += keys;
                Some(position)
            }
            None => {
                self.ahead.remove(&id);
                next_keyspace(databases, id)
            }
        };
        true
    }
}

/// The beginning of the numbered database after this one.
fn next_keyspace(databases: &BTreeMap<u32, Database>, (database, numbered): (u32, u8)) -> Option<Position> {
    if numbered + 1 < NUMBERED_COUNT {
        return Some(Position { database, numbered: numbered + 1, at: Spot::default() });
    }
    let (next, _) = databases.range(database.checked_add(1)?..).next()?;
    Some(Position { database: *next, numbered: 0, at: Spot::default() })
}

/// Writes the next run of a numbered database and moves on behind it. `None` at its end.
fn walk_run(
    chunk: &mut Vec<u8>,
    (database, numbered): (u32, u8),
    keyspace: &Keyspace,
    at: &mut Spot,
    written: Option<&SlotSet>,
    budget: usize,
) -> Option<u64> {
    let first = Slot::new(at.slot)?;
    let mut tables = keyspace.tables_from(first);
    let Some((slot, table)) =
        tables.find(|(slot, _)| !written.is_some_and(|written| written.contains(*slot)))
    else {
        *at = Spot { slot: SLOT_COUNT, hash: 0 };
        return None;
    };
    let from = if slot == first { at.hash } else { 0 };
    let run = encode_run(chunk, (database, numbered, slot), Some(table), from, budget);
    *at = match run.next {
        Some(hash) => Spot { slot: slot.number(), hash },
        None => Spot { slot: slot.number() + 1, hash: 0 },
    };
    Some(run.keys)
}

struct Run {
    keys: u64,
    /// The hash to go on from, if the budget ended the run before the table did.
    next: Option<u32>,
}

/// Writes the records of a slot from a hash on: `RECORDS | database u32 | numbered u8 | slot u16 | count u32 |
/// records`. Stops when the buffer has `budget` bytes, but never between equal hashes.
fn encode_run(
    buffer: &mut Vec<u8>,
    (database, numbered, slot): (u32, u8, Slot),
    table: Option<&Table>,
    from: u32,
    budget: usize,
) -> Run {
    let Some(table) = table else { return Run { keys: 0, next: None } };
    buffer.push(RECORDS);
    buffer.extend_from_slice(&database.to_le_bytes());
    buffer.push(numbered);
    buffer.extend_from_slice(&slot.number().to_le_bytes());
    let count_at = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    let mut keys = 0_u32;
    let mut last = None;
    let mut next = None;
    for (hash, record) in table.iter_from(from) {
        if buffer.len() >= budget && last.is_some_and(|last| last != hash) {
            next = Some(hash);
            break;
        }
        codec::encode_record(buffer, record);
        keys += 1;
        last = Some(hash);
    }
    buffer[count_at..count_at + 4].copy_from_slice(&keys.to_le_bytes());
    Run { keys: u64::from(keys), next }
}
