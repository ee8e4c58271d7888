//! Who has to hear of which keys inside the shard: WATCH and blocked clients.
//!
//! Replicated state, kept by snapshots: both must hold across a change of leader. [`Attention::touched`] is called for
//! every key that changes, comes or goes, and costs nothing while nobody watches or waits.

mod names;
mod waiters;
mod watched;

pub(crate) use waiters::{Awaits, Block, Empty, Origin, Waiter, Waiters, parked_reply};
pub(crate) use watched::Watched;

use crate::snapshot::{CorruptSnapshot, Input};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    pub(crate) watched: Watched,
    pub(crate) waiters: Waiters,
}

impl Attention {
    /// Notes that a key has changed, come or gone.
    pub(crate) fn touched(&mut self, database: u32, numbered: u8, key: &[u8]) {
        self.watched.touched(database, numbered, key);
        self.waiters.touched(database, numbered, key);
    }

    /// Notes the same of all keys of a numbered database of which `concerned` says so.
    pub(crate) fn touched_all(&mut self, database: u32, numbered: u8, concerned: impl Fn(&[u8]) -> bool) {
        let mut keys = self.watched.keys_in(database, numbered);
        keys.extend(self.waiters.keys_in(database, numbered));
        keys.retain(|key| concerned(key));
        for key in keys {
            self.touched(database, numbered, &key);
        }
    }

    /// Forgets what nobody has cared for in a long time, when time moves past a sweep.
    pub(crate) fn sweep(&mut self, last_ms: u64, now_ms: u64) {
        const SWEEP_MS: u64 = 60_000;
        if last_ms / SWEEP_MS != now_ms / SWEEP_MS {
            self.watched.sweep(now_ms);
            self.waiters.sweep(now_ms);
        }
    }

    /// Whether there is nothing that a snapshot would have to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.watched.is_pristine() && self.waiters.is_pristine()
    }

    /// Appends all of it, in an order that depends on the contents only.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.watched.encode(out);
        self.waiters.encode(out);
    }

    /// Reads what [`Attention::encode`] wrote.
    pub(crate) fn decode(input: &mut Input<'_>) -> Result<Attention, CorruptSnapshot> {
        Ok(Attention { watched: Watched::decode(input)?, waiters: Waiters::decode(input)? })
    }
}
