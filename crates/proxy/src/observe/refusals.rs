//! What was refused to users, for `ACL LOG`: authentications, commands, keys, channels.
//!
//! Equal ones that follow within a minute are one entry, as in Redis, so that a client that tries passwords does not push
//! everything else out.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

use meridian_command::acl::Refused;
use meridian_rt::clock::{Instant, wall_micros};
use parking_lot::Mutex;

use crate::{Settings, clients::Client};

/// How long an entry takes in equal refusals.
const GROUPED_MS: u64 = 60_000;
/// So many of the newest entries are looked at for an equal one.
const COMPARED: usize = 10;
/// Of a name given by a client.
const NAME_KEPT: usize = 1024;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// To become a user.
    Auth,
    /// Something that the user may not do.
    Denied(Refused),
}

impl Reason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Denied(refused) => refused.name(),
        }
    }
}

/// Where it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    TopLevel,
    Multi,
    Lua,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Place::TopLevel => "toplevel",
            Place::Multi => "multi",
            Place::Lua => "lua",
        }
    }
}

/// What is the same in equal refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) reason: Reason,
    pub(crate) place: Place,
    /// The command, key or channel.
    pub(crate) object: Vec<u8>,
    pub(crate) user: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) subject: Subject,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    /// As in `CLIENT LIST`.
    pub(crate) client: Vec<u8>,
}

/// The log, and how often each reason was met.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    log: Mutex<Log>,
    pub(crate) auth: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) keys: AtomicU64,
    pub(crate) channels: AtomicU64,
}

#[derive(Debug, Default)]
struct Log {
    /// Newest first.
    entries: VecDeque<Refusal>,
    next_id: u64,
}

impl Refusals {
    /// Notes that something was refused to a client, so many times.
    pub(crate) fn add(&self, settings: &Settings, client: &Client, subject: Subject, count: u64) {
        let counter = match subject.reason {
            Reason::Auth => &self.auth,
            Reason::Denied(Refused::Command) => &self.commands,
            Reason::Denied(Refused::Key) => &self.keys,
            Reason::Denied(Refused::Channel) => &self.channels,
        };
        counter.fetch_add(count, Ordering::Relaxed);
        let mut line = Vec::new();
        client.describe(Instant::now(), &mut line);
        let kept = usize::try_from(settings.refusals_length).unwrap_or(usize::MAX);
        self.note(kept, wall_micros() / 1000, subject, count, line);
    }

    fn note(&self, kept: usize, now_ms: u64, mut subject: Subject, count: u64, client: Vec<u8>) {
        subject.user.truncate(NAME_KEPT);
        subject.object.truncate(NAME_KEPT);
        let mut log = self.log.lock();
        if kept == 0 {
            log.entries.clear();
            return;
        }
        let equal = log.entries.iter().take(COMPARED).position(|entry| {
            entry.subject == subject && now_ms.saturating_sub(entry.updated_ms) <= GROUPED_MS
        });
        let mut entry = equal.and_then(|place| log.entries.remove(place)).unwrap_or_else(|| {
            let id = log.next_id;
            log.next_id += 1;
            Refusal { id, count: 0, subject, created_ms: now_ms, updated_ms: now_ms, client: Vec::new() }
        });
        entry.count += count;
        entry.updated_ms = now_ms;
        entry.client = client;
        log.entries.push_front(entry);
        log.entries.truncate(kept);
    }

    /// The newest entries.
    pub(crate) fn newest(&self, count: usize) -> Vec<Refusal> {
        self.log.lock().entries.iter().take(count).cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.log.lock().entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(user: &str) -> Subject {
        let user = user.as_bytes().to_vec();
        Subject { reason: Reason::Auth, place: Place::TopLevel, object: b"AUTH".to_vec(), user }
    }

    #[test]
    fn equal_refusals_of_a_minute_are_one_entry() {
        let refusals = Refusals::default();
        let note = |now_ms, user: &str, client: &[u8]| {
            refusals.note(128, now_ms, subject(user), 1, client.to_vec());
        };
        note(1000, "default", b"a");
        note(2000, "other", b"");
        note(61_000, "default", b"b");
        note(121_001, "default", b"");
        let newest = refusals.newest(10);
        let seen: Vec<_> = newest.iter().map(|entry| (entry.id, entry.count, entry.created_ms)).collect();
        assert_eq!(seen, [(2, 1, 121_001), (0, 2, 1000), (1, 1, 2000)]);
        assert_eq!(newest[1].client, b"b");
        assert_eq!(refusals.newest(1).len(), 1);
        let in_script = Subject { place: Place::Lua, ..subject("default") };
        refusals.note(128, 121_001, in_script, 7, Vec::new());
        assert_eq!(refusals.newest(1)[0].count, 7);
        for number in 0..200 {
            note(121_001, &number.to_string(), b"");
        }
        assert_eq!(refusals.newest(1000).len(), 128);
        refusals.note(3, 121_001, subject("last"), 1, Vec::new());
        assert_eq!(refusals.newest(1000).len(), 3);
        refusals.note(0, 121_001, subject("last"), 1, Vec::new());
        assert!(refusals.newest(10).is_empty());
        note(121_001, "last", b"");
        refusals.clear();
        assert!(refusals.newest(10).is_empty());
    }
}
