//! One replica of a shard on this node: openraft's handle and what we keep beside it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use meridian_rt::clock::Instant;
use meridian_topology::{NodeId, ShardId};
use openraft::{ServerState, async_runtime::WatchReceiver};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    group::Leadership,
    lease::Lease,
    link::Links,
    progress::Progress,
    snapshot::Shelf,
    timing::Timing,
    types::{Metrics, Raft, Types},
};

/// State of a replica, shared by [`crate::Group`], the service and the pulse.
pub(crate) struct Replica {
    pub(crate) shard: ShardId,
    pub(crate) node: NodeId,
    pub(crate) raft: Raft,
    pub(crate) metrics: openraft::alias::WatchReceiverOf<Types, Metrics>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) snapshots: Shelf,
    pub(crate) leadership: watch::Sender<Leadership>,
    pub(crate) links: Arc<Links>,
    pub(crate) timing: Timing,
    pub(crate) heard: Heard,
    /// The last term in which this node has begun to hand over its leadership. It is not to be trusted with reads
    /// any more in that term, as the target is elected without regard to leases.
    pub(crate) handed_over_in: AtomicU64,
    /// Had a log when it was opened: may have promised a leader a lease that its log knows nothing of.
    pub(crate) reopened: bool,
    pub(crate) stop: CancellationToken,
}

impl Replica {
    pub(crate) fn with_metrics<T>(&self, read: impl FnOnce(&Metrics) -> T) -> T {
        read(&self.metrics.borrow_watched())
    }

    pub(crate) fn metrics_now(&self) -> Metrics {
        self.metrics.borrow_watched().clone()
    }

    /// Whether a lease that this replica may have granted before it was reopened may still last.
    pub(crate) fn owes_a_lease(&self) -> bool {
        self.reopened && Instant::now() < self.heard.epoch + self.timing.election_max
    }

    pub(crate) fn heartbeat(&self) {
        if send_now(self.raft.trigger().heartbeat()).is_none() {
            tracing::warn!(shard = %self.shard, "no heartbeat: the replica is overloaded");
        }
    }

    pub(crate) fn stand(&self) {
        if send_now(self.raft.trigger().elect(true)).is_none() {
            tracing::warn!(shard = %self.shard, "no candidacy: the replica is overloaded");
        }
    }

    /// See [`crate::Group::can_read`].
    pub(crate) fn can_read(&self) -> bool {
        // A leader that is being voted out hands over by itself, soon.
        self.is_followed(true)
    }

    /// See [`crate::Group::can_propose`].
    pub(crate) fn can_propose(&self) -> bool {
        // One that has been voted out is handing over already; until then it has a change to carry through.
        self.is_followed(false)
    }

    /// Whether this node leads, has applied an entry of its term, is not handing over, holds its lease, and votes: in
    /// every set of voters, or in any.
    fn is_followed(&self, in_every: bool) -> bool {
        let metrics = self.metrics.borrow_watched();
        if metrics.state != ServerState::Leader || metrics.running_state.is_err() {
            return false;
        }
        let term = metrics.current_term;
        if self.progress.term() != term || self.handed_over_in.load(Ordering::Acquire) >= term {
            return false;
        }
        let voters = metrics.membership_config.membership().get_joint_config();
        let mut votes = voters.iter().map(|voters| voters.contains(&self.node.0));
        if !(if in_every { votes.all(|votes| votes) } else { votes.any(|votes| votes) }) {
            return false;
        }
        let now = Instant::now();
        self.lease
            .held_since(term, voters, self.node.0, now)
            .is_some_and(|since| now < since + self.timing.read_lease())
    }
}

/// Hands a message to the core of a replica without waiting. `None`: its queue is full or it has stopped.
pub(crate) fn send_now<T, E>(send: impl Future<Output = Result<T, E>>) -> Option<T> {
    // Unconstrained: a task that has used up its share of the thread would be told to wait though there is room.
    tokio::task::unconstrained(send).now_or_never()?.ok()
}

/// When a leader was last heard.
pub(crate) struct Heard {
    epoch: Instant,
    /// Nanoseconds after the epoch.
    at: AtomicU64,
    quiet_until: AtomicU64,
}

impl Heard {
    pub(crate) fn new() -> Self {
        Heard { epoch: Instant::now(), at: AtomicU64::new(0), quiet_until: AtomicU64::new(0) }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn now(&self) {
        self.at.fetch_max(self.nanos(Instant::now()), Ordering::Relaxed);
    }

    /// The opening of the replica, if none was heard since.
    pub(crate) fn at(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.at.load(Ordering::Relaxed))
    }

    /// Somebody else is being elected: do not stand for so long.
    pub(crate) fn keep_quiet(&self, duration: Duration) {
        self.quiet_until.fetch_max(self.nanos(Instant::now() + duration), Ordering::Relaxed);
    }

    pub(crate) fn quiet_until(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.quiet_until.load(Ordering::Relaxed))
    }
}
