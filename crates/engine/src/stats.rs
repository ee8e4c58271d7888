//! Numbers for `INFO` and metrics.

use meridian_topology::DatabaseId;

use crate::{keyspace::Store, session::Sessions};

/// What an engine holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Every numbered database that holds keys, in order.
    pub keyspaces: Vec<KeyspaceStats>,
    /// An estimate of all memory, in bytes; what the allocator adds is not in it.
    pub memory_bytes: usize,
    /// Keys reclaimed because their time had come, since this replica started.
    pub expired_keys: u64,
    /// Keys that were looked for and there, since this replica started.
    pub hits: u64,
    /// Keys that were looked for and not there, since this replica started.
    pub misses: u64,
    /// Changes of keys, since this replica started.
    pub changes: u64,
    /// Sessions of proxies.
    pub sessions: usize,
}

/// What one numbered database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceStats {
    /// The database it is part of.
    pub database: DatabaseId,
    /// 0 to 15.
    pub numbered: u8,
    /// Its keys.
    pub keys: usize,
    /// Those of them that have an expiry.
    pub expiring: usize,
}

/// Bytes that an entry of the expiry index takes, on the average fill of its nodes.
const EXPIRY_ENTRY_BYTES: usize = 32;

pub(crate) fn stats(store: &Store, sessions: &Sessions) -> Stats {
    let (hits, misses) = store.shared.lookups.counts();
    let mut stats = Stats {
        hits,
        misses,
        changes: store.shared.changes,
        memory_bytes: store.shared.expiry.len() * EXPIRY_ENTRY_BYTES + sessions.remembered_bytes(),
        expired_keys: store.shared.expired,
        sessions: sessions.len(),
        ..Stats::default()
    };
    for (database, numbered, keyspace) in store.keyspaces() {
        stats.memory_bytes += keyspace.record_bytes() + keyspace.table_bytes();
        if keyspace.keys() > 0 {
            let database = DatabaseId(database);
            let (keys, expiring) = (keyspace.keys(), keyspace.expiring());
            stats.keyspaces.push(KeyspaceStats { database, numbered, keys, expiring });
        }
    }
    stats
}
