//! The groups of a node.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use meridian_proto::raft::raft_service_server::RaftServiceServer;
use meridian_rt::{clock::Instant, net::Dialer};
use meridian_storage::{Log, Snapshots};
use meridian_topology::{ClusterId, NodeId, ShardId};
use openraft::{Config, SnapshotPolicy, StepDownPolicy};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    compaction::{self, Limit},
    error::OpenError,
    group::{Group, Leadership},
    lease::Lease,
    link::{AddressBook, Links, MESSAGE_BYTES_MAX},
    log_store::LogStore,
    machine::{Applier, StateMachine},
    network::Network,
    progress::Progress,
    pulse,
    replica::{Heard, Replica, send_now},
    service::{Service, Shared},
    snapshot::Shelf,
    timing::Timing,
    types::Raft,
};

/// The gRPC service that a node adds to its server.
pub type RaftServer = RaftServiceServer<Service>;

/// How long a log may get before a snapshot takes its place, unless told otherwise.
pub const SNAPSHOT_LOG_BYTES: u64 = 128 << 20;
/// How fast a snapshot is sent, unless told otherwise.
const SNAPSHOT_BYTES_PER_SECOND: u64 = 64 << 20;
/// How often a leader that is to hand over looks for somebody who can take it.
const TARGET_LOOK: Duration = Duration::from_millis(5);
/// How long openraft waits after failures, each time longer.
const BACKOFF: &str = "5ms 10ms 20ms ...250ms";

/// What a [`Host`] is made of.
pub struct HostOptions {
    /// The cluster; other clusters' nodes are refused.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// The log of all its replicas.
    pub log: Log,
    /// The snapshots of all its replicas.
    pub snapshots: Snapshots,
    /// Where the other nodes are.
    pub addresses: Arc<dyn AddressBook>,
    /// How they are reached.
    pub dialer: Dialer,
    /// The times of failure detection.
    pub timing: Timing,
    /// Bytes of log that a replica gathers before it writes a snapshot.
    pub snapshot_log_bytes: u64,
    /// How fast a snapshot is sent to a replica that needs one.
    pub snapshot_bytes_per_second: u64,
}

impl HostOptions {
    /// With default times and limits.
    pub fn new(
        cluster: ClusterId,
        node: NodeId,
        log: Log,
        snapshots: Snapshots,
        addresses: Arc<dyn AddressBook>,
    ) -> Self {
        HostOptions {
            cluster,
            node,
            log,
            snapshots,
            addresses,
            dialer: Dialer::direct(),
            timing: Timing::default(),
            snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
            snapshot_bytes_per_second: SNAPSHOT_BYTES_PER_SECOND,
        }
    }
}

/// The open replicas of a node, by shard.
#[derive(Default)]
pub(crate) struct Groups {
    replicas: RwLock<BTreeMap<u32, Arc<Replica>>>,
    pub(crate) changed: Notify,
}

impl Groups {
    pub(crate) fn get(&self, shard: u32) -> Option<Arc<Replica>> {
        self.replicas.read().get(&shard).cloned()
    }

    /// In the order of their shards.
    pub(crate) fn all(&self) -> Vec<Arc<Replica>> {
        self.replicas.read().values().cloned().collect()
    }

    /// A link has come up: whoever waits before trying that node again need not wait any longer.
    pub(crate) fn link_is_up(&self, node: u64) {
        for replica in self.all() {
            // A replica that is overloaded or has stopped tries again by itself.
            let _ = send_now(replica.raft.trigger().reset_backoff([node]));
        }
    }

    fn insert(&self, replica: Arc<Replica>) {
        self.replicas.write().insert(replica.shard.0, replica);
        self.changed.notify_one();
    }

    fn remove(&self, shard: ShardId) -> Option<Arc<Replica>> {
        self.replicas.write().remove(&shard.0)
    }
}

