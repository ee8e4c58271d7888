//! Logs stay short, and who is too far behind gets a snapshot.

use meridian_topology::NodeId;

use crate::{
    harness::{Cluster, until},
    ledger::entry,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_replaced_by_a_snapshot() {
    let mut cluster = Cluster::new([1]);
    cluster.snapshot_log_bytes = 64 << 10;
    cluster.start_three().await;
    for count in 1..=300 {
        cluster.write(1, entry(count % 5, &[7; 1000])).await;
    }
    for node in 1..=3 {
        let group = cluster.group(node, 1);
        until("a short log", || {
            let status = group.status();
            (status.purged > 150 && status.log_bytes < 100 << 10).then_some(())
        })
        .await;
    }
    cluster.converged(1, 300).await;
    for node in 1..=3 {
        cluster.kill(node).await;
    }
    for node in 1..=3 {
        cluster.start(node).await;
        assert_eq!(*cluster.ledger(node, 1).restored.lock(), 1);
    }
    cluster.write(1, entry(1, b"after")).await;
    cluster.converged(1, 301).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_far_behind_gets_a_snapshot() {
    let mut cluster = Cluster::new([1]);
    cluster.snapshot_log_bytes = 64 << 10;
    cluster.start_three().await;
    let leader = cluster.leader(1).await;
    let behind = leader % 3 + 1;
    cluster.write(1, entry(1, b"seen by all")).await;
    cluster.kill(behind).await;
    for count in 0..300 {
        cluster.write(1, entry(count % 50, &[7; 1000])).await;
    }
    let group = cluster.group(leader, 1);
    until("the log to be cut off", || (group.status().purged > 100).then_some(())).await;
    cluster.start(behind).await;
    cluster.converged(1, 301).await;
    assert_eq!(*cluster.ledger(behind, 1).restored.lock(), 1);
    cluster.write(1, entry(1, b"by log again")).await;
    cluster.converged(1, 302).await;
    until("the leader to know", || {
        let status = group.status();
        (status.matched.get(&NodeId(behind)) == Some(&status.last_index)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_entry_does_not_cost_the_other_shards_their_leader() {
    let cluster = Cluster::of_three([1, 2]).await;
    cluster.write(1, entry(1, &vec![1; 24 << 20])).await;
    cluster.write(2, entry(1, b"small")).await;
    let terms = [1, 2].map(|shard| cluster.group(1, shard).status().term);
    assert_eq!(terms, [1, 1]);
    cluster.converged(1, 1).await;
}
