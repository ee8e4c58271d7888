//! One replica of a shard, as proxies see it: commands go in, replies come out.
//!
//! Writes wait in a bounded queue until the [`proposer`] packs all that has gathered into one log entry. Reads skip the
//! log: the leader answers them from the applied state while its lease holds. What cannot be answered that way (the
//! lease is in doubt, or a key falls due between the last entry and now) goes through the log as well, behind what was
//! queued before it, so that the order in which a proxy sends is the order in which commands are executed.

mod memory;
mod proposer;
mod relief;
mod state;
mod tracking;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use meridian_engine::{ReadError, Stats};
use meridian_raft::{Group, Leadership};
use meridian_router::{
    local::{Batch, Outcome, ReadAnswer, Replica, Replicas, Ticket, Tracker},
    pubsub::Hub,
};
use meridian_rt::clock;
use meridian_topology::{DatabaseId, NodeId, ShardId};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::notify;
pub use memory::NodeMemory;
use proposer::Proposer;
pub use state::ShardState;

/// A replica with its Raft group and its queue.
pub struct Shard {
    id: ShardId,
    node: NodeId,
    state: Arc<ShardState>,
    group: Group,
    leadership: watch::Receiver<Leadership>,
    proposer: Proposer,
    hub: Arc<Hub>,
    disk_full: AtomicBool,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Shard {
    /// Puts a queue in front of a replica of `node`. Its task ends when the last handle is dropped.
    pub fn start(
        id: ShardId,
        node: NodeId,
        state: Arc<ShardState>,
        group: Group,
        hub: Arc<Hub>,
    ) -> Arc<Shard> {
        let proposer = Proposer::spawn(id, Arc::clone(&state), group.clone(), Arc::clone(&hub));
        let leadership = group.leadership();
        let shard = Arc::new(Shard {
            id,
            node,
            state,
            group,
            leadership,
            proposer,
            hub,
            disk_full: AtomicBool::new(false),
        });
        tokio::spawn(tracking::while_leading(Arc::downgrade(&shard)));
        shard
    }

    /// Its number.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// Its Raft group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// What the applied state holds.
    pub fn stats(&self) -> Stats {
        self.state.stats()
    }

    /// Bytes of data on its node, that of all replicas there.
    pub fn node_data_bytes(&self) -> usize {
        self.state.memory().node().bytes()
    }

    /// Digest of the applied state and the log index it belongs to.
    pub fn digest(&self) -> (u64, u128) {
        self.state.digest()
    }
}

impl Replica for Shard {
    fn read(&self, database: DatabaseId, commands: &[u8], replies: &mut Vec<u8>) -> ReadAnswer {
        if !self.group.can_read() {
            return ReadAnswer::Queue;
        }
        let start = replies.len();
        let answer = self.state.read(database, clock::wall_ms(), commands, replies);
        // A paused process may wake up here: what was read counts only if the lease still holds.
        let answer = match answer {
            Ok((notifications, effects)) if self.group.can_read() => {
                notify::publish(&self.hub, notifications, &effects);
                ReadAnswer::Done
            }
            Ok(_) | Err(ReadError::NeedsTick) => ReadAnswer::Queue,
            Err(ReadError::Malformed | ReadError::NotARead) => ReadAnswer::Malformed,
        };
        if answer != ReadAnswer::Done {
            replies.truncate(start);
        }
        answer
    }

    fn enqueue(&self, batch: Batch) -> Result<(), Outcome> {
        if !meridian_engine::entry::check_commands(&batch.commands, batch.count) {
            return Err(Outcome::Malformed);
        }
        let leader = self.leadership.borrow().leader;
        if leader != Some(self.node) {
            return Err(Outcome::NotLeader(leader));
        }
        if batch.session != 0 && self.disk_full.load(Ordering::Relaxed) {
            return Err(Outcome::DiskFull);
        }
        self.proposer.push(batch).map_err(|_| Outcome::Busy)
    }

    fn await_reply(&self, session: u64, sequence: u64, ticket: Ticket) -> Result<(), Outcome> {
        if !self.group.can_read() {
            let leader = self.leadership.borrow().leader;
            return Err(Outcome::NotLeader(leader.filter(|leader| *leader != self.node)));
        }
        self.state.await_reply(session, sequence, ticket).map_err(|outcome| match outcome {
            // A replica that is behind knows nothing of a waiter that the others have.
            Outcome::WaiterUnknown if !self.group.can_read() => Outcome::NotLeader(None),
            outcome => outcome,
        })
    }

    fn track(&self, tracker: Arc<dyn Tracker>) -> Result<(), Option<NodeId>> {
        self.state.track(Arc::clone(&tracker));
        // Asked afterwards: whoever stops leading from here on ends it.
        self.leads().inspect_err(|_| self.state.untrack(&tracker))
    }

    fn untrack(&self, tracker: &Arc<dyn Tracker>) {
        self.state.untrack(tracker);
    }

    fn is_memory_full(&self) -> bool {
        self.group.can_propose() && self.state.is_memory_full()
    }

    fn leads(&self) -> Result<(), Option<NodeId>> {
        // A leader that is cut off refuses proposals: whoever came back to it at once would go in circles.
        if self.group.can_propose() {
            return Ok(());
        }
        let leader = self.leadership.borrow().leader;
        Err(leader.filter(|leader| *leader != self.node))
    }

    fn leader_changes(&self) -> watch::Receiver<Option<NodeId>> {
        let mut leadership = self.group.leadership();
        let (sender, receiver) = watch::channel(leadership.borrow().leader);
        tokio::spawn(async move {
            while leadership.changed().await.is_ok() {
                let leader = leadership.borrow_and_update().leader;
                if sender.send(leader).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

/// The replicas on this node.
#[derive(Debug, Default)]
pub struct Shards {
    shards: RwLock<BTreeMap<ShardId, Arc<Shard>>>,
    hub: Arc<Hub>,
    memory: Arc<NodeMemory>,
    disk_full: AtomicBool,
}

impl Shards {
    /// What their data takes.
    pub fn memory(&self) -> &Arc<NodeMemory> {
        &self.memory
    }

    /// The replica of a shard, if this node has one.
    pub fn get(&self, shard: ShardId) -> Option<Arc<Shard>> {
        self.shards.read().get(&shard).cloned()
    }

    /// Adds a replica.
    pub fn insert(&self, shard: Arc<Shard>) {
        let mut shards = self.shards.write();
        shard.disk_full.store(self.disk_full.load(Ordering::Relaxed), Ordering::Relaxed);
        shards.insert(shard.id(), shard);
    }

    /// Says whether the disk is full: writes are refused while it is.
    pub fn set_disk_full(&self, full: bool) {
        let shards = self.shards.write();
        self.disk_full.store(full, Ordering::Relaxed);
        shards.values().for_each(|shard| shard.disk_full.store(full, Ordering::Relaxed));
    }

    /// Takes a replica out.
    pub fn remove(&self, shard: ShardId) -> Option<Arc<Shard>> {
        self.shards.write().remove(&shard)
    }

    /// All replicas, in order of their shard's number.
    pub fn all(&self) -> Vec<Arc<Shard>> {
        self.shards.read().values().cloned().collect()
    }
}

impl Replicas for Shards {
    fn replica(&self, shard: ShardId) -> Option<Arc<dyn Replica>> {
        self.get(shard).map(|shard| shard as Arc<dyn Replica>)
    }

    fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.hub)
    }
}
