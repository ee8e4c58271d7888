//! Nodes in one process: how a cluster forms, restarts and finds itself again.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::{collections::BTreeSet, sync::Arc};

use meridian_node::{Follower, InitError, Node, StartError};
use meridian_rt::{disk::RealDisk, net::Dialer};
use meridian_topology::{NodeId, ShardId};

use harness::{Nodes, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_share_every_shard_and_its_leaders() {
    let mut nodes = Nodes::new();
    nodes.form(3, 4).await;
    nodes.settled(3).await;
    let map = nodes.map(0);
    assert_eq!(map.shards.len(), 5);
    let regions: BTreeSet<_> = map.nodes.values().map(|node| node.region.to_string()).collect();
    assert_eq!(regions.len(), 3);
    until("every node leads", async || {
        let mut leaders = nodes.leaders().await;
        leaders.remove(&ShardId::META);
        leaders.into_values().collect::<BTreeSet<NodeId>>().len() == 3
    })
    .await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_restarts_at_other_addresses_finds_itself() {
    let mut nodes = Nodes::new();
    nodes.form(3, 2).await;
    nodes.settled(3).await;
    let before = nodes.map(0);
    nodes.stop().await;
    // In another order, each told only where the next one is now.
    nodes.start_moved(&[2, 0, 1]).await;
    nodes.settled(3).await;
    until("the map has the new addresses", async || {
        (0..3).all(|index| {
            let map = nodes.map(index);
            let moved = |(id, node): (&NodeId, _)| {
                let node: &meridian_topology::NodeInfo = node;
                node.address != before.nodes[id].address && nodes.addresses.contains(&node.address)
            };
            map.nodes.iter().all(moved)
        })
    })
    .await;
    assert_eq!(nodes.map(1).cluster, before.cluster);
    assert_eq!(nodes.map(1).hash_seed, before.hash_seed);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_are_known_while_meta_is_out_of_reach() {
    let mut nodes = Nodes::new();
    nodes.form(3, 2).await;
    nodes.settled(3).await;
    let before = nodes.map(2);
    nodes.stop().await;
    // One of three: no majority of anything.
    nodes.start_moved(&[2]).await;
    let map = nodes.map(2);
    assert_eq!(map.databases, before.databases);
    assert_eq!(map.shards.len(), before.shards.len());
    let member = nodes.node(2).member().await;
    until("its replicas are open", async || member.shards.all().len() == 2).await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_handed_over_before_a_node_stops() {
    let mut nodes = Nodes::new();
    nodes.form(3, 4).await;
    nodes.settled(3).await;
    let leaders = nodes.leaders().await;
    let leaving = leaders[&ShardId(1)];
    let index = nodes.index_of(leaving).await;
    let member = nodes.node(index).member().await;
    member.hand_over().await;
    until("it leads nothing", async || member.leading().borrow().is_empty()).await;
    let others = nodes.leaders().await;
    assert!(others.values().all(|leader| *leader != leaving), "{others:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_made_once() {
    let mut nodes = Nodes::new();
    nodes.form(1, 1).await;
    let again = nodes.node(0).init(1, 3).await;
    assert!(matches!(again, Err(InitError::Member(_))), "{again:?}");
    nodes.add(&[0]).await;
    let joining = nodes.node(1).init(1, 3).await;
    assert!(matches!(joining, Err(InitError::Joining(_) | InitError::Member(_))), "{joining:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_used_by_one_process_only() {
    let mut nodes = Nodes::new();
    nodes.form(1, 1).await;
    let (options, listener) = nodes.options(0, &[]).await;
    let second = Node::start(options, listener).await;
    assert!(matches!(second, Err(StartError::Storage(_))));
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_clusters_address_is_noticed() {
    let mut nodes = Nodes::new();
    nodes.form(1, 1).await;
    let mut others = Nodes::new();
    others.form(1, 1).await;
    nodes.stop().await;
    let (options, listener) = nodes.options(0, &others.addresses).await;
    let confused = Node::start(options, listener).await.unwrap();
    let member = confused.member().await;
    let met = tokio::time::timeout(harness::PATIENCE, member.met_stranger()).await.unwrap();
    assert!(met.contains(&others.addresses[0]), "{met}");
    confused.halt().await;
    others.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_a_node_follows_the_map_and_remembers_it() {
    let mut nodes = Nodes::new();
    nodes.form(1, 2).await;
    let directory = tempfile::tempdir().unwrap();
    let follow = async |seeds| {
        let disk = Arc::new(RealDisk);
        Follower::start(disk, directory.path(), seeds, Dialer::direct()).await.unwrap()
    };
    let follower = follow(nodes.addresses.clone()).await;
    follower.ready().await;
    nodes.add(&[0]).await;
    until("it sees the second node", async || follower.map().borrow().nodes.len() == 2).await;
    let saved = directory.path().join("map");
    until("it is saved", async || saved.exists()).await;
    drop(follower);
    nodes.stop().await;
    let again = follow(Vec::new()).await;
    again.ready().await;
    assert_eq!(again.map().borrow().databases.len(), 1);
}
