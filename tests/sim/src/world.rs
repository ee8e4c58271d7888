//! What all hosts of a run share besides the network: disks and clocks, which outlive them, and what is recorded.
//!
//! Nothing here is a way for hosts to learn of each other; they only report.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use meridian_node::{Member, Shards};
use meridian_raft::Leadership;
use meridian_rt::{
    clock::Skew,
    disk::{SimDisk, SimDisks},
};
use meridian_topology::{
    ClusterId, ClusterMap, Database, DatabaseId, Epoch, NodeId, NodeInfo, Region, ReplicaRole, ShardId,
    ShardInfo, SlotMap, Zone,
};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::{
    draw::Draw,
    history::History,
    invariants::{
        Violation, equal_states::EqualStates, one_leader::OneLeader, one_map::OneMap, one_reader::OneReader,
        progress::Progress,
    },
    node::Order,
    scenario::{Scenario, node_name},
    trace::Trace,
};

/// Where nodes listen for each other and for routers.
pub(crate) const PORT: u16 = 7000;

/// What clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Go on.
    Work,
    /// Finish what is under way; one of them then reads everything once more.
    Finish,
}

/// A node in one of its lives.
pub(crate) struct Running {
    /// Its name in the cluster, which need not be its host's.
    pub(crate) id: NodeId,
    pub(crate) shards: Arc<Shards>,
    pub(crate) member: Option<Arc<Member>>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    /// What was last seen of who leads, by shard.
    pub(crate) seen: BTreeMap<ShardId, Leadership>,
    /// It was asked to stop, and may have.
    pub(crate) asked_to_stop: bool,
    /// Where `orders` go, until the node takes them.
    taken: Option<mpsc::UnboundedReceiver<Order>>,
}

impl Running {
    pub(crate) fn new(id: NodeId, shards: Arc<Shards>, member: Option<Arc<Member>>) -> Running {
        let (orders, taken) = mpsc::unbounded_channel();
        Running {
            id,
            shards,
            member,
            orders,
            seen: BTreeMap::new(),
            asked_to_stop: false,
            taken: Some(taken),
        }
    }
}

/// Shared by all hosts of a run.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) trace: Trace,
    pub(crate) history: History,
    pub(crate) nodes: Mutex<BTreeMap<NodeId, Running>>,
    pub(crate) one_leader: Mutex<OneLeader>,
    pub(crate) one_map: Mutex<OneMap>,
    pub(crate) one_reader: Mutex<OneReader>,
    pub(crate) equal_states: Mutex<EqualStates>,
    pub(crate) progress: Mutex<Progress>,
    violations: Mutex<Vec<Violation>>,
    disks: SimDisks,
    skews: BTreeMap<NodeId, Skew>,
    map: watch::Sender<Arc<ClusterMap>>,
    phase: watch::Sender<Phase>,
    /// Clients that have not finished.
    working: watch::Sender<usize>,
    numbers: AtomicU64,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Arc<World> {
        let map = static_map(&scenario);
        Arc::new(World {
            trace: Trace::default(),
            history: History::default(),
            nodes: Mutex::default(),
            one_leader: Mutex::default(),
            one_map: Mutex::default(),
            one_reader: Mutex::default(),
            equal_states: Mutex::default(),
            progress: Mutex::default(),
            violations: Mutex::default(),
            disks: SimDisks::new(Draw::new(scenario.seed, 2).next_u64()),
            skews: scenario.node_ids().map(|node| (node, Skew::default())).collect(),
            map: watch::Sender::new(Arc::new(map)),
            phase: watch::Sender::new(Phase::Work),
            working: watch::Sender::new(0),
            numbers: AtomicU64::new(0),
            scenario,
        })
    }

    pub(crate) fn disk(&self, node: NodeId) -> SimDisk {
        self.disks.host(&node_name(node))
    }

    /// The disk of a host without a node.
    pub(crate) fn client_disk(&self, host: &str) -> SimDisk {
        self.disks.host(host)
    }

    pub(crate) fn skew(&self, node: NodeId) -> &Skew {
        &self.skews[&node]
    }

    pub(crate) fn map(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.map.subscribe()
    }

    /// A node runs; returns what it is ordered to do.
    pub(crate) fn runs(&self, host: NodeId, mut running: Running) -> mpsc::UnboundedReceiver<Order> {
        let orders = running.taken.take().expect("a life is registered once");
        self.nodes.lock().insert(host, running);
        orders
    }

    /// A number that nobody else gets in this run.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Records in the trace, from inside a host.
    pub(crate) fn note(&self, what: impl AsRef<str>) {
        self.trace.add(now(), what);
    }

    /// Records what must not have happened, if it has.
    pub(crate) fn demand(&self, holds: Result<(), Violation>) {
        if let Err(violation) = holds {
            self.violations.lock().push(violation);
        }
    }

    /// The first thing that must not have happened.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violations.lock().first().cloned()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    pub(crate) fn finishing(&self) -> bool {
        *self.phase.borrow() == Phase::Finish
    }

    /// Counts a client until what is returned is dropped.
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.working.send_modify(|working| *working += 1);
        AtWork(Arc::clone(self))
    }

    /// Waits until no client is at work.
    pub(crate) async fn all_finished(&self) {
        let mut working = self.working.subscribe();
        working.wait_for(|working| *working == 0).await.expect("the world holds the sender");
    }
}

/// A client that has not finished.
pub(crate) struct AtWork(Arc<World>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.working.send_modify(|working| *working -= 1);
    }
}

/// Microseconds since the simulation began, inside a host.
pub(crate) fn now() -> u64 {
    turmoil::sim_elapsed().expect("called inside a host").as_micros() as u64
}

/// The cluster of a run, all of whose nodes may have replicas of all shards.
pub(crate) const CLUSTER: ClusterId = ClusterId(0x51b);
/// Equal on all replicas, as a cluster's is.
pub(crate) const HASH_SEED: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

/// Where a host's node is reached.
pub(crate) fn address(host: NodeId) -> String {
    format!("{}:{PORT}", node_name(host))
}

fn static_map(scenario: &Scenario) -> ClusterMap {
    let node_info = |id: NodeId| NodeInfo {
        id,
        address: address(id),
        region: Region("here".into()),
        zone: Zone(id.to_string().into()),
        client_address: String::new(),
        version: String::new(),
        generation: 1,
    };
    let shard_info = || ShardInfo {
        replicas: scenario.node_ids().map(|node| (node, ReplicaRole::Voter)).collect(),
        ..ShardInfo::default()
    };
    let database = Database {
        name: "default".to_owned(),
        slots: SlotMap::spread(&scenario.shards),
        users: BTreeMap::new(),
    };
    ClusterMap {
        cluster: CLUSTER,
        epoch: Epoch(1),
        hash_seed: HASH_SEED,
        replication: scenario.nodes as u32,
        nodes: scenario.node_ids().map(|id| (id, node_info(id))).collect(),
        shards: scenario.shards.iter().map(|shard| (*shard, shard_info())).collect(),
        databases: [(DatabaseId::DEFAULT, database)].into(),
    }
}