/// Everything of Raft that a node has: its replicas and its links to other nodes.
pub struct Host {
    node: NodeId,
    log: Log,
    snapshots: Snapshots,
    timing: Timing,
    config: Arc<Config>,
    limit: Limit,
    snapshot_bytes_per_second: u64,
    groups: Arc<Groups>,
    links: Arc<Links>,
    service: Service,
    /// Opening and closing a shard take turns; shards do not wait for each other.
    turns: Mutex<BTreeMap<u32, Arc<tokio::sync::Mutex<()>>>>,
    stop: CancellationToken,
}

impl Host {
    /// A host without replicas. Must be called in a runtime.
    pub fn new(options: HostOptions) -> Arc<Host> {
        let HostOptions { cluster, node, log, snapshots, addresses, dialer, timing, .. } = options;
        let groups = Arc::new(Groups::default());
        let stop = CancellationToken::new();
        let links =
            Arc::new(Links::new(cluster, node, addresses, dialer, Arc::clone(&groups), timing, stop.clone()));
        let service =
            Service::new(Shared { cluster, node, timing, groups: Arc::clone(&groups), stop: stop.clone() });
        tokio::spawn(pulse::run(Arc::clone(&groups), timing, stop.clone()));
        Arc::new(Host {
            node,
            log,
            snapshots,
            timing,
            config: Arc::new(config(timing)),
            limit: Limit { bytes: options.snapshot_log_bytes },
            snapshot_bytes_per_second: options.snapshot_bytes_per_second.max(1),
            groups,
            links,
            service,
            turns: Mutex::default(),
            stop,
        })
    }

    /// Opens the replica of a shard, empty or as it was: restores its snapshot and applies its log as far as that is
    /// known to be committed. Several shards may be opened at once.
    ///
    /// # Errors
    /// If the shard is open already, or its state cannot be restored.
    pub async fn open(&self, shard: ShardId, machine: Arc<dyn StateMachine>) -> Result<Group, OpenError> {
        let turn = self.turn(shard);
        let _turn = turn.lock().await;
        if self.groups.get(shard.0).is_some() {
            return Err(OpenError::AlreadyOpen);
        }
        let log = self.log.group(shard.0);
        let reopened = log.state().vote.is_some();
        let progress = Arc::new(Progress::new(log.clone(), self.limit.bytes));
        let snapshots = Shelf::new(self.snapshots.clone(), shard.0);
        let lease = Arc::new(Lease::default());
        let network = Network {
            shard: shard.0,
            links: Arc::clone(&self.links),
            lease: Arc::clone(&lease),
            snapshot_bytes_per_second: self.snapshot_bytes_per_second,
        };
        let applier = Applier::new(machine, snapshots.clone(), Arc::clone(&progress));
        // Boxed: the future that restores a replica is large.
        let opened =
            Box::pin(Raft::new(self.node.0, Arc::clone(&self.config), network, LogStore::new(log), applier));
        let raft = opened.await.map_err(|fatal| OpenError::Restore(fatal.to_string()))?;
        let replica = Arc::new(Replica {
            shard,
            node: self.node,
            metrics: raft.metrics(),
            raft,
            progress,
            lease,
            snapshots,
            leadership: watch::Sender::new(Leadership::default()),
            links: Arc::clone(&self.links),
            timing: self.timing,
            heard: Heard::new(),
            handed_over_in: 0.into(),
            reopened,
            stop: self.stop.child_token(),
        });
        tokio::spawn(compaction::look_after(Arc::clone(&replica), self.limit));
        self.groups.insert(Arc::clone(&replica));
        if self.stop.is_cancelled() {
            self.groups.remove(shard);
            halt(&replica).await;
            return Err(OpenError::ShuttingDown);
        }
        Ok(Group(replica))
    }

