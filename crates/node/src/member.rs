//! A process that belongs to a cluster: its replicas, what it knows, and the tasks that keep both up to date.

mod disk_space;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use meridian_meta::{Control, control};
use meridian_proto::{
    admin::AnnounceRequest,
    convert::bytes_of_u128,
    meta::{self, AnnounceNode, command::Kind},
};
use meridian_raft::{Host, HostOptions};
use meridian_rt::{clock, disk::Disk};
use meridian_storage::{Completions, Log, LogOptions, Snapshots};
use meridian_topology::{ClusterId, ClusterMap, Epoch, NodeId, NodeInfo, ShardId};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{
    cache::MapCache,
    follow::follow,
    hosting::Hosting,
    known::{Addresses, Known},
    node::{LogLimits, NodeOptions, StartError},
    peers::{Peers, within},
    regroup::{Fences, Messenger},
    report::Reporter,
    shard::Shards,
    tasks::Tasks,
};

/// Where a directory has its log, and its snapshots.
const LOG: &str = "log";
const SNAPSHOTS: &str = "snapshots";
/// Pause between rounds of announcing a start: first, and at most.
const ANNOUNCE_FIRST: Duration = Duration::from_millis(50);
const ANNOUNCE_LAST: Duration = Duration::from_secs(2);
/// How long a node may take to answer an announcement.
const ANNOUNCE_ANSWER: Duration = Duration::from_secs(2);

/// A process's part in its cluster.
pub struct Member {
    /// The node that it is.
    pub id: NodeId,
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// Its replicas of data shards.
    pub shards: Arc<Shards>,
    pub(crate) known: Arc<Known>,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) tasks: Tasks,
    pub(crate) raft: Arc<Host>,
    log: Log,
    draining: watch::Sender<bool>,
    /// It is asked to stop, and will not lead any more.
    stopping: AtomicBool,
    /// The disk was full, replicas have stopped because of that, and there is room again.
    to_restart: CancellationToken,
    /// Says which other cluster the node that was reached at a given address belongs to.
    stranger: watch::Sender<Option<String>>,
    generation: u64,
}

impl Member {
    /// Opens what the directory holds and starts to take part.
    pub(crate) async fn start(
        options: &NodeOptions,
        cluster: ClusterId,
        id: NodeId,
    ) -> Result<Arc<Member>, StartError> {
        let disk: Arc<dyn Disk> = Arc::clone(&options.disk);
        let cache = MapCache::new(Arc::clone(&disk), options.data.clone());
        let mut map = cache.load().map_err(StartError::Disk)?;
        let generation = begin_generation(options, id, &mut map);
        let known = Arc::new(Known::new(map));
        let peers = Arc::new(Peers::new(Arc::clone(&known), options.dialer.clone()));
        let (log, snapshots) = open_storage(options).await?;
        let addresses = Arc::new(Addresses(Arc::clone(&known)));
        let raft = Host::new(HostOptions {
            timing: options.timing,
            dialer: options.dialer.clone(),
            snapshot_log_bytes: options.limits.snapshot_log_bytes,
            ..HostOptions::new(cluster, id, log.clone(), snapshots, addresses)
        });
        let messenger = Arc::new(Messenger::new(cluster, id, Arc::clone(&peers)));
        let shards = Arc::new(Shards::default());
        let tasks = Tasks::new();
        let hosting = Arc::new(Hosting {
            node: id,
            known: Arc::clone(&known),
            host: Arc::clone(&raft),
            shards: Arc::clone(&shards),
            leaders: Arc::<Messenger>::clone(&messenger),
            cache,
            control: watch::Sender::new(None),
            driver: Mutex::default(),
            tasks: tasks.clone(),
            groups: RwLock::default(),
            opened: watch::Sender::new(()),
            fences: Fences::default(),
            leading: Arc::new(watch::Sender::new(BTreeMap::new())),
        });
        messenger.attach(&hosting);
        let member = Arc::new(Member {
            id,
            cluster,
            shards,
            known,
            hosting,
            peers,
            tasks,
            raft,
            log,
            draining: watch::Sender::new(false),
            stopping: AtomicBool::new(false),
            to_restart: CancellationToken::new(),
            stranger: watch::Sender::new(None),
            generation,
        });
        member.spawn_tasks(options);
        Ok(member)
    }

