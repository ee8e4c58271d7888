//! Which keys clients watch, and when they last changed.
//!
//! Moments are numbers of a counter, not log indexes: several things happen in one entry. A condition of EXEC holds if
//! the key has been noted without a break since its watch began and has not changed after it. Whatever is in doubt does
//! not hold: EXEC then answers nil, which is always safe.

use super::names::Names;
use crate::snapshot::{CorruptSnapshot, Input, put_bytes, put_varint};

/// A watch that nobody has renewed or ended for so long is forgotten; its EXEC answers nil.
const WATCH_MS_MAX: u64 = 60 * 60 * 1000;

/// What is known of one watched key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Since when changes are noted.
    since: u64,
    /// When it last changed; `since` if it did not.
    changed: u64,
    /// How many watch it.
    watchers: u64,
    /// The log's time of the newest watch.
    watched_ms: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    moment: u64,
    names: Names<Watch>,
}

impl Watched {
    /// Begins to note changes of a key, and answers from which moment on.
    pub(crate) fn watch(&mut self, database: u32, numbered: u8, key: &[u8], now_ms: u64) -> u64 {
        let moment = self.moment + 1;
        let fresh = || Watch { since: moment, changed: moment, watchers: 0, watched_ms: now_ms };
        let watch = self.names.get_or_insert(database, numbered, key, fresh);
        watch.watchers += 1;
        watch.watched_ms = now_ms;
        self.moment = moment;
        moment
    }

    /// One watcher less.
    pub(crate) fn unwatch(&mut self, database: u32, numbered: u8, key: &[u8]) {
        if let Some(watch) = self.names.get_mut(database, numbered, key) {
            watch.watchers = watch.watchers.saturating_sub(1);
            if watch.watchers == 0 {
                self.names.remove(database, numbered, key);
            }
        }
    }

    /// Whether a key is known not to have changed since that moment.
    pub(crate) fn holds(&self, database: u32, numbered: u8, key: &[u8], moment: u64) -> bool {
        let watch = self.names.get(database, numbered, key);
        watch.is_some_and(|watch| watch.since <= moment && watch.changed <= moment)
    }

    pub(super) fn touched(&mut self, database: u32, numbered: u8, key: &[u8]) {
        if self.names.is_empty() {
            return;
        }
        if let Some(watch) = self.names.get_mut(database, numbered, key) {
            self.moment += 1;
            watch.changed = self.moment;
        }
    }

    pub(super) fn keys_in(&self, database: u32, numbered: u8) -> Vec<Box<[u8]>> {
        self.names.keys_in(database, numbered)
    }

    pub(super) fn sweep(&mut self, now_ms: u64) {
        self.names.retain(|watch| now_ms.saturating_sub(watch.watched_ms) <= WATCH_MS_MAX);
    }

    /// Whether nothing was ever watched.
    pub(super) fn is_pristine(&self) -> bool {
        self.moment == 0
    }

    /// How many keys are watched.
    pub(crate) fn len(&self) -> usize {
        self.names.iter().count()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.moment);
        put_varint(out, self.len() as u64);
        for (database, numbered, key, watch) in self.names.iter() {
            put_varint(out, u64::from(database));
            out.push(numbered);
            put_bytes(out, key);
            for number in [watch.since, watch.changed, watch.watchers, watch.watched_ms] {
                put_varint(out, number);
            }
        }
    }

    pub(super) fn decode(input: &mut Input<'_>) -> Result<Watched, CorruptSnapshot> {
        let mut watched = Watched { moment: input.varint()?, names: Names::default() };
        for _ in 0..input.varint()? {
            let database = u32::try_from(input.varint()?).map_err(|_| CorruptSnapshot::Malformed)?;
            let numbered = input.byte()?;
            let key = input.bytes()?;
            let watch = Watch {
                since: input.varint()?,
                changed: input.varint()?,
                watchers: input.varint()?,
                watched_ms: input.varint()?,
            };
            watched.names.get_or_insert(database, numbered, key, || watch);
        }
        Ok(watched)
    }
}
