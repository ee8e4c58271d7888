//! One life of a node: real log, snapshots, replicas and services, on what the simulation gives it.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use meridian_node::{
    exec,
    shard::{Shard, ShardState, Shards},
};
use meridian_raft::{AddressBook, BootstrapError, Group, Host, HostOptions, MembershipError};
use meridian_router::{Router, RouterOptions, local::Replicas};
use meridian_rt::net::{self, Dialer, TcpListener};
use meridian_storage::{DataDir, Identity, Log, LogOptions, Snapshots};
use meridian_topology::{ClusterMap, NodeId, ShardId};
use tokio::sync::{mpsc, watch};

use crate::{
    client,
    invariants::Violation,
    scenario::node_name,
    world::{CLUSTER, HASH_SEED, PORT, Running, World, now},
};

/// How long an order may be tried again.
const ORDER_TIMEOUT: Duration = Duration::from_secs(3);

/// What a node is told to do.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Transfer(ShardId, NodeId),
    Voters(ShardId, BTreeSet<NodeId>),
    Snapshot(ShardId),
    ShutDown,
}

struct Book(watch::Receiver<Arc<ClusterMap>>, watch::Sender<u64>);

impl AddressBook for Book {
    fn address(&self, node: NodeId) -> Option<String> {
        self.0.borrow().nodes.get(&node).map(|info| info.address.clone())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }
}

/// What a node holds while it lives.
struct Life {
    world: Arc<World>,
    node: NodeId,
    host: Arc<Host>,
    shards: Arc<Shards>,
    log: Log,
    _directory: DataDir,
}

type Failed = Box<dyn std::error::Error>;

/// Lives until the simulation ends it.
pub(crate) async fn live(world: Arc<World>, node: NodeId) -> turmoil::Result {
    world.skew(node).use_here();
    world.note(format!("node {node} starts"));
    let disk = world.disk(node).mount();
    match start(&world, node).await {
        Ok((life, orders)) => life.obey(orders).await,
        // Whoever has no disk any more is about to be stopped.
        Err(_) if disk.list(Path::new("/")).is_err() => {}
        Err(error) => {
            world.demand(Err(Violation::new(
                "a node starts on what a crash left",
                format!("node {node}: {error}"),
            )));
        }
    }
    std::future::pending().await
}

async fn start(world: &Arc<World>, node: NodeId) -> Result<(Life, mpsc::UnboundedReceiver<Order>), Failed> {
    let disk = world.disk(node).mount();
    let mut directory = DataDir::open(Arc::clone(&disk), Path::new("/data"))?;
    directory.claim(Identity { cluster: CLUSTER.0, node: node.0 })?;
    let options = LogOptions {
        segment_bytes: world.scenario.segment_bytes,
        cache_bytes: 64 << 10,
        ..LogOptions::default()
    };
    let log = Log::open(Arc::clone(&disk), &directory.log(), options)?;
    let snapshots = Snapshots::open(disk, &directory.snapshots())?;
    let addresses = Arc::new(Book(world.map(), watch::Sender::new(0)));
    let mut options = HostOptions::new(CLUSTER, node, log.clone(), snapshots, addresses);
    options.snapshot_log_bytes = world.scenario.snapshot_log_bytes;
    let host = Host::new(options);
    let shards = Arc::new(Shards::default());
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let server = net::server().add_service(host.service()).add_service(exec::service(Arc::clone(&shards)));
    tokio::spawn(server.serve_with_incoming(net::incoming(listener)));
    for shard in &world.scenario.shards {
        let state = ShardState::new(*shard, HASH_SEED);
        let group = host.open(*shard, Arc::clone(&state) as _).await?;
        if world.scenario.voters.first() == Some(&node) {
            match group.bootstrap(world.scenario.voters.clone()).await {
                Ok(()) | Err(BootstrapError::NotEmpty) => {}
                Err(error) => return Err(error.into()),
            }
        }
        shards.insert(Shard::start(*shard, node, state, group, Arc::default()));
    }
    let router = Router::new(RouterOptions {
        map: world.map(),
        local: Some((node, Arc::clone(&shards) as Arc<dyn Replicas>)),
        dialer: Dialer::direct(),
        deadline: world.scenario.deadline,
    });
    client::start(world, &node_name(node), router, 1);
    let (sender, orders) = mpsc::unbounded_channel();
    let running = Running {
        host: Arc::clone(&host),
        shards: Arc::clone(&shards),
        orders: sender,
        seen: Default::default(),
    };
    world.nodes.lock().insert(node, running);
    tokio::spawn(report_readers(Arc::clone(world), node, Arc::clone(&shards)));
    Ok((Life { world: Arc::clone(world), node, host, shards, log, _directory: directory }, orders))
}

/// Says every millisecond which shards may be read here.
async fn report_readers(world: Arc<World>, node: NodeId, shards: Arc<Shards>) {
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    loop {
        tick.tick().await;
        for shard in shards.all().into_iter().filter(|shard| shard.group().can_read()) {
            world.demand(world.one_reader.lock().watch(shard.id(), node, now() / 1000));
        }
    }
}

impl Life {
    async fn obey(&self, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            let node = self.node;
            match order {
                Order::Transfer(shard, to) => {
                    let Some(group) = self.host.group(shard) else { continue };
                    let world = Arc::clone(&self.world);
                    tokio::spawn(async move {
                        let result = group.transfer(to).await;
                        world.note(format!("node {node}: transfer of {shard} to {to}: {result:?}"));
                    });
                }
                Order::Voters(shard, voters) => {
                    let Some(group) = self.host.group(shard) else { continue };
                    let world = Arc::clone(&self.world);
                    tokio::spawn(async move {
                        let change = change_voters(&group, &voters);
                        let result = tokio::time::timeout(ORDER_TIMEOUT, change).await;
                        world.note(format!("node {node}: voters of {shard}: {voters:?}: {result:?}"));
                    });
                }
                Order::Snapshot(shard) => {
                    if let Some(group) = self.host.group(shard) {
                        group.trigger_snapshot();
                    }
                }
                Order::ShutDown => {
                    self.host.shutdown().await;
                    for shard in self.shards.all() {
                        self.shards.remove(shard.id());
                    }
                    let closed = self.log.close().await;
                    self.world.note(format!("node {node}: shut down: {closed:?}"));
                }
            }
        }
    }
}

/// New voters follow first, as the control plane does it.
async fn change_voters(group: &Group, voters: &BTreeSet<NodeId>) -> Result<(), MembershipError> {
    loop {
        match try_voters(group, voters).await {
            Err(MembershipError::InProgress) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other,
        }
    }
}

async fn try_voters(group: &Group, voters: &BTreeSet<NodeId>) -> Result<(), MembershipError> {
    let status = group.status();
    for node in voters {
        if !status.voters.contains(node) && !status.learners.contains(node) {
            group.add_learner(*node).await?;
        }
    }
    group.change_voters(voters.clone()).await
}