    fn spawn_tasks(self: &Arc<Member>, options: &NodeOptions) {
        let reporter = Reporter {
            cluster: self.cluster,
            hosting: Arc::clone(&self.hosting),
            peers: Arc::clone(&self.peers),
            generation: self.generation,
            draining: self.draining.subscribe(),
        };
        let found = self.log.groups().into_iter().map(ShardId).collect();
        self.tasks.spawn("hosting", Arc::clone(&self.hosting).run(found));
        self.tasks.spawn("reporter", reporter.run());
        self.tasks.spawn("follower", follow_map(Arc::clone(self), options.join.clone()));
        self.tasks.spawn("disk", disk_space::watch(Arc::clone(self)));
        self.tasks.spawn("announcer", announce(Arc::clone(self), options.join.clone()));
    }

    /// The map and its changes.
    pub fn map(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.known.watch()
    }

    /// The shards that this node leads and is ready to serve, meta among them, and the terms in which it does.
    pub fn leading(&self) -> watch::Receiver<BTreeMap<ShardId, u64>> {
        self.hosting.leading.subscribe()
    }

    /// Waits until an address that this process was given turns out to be another cluster's. Says which.
    pub async fn met_stranger(&self) -> String {
        let mut stranger = self.stranger.subscribe();
        let met = stranger.wait_for(Option::is_some).await.map(|met| met.clone());
        met.ok().flatten().expect("the sender lives as long as the member")
    }

