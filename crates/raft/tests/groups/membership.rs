//! Replicas come and go.

use meridian_raft::MembershipError;
use meridian_topology::NodeId;

use crate::{
    harness::{Cluster, until},
    ledger::entry,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_grows_from_one_to_three_and_replaces_a_voter() {
    let mut cluster = Cluster::new([1]);
    for node in 1..=4 {
        cluster.start(node).await;
    }
    cluster.bootstrap([1]).await;
    for count in 1..=10 {
        cluster.write(1, entry(count, b"alone")).await;
    }
    let group = cluster.group(1, 1);
    let missing = group.change_voters([1, 2].map(NodeId).into()).await;
    assert_eq!(missing, Err(MembershipError::NotALearner { node: NodeId(2) }));
    for node in [2, 3] {
        group.add_learner(NodeId(node)).await.unwrap();
    }
    until("the learners to catch up", || {
        let status = group.status();
        [2, 3].iter().all(|node| status.matched.get(&NodeId(*node)) == Some(&status.last_index)).then_some(())
    })
    .await;
    group.change_voters([1, 2, 3].map(NodeId).into()).await.unwrap();
    cluster.write(1, entry(11, b"three")).await;

    group.add_learner(NodeId(4)).await.unwrap();
    group.change_voters([1, 2, 4].map(NodeId).into()).await.unwrap();
    let status = group.status();
    assert_eq!((status.voters, status.learners), ([1, 2, 4].map(NodeId).into(), [].into()));
    cluster.kill(3).await;
    cluster.kill(1).await;
    assert_eq!(cluster.write(1, entry(12, b"without the first")).await, 12);
    cluster.converged(1, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_voted_out_is_replaced() {
    let mut cluster = Cluster::of_three([1]).await;
    cluster.start(4).await;
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    group.add_learner(NodeId(4)).await.unwrap();
    let voters = [1, 2, 3, 4].into_iter().filter(|node| *node != leader).map(NodeId).collect();
    group.change_voters(voters).await.unwrap();
    assert!(!group.can_read());
    cluster.write(1, entry(1, b"after")).await;
    assert_ne!(cluster.leader(1).await, leader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_follows_and_is_removed() {
    let mut cluster = Cluster::of_three([1]).await;
    cluster.start(4).await;
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    group.add_learner(NodeId(4)).await.unwrap();
    cluster.write(1, entry(1, b"seen by the learner")).await;
    cluster.converged(1, 1).await;
    group.remove_learner(NodeId(4)).await.unwrap();
    assert!(group.status().learners.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_replica_leaves_nothing_behind() {
    let mut cluster = Cluster::of_three([1]).await;
    cluster.write(1, entry(1, b"x")).await;
    cluster.converged(1, 1).await;
    let follower = cluster.leader(1).await % 3 + 1;
    let shard = meridian_topology::ShardId(1);
    cluster.host(follower).close(shard, true).await.unwrap();
    assert!(cluster.host(follower).group(shard).is_none());
    cluster.kill(follower).await;
    cluster.start(follower).await;
    assert_eq!(cluster.group(follower, 1).status().term, 0);
}
