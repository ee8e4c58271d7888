//! The applied state of a replica: the engine behind a lock, as Raft's state machine.

use std::{
    collections::BTreeMap,
    io, mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use meridian_command::settings::eviction::Policy;
use meridian_engine::{
    Effect, Engine, Evictor, LateReply, ReadError, Restorer, SectionResult, Stats, Victim, Waiting,
};
use meridian_raft::{Reply, SnapshotSource, StateMachine};
use meridian_router::local::{Outcome, Ticket, Tracker};
use meridian_topology::{DatabaseId, ShardId};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::{
    memory::{NodeMemory, Part},
    tracking::Trackers,
};

/// How many bytes of a snapshot are made under one hold of the lock.
const SNAPSHOT_CHUNK_BYTES: usize = 256 << 10;

/// No key expires.
const NEVER: u64 = u64::MAX;

/// Whenever a multiple of so many replies is awaited, those that can never come are forgotten.
const AWAITED_SWEEP: usize = 256;

/// The state machine of one replica.
#[derive(Debug)]
pub struct ShardState {
    this: Weak<ShardState>,
    shard: ShardId,
    hash_seed: u128,
    engine: RwLock<Replicated>,
    next_expiry_ms: AtomicU64,
    expiry_moved: Notify,
    memory: Part,
    /// What data may take on the node; 0 is no limit.
    memory_limit: AtomicUsize,
    /// Who wants to hear of late replies, by session and sequence.
    awaited: Mutex<BTreeMap<(u64, u64), Ticket>>,
    trackers: Trackers,
}

#[derive(Debug)]
struct Replicated {
    engine: Engine,
    applied: u64,
}

impl ShardState {
    /// An empty replica. All replicas of a cluster have the same seed.
    pub fn new(shard: ShardId, hash_seed: u128, memory: Arc<NodeMemory>) -> Arc<ShardState> {
        let state = Arc::new_cyclic(|this| ShardState {
            this: Weak::clone(this),
            shard,
            hash_seed,
            engine: RwLock::new(Replicated { engine: Engine::new(hash_seed), applied: 0 }),
            next_expiry_ms: AtomicU64::new(NEVER),
            expiry_moved: Notify::new(),
            memory: Part::new(memory),
            memory_limit: AtomicUsize::new(0),
            awaited: Mutex::default(),
            trackers: Trackers::default(),
        });
        state.note_memory(&state.engine.read().engine);
        state
    }

    pub(super) fn read(
        &self,
        database: DatabaseId,
        now_ms: u64,
        commands: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<(i64, Vec<Effect>), ReadError> {
        let engine = &self.engine.read().engine;
        let effects = engine.read_with_effects(database, now_ms, commands, replies)?;
        Ok((engine.notifications(), effects))
    }

    /// Hands the ticket the reply to a command whose client waits, once there is one; the outcome if there is one now.
    pub(super) fn await_reply(&self, session: u64, sequence: u64, ticket: Ticket) -> Result<(), Outcome> {
        // While this is held nothing is applied: no reply can come between the look and the entry.
        let state = self.engine.read();
        match state.engine.waiting(session, sequence) {
            Waiting::Answered(reply) => Err(Outcome::Done(reply)),
            Waiting::Unknown => Err(Outcome::WaiterUnknown),
            Waiting::Still => {
                let mut awaited = self.awaited.lock();
                awaited.insert((session, sequence), ticket);
                if awaited.len().is_multiple_of(AWAITED_SWEEP) {
                    // Those that were cancelled never come.
                    awaited.retain(|(session, sequence), _| {
                        state.engine.waiting(*session, *sequence) == Waiting::Still
                    });
                }
                Ok(())
            }
        }
    }

    fn hand_out(&self, late: Vec<LateReply>) {
        for LateReply { session, sequence, reply } in late {
            let ticket = self.awaited.lock().remove(&(session, sequence));
            if let Some(ticket) = ticket {
                ticket.sink.complete(ticket.number, Outcome::Done(reply));
            }
        }
    }

    /// Tells the tracker what every entry from the next one on does to keys.
    pub(super) fn track(&self, tracker: Arc<dyn Tracker>) {
        // While this is held nothing is applied.
        let mut state = self.engine.write();
        state.engine.collect_effects(true);
        self.trackers.add(tracker);
    }

    /// Tells the tracker no more.
    pub(super) fn untrack(&self, tracker: &Arc<dyn Tracker>) {
        let mut state = self.engine.write();
        self.trackers.remove(tracker);
        state.engine.collect_effects(self.trackers.any());
    }

    /// Tells no tracker any more.
    pub(super) fn end_tracking(&self) {
        // Under one hold: whoever is added meanwhile is neither forgotten nor left without effects.
        let all = {
            let mut state = self.engine.write();
            state.engine.collect_effects(false);
            self.trackers.take()
        };
        all.iter().for_each(|tracker| tracker.ended());
    }

    /// Who is told what entries do to keys.
    pub(super) fn trackers(&self) -> &Trackers {
        &self.trackers
    }

    pub(super) fn stats(&self) -> Stats {
        self.engine.read().engine.stats()
    }

    pub(super) fn digest(&self) -> (u64, u128) {
        let state = self.engine.read();
        (state.applied, state.engine.digest())
    }

    /// What this replica takes, and all of the node.
    pub(super) fn memory(&self) -> &Part {
        &self.memory
    }

    /// What data may take on the node, if there is a limit.
    pub(super) fn memory_limit(&self) -> Option<usize> {
        Some(self.memory_limit.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
    }

    /// Whether the node holds too much, and nothing here may go.
    pub(super) fn is_memory_full(&self) -> bool {
        let over = self.memory_limit().is_some_and(|limit| self.memory.node().bytes() > limit);
        over && match self.engine.read().engine.memory_limit().policy {
            Some(policy) => self.memory.keys(policy.volatile) == 0,
            None => true,
        }
    }

    /// Keys to evict, and the policy they were chosen by.
    pub(super) fn victims(
        &self,
        evictor: &mut Evictor,
        now_ms: u64,
        bytes: usize,
        count_max: usize,
    ) -> (Vec<Victim>, Option<Policy>) {
        let state = self.engine.read();
        let victims = state.engine.victims(evictor, now_ms, bytes, count_max);
        (victims, state.engine.memory_limit().policy)
    }

    fn note_memory(&self, engine: &Engine) {
        let limit = engine.memory_limit().bytes;
        self.memory_limit.store(limit.unwrap_or(0), Ordering::Relaxed);
        self.memory.set(engine.data_bytes(), engine.key_counts(), limit);
    }

    /// When the next key falls due, in milliseconds since 1970.
    pub(super) fn next_expiry_ms(&self) -> Option<u64> {
        Some(self.next_expiry_ms.load(Ordering::Acquire)).filter(|at| *at != NEVER)
    }

    /// Returns when the next expiry is earlier than it was.
    pub(super) async fn expiry_moved(&self) {
        self.expiry_moved.notified().await;
    }

    fn note_expiry(&self, next: Option<u64>) {
        let next = next.unwrap_or(NEVER);
        if next < self.next_expiry_ms.swap(next, Ordering::AcqRel) {
            self.expiry_moved.notify_one();
        }
    }
}

impl StateMachine for ShardState {
    fn apply(&self, index: u64, payload: &Bytes) -> Reply {
        let (outcome, late, garbage, next_expiry) = {
            let mut state = self.engine.write();
            state.applied = index;
            let applied = match state.engine.apply(index, payload) {
                Ok(applied) => applied,
                // Every replica would have to skip it alike, and none can know that: stop before replicas differ.
                Err(error) => panic!("shard {}: entry {index} cannot be applied: {error}", self.shard),
            };
            self.note_memory(&state.engine);
            let notifications = state.engine.notifications();
            let outcome = Applied { sections: applied.sections, notifications, effects: applied.effects };
            (outcome, applied.late, applied.garbage, state.engine.next_expiry_ms())
        };
        // Before anybody is answered.
        self.trackers.tell(&outcome.effects);
        if !garbage.is_empty() {
            crate::discard(garbage);
        }
        self.hand_out(late);
        self.note_expiry(next_expiry);
        Box::new(outcome)
    }

    fn applied_other(&self, index: u64) {
        self.engine.write().applied = index;
    }

    fn begin_snapshot(&self) -> Box<dyn SnapshotSource> {
        self.engine.write().engine.begin_snapshot();
        let state = self.this.upgrade().expect("a method of it runs");
        Box::new(Walk { state })
    }

    fn restore(&self, chunks: &mut dyn Iterator<Item = io::Result<Bytes>>) -> io::Result<()> {
        let corrupt = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut restorer = Restorer::new(self.hash_seed);
        for chunk in chunks {
            restorer.feed(&chunk?).map_err(corrupt)?;
        }
        let engine = restorer.finish().map_err(corrupt)?;
        let next_expiry = engine.next_expiry_ms();
        self.note_memory(&engine);
        let restored = Replicated { applied: engine.index(), engine };
        let (replaced, trackers) = {
            let mut state = self.engine.write();
            (mem::replace(&mut *state, restored), self.trackers.take())
        };
        // Which keys differ nobody knows.
        trackers.iter().for_each(|tracker| tracker.ended());
        // Freeing a large state takes a while and needs no lock.
        drop(replaced);
        // Replies that the snapshot holds were not handed out: whoever awaits them asks again.
        for ticket in mem::take(&mut *self.awaited.lock()).into_values() {
            ticket.sink.complete(ticket.number, Outcome::NotLeader(None));
        }
        self.note_expiry(next_expiry);
        Ok(())
    }
}

/// Walks the state as of the moment the snapshot began; the engine keeps it apart from later writes.
struct Walk {
    state: Arc<ShardState>,
}

impl SnapshotSource for Walk {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.state.engine.write().engine.snapshot_chunk(SNAPSHOT_CHUNK_BYTES)
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.state.engine.write().engine.abandon_snapshot();
    }
}

/// What an entry did.
pub(super) struct Applied {
    /// The outcome of every section, in order.
    pub(super) sections: Vec<SectionResult>,
    /// What `notify-keyspace-events` says.
    pub(super) notifications: i64,
    pub(super) effects: Vec<Effect>,
}

#[cfg(test)]
mod tests {
    use meridian_engine::entry::{Builder, Header};

    use super::*;

    #[test]
    fn a_restored_replica_knows_which_entry_its_state_belongs_to() {
        let first = ShardState::new(ShardId(1), 7, Arc::default());
        for index in 1..=3 {
            first.apply(index, &Builder::new(Header { time_ms: index, seed: 0 }).finish());
        }
        let mut walk = first.begin_snapshot();
        let mut chunks = std::iter::from_fn(|| walk.next_chunk()).map(|chunk| Ok(Bytes::from(chunk)));
        let second = ShardState::new(ShardId(1), 7, Arc::default());
        second.restore(&mut chunks).unwrap();
        assert_eq!(second.digest(), first.digest());
        assert_eq!(second.digest().0, 3);
    }
}
