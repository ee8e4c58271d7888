//! Chooses which keys go when there is no room.
//!
//! That is the leader's affair and depends on what it alone knows (when keys were used, what it has looked at before):
//! the keys that it names travel in the log, and every replica takes out those (`EVICT`).
//!
//! As in Redis the choice is an estimate. For every key that goes, a few more are looked at; the best of those seen so
//! far stand in a small pool, and the first of them goes. Keys are looked at in two places: where a hand that goes
//! round the keyspace has come to, so that all have their turn however they lie in slots, and at a random slot, so
//! that keys that lie together and are used together do not go together. Where few keys have an expiry, those are found
//! by the index of expiries. That index also knows exactly which key expires first.

use std::collections::{BTreeMap, BTreeSet};

use meridian_command::settings::eviction::{Order, Policy};
use meridian_topology::{DatabaseId, SLOT_COUNT, Slot};

use crate::{
    keyspace::{Due, Keyspace, Record, Store},
    random::Random,
};

/// How many keys the pool holds.
const POOL_SIZE: usize = 16;

/// Keys that are looked at for one that may go; beyond, the index of expiries is asked.
const LOOKS_PER_SAMPLE: usize = 16;

/// How often the pool is filled in vain before there is nothing to evict for now.
const TRIES: usize = 8;

/// Bytes of a key's place in a table.
const PLACE_BYTES: usize = size_of::<Record>();

/// What `maxmemory` and `maxmemory-policy` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The most that data may take on a node, if there is a limit.
    pub bytes: Option<usize>,
    /// Which keys go when it is reached; none do without one.
    pub policy: Option<Policy>,
}

/// A key that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The database it is in.
    pub database: DatabaseId,
    /// 0 to 15.
    pub numbered: u8,
    /// The key.
    pub key: Box<[u8]>,
    /// About how much is free without it.
    pub bytes: usize,
}

/// A key as the choice knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    database: u32,
    numbered: u8,
    key: Box<[u8]>,
}

#[derive(Clone, Debug)]
struct Candidate {
    /// The higher, the sooner it goes.
    score: u64,
    name: Name,
}

/// What a leader remembers between choices.
#[derive(Debug)]
pub struct Evictor {
    /// Ordered by score, the highest last.
    pool: Vec<Candidate>,
    /// The policy that the scores follow.
    policy: Option<Policy>,
    /// How far the hand has come in each numbered database.
    hands: BTreeMap<(u32, u8), Hand>,
    /// What was chosen and is not gone yet.
    under_way: BTreeSet<Name>,
    under_way_bytes: usize,
    random: Random,
}

/// A place in a keyspace, by slot and hash.
type Hand = (Slot, u32);

impl Evictor {
    /// One that has not seen anything; `seed` is for its draws.
    pub fn new(seed: u64) -> Evictor {
        Evictor {
            pool: Vec::new(),
            policy: None,
            hands: BTreeMap::new(),
            under_way: BTreeSet::new(),
            under_way_bytes: 0,
            random: Random::new(seed),
        }
    }

    /// About how much will be free once all that was chosen is gone.
    pub fn under_way_bytes(&self) -> usize {
        self.under_way_bytes
    }

    /// Whether all that was chosen is gone.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Says that these are gone, or will not go.
    pub fn settled(&mut self, victims: Vec<Victim>) {
        for Victim { database, numbered, key, bytes } in victims {
            if self.under_way.remove(&Name { database: database.0, numbered, key }) {
                self.under_way_bytes -= bytes;
            }
        }
    }

    pub(crate) fn choose(
        &mut self,
        store: &Store,
        now_ms: u64,
        bytes: usize,
        count_max: usize,
    ) -> Vec<Victim> {
        let Some(policy) = store.shared.settings.eviction() else { return Vec::new() };
        if self.policy != Some(policy) {
            self.pool.clear();
            self.policy = Some(policy);
        }
        let mut victims = Vec::new();
        let mut freed = 0;
        let mut dues = store.shared.expiry.iter();
        while freed < bytes && victims.len() < count_max {
            let next = match policy.order {
                Order::Ttl => self.next_due(store, &mut dues),
                Order::Random => self.next_random(store, policy, now_ms),
                Order::Lru | Order::Lfu => self.next_pooled(store, policy, now_ms),
            };
            let Some((name, size)) = next else { break };
            freed += size;
            let Name { database, numbered, key } = name.clone();
            victims.push(Victim { database: DatabaseId(database), numbered, key, bytes: size });
            self.under_way.insert(name);
            self.under_way_bytes += size;
        }
        victims
    }