    /// Waits for a task of this member that fails by a bug, and names it.
    pub async fn failed(&self) -> &'static str {
        self.tasks.failed().await
    }

    /// Waits until this node can only go on by being started again: its disk was full, and has room again.
    pub async fn to_restart(&self) {
        self.to_restart.cancelled().await;
    }

    /// This node's replica of meta, if it has one.
    pub(crate) fn control(&self) -> Option<Control> {
        self.hosting.control.borrow().clone()
    }

    /// Who leads the meta group, as far as this node knows.
    pub(crate) fn meta_leader(&self) -> Option<NodeId> {
        let here = self.hosting.group(ShardId::META).and_then(|group| group.leadership().borrow().leader);
        here.or_else(|| self.known.map().shards.get(&ShardId::META)?.leader_hint)
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Writes a node's start down in the map, if this node leads the meta group. Returns whether the map has it.
    pub(crate) async fn record_start(&self, node: meta::Node) -> Result<bool, control::Error> {
        let Some(control) = self.control() else { return Ok(false) };
        let known = control
            .map()
            .borrow()
            .nodes
            .get(&NodeId(node.id))
            .is_some_and(|known| known.generation >= node.generation);
        if !control.group().leadership().borrow().ready {
            return Ok(false);
        }
        if known {
            return Ok(true);
        }
        match control.propose(Kind::AnnounceNode(AnnounceNode { node: Some(node) })).await {
            Ok(_) => Ok(true),
            Err(control::Error::NotLeader(_) | control::Error::Unknown) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hands all leaderships over, as far as others can take them. From here on the node is given none.
    pub async fn hand_over(&self) {
        // The driver gives no leader back to a node that says so; whether it hears it in time does not matter.
        self.stopping.store(true, Ordering::Release);
        self.draining.send_replace(true);
        self.raft.hand_over().await;
    }

    /// Stops the replicas and all tasks, and closes the log.
    pub(crate) async fn halt(&self) {
        self.tasks.stop();
        self.raft.halt().await;
        if let Err(error) = self.log.close().await {
            tracing::error!(%error, "the log was not closed well");
        }
    }
}

/// Notes in the map that this node has started, and returns the number of the start.
fn begin_generation(options: &NodeOptions, id: NodeId, map: &mut ClusterMap) -> u64 {
    let last = map.nodes.get(&id).map_or(0, |node| node.generation);
    // Clocks may run back; starts do not.
    let generation = clock::wall_ms().max(last + 1);
    if let Some(node) = map.nodes.get_mut(&id) {
        *node = NodeInfo { id, ..options.describe(generation) };
    }
    generation
}

async fn open_storage(options: &NodeOptions) -> Result<(Log, Snapshots), StartError> {
    let (disk, data) = (Arc::clone(&options.disk), options.data.clone());
    let log_options = log_options(options.limits);
    let opened = crate::offload(move || {
        let log = Log::open(Arc::clone(&disk), &data.join(LOG), log_options)?;
        let snapshots = Snapshots::open(disk, &data.join(SNAPSHOTS))?;
        Ok((log, snapshots))
    });
    opened.await.map_err(StartError::Storage)
}

/// Takes the map from the replica of meta here while there is one that is up to date, otherwise from others.
async fn follow_map(member: Arc<Member>, seeds: Vec<String>) {
    let mut control = member.hosting.control.subscribe();
    loop {
        let here = control.borrow_and_update().clone();
        tokio::select! {
            () = follow_here(&member.known, here.as_ref()) => {}
            () = follow_others(&member, here.as_ref(), &seeds) => {}
            changed = control.changed() => if changed.is_err() { return },
        }
    }
}

/// Follows other nodes until the replica of meta here, if there is one, has caught up. Does not return.
async fn follow_others(member: &Member, here: Option<&Control>, seeds: &[String]) {
    let epoch = member.known.map().epoch;
    let caught_up = async {
        let Some(control) = here else { return std::future::pending().await };
        let current = |map: &Arc<ClusterMap>| map.epoch >= epoch && map.epoch > Epoch(0);
        // The replica is closed: this is called again without it.
        let _ = control.map().wait_for(current).await;
    };
    tokio::select! {
        () = caught_up => {}
        () = follow(&member.known, &member.peers, Some(member.id), seeds) => {}
    }
    std::future::pending().await
}

/// Follows the replica of meta here. Returns when it is closed.
async fn follow_here(known: &Known, here: Option<&Control>) {
    let Some(control) = here else { return std::future::pending().await };
    let mut maps = control.map();
    loop {
        let map = Arc::clone(&maps.borrow_and_update());
        known.offer(&map);
        if maps.changed().await.is_err() {
            return;
        }
    }
}

/// Tells everybody who may be there that this node has started, until the meta group has taken it down.
async fn announce(member: Arc<Member>, seeds: Vec<String>) {
    let mut pause = ANNOUNCE_FIRST;
    loop {
        if announce_once(&member, &seeds).await {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ANNOUNCE_LAST);
    }
}

async fn announce_once(member: &Member, seeds: &[String]) -> bool {
    let map = member.known.map();
    let Some(own) = map.nodes.get(&member.id).map(meta::Node::from) else { return false };
    if let Ok(true) = member.record_start(own.clone()).await {
        return true;
    }
    let others = map.nodes.values().filter(|node| node.id != member.id).map(|node| node.address.clone());
    let mut addresses: Vec<String> = others.chain(seeds.iter().cloned()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let request = AnnounceRequest { cluster: bytes_of_u128(member.cluster.0), node: Some(own) };
    let request = &request;
    let mut answers: FuturesUnordered<_> = addresses
        .iter()
        .map(|address| async move {
            let mut client = member.peers.at(address)?;
            let answer = within(ANNOUNCE_ANSWER, client.announce(request.clone())).await;
            answer.inspect_err(|status| {
                // Only what was configured counts: an address of the map may have passed to somebody else.
                if status.code() == Code::FailedPrecondition && seeds.contains(address) {
                    member.stranger.send_replace(Some(format!("{address}: {}", status.message())));
                }
            })
        })
        .collect();
    let mut recorded = false;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => {
                answer.nodes.into_iter().for_each(|node| member.known.learn(&NodeInfo::from(node)));
                recorded |= answer.recorded;
            }
            Err(status) => tracing::debug!(status = status.message(), "announcement not heard"),
        }
    }
    recorded
}

/// Completions of one sync run together as one task of the runtime: one wake across threads, and what they set off
/// runs there without more.
fn log_options(limits: LogLimits) -> LogOptions {
    let runtime = tokio::runtime::Handle::current();
    let runner = move |completions: Completions| {
        runtime.spawn(async move { completions.run() });
    };
    LogOptions {
        segment_bytes: limits.segment_bytes,
        cache_bytes: limits.cache_bytes,
        runner: Some(Arc::new(runner)),
    }
}
