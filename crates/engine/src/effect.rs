//! What apply did, as data: blocked clients, keyspace events, client tracking and WATCH are built on it by the node.

use meridian_topology::DatabaseId;

/// One change that somebody outside may have to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A command created or changed the key.
    Changed(KeyAt),
    /// A command removed the key.
    Removed(KeyAt),
    /// The key's time had come.
    Expired(KeyAt),
    /// All keys of a numbered database are gone.
    Flushed {
        /// The database it is part of.
        database: DatabaseId,
        /// 0 to 15.
        numbered: u8,
    },
}

/// A key with the keyspace it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAt {
    /// The database.
    pub database: DatabaseId,
    /// 0 to 15.
    pub numbered: u8,
    /// The key.
    pub key: Box<[u8]>,
}

/// Gathers the effects of one entry, or nothing where nobody asked for them.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    wanted: bool,
    gathered: Vec<Effect>,
}

impl Effects {
    pub(crate) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    pub(crate) fn push(&mut self, effect: impl FnOnce() -> Effect) {
        if self.wanted {
            self.gathered.push(effect());
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.gathered)
    }
}
