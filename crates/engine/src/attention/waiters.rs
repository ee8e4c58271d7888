//! Blocked clients, in the order in which they came, and what they got while their proxy was not looking.
//!
//! A waiter keeps its command's record. When a key that it waits for is ready, the record is executed again, after the
//! command that made the key ready (`engine/serve.rs`). The reply is *late*: it leaves apply as data, and is
//! remembered until the proxy says that it has arrived. A waiter whose proxy has not renewed it for a while is gone: an
//! element is not given to a client whom nobody could tell.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use meridian_command::{Protocol, ReplyWriter};

use super::names::Names;
use crate::snapshot::{CorruptSnapshot, Input, put_bytes, put_varint};

/// A waiter that its proxy has not renewed for so long gets nothing any more.
pub(crate) const LEASE_MS: u64 = 30_000;

/// A late reply that nobody has asked for is forgotten after this.
const LATE_MS_MAX: u64 = 15 * 60 * 1000;

/// First byte of the reply that says that a client waits. No reply to a client begins with it.
const PARKED: u8 = 0;

/// Which command it was: the session of the proxy, and the sequence in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) session: u64,
    pub(crate) sequence: u64,
}

/// What a key must hold for a waiter to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    List,
    SortedSet,
    Stream,
    /// A stream; or no stream any more, for its group is gone with it.
    StreamOrGone,
}

impl Awaits {
    /// Whether a key that holds a value of that type name (or is not there) lets the command be tried again.
    pub(crate) fn wakes(self, type_name: Option<&str>) -> bool {
        match self {
            Awaits::List => type_name == Some("list"),
            Awaits::SortedSet => type_name == Some("zset"),
            Awaits::Stream => type_name == Some("stream"),
            Awaits::StreamOrGone => true,
        }
    }

    fn of(number: u8) -> Option<Awaits> {
        [Awaits::List, Awaits::SortedSet, Awaits::Stream, Awaits::StreamOrGone]
            .get(usize::from(number))
            .copied()
    }
}

/// What a blocking command answers if there is nothing and nobody may wait. Who has waited in vain gets `*-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Empty {
    /// `*-1`: BLPOP, XREAD.
    Array,
    /// `$-1`: BLMOVE.
    Bulk,
}

impl Empty {
    pub(crate) fn write(self, reply: &mut ReplyWriter<'_>) {
        match self {
            Empty::Array => reply.null_array(),
            Empty::Bulk => reply.null(),
        }
    }
}

/// Why and for what a command would block.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// The keys it waits for.
    pub(crate) keys: Vec<&'a [u8]>,
    /// What they must hold.
    pub(crate) awaits: Awaits,
    /// The reply if time runs out, or where nobody may block (MULTI, scripts).
    pub(crate) empty: Empty,
    /// After how many milliseconds; 0: never.
    pub(crate) timeout_ms: u64,
    /// The arguments with which it is tried again, if not with those it has: XREAD's `$` is what it was at first.
    pub(crate) retry: Option<Vec<Vec<u8>>>,
}

/// A [`Block`] that outlives its command.
#[derive(Debug)]
pub(crate) struct Parking {
    pub(crate) keys: Vec<Box<[u8]>>,
    pub(crate) awaits: Awaits,
    pub(crate) empty: Empty,
    pub(crate) timeout_ms: u64,
    pub(crate) retry: Option<Vec<Vec<u8>>>,
}

impl From<Block<'_>> for Parking {
    fn from(block: Block<'_>) -> Parking {
        let Block { keys, awaits, empty, timeout_ms, retry } = block;
        Parking { keys: keys.into_iter().map(Into::into).collect(), awaits, empty, timeout_ms, retry }
    }
}

/// A client that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) database: u32,
    pub(crate) numbered: u8,
    pub(crate) origin: Origin,
    pub(crate) keys: Vec<Box<[u8]>>,
    pub(crate) awaits: Awaits,
    pub(crate) empty: Empty,
    pub(crate) protocol: Protocol,
    /// The record of its command.
    pub(crate) record: Bytes,
    /// The log's time when its proxy last said that it is there.
    pub(crate) renewed_ms: u64,
}

