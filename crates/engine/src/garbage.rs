//! What is large and no part of the state any more.
//!
//! Freeing a collection of a million elements takes as long as a hundred thousand commands. So what is taken out of the
//! state leaves [`crate::Engine::apply`] as a whole, and who applies entries drops it where nobody waits for it.

use std::collections::BTreeSet;

use crate::keyspace::{ExpiryEntry, Keyspace, Record};

/// See the module. Dropping it frees it.
#[derive(Debug, Default)]
pub struct Garbage {
    records: Vec<Record>,
    #[expect(clippy::vec_box, reason = "they come in boxes; unpacking would copy them")]
    keyspaces: Vec<Box<Keyspace>>,
    expiries: Vec<BTreeSet<ExpiryEntry>>,
}

impl Garbage {
    /// Whether there is nothing to free.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.keyspaces.is_empty() && self.expiries.is_empty()
    }

    /// Takes a record: one that is small is freed at once.
    pub(crate) fn add(&mut self, record: Record) {
        if record.is_large() {
            self.records.push(record);
        }
    }

    pub(crate) fn add_keyspace(&mut self, keyspace: Box<Keyspace>) {
        self.keyspaces.push(keyspace);
    }

    pub(crate) fn add_expiries(&mut self, expiries: BTreeSet<ExpiryEntry>) {
        self.expiries.push(expiries);
    }

    /// Takes all of it out.
    pub(crate) fn take(&mut self) -> Garbage {
        std::mem::take(self)
    }
}