    /// The key that expires first.
    fn next_due(&self, store: &Store, dues: &mut impl Iterator<Item = Due>) -> Option<(Name, usize)> {
        dues.find_map(|due| {
            let table = keyspace(store, due.database, due.numbered)?.table(due.place.slot)?;
            // Parts of values are in the index too; keys of one hash may expire at the same time.
            let expires = |record: &&Record| record.expiry() == Some(due.at_ms);
            let mut found = table.iter_equal(due.place.hash).filter(expires).map(|record| {
                (
                    Name { database: due.database, numbered: due.numbered, key: record.key().into() },
                    size_of_key(record),
                )
            });
            found.find(|(name, _)| !self.under_way.contains(name))
        })
    }

    fn next_random(&mut self, store: &Store, policy: Policy, now_ms: u64) -> Option<(Name, usize)> {
        for _ in 0..TRIES {
            self.look(store, policy, 1, now_ms);
            let at = self.random.below(self.pool.len().max(1) as u64) as usize;
            if at >= self.pool.len() {
                continue;
            }
            let candidate = self.pool.swap_remove(at);
            if let Some(size) = self.still_there(store, policy, &candidate, now_ms) {
                return Some((candidate.name, size));
            }
        }
        None
    }

    fn next_pooled(&mut self, store: &Store, policy: Policy, now_ms: u64) -> Option<(Name, usize)> {
        let samples = usize::try_from(store.shared.settings.maxmemory_samples).unwrap_or(1).max(1);
        for _ in 0..TRIES {
            self.look(store, policy, samples, now_ms);
            while let Some(candidate) = self.pool.pop() {
                if let Some(size) = self.still_there(store, policy, &candidate, now_ms) {
                    return Some((candidate.name, size));
                }
            }
        }
        None
    }

    /// The size of a candidate, if it is still there and has not been used since.
    fn still_there(
        &self,
        store: &Store,
        policy: Policy,
        candidate: &Candidate,
        now_ms: u64,
    ) -> Option<usize> {
        let Name { database, numbered, key } = &candidate.name;
        let place = store.shared.placing.of(key);
        let table = keyspace(store, *database, *numbered)?.table(place.slot)?;
        let record = table.at(table.locate(place.hash, key).ok()?);
        let as_it_was = may_go(record, policy) && score(store, policy, record, now_ms) >= candidate.score;
        as_it_was.then(|| size_of_key(record))
    }

    /// Looks at some more keys of every numbered database.
    fn look(&mut self, store: &Store, policy: Policy, samples: usize, now_ms: u64) {
        for (database, numbered, keyspace) in store.keyspaces() {
            let able = if policy.volatile { keyspace.expiring() } else { keyspace.keys() };
            if able == 0 {
                self.hands.remove(&(database, numbered));
                continue;
            }
            let mut seen = 0;
            if able.saturating_mul(LOOKS_PER_SAMPLE) >= keyspace.keys() {
                seen = self.look_around(store, policy, (database, numbered), keyspace, samples, now_ms);
            }
            if policy.volatile && seen < samples {
                self.look_at_expiring(store, policy, (database, numbered), samples - seen, now_ms);
            }
        }
    }

    /// Looks at keys where the hand is, and at a random slot. How many of them may go.
    fn look_around(
        &mut self,
        store: &Store,
        policy: Policy,
        (database, numbered): (u32, u8),
        keyspace: &Keyspace,
        samples: usize,
        now_ms: u64,
    ) -> usize {
        let by_hand = samples.div_ceil(2);
        let random_slot = Slot::new(self.random.below(u64::from(SLOT_COUNT)) as u16).unwrap_or_default();
        let anywhere = (random_slot, self.random.next() as u32);
        let hand = self.hands.get(&(database, numbered)).copied().unwrap_or(anywhere);
        let mut seen = 0;
        let mut look = |from: Hand, wanted: usize| {
            let mut taken = 0;
            let next = walk(keyspace, from, wanted * LOOKS_PER_SAMPLE, |record| {
                let counts =
                    may_go(record, policy) && self.offer(store, policy, (database, numbered), record, now_ms);
                taken += usize::from(counts);
                taken < wanted
            });
            seen += taken;
            next
        };
        let next = look(hand, by_hand);
        look(anywhere, samples - by_hand);
        self.hands.insert((database, numbered), next);
        seen
    }