/// A late reply and when it was made.
type Late = (Bytes, u64);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: u64,
    known: BTreeMap<u64, Waiter>,
    by_key: Names<BTreeSet<u64>>,
    by_origin: BTreeMap<Origin, u64>,
    late: BTreeMap<Origin, Late>,
    /// Keys that were touched by the command under way. Empty between commands.
    ready: Vec<(u32, u8, Box<[u8]>)>,
    /// The command under way may block, and which it is. None between commands.
    pub(crate) may_park: Option<Origin>,
    /// What the command under way waits for. None between commands.
    pub(crate) parking: Option<Parking>,
}

impl Waiters {
    pub(super) fn touched(&mut self, database: u32, numbered: u8, key: &[u8]) {
        if self.known.is_empty() || self.by_key.get(database, numbered, key).is_none() {
            return;
        }
        if !self.ready.iter().any(|ready| ready.0 == database && ready.1 == numbered && *ready.2 == *key) {
            self.ready.push((database, numbered, key.into()));
        }
    }

    pub(super) fn keys_in(&self, database: u32, numbered: u8) -> Vec<Box<[u8]>> {
        self.by_key.keys_in(database, numbered)
    }

    /// Whether somebody may have to be served.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The keys touched since the last call, in the order in which that happened.
    pub(crate) fn take_ready(&mut self) -> Vec<(u32, u8, Box<[u8]>)> {
        std::mem::take(&mut self.ready)
    }

    /// How many keys were touched so far.
    pub(crate) fn ready_count(&self) -> usize {
        self.ready.len()
    }

    /// Forgets the keys that were touched since there were so many.
    pub(crate) fn forget_ready(&mut self, count: usize) {
        self.ready.truncate(count);
    }

    /// Hands keys back that others are to see to.
    pub(crate) fn put_ready(&mut self, keys: Vec<(u32, u8, Box<[u8]>)>) {
        self.ready.extend(keys);
    }

    /// Enters a waiter, behind all others.
    pub(crate) fn park(&mut self, waiter: Waiter) {
        self.next += 1;
        let number = self.next;
        self.insert(number, waiter);
    }

    fn insert(&mut self, number: u64, waiter: Waiter) {
        for key in &waiter.keys {
            let waiting = self.by_key.get_or_insert(waiter.database, waiter.numbered, key, BTreeSet::new);
            waiting.insert(number);
        }
        self.by_origin.insert(waiter.origin, number);
        self.known.insert(number, waiter);
    }

    /// Who waits for a key, in the order in which they came.
    pub(crate) fn of_key(&self, database: u32, numbered: u8, key: &[u8]) -> Vec<u64> {
        self.by_key
            .get(database, numbered, key)
            .map_or_else(Vec::new, |waiting| waiting.iter().copied().collect())
    }

    /// A waiter that is still there. One whose proxy is gone is not.
    pub(crate) fn get(&mut self, number: u64, now_ms: u64) -> Option<Waiter> {
        let waiter = self.known.get(&number)?;
        if now_ms.saturating_sub(waiter.renewed_ms) > LEASE_MS {
            self.remove(number);
            return None;
        }
        Some(waiter.clone())
    }

