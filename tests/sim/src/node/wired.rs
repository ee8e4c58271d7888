//! A node put together by hand: replicas of all shards, and a map that never changes.

use std::{path::Path, sync::Arc};

use meridian_node::{
    Shards, exec,
    shard::{Shard, ShardState},
};
use meridian_raft::{AddressBook, BootstrapError, Host, HostOptions};
use meridian_router::{Router, RouterOptions, local::Replicas};
use meridian_rt::net::{self, Dialer, TcpListener};
use meridian_storage::{Completions, DataDir, Identity, Log, LogOptions, Snapshots};
use meridian_topology::{ClusterMap, NodeId};
use tokio::sync::{mpsc, watch};

use super::{DATA, Failed, Order, obey, report_readers};
use crate::{
    client,
    scenario::node_name,
    world::{CLUSTER, HASH_SEED, PORT, Running, World},
};

/// Written entries that stay in memory: so few that others are read from the disk.
pub(super) const CACHE_BYTES: u64 = 64 << 10;

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

/// Starts, and obeys until the simulation ends it.
pub(super) async fn live(world: &Arc<World>, node: NodeId) -> Result<(), Failed> {
    let (life, mut orders) = start(world, node).await?;
    while let Some(order) = orders.recv().await {
        match order {
            Order::ShutDown => life.shut_down().await,
            order => obey(world, node, &life.shards, order),
        }
    }
    Ok(())
}

async fn start(world: &Arc<World>, node: NodeId) -> Result<(Life, mpsc::UnboundedReceiver<Order>), Failed> {
    let disk = world.disk(node).mount();
    let mut directory = DataDir::open(Arc::clone(&disk), Path::new(DATA))?;
    directory.claim(Identity { cluster: CLUSTER.0, node: node.0 })?;
    let log = Log::open(Arc::clone(&disk), &directory.log(), log_options(world))?;
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
        let state = ShardState::new(*shard, HASH_SEED, Arc::clone(shards.memory()));
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
    client::start(world, &node_name(node), &router);
    tokio::spawn(report_readers(Arc::clone(world), node, Arc::clone(&shards)));
    let orders = world.runs(node, Running::new(node, Arc::clone(&shards), None));
    Ok((Life { world: Arc::clone(world), node, host, shards, log, _directory: directory }, orders))
}

/// Completions run as tasks of their own, as in a process.
fn log_options(world: &World) -> LogOptions {
    let runner = |completions: Completions| {
        tokio::spawn(async move { completions.run() });
    };
    LogOptions {
        segment_bytes: world.scenario.segment_bytes,
        cache_bytes: CACHE_BYTES,
        runner: Some(Arc::new(runner)),
    }
}

impl Life {
    async fn shut_down(&self) {
        self.host.shutdown().await;
        for shard in self.shards.all() {
            self.shards.remove(shard.id());
        }
        let closed = self.log.close().await;
        self.world.note(format!("node {}: shut down: {closed:?}", self.node));
    }
}
