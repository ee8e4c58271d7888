use meridian_topology::{NodeInfo, Region, ShardInfo, Zone};
use proptest::{collection::vec, prelude::*};

use super::*;

fn node(id: u64, region: &str, zone: &str) -> NodeInfo {
    NodeInfo {
        id: NodeId(id),
        address: format!("h{id}:1"),
        region: Region(region.into()),
        zone: Zone(zone.into()),
        client_address: String::new(),
        version: String::new(),
        generation: 1,
    }
}

/// A cluster whose shards all live on node 1.
fn new_cluster(shards: u32, replication: u32, nodes: &[(&str, &str)]) -> ClusterMap {
    let mut map = ClusterMap { replication, ..ClusterMap::default() };
    for (index, (region, zone)) in nodes.iter().enumerate() {
        let id = index as u64 + 1;
        map.nodes.insert(NodeId(id), node(id, region, zone));
    }
    let first = ShardInfo {
        replicas: [(NodeId(1), ReplicaRole::Voter)].into(),
        leader_hint: Some(NodeId(1)),
        leader_term: 1,
    };
    map.shards.extend((0..=shards).map(|shard| (ShardId(shard), first.clone())));
    map
}

fn all(map: &ClusterMap) -> BTreeSet<NodeId> {
    map.nodes.keys().copied().collect()
}

/// Every replica is open as soon as it is placed.
fn open(map: &ClusterMap) -> BTreeSet<(NodeId, ShardId)> {
    map.shards.iter().flat_map(|(shard, info)| info.replicas.keys().map(|node| (*node, *shard))).collect()
}

fn steps(map: &ClusterMap, present: &BTreeSet<NodeId>) -> Vec<Step> {
    plan(&View { map, present, open: &open(map), busy: &BTreeMap::new() })
}

/// What the driver and Raft make of a step.
fn perform(map: &mut ClusterMap, step: &Step) {
    match step {
        Step::Place { shard, nodes } => {
            let replicas = &mut map.shards.get_mut(shard).unwrap().replicas;
            for node in nodes {
                assert_eq!(replicas.insert(*node, ReplicaRole::Learner), None);
            }
        }
        Step::ChangeVoters { shard, leader, voters } => {
            let info = map.shards.get_mut(shard).unwrap();
            assert_eq!(info.leader_hint, Some(*leader));
            assert!(voters.contains(leader), "the leader never removes itself");
            assert!(voters.iter().all(|node| info.replicas.contains_key(node)));
            info.replicas = voters.iter().map(|node| (*node, ReplicaRole::Voter)).collect();
        }
        Step::MoveLeader { shard, leader, target } => {
            let info = map.shards.get_mut(shard).unwrap();
            assert_eq!(info.leader_hint, Some(*leader));
            assert_eq!(info.replicas.get(target), Some(&ReplicaRole::Voter));
            info.leader_hint = Some(*target);
        }
    }
}

/// Performs steps until there are none; panics if there is no end.
fn settle(map: &mut ClusterMap, present: &BTreeSet<NodeId>) -> usize {
    for round in 0..50 {
        let steps = steps(map, present);
        if steps.is_empty() {
            return round;
        }
        let shards: Vec<ShardId> = steps.iter().map(shard_of).collect();
        assert_eq!(shards.iter().collect::<BTreeSet<_>>().len(), shards.len(), "one step for every shard");
        for step in &steps {
            perform(map, step);
        }
    }
    panic!("no end: {:?}", steps(map, present));
}

fn shard_of(step: &Step) -> ShardId {
    match step {
        Step::Place { shard, .. } | Step::ChangeVoters { shard, .. } | Step::MoveLeader { shard, .. } => {
            *shard
        }
    }
}

fn leaders(map: &ClusterMap) -> BTreeMap<NodeId, usize> {
    let mut counts: BTreeMap<NodeId, usize> = map.nodes.keys().map(|node| (*node, 0)).collect();
    for (_, info) in map.shards.iter().filter(|(shard, _)| **shard != ShardId::META) {
        *counts.get_mut(&info.leader_hint.unwrap()).unwrap() += 1;
    }
    counts
}

#[test]
fn three_nodes_share_all_shards_and_their_leaders_in_three_rounds() {
    let mut map = new_cluster(64, 3, &[("a", "1"), ("b", "1"), ("c", "1")]);
    let present = all(&map);
    assert!(settle(&mut map, &present) <= 3);
    assert!(map.shards.values().all(|info| info.voters().count() == 3));
    assert!(leaders(&map).values().all(|count| (21..=22).contains(count)));
}

#[test]
fn a_replica_votes_only_after_it_was_opened() {
    let mut map = new_cluster(1, 3, &[("a", "1"), ("b", "1"), ("c", "1")]);
    let present = all(&map);
    for step in steps(&map, &present) {
        perform(&mut map, &step);
    }
    let mut opened = open(&map);
    opened.remove(&(NodeId(3), ShardId(1)));
    let planned = plan(&View { map: &map, present: &present, open: &opened, busy: &BTreeMap::new() });
    assert_eq!(planned.iter().map(shard_of).collect::<Vec<_>>(), [ShardId::META]);
}

#[test]
fn two_nodes_keep_one_voter() {
    let map = new_cluster(4, 3, &[("a", "1"), ("b", "1")]);
    assert_eq!(steps(&map, &all(&map)), []);
}