    /// A waiter waits no more.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Waiter> {
        let waiter = self.known.remove(&number)?;
        self.by_origin.remove(&waiter.origin);
        for key in &waiter.keys {
            if let Some(waiting) = self.by_key.get_mut(waiter.database, waiter.numbered, key) {
                waiting.remove(&number);
                if waiting.is_empty() {
                    self.by_key.remove(waiter.database, waiter.numbered, key);
                }
            }
        }
        Some(waiter)
    }

    /// A waiter waits no more, by the command that it was.
    pub(crate) fn cancel(&mut self, origin: Origin) -> Option<Waiter> {
        let number = *self.by_origin.get(&origin)?;
        self.remove(number)
    }

    /// Remembers what a waiter got.
    pub(crate) fn answered(&mut self, origin: Origin, reply: Bytes, now_ms: u64) {
        self.late.insert(origin, (reply, now_ms));
    }

    /// What a waiter got, if it is not yet forgotten.
    pub(crate) fn late(&self, origin: Origin) -> Option<&Bytes> {
        self.late.get(&origin).map(|(reply, _)| reply)
    }

    /// Whether somebody waits under that command.
    pub(crate) fn waits(&self, origin: Origin) -> bool {
        self.by_origin.contains_key(&origin)
    }

    /// The proxy has the late reply.
    pub(crate) fn forget(&mut self, origin: Origin) -> Option<Bytes> {
        self.late.remove(&origin).map(|(reply, _)| reply)
    }

    /// The proxy is still there.
    pub(crate) fn renew(&mut self, origin: Origin, now_ms: u64) {
        if let Some(waiter) = self.by_origin.get(&origin).and_then(|number| self.known.get_mut(number)) {
            waiter.renewed_ms = now_ms;
        }
    }

    pub(super) fn sweep(&mut self, now_ms: u64) {
        self.late.retain(|_, (_, made_ms)| now_ms.saturating_sub(*made_ms) <= LATE_MS_MAX);
        let gone = |waiter: &Waiter| now_ms.saturating_sub(waiter.renewed_ms) > LEASE_MS;
        let gone: Vec<u64> =
            self.known.iter().filter(|(_, waiter)| gone(waiter)).map(|(number, _)| *number).collect();
        for number in gone {
            self.remove(number);
        }
    }

    /// Whether nobody ever waited.
    pub(super) fn is_pristine(&self) -> bool {
        self.next == 0
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.next);
        put_varint(out, self.known.len() as u64);
        for (number, waiter) in &self.known {
            put_varint(out, *number);
            put_varint(out, u64::from(waiter.database));
            out.push(waiter.numbered);
            put_varint(out, waiter.origin.session);
            put_varint(out, waiter.origin.sequence);
            out.push(waiter.awaits as u8);
            out.push(waiter.empty as u8);
            out.push(u8::from(waiter.protocol == Protocol::Resp3));
            put_varint(out, waiter.renewed_ms);
            put_bytes(out, &waiter.record);
            put_varint(out, waiter.keys.len() as u64);
            for key in &waiter.keys {
                put_bytes(out, key);
            }
        }
        put_varint(out, self.late.len() as u64);
        for (origin, (reply, made_ms)) in &self.late {
            put_varint(out, origin.session);
            put_varint(out, origin.sequence);
            put_bytes(out, reply);
            put_varint(out, *made_ms);
        }
    }

    pub(super) fn decode(input: &mut Input<'_>) -> Result<Waiters, CorruptSnapshot> {
        let mut waiters = Waiters { next: input.varint()?, ..Waiters::default() };
        for _ in 0..input.varint()? {
            let number = input.varint()?;
            let database = u32::try_from(input.varint()?).map_err(|_| CorruptSnapshot::Malformed)?;
            let numbered = input.byte()?;
            let origin = Origin { session: input.varint()?, sequence: input.varint()? };
            let awaits = Awaits::of(input.byte()?).ok_or(CorruptSnapshot::Malformed)?;
            let empty = if input.byte()? == 0 { Empty::Array } else { Empty::Bulk };
            let protocol = if input.byte()? == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
            let renewed_ms = input.varint()?;
            let record = Bytes::copy_from_slice(input.bytes()?);
            let mut keys = Vec::new();
            for _ in 0..input.varint()? {
                keys.push(input.bytes()?.into());
            }
            let waiter =
                Waiter { database, numbered, origin, keys, awaits, empty, protocol, record, renewed_ms };
            if number > waiters.next {
                return Err(CorruptSnapshot::Malformed);
            }
            waiters.insert(number, waiter);
        }
        for _ in 0..input.varint()? {
            let origin = Origin { session: input.varint()?, sequence: input.varint()? };
            let reply = Bytes::copy_from_slice(input.bytes()?);
            waiters.late.insert(origin, (reply, input.varint()?));
        }
        Ok(waiters)
    }
}

/// The reply that says that the client waits: who it is, for how long, what it gets then, and the record to send again
/// should the shard lose sight of it.
pub(crate) fn parked_reply(waiter: &Waiter, timeout_ms: u64, reply: &mut Vec<u8>) {
    reply.extend_from_slice(&[PARKED, waiter.empty as u8]);
    for number in [waiter.origin.session, waiter.origin.sequence, timeout_ms] {
        reply.extend_from_slice(&number.to_le_bytes());
    }
    reply.extend_from_slice(&waiter.record);
}