    /// Looks at keys that have an expiry, by the index.
    fn look_at_expiring(
        &mut self,
        store: &Store,
        policy: Policy,
        (database, numbered): (u32, u8),
        samples: usize,
        now_ms: u64,
    ) {
        let Some(keyspace) = keyspace(store, database, numbered) else { return };
        let share = self.random.next() as u32;
        let index = &store.shared.expiry;
        let here = |due: &Due| due.database == database && due.numbered == numbered;
        let dues =
            index.iter_from_share(share).chain(index.iter()).take(samples * LOOKS_PER_SAMPLE).filter(here);
        let mut seen = 0;
        for due in dues {
            let Some(table) = keyspace.table(due.place.slot) else { continue };
            for record in table.iter_equal(due.place.hash).filter(|record| may_go(record, policy)) {
                seen += usize::from(self.offer(store, policy, (database, numbered), record, now_ms));
            }
            if seen >= samples {
                return;
            }
        }
    }

    /// Puts a key into the pool if it is better than the worst there. Whether it was one to look at: not chosen, and
    /// not in the pool already.
    fn offer(
        &mut self,
        store: &Store,
        policy: Policy,
        (database, numbered): (u32, u8),
        record: &Record,
        now_ms: u64,
    ) -> bool {
        let score = score(store, policy, record, now_ms);
        if self.pool.len() >= POOL_SIZE && self.pool.first().is_some_and(|worst| worst.score >= score) {
            return true;
        }
        let name = Name { database, numbered, key: record.key().into() };
        if self.under_way.contains(&name) || self.pool.iter().any(|known| known.name == name) {
            return false;
        }
        if self.pool.len() >= POOL_SIZE {
            self.pool.remove(0);
        }
        let at = self.pool.partition_point(|known| known.score <= score);
        self.pool.insert(at, Candidate { score, name });
        true
    }
}

fn keyspace(store: &Store, database: u32, numbered: u8) -> Option<&Keyspace> {
    store.databases.get(&database)?.keyspace(numbered)
}

fn may_go(record: &Record, policy: Policy) -> bool {
    !policy.volatile || record.expiry().is_some()
}

/// The higher, the sooner the key goes.
fn score(store: &Store, policy: Policy, record: &Record, now_ms: u64) -> u64 {
    let access = &store.shared.access;
    match policy.order {
        Order::Lru => u64::from(access.idle_s(record, now_ms).unwrap_or(0)),
        Order::Lfu => u64::from(u8::MAX - access.frequency(record, now_ms).unwrap_or(0)),
        Order::Random | Order::Ttl => 0,
    }
}

/// Bytes that are free without a key.
fn size_of_key(record: &Record) -> usize {
    record.heap_size() + PLACE_BYTES
}

/// Shows keys from a place on, round the keyspace, until `each` says no or so many were shown; returns where it stopped.
fn walk(keyspace: &Keyspace, from: Hand, looks_max: usize, mut each: impl FnMut(&Record) -> bool) -> Hand {
    let mut looks = 0;
    let mut goes_on = looks_max > 0;
    let (mut first, mut first_hash) = from;
    // Round the end once.
    for _ in 0..2 {
        for (slot, table) in keyspace.tables_from(first) {
            let start = if slot == first { first_hash } else { 0 };
            for (hash, record) in table.iter_from(start) {
                if !goes_on || looks >= looks_max {
                    return (slot, hash);
                }
                looks += 1;
                goes_on = each(record);
            }
        }
        (first, first_hash) = (Slot::default(), 0);
    }
    (first, first_hash)
}

#[cfg(test)]
mod tests;