    fn turn(&self, shard: ShardId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.turns.lock().entry(shard.0).or_default())
    }

    /// The open replica of a shard.
    pub fn group(&self, shard: ShardId) -> Option<Group> {
        self.groups.get(shard.0).map(Group)
    }

    /// All open replicas, in the order of their shards.
    pub fn groups(&self) -> Vec<Group> {
        self.groups.all().into_iter().map(Group).collect()
    }

    /// Whether the stream to another node is up. One that nobody needs may be down.
    pub fn is_connected(&self, node: NodeId) -> bool {
        self.links.is_up(node.0)
    }

    /// Closes the replica of a shard; with `remove_data` its log and snapshots go too, for ever.
    ///
    /// # Errors
    /// If the data cannot be removed.
    pub async fn close(&self, shard: ShardId, remove_data: bool) -> std::io::Result<()> {
        let turn = self.turn(shard);
        let _turn = turn.lock().await;
        if let Some(replica) = self.groups.remove(shard) {
            halt(&replica).await;
        }
        if !remove_data {
            return Ok(());
        }
        let (sender, removed) = tokio::sync::oneshot::channel();
        self.log.remove_group(
            shard.0,
            Box::new(move |result| {
                // The caller has given up waiting.
                let _ = sender.send(result);
            }),
        );
        removed.await.map_err(std::io::Error::other)??;
        Shelf::new(self.snapshots.clone(), shard.0).clear()
    }

    /// What other nodes call; added to the node's server.
    pub fn service(&self) -> RaftServer {
        RaftServiceServer::new(self.service.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Hands over every leadership to somebody who can take it.
    pub async fn hand_over(&self) {
        join_all(self.groups.all().into_iter().map(|replica| hand_over(Group(replica)))).await;
    }

    /// Hands over every leadership to somebody who can take it, and stops.
    pub async fn shutdown(&self) {
        self.hand_over().await;
        self.halt().await;
    }

    /// Stops at once, without handing over: what leads here is missed until somebody else is elected.
    pub async fn halt(&self) {
        self.stop.cancel();
        for replica in self.groups.all() {
            self.groups.remove(replica.shard);
            halt(&replica).await;
        }
    }
}

impl Drop for Host {
    /// A host that was not shut down stops as by a crash, in its own time.
    fn drop(&mut self) {
        self.stop.cancel();
        self.groups.replicas.write().clear();
    }
}

async fn halt(replica: &Replica) {
    replica.stop.cancel();
    if let Err(error) = replica.raft.shutdown().await {
        tracing::error!(shard = %replica.shard, %error, "the replica had failed");
    }
}

/// Hands over a leadership, to a second target if the first does not take it.
async fn hand_over(group: Group) {
    for _ in 0..2 {
        let Some(target) = wait_for_target(&group).await else {
            return;
        };
        match group.transfer(target).await {
            Ok(()) => return,
            Err(error) => {
                tracing::info!(shard = %group.shard(), %target, %error, "leadership not handed over");
            }
        }
    }
}

/// Whom to hand a leadership to. A voter that is there is heard with one of the next heartbeats.
async fn wait_for_target(group: &Group) -> Option<NodeId> {
    let give_up_at = Instant::now() + group.0.timing.silence();
    loop {
        let target = group.transfer_target();
        if target.is_some() || !group.could_hand_over() || Instant::now() >= give_up_at {
            return target;
        }
        tokio::time::sleep(TARGET_LOOK).await;
    }
}

fn config(timing: Timing) -> Config {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
    let (election_min, election_max) = (millis(timing.election_min), millis(timing.election_max));
    let config = Config {
        cluster_name: "meridian".to_owned(),
        // The pulse beats; this is only how long a heartbeat's answer may take.
        heartbeat_interval: election_min * 6 / 10,
        heartbeat_min_interval: Some(millis(timing.heartbeat * 6 / 10).min(election_min / 5)),
        election_timeout_min: election_min,
        election_timeout_max: election_max.max(election_min + 1),
        // The pulse keeps time for all groups.
        enable_tick: false,
        enable_pre_vote: Some(true),
        // A leader that was restarted has an empty state machine until it is elected again.
        enable_leader_restore: Some(false),
        removed_leader_step_down: StepDownPolicy::After(30),
        max_payload_entries: 1024,
        snapshot_policy: SnapshotPolicy::Never,
        // Logs are cut off by bytes, see `compaction`.
        max_in_snapshot_log_to_keep: u64::MAX,
        replication_lag_threshold: u64::MAX,
        backoff: BACKOFF.to_owned(),
        ..Config::default()
    };
    config.validate().expect("the times fit together whatever they are")
}
