//! Authentications that were refused, for `ACL LOG`.
//!
//! Equal ones that follow within a minute are one entry, as in Redis, so that a client that tries passwords does not push
//! everything else out.

use std::collections::VecDeque;

use meridian_rt::clock::{Instant, wall_micros};
use parking_lot::Mutex;

use crate::clients::Client;

/// Entries kept, as Redis does by default.
const KEPT: usize = 128;
/// How long an entry takes in equal refusals.
const GROUPED_MS: u64 = 60_000;
/// Of a name given by a client.
const NAME_KEPT: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) command: &'static str,
    pub(crate) user: Vec<u8>,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    /// As in `CLIENT LIST`.
    pub(crate) client: Vec<u8>,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    /// Newest first.
    entries: VecDeque<Refusal>,
    next_id: u64,
}

impl Refusals {
    /// Notes that `command` refused to make a client this user.
    pub(crate) fn add(&self, client: &Client, command: &'static str, user: &[u8]) {
        let mut line = Vec::new();
        client.describe(Instant::now(), &mut line);
        self.note(wall_micros() / 1000, command, user, line);
    }

    fn note(&self, now_ms: u64, command: &'static str, user: &[u8], client: Vec<u8>) {
        let user = &user[..user.len().min(NAME_KEPT)];
        let mut log = self.0.lock();
        let equal = log.entries.iter().position(|entry| {
            entry.command == command
                && entry.user == user
                && now_ms.saturating_sub(entry.updated_ms) <= GROUPED_MS
        });
        let mut entry = equal.and_then(|place| log.entries.remove(place)).unwrap_or_else(|| {
            let id = log.next_id;
            log.next_id += 1;
            Refusal {
                id,
                count: 0,
                command,
                user: user.to_vec(),
                created_ms: now_ms,
                updated_ms: now_ms,
                client: Vec::new(),
            }
        });
        entry.count += 1;
        entry.updated_ms = now_ms;
        entry.client = client;
        log.entries.push_front(entry);
        log.entries.truncate(KEPT);
    }

    /// The newest entries.
    pub(crate) fn newest(&self, count: usize) -> Vec<Refusal> {
        self.0.lock().entries.iter().take(count).cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.0.lock().entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_refusals_of_a_minute_are_one_entry() {
        let refusals = Refusals::default();
        refusals.note(1000, "auth", b"default", b"a".to_vec());
        refusals.note(2000, "auth", b"other", Vec::new());
        refusals.note(61_000, "auth", b"default", b"b".to_vec());
        refusals.note(121_001, "auth", b"default", Vec::new());
        let newest = refusals.newest(10);
        let seen: Vec<_> = newest.iter().map(|entry| (entry.id, entry.count, entry.created_ms)).collect();
        assert_eq!(seen, [(2, 1, 121_001), (0, 2, 1000), (1, 1, 2000)]);
        assert_eq!(newest[1].client, b"b");
        assert_eq!(refusals.newest(1).len(), 1);
        for number in 0..200 {
            refusals.note(121_001, "hello", format!("{number}").as_bytes(), Vec::new());
        }
        assert_eq!(refusals.newest(1000).len(), KEPT);
        refusals.clear();
        assert!(refusals.newest(10).is_empty());
    }
}
