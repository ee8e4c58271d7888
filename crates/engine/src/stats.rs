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
    /// Fields of hashes reclaimed because their time had come, since this replica started.
    pub expired_fields: u64,
    /// Bytes of what clients have put in: that part of it which counts against `maxmemory`.
    pub data_bytes: usize,
    /// Keys that had to go for want of memory, since this replica started.
    pub evicted_keys: u64,
    /// What `maxmemory` says, 0 for no limit.
    pub maxmemory: u64,
    /// What `maxmemory-policy` says.
    pub maxmemory_policy: &'static str,
    /// Keys that were looked for and there, since this replica started.
    pub hits: u64,
    /// Keys that were looked for and not there, since this replica started.
    pub misses: u64,
    /// Commands that changed something, since this replica started: those in EXEC and in scripts each for itself.
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
    /// Those of them of whose values parts expire.
    pub expiring_parts: usize,
}

pub(crate) fn stats(store: &Store, sessions: &Sessions) -> Stats {
    let settings = &store.shared.settings;
    let (hits, misses) = store.shared.lookups.counts();
    let mut stats = Stats {
        hits,
        misses,
        changes: store.shared.changes,
        memory_bytes: store.data_bytes() + sessions.remembered_bytes(),
        data_bytes: store.data_bytes(),
        evicted_keys: store.shared.evicted,
        maxmemory: u64::try_from(settings.maxmemory).unwrap_or_default(),
        maxmemory_policy: settings.eviction_name(),
        expired_keys: store.shared.expired,
        expired_fields: store.shared.expired_parts,
        sessions: sessions.len(),
        ..Stats::default()
    };
    for (database, numbered, keyspace) in store.keyspaces() {
        if keyspace.keys() > 0 {
            let database = DatabaseId(database);
            let (keys, expiring) = (keyspace.keys(), keyspace.expiring());
            let expiring_parts = keyspace.expiring_parts();
            stats.keyspaces.push(KeyspaceStats { database, numbered, keys, expiring, expiring_parts });
        }
    }
    stats
}
