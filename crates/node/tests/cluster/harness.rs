//! Starts nodes, and waits for conditions.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use meridian_node::{LogLimits, Node, NodeOptions};
use meridian_raft::Timing;
use meridian_rt::{
    disk::RealDisk,
    net::{Dialer, TcpListener},
};
use meridian_topology::{ClusterMap, NodeId, Region, ReplicaRole, ShardId, Zone};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Nodes with their directories, which outlive them.
pub(crate) struct Nodes {
    directories: Vec<TempDir>,
    nodes: Vec<Option<Node>>,
    /// Where each node is, or was last.
    pub(crate) addresses: Vec<String>,
}

impl Nodes {
    pub(crate) fn new() -> Nodes {
        Nodes { directories: Vec::new(), nodes: Vec::new(), addresses: Vec::new() }
    }

    /// A new cluster of so many nodes.
    pub(crate) async fn form(&mut self, count: usize, shards: u32) {
        self.add(&[]).await;
        self.node(0).init(shards, 3).await.unwrap();
        for index in 1..count {
            self.add(&[index - 1]).await;
        }
    }

    /// One more node, which joins through the given ones.
    pub(crate) async fn add(&mut self, through: &[usize]) {
        let index = self.nodes.len();
        self.directories.push(tempfile::tempdir().unwrap());
        self.nodes.push(None);
        self.addresses.push(String::new());
        let join: Vec<String> = through.iter().map(|peer| self.addresses[*peer].clone()).collect();
        self.start(index, &join).await;
    }

    pub(crate) async fn options(&mut self, index: usize, join: &[String]) -> (NodeOptions, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let options = NodeOptions {
            data: self.directories[index].path().join("data"),
            disk: Arc::new(RealDisk),
            address,
            client_address: String::new(),
            region: Region(format!("region-{index}").into()),
            zone: Zone("a".into()),
            join: join.to_vec(),
            timing: Timing::default(),
            dialer: Dialer::direct(),
            limits: LogLimits::default(),
        };
        (options, listener)
    }

    async fn start(&mut self, index: usize, join: &[String]) {
        let (options, listener) = self.options(index, join).await;
        self.addresses[index] = options.address.clone();
        self.nodes[index] = Some(Node::start(options, listener).await.unwrap());
    }

    /// Starts stopped nodes at new addresses, in the given order. Each knows where the one started before it is.
    pub(crate) async fn start_moved(&mut self, order: &[usize]) {
        let mut before = Vec::new();
        for index in order {
            self.start(*index, &before).await;
            before = vec![self.addresses[*index].clone()];
        }
    }

    pub(crate) fn node(&self, index: usize) -> &Node {
        self.nodes[index].as_ref().expect("the node runs")
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    pub(crate) fn map(&self, index: usize) -> Arc<ClusterMap> {
        let member = self.node(index).member_now().expect("the node belongs to the cluster");
        Arc::clone(&member.map().borrow())
    }

    pub(crate) async fn index_of(&self, id: NodeId) -> usize {
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(node) = node
                && node.member().await.id == id
            {
                return index;
            }
        }
        panic!("node {id} does not run");
    }

    /// Waits until every shard has a leader, and says who.
    pub(crate) async fn leaders(&self) -> BTreeMap<ShardId, NodeId> {
        let mut leaders = BTreeMap::new();
        until("every shard has a leader", async || {
            leaders.clear();
            let mut shards = 0;
            for node in self.running() {
                let member = node.member().await;
                shards = shards.max(member.map().borrow().shards.len());
                leaders.extend(member.leading().borrow().keys().map(|shard| (*shard, member.id)));
            }
            shards > 0 && leaders.len() == shards
        })
        .await;
        leaders
    }

    /// Waits until every shard has so many voters, nothing else, and a leader.
    pub(crate) async fn settled(&self, voters: usize) {
        self.leaders().await;
        until("every shard has its voters", async || {
            let mut settled = true;
            for node in self.running() {
                let map = node.member().await.map();
                let map = map.borrow();
                settled &= map.shards.values().all(|shard| {
                    let voting = shard.replicas.values().filter(|role| **role == ReplicaRole::Voter).count();
                    voting == voters && shard.replicas.len() == voters
                });
            }
            settled
        })
        .await;
    }

    /// Stops all nodes; their directories stay.
    pub(crate) async fn stop(&mut self) {
        for node in &mut self.nodes {
            if let Some(node) = node.take() {
                node.halt().await;
            }
        }
    }
}