#[test]
fn five_nodes_with_three_voters_carry_equal_numbers_of_replicas() {
    let mut map = new_cluster(10, 3, &[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")]);
    let present = all(&map);
    settle(&mut map, &present);
    for node in &present {
        let data = map.shards.iter().filter(|(shard, _)| **shard != ShardId::META);
        let count = data.filter(|(_, info)| info.replicas.contains_key(node)).count();
        assert!((5..=7).contains(&count), "{count} replicas on {node}");
    }
}

#[test]
fn voters_move_to_regions_that_join_later() {
    let mut map = new_cluster(6, 3, &[("a", "1"), ("a", "2"), ("a", "3")]);
    let present = all(&map);
    settle(&mut map, &present);
    for (id, region) in [(4, "b"), (5, "c")] {
        map.nodes.insert(NodeId(id), node(id, region, "1"));
    }
    let present = all(&map);
    settle(&mut map, &present);
    for info in map.shards.values() {
        let regions: BTreeSet<_> = info.voters().map(|node| &map.nodes[&node].region).collect();
        assert_eq!(regions.len(), 3);
    }
}

#[test]
fn a_silent_voter_is_not_replaced() {
    let mut map = new_cluster(4, 3, &[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
    let mut present = all(&map);
    settle(&mut map, &present);
    let before = map.clone();
    present.remove(&NodeId(1));
    // Its leaders have moved by election.
    for info in map.shards.values_mut() {
        let heir = info.voters().find(|node| *node != NodeId(1));
        info.leader_hint = info.leader_hint.filter(|leader| *leader != NodeId(1)).or(heir);
    }
    settle(&mut map, &present);
    for (shard, info) in &map.shards {
        let was: Vec<_> = before.shards[shard].voters().collect();
        if was.contains(&NodeId(1)) {
            assert!(info.voters().any(|node| node == NodeId(1)));
        }
    }
}

#[test]
fn leaders_come_back_to_a_node_that_has_returned() {
    let mut map = new_cluster(6, 3, &[("a", "1"), ("b", "1"), ("c", "1")]);
    let present = all(&map);
    settle(&mut map, &present);
    for info in map.shards.values_mut().filter(|info| info.leader_hint == Some(NodeId(3))) {
        info.leader_hint = Some(NodeId(2));
    }
    let without = BTreeSet::from([NodeId(1), NodeId(2)]);
    assert!(settle(&mut map, &without) <= 1);
    assert_eq!(leaders(&map)[&NodeId(3)], 0);
    settle(&mut map, &present);
    assert_eq!(leaders(&map)[&NodeId(3)], 2);
}

#[test]
fn a_busy_shard_takes_no_step_and_counts_where_it_goes() {
    let mut map = new_cluster(4, 3, &[("a", "1"), ("b", "1"), ("c", "1")]);
    let present = all(&map);
    let place = steps(&map, &present);
    for step in &place {
        perform(&mut map, step);
    }
    let busy = map.shards.keys().map(|shard| (*shard, None)).collect();
    assert_eq!(plan(&View { map: &map, present: &present, open: &open(&map), busy: &busy }), []);
    for step in steps(&map, &present) {
        perform(&mut map, &step);
    }
    let first = steps(&map, &present);
    assert_eq!(first.len(), 2, "{first:?}");
    let moving = first.iter().map(|step| match step {
        Step::MoveLeader { shard, target, .. } => (*shard, Some(*target)),
        other => panic!("{other:?}"),
    });
    assert_eq!(plan(&View { map: &map, present: &present, open: &open(&map), busy: &moving.collect() }), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// From any roles, leaders and absences the steps end, and what they end with needs no more of them.
    #[test]
    fn steps_end_from_any_state(
        places in vec((0_u8..3, 0_u8..3), 1..8),
        shards in vec((vec((0_usize..8, any::<bool>()), 1..6), 0_usize..8), 1..12),
        replication in 1_u32..6,
        absent in vec(0_usize..8, 0..3),
    ) {
        let names = ["x", "y", "z"];
        let places: Vec<_> =
            places.iter().map(|(region, zone)| (names[*region as usize], names[*zone as usize])).collect();
        let mut map = new_cluster(shards.len() as u32 - 1, replication, &places);
        let count = places.len();
        for (info, (replicas, leader)) in map.shards.values_mut().zip(&shards) {
            info.replicas.clear();
            for (node, voter) in replicas {
                let role = if *voter { ReplicaRole::Voter } else { ReplicaRole::Learner };
                info.replicas.insert(NodeId((node % count) as u64 + 1), role);
            }
            if info.voters().next().is_none() {
                info.replicas.insert(NodeId(1), ReplicaRole::Voter);
            }
            let voters: Vec<NodeId> = info.voters().collect();
            info.leader_hint = Some(voters[leader % voters.len()]);
        }
        let present: BTreeSet<NodeId> =
            all(&map).into_iter().filter(|node| !absent.contains(&(node.0 as usize - 1))).collect();
        settle(&mut map, &present);
        for info in map.shards.values() {
            prop_assert!(info.voters().next().is_some());
        }
        let everybody = all(&map);
        settle(&mut map, &everybody);
        for info in map.shards.values() {
            let limit = count.min(replication as usize);
            prop_assert_eq!(info.replicas.len(), limit - (1 - limit % 2));
        }
    }
}
