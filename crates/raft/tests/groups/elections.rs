//! Who leads, and what is lost when a leader is: nothing.

use std::time::{Duration, Instant};

use meridian_raft::{ProposeError, Role, TransferError};
use meridian_topology::NodeId;

use crate::{
    harness::{Cluster, propose, until},
    ledger::entry,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_elect_a_leader_and_apply_the_same() {
    let cluster = Cluster::of_three([1]).await;
    for count in 1..=50 {
        assert_eq!(cluster.write(1, entry(count % 7, b"value")).await, count);
    }
    let state = cluster.converged(1, 50).await;
    assert_eq!(state.last.len(), 7);
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    let status = group.status();
    assert_eq!(status.role, Role::Leader);
    assert_eq!(status.voters, [1, 2, 3].map(NodeId).into());
    until("replication to both followers", || (group.replicated_to(status.last_index) == 2).then_some(()))
        .await;
    let follower = cluster.group(leader % 3 + 1, 1);
    let refused = propose(&follower, entry(1, b"no")).await;
    assert_eq!(refused.err(), Some(ProposeError::NotLeader { leader: Some(NodeId(leader)) }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_leader_can_be_read_from_all_the_time() {
    let cluster = Cluster::of_three([1]).await;
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    let term = group.status().term;
    let start = Instant::now();
    let mut refused = 0;
    while start.elapsed() < Duration::from_millis(1500) {
        refused += u32::from(!group.can_read());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((refused, group.status().term), (0, term));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_leader_is_replaced_and_comes_back() {
    let mut cluster = Cluster::of_three([1]).await;
    for count in 1..=20 {
        cluster.write(1, entry(count, b"before")).await;
    }
    let lost = cluster.leader(1).await;
    cluster.kill(lost).await;
    let start = Instant::now();
    assert_eq!(cluster.write(1, entry(21, b"after")).await, 21);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    for count in 22..=40 {
        cluster.write(1, entry(count, b"after")).await;
    }
    cluster.start(lost).await;
    cluster.converged(1, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_all_loses_nothing() {
    let mut cluster = Cluster::of_three([1, 2]).await;
    for count in 1..=30 {
        cluster.write(1, entry(count, b"one")).await;
        cluster.write(2, entry(count, b"two")).await;
    }
    let before = cluster.converged(1, 30).await;
    for node in 1..=3 {
        cluster.kill(node).await;
    }
    for node in [3, 1, 2] {
        cluster.start(node).await;
    }
    assert_eq!(cluster.write(1, entry(31, b"one")).await, 31);
    assert_eq!(cluster.write(2, entry(31, b"two")).await, 31);
    let after = cluster.converged(1, 31).await;
    assert!(before.last.iter().all(|(key, value)| after.last.get(key) == Some(value)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leadership_is_handed_over_under_load() {
    let cluster = Cluster::of_three([1]).await;
    let mut count = 0;
    for _ in 0..5 {
        let leader = cluster.leader(1).await;
        let target = leader % 3 + 1;
        let group = cluster.group(leader, 1);
        until("the target to follow closely", || {
            let status = group.status();
            (status.matched.get(&NodeId(target)) == Some(&status.last_index)).then_some(())
        })
        .await;
        let writes = async {
            for _ in 0..20 {
                cluster.write(1, entry(count, b"moving")).await;
                count += 1;
            }
        };
        let (moved, ()) = tokio::join!(group.transfer(NodeId(target)), writes);
        moved.unwrap();
        assert!(!group.can_read());
        assert_eq!(cluster.leader(1).await, target);
    }
    cluster.converged(1, count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leadership_is_not_handed_to_just_anybody() {
    let mut cluster = Cluster::of_three([1]).await;
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    assert_eq!(group.transfer(NodeId(leader)).await, Err(TransferError::NotAVoter));
    assert_eq!(group.transfer(NodeId(9)).await, Err(TransferError::NotAVoter));
    let follower = leader % 3 + 1;
    let knows = || cluster.group(follower, 1).status().leader == Some(NodeId(leader));
    until("the follower to hear the leader", || knows().then_some(())).await;
    let refused = cluster.group(follower, 1).transfer(NodeId(leader)).await;
    assert_eq!(refused, Err(TransferError::NotLeader { leader: Some(NodeId(leader)) }));
    cluster.kill(follower).await;
    until("the link to break", || (!cluster.host(leader).is_connected(NodeId(follower))).then_some(())).await;
    assert_eq!(group.transfer(NodeId(follower)).await, Err(TransferError::Unreachable));
    assert!(group.can_read());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_hands_over_first() {
    let mut cluster = Cluster::of_three([1, 2, 3, 4]).await;
    for shard in 1..=4 {
        cluster.write(shard, entry(1, b"x")).await;
    }
    cluster.shut_down(1).await;
    let start = Instant::now();
    for shard in 1..=4 {
        cluster.write(shard, entry(2, b"y")).await;
    }
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_followers_neither_reads_nor_writes() {
    let mut cluster = Cluster::of_three([1]).await;
    let leader = cluster.leader(1).await;
    let group = cluster.group(leader, 1);
    for node in (1..=3).filter(|node| *node != leader) {
        cluster.kill(node).await;
    }
    until("the lease to end", || (!group.can_read()).then_some(())).await;
    until("writes to be refused", || {
        let refused = futures_util::FutureExt::now_or_never(propose(&group, entry(1, b"lost")));
        (!matches!(refused, Some(Ok(_)))).then_some(())
    })
    .await;
    tokio::time::sleep(cluster.timing.election_max).await;
    let refused = propose(&group, entry(1, b"lost")).await;
    assert_eq!(refused.err(), Some(ProposeError::NotLeader { leader: None }));
    assert!(!group.can_read());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposed_leader_is_never_read_from() {
    let mut cluster = Cluster::of_three([1]).await;
    for round in 0..3 {
        cluster.write(1, entry(round, b"before")).await;
        let deposed = cluster.leader(1).await;
        let groups: Vec<_> = (1..=3).map(|node| cluster.group(node, 1)).collect();
        let old = cluster.group(deposed, 1);
        cluster.isolate(deposed);
        let lost = propose(&old, entry(99, b"lost from sight"));
        let elected = async {
            until("another leader", || {
                // The old one is asked after the new one: its lease can only have ended in the meantime.
                let new = groups
                    .iter()
                    .find(|group| group.status().leader != Some(NodeId(deposed)) && group.can_read());
                assert!(new.is_none() || !old.can_read());
                new.cloned()
            })
            .await
        };
        let new = tokio::select! {
            biased;
            new = elected => new,
            outcome = lost => panic!("{outcome:?}"),
        };
        assert!(propose(&new, entry(round, b"by the new one")).await.is_ok());
        assert!(!old.can_read());
        cluster.heal();
        // The lost one may have got out before the node was cut off: then it counts.
        let count = cluster.write(1, entry(round, b"healed")).await;
        cluster.converged(1, count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_groups_share_the_links_and_survive_a_node() {
    let mut cluster = Cluster::of_three(1..=16).await;
    for round in 1..=3 {
        for shard in 1..=16 {
            assert_eq!(cluster.write(shard, entry(round, b"value")).await, round);
        }
    }
    cluster.kill(2).await;
    for shard in 1..=16 {
        assert_eq!(cluster.write(shard, entry(4, b"value")).await, 4);
    }
    cluster.start(2).await;
    for shard in 1..=16 {
        cluster.converged(shard, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_moves_is_found_again() {
    let mut cluster = Cluster::of_three([1]).await;
    let follower = cluster.leader(1).await % 3 + 1;
    cluster.kill(follower).await;
    cluster.write(1, entry(1, b"while away")).await;
    cluster.forget(follower);
    cluster.write(1, entry(2, b"unknown")).await;
    // At another port.
    cluster.start(follower).await;
    cluster.converged(1, 2).await;
}
