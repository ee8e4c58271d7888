//! The digest of the whole logical state: equal on replicas that applied the same entries, whether they saw the whole
//! log or started from a snapshot.
//!
//! Covers time, settings, keys with their expiry, form and value, who watches and waits, and sessions with what they
//! have executed. Does not cover how
//! records and tables lie in memory, when keys were last used (each replica has its own measure of that), nor the
//! bytes of remembered replies (one may tell the former).

use siphasher::sip128::SipHasher13;

use crate::{keyspace::Store, session::Sessions, snapshot::encode_record};

/// Adds up a hash of every part, so that no order matters.
pub(crate) fn digest(store: &Store, sessions: &Sessions, time_ms: u64) -> u128 {
    let hasher = SipHasher13::new_with_keys(0x6d65_7269_6469_616e, 0x6469_6765_7374);
    let mut sum = hasher.hash(&time_ms.to_le_bytes()).as_u128();
    let mut part = Vec::new();
    for (database, numbered, keyspace) in store.keyspaces() {
        for (_, record) in keyspace.tables().flat_map(|(_, table)| table.iter()) {
            part.clear();
            part.push(b'k');
            part.extend_from_slice(&database.to_le_bytes());
            part.push(numbered);
            encode_record(&mut part, record);
            sum = sum.wrapping_add(hasher.hash(&part).as_u128());
        }
    }
    part.clear();
    part.push(b'c');
    store.shared.settings.encode(&mut part);
    sum = sum.wrapping_add(hasher.hash(&part).as_u128());
    if !store.shared.attention.is_empty() {
        part.clear();
        part.push(b'a');
        store.shared.attention.encode(&mut part);
        sum = sum.wrapping_add(hasher.hash(&part).as_u128());
    }
    if !store.shared.scripts.is_empty() {
        part.clear();
        part.push(b'l');
        store.shared.scripts.encode(&mut part);
        sum = sum.wrapping_add(hasher.hash(&part).as_u128());
    }
    for (id, session) in sessions.iter() {
        part.clear();
        part.push(b's');
        for number in
            [id, session.last, session.used_ms, session.blocks.front().map_or(0, |block| block.first)]
        {
            part.extend_from_slice(&number.to_le_bytes());
        }
        sum = sum.wrapping_add(hasher.hash(&part).as_u128());
    }
    sum
}
