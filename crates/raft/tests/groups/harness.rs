//! Starts, stops and loses nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use meridian_raft::{AddressBook, Group, Host, HostOptions, ProposeError, Reply, Timing};
use meridian_rt::{disk::RealDisk, net};
use meridian_storage::{Log, LogOptions, Snapshots};
use meridian_topology::{ClusterId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::ledger::{Ledger, State};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The addresses that one node knows: tests change them, and cut a node off by taking them away.
pub(crate) struct Book {
    addresses: Mutex<BTreeMap<NodeId, String>>,
    version: watch::Sender<u64>,
}

impl Book {
    fn set(&self, addresses: BTreeMap<NodeId, String>) {
        *self.addresses.lock() = addresses;
        self.version.send_modify(|version| *version += 1);
    }
}

impl AddressBook for Book {
    fn address(&self, node: NodeId) -> Option<String> {
        self.addresses.lock().get(&node).cloned()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

struct Node {
    host: Arc<Host>,
    log: Log,
    server: tokio::task::JoinHandle<()>,
    ledgers: BTreeMap<u32, Arc<Ledger>>,
}

pub(crate) struct Cluster {
    addresses: BTreeMap<NodeId, String>,
    books: BTreeMap<u64, Arc<Book>>,
    /// Who is not known to whom.
    cut: BTreeSet<(u64, u64)>,
    nodes: BTreeMap<u64, Node>,
    directory: tempfile::TempDir,
    shards: Vec<u32>,
    pub(crate) timing: Timing,
    pub(crate) snapshot_log_bytes: u64,
}

impl Cluster {
    /// A cluster without nodes whose nodes hold `shards`.
    pub(crate) fn new(shards: impl IntoIterator<Item = u32>) -> Self {
        Cluster {
            addresses: BTreeMap::new(),
            books: BTreeMap::new(),
            cut: BTreeSet::new(),
            nodes: BTreeMap::new(),
            directory: tempfile::tempdir().unwrap(),
            shards: shards.into_iter().collect(),
            timing: Timing::default(),
            snapshot_log_bytes: 128 << 20,
        }
    }

    /// Nodes 1, 2 and 3 with all shards started.
    pub(crate) async fn of_three(shards: impl IntoIterator<Item = u32>) -> Self {
        let mut cluster = Cluster::new(shards);
        cluster.start_three().await;
        cluster
    }

    pub(crate) async fn start_three(&mut self) {
        for node in 1..=3 {
            self.start(node).await;
        }
        self.bootstrap([1, 2, 3]).await;
    }

    /// Starts every shard on one of its voters, each time another one.
    pub(crate) async fn bootstrap(&self, voters: impl IntoIterator<Item = u64>) {
        let voters: BTreeSet<NodeId> = voters.into_iter().map(NodeId).collect();
        for shard in &self.shards {
            let first = voters.iter().nth(*shard as usize % voters.len()).unwrap();
            self.group(first.0, *shard).bootstrap(voters.clone()).await.unwrap();
        }
        for shard in &self.shards {
            self.leader(*shard).await;
        }
    }

    fn open(&self, node: u64) -> (Log, Snapshots) {
        let disk = Arc::new(RealDisk);
        let directory = self.directory.path().join(node.to_string());
        let options = LogOptions { segment_bytes: 1 << 20, ..LogOptions::default() };
        let log = Log::open(disk.clone(), &directory.join("log"), options).unwrap();
        (log, Snapshots::open(disk, &directory.join("snapshots")).unwrap())
    }

    fn spread_addresses(&self) {
        for (node, book) in &self.books {
            let known = |other: &&NodeId| !self.cut.contains(&(*node, other.0));
            let known = self.addresses.keys().filter(known);
            book.set(known.map(|other| (*other, self.addresses[other].clone())).collect());
        }
    }

    /// Lets nothing through between a node and the others.
    pub(crate) fn isolate(&mut self, node: u64) {
        for other in (1..=9).filter(|other| *other != node) {
            self.cut.extend([(node, other), (other, node)]);
        }
        self.spread_addresses();
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.spread_addresses();
    }

    /// Takes away a node's address until it is started again.
    pub(crate) fn forget(&mut self, node: u64) {
        self.addresses.remove(&NodeId(node));
        self.spread_addresses();
    }

    /// Starts a node, new or as it was left.
    pub(crate) async fn start(&mut self, node: u64) {
        let (log, snapshots) = self.open(node);
        let new = || Arc::new(Book { addresses: Mutex::default(), version: watch::Sender::new(0) });
        let book = Arc::clone(self.books.entry(node).or_insert_with(new));
        let host = Host::new(HostOptions {
            timing: self.timing,
            snapshot_log_bytes: self.snapshot_log_bytes,
            ..HostOptions::new(ClusterId(77), NodeId(node), log.clone(), snapshots, book)
        });
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.addresses.insert(NodeId(node), listener.local_addr().unwrap().to_string());
        self.spread_addresses();
        let serving = net::server().add_service(host.service()).serve_with_incoming(net::incoming(listener));
        let server = tokio::spawn(async move { serving.await.unwrap() });
        let mut ledgers = BTreeMap::new();
        for shard in &self.shards {
            let ledger = Arc::new(Ledger::default());
            host.open(ShardId(*shard), ledger.clone()).await.unwrap();
            ledgers.insert(*shard, ledger);
        }
        self.nodes.insert(node, Node { host, log, server, ledgers });
    }

    /// Stops a node without a word.
    pub(crate) async fn kill(&mut self, node: u64) {
        let node = self.nodes.remove(&node).unwrap();
        node.server.abort();
        node.host.halt().await;
        node.log.close().await.unwrap();
    }

    /// Stops a node as an operator would.
    pub(crate) async fn shut_down(&mut self, node: u64) {
        let node = self.nodes.remove(&node).unwrap();
        node.host.shutdown().await;
        node.log.close().await.unwrap();
        node.server.abort();
    }

    pub(crate) fn address(&self, node: u64) -> &str {
        &self.addresses[&NodeId(node)]
    }

    pub(crate) fn host(&self, node: u64) -> &Arc<Host> {
        &self.nodes[&node].host
    }

    pub(crate) fn group(&self, node: u64, shard: u32) -> Group {
        self.host(node).group(ShardId(shard)).unwrap()
    }

    pub(crate) fn ledger(&self, node: u64, shard: u32) -> &Ledger {
        &self.nodes[&node].ledgers[&shard]
    }

    fn leading(&self, shard: u32) -> Option<u64> {
        let leads = |node: &&u64| self.group(**node, shard).can_read();
        self.nodes.keys().find(leads).copied()
    }

    /// The node that leads a shard and can be read from.
    pub(crate) async fn leader(&self, shard: u32) -> u64 {
        until("a leader", || self.leading(shard)).await
    }

    /// Proposes until somebody has applied it; gives the ledger's count.
    pub(crate) async fn write(&self, shard: u32, payload: Bytes) -> u64 {
        loop {
            let leader = self.leader(shard).await;
            match propose(&self.group(leader, shard), payload.clone()).await {
                Ok(reply) => return *reply.downcast().unwrap(),
                Err(ProposeError::NotLeader { .. }) => {}
                Err(ProposeError::Unknown) => panic!("nobody was stopped"),
            }
        }
    }

    /// Waits until all running nodes have the same state of a shard, and gives it.
    pub(crate) async fn converged(&self, shard: u32, count: u64) -> State {
        until("equal replicas", || {
            let mut states = self.nodes.keys().map(|node| self.ledger(*node, shard).state());
            let first = states.next()?;
            (first.count == count && states.all(|state| state == first)).then_some(first)
        })
        .await
    }
}

pub(crate) async fn propose(group: &Group, payload: Bytes) -> Result<Reply, ProposeError> {
    let (sender, receiver) = oneshot::channel();
    group.propose(payload, Box::new(move |outcome| drop(sender.send(outcome))));
    receiver.await.expect("an outcome is always reported")
}

/// Waits until `condition` gives something.
pub(crate) async fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
