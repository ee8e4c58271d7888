use meridian_proto::meta::command::Kind;
use meridian_topology::slot_of;

use super::*;

fn node(address: &str, generation: u64) -> meta::Node {
    meta::Node {
        address: address.into(),
        region: "r".into(),
        zone: "z".into(),
        generation,
        ..Default::default()
    }
}

fn command(kind: Kind) -> meta::Command {
    meta::Command { time_ms: 5, kind: Some(kind) }
}

fn initialise() -> meta::Command {
    command(Kind::Initialise(meta::Initialise {
        cluster: bytes_of_u128(9),
        hash_seed: bytes_of_u128(8),
        shards: 4,
        replication: 3,
        node: Some(node("a:1", 1)),
        token: bytes_of_u128(1),
    }))
}

fn add(token: u128, address: &str) -> meta::Command {
    command(Kind::AddNode(meta::AddNode { node: Some(node(address, 1)), token: bytes_of_u128(token) }))
}

fn record_of(shard: u32, term: u64, leader: u64, voters: &[u64]) -> meta::GroupRecord {
    meta::GroupRecord { shard, term, leader, voters: voters.to_vec(), ..Default::default() }
}

fn record(group: meta::GroupRecord) -> meta::Command {
    command(Kind::RecordGroups(meta::RecordGroups { groups: vec![group] }))
}

fn place(shard: u32, nodes: &[u64]) -> meta::Command {
    let placings = vec![meta::Placing { shard, nodes: nodes.to_vec() }];
    command(Kind::PlaceReplicas(meta::PlaceReplicas { placings }))
}

fn three_nodes() -> State {
    let mut state = State::default();
    for command in [initialise(), add(2, "b:1"), add(3, "c:1")] {
        state.apply(command).unwrap();
    }
    state
}

#[test]
fn a_new_cluster_has_every_slot_on_its_first_node() {
    let mut state = State::default();
    let applied = state.apply(initialise()).unwrap();
    assert_eq!(applied, Applied { epoch: Epoch(1), changed: true, node: Some(NodeId(1)) });
    let shard = state.map().shard_of(DatabaseId::DEFAULT, slot_of(b"key")).unwrap();
    assert_eq!(state.map().shards[&shard].voters().collect::<Vec<_>>(), [NodeId(1)]);
    assert_eq!(state.map().shards.len(), 5);
    assert_eq!(state.apply(initialise()), Err(Refused::AlreadyInitialised));
}

#[test]
fn nothing_is_done_before_there_is_a_cluster() {
    assert_eq!(State::default().apply(add(2, "b:1")), Err(Refused::NotInitialised));
}

#[test]
fn joining_twice_with_one_token_gives_one_node() {
    let mut state = three_nodes();
    let again = state.apply(add(2, "b:1")).unwrap();
    assert_eq!((again.node, again.changed), (Some(NodeId(2)), false));
    assert_eq!(state.apply(add(2, "b:7")).unwrap().node, Some(NodeId(2)));
    assert_eq!(state.map().nodes[&NodeId(2)].address, "b:7");
    assert_eq!(state.map().nodes.len(), 3);
}

#[test]
fn an_address_of_an_earlier_start_is_ignored() {
    let mut state = three_nodes();
    let announce = |address: &str, generation| {
        let node = Some(meta::Node { id: 2, ..node(address, generation) });
        command(Kind::AnnounceNode(meta::AnnounceNode { node }))
    };
    state.apply(announce("new:1", 5)).unwrap();
    assert!(!state.apply(announce("old:1", 4)).unwrap().changed);
    assert_eq!(state.map().nodes[&NodeId(2)].address, "new:1");
}

#[test]
fn replicas_follow_what_leaders_say() {
    let mut state = three_nodes();
    state.apply(place(1, &[2, 3])).unwrap();
    assert_eq!(state.map().shards[&ShardId(1)].voters().count(), 1);
    state.apply(record(record_of(1, 2, 1, &[1, 2, 3]))).unwrap();
    assert_eq!(state.map().shards[&ShardId(1)].voters().count(), 3);
    // A leader of an earlier term changes nothing.
    assert!(!state.apply(record(record_of(1, 1, 1, &[1]))).unwrap().changed);
    // Only what is said to be the whole group takes replicas away.
    state.apply(record(record_of(1, 3, 2, &[2, 3]))).unwrap();
    assert_eq!(state.map().shards[&ShardId(1)].replicas[&NodeId(1)], ReplicaRole::Learner);
    state.apply(record(meta::GroupRecord { only: true, ..record_of(1, 3, 2, &[2, 3]) })).unwrap();
    let shard = &state.map().shards[&ShardId(1)];
    assert_eq!(shard.replicas.keys().copied().collect::<Vec<_>>(), [NodeId(2), NodeId(3)]);
    assert_eq!((shard.leader_hint, shard.leader_term), (Some(NodeId(2)), 3));
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut state = three_nodes();
    let before = state.clone();
    assert_eq!(state.apply(place(9, &[1])), Err(Refused::UnknownShard(ShardId(9))));
    assert_eq!(state.apply(place(1, &[2, 8])), Err(Refused::UnknownNode(NodeId(8))));
    assert_eq!(state.apply(record(record_of(1, 1, 7, &[1]))), Err(Refused::UnknownNode(NodeId(7))));
    assert!(state.apply(meta::Command::default()).is_err());
    assert_eq!(state, before);
}

#[test]
fn a_snapshot_holds_the_whole_state() {
    let mut state = three_nodes();
    state.apply(place(2, &[3])).unwrap();
    assert_eq!(State::decode(&state.encode()).unwrap(), state);
    assert!(matches!(State::decode(b"\xff\xff"), Err(DecodeError::Message(_))));
    let later = meta::Snapshot { version: 99, ..Default::default() };
    assert!(matches!(State::decode(&later.encode_to_vec()), Err(DecodeError::Version(99))));
}

fn change_user(name: &'static [u8], revision: u64, rules: &[&'static [u8]]) -> meta::Command {
    let rules = rules.iter().map(|rule| bytes::Bytes::from_static(rule)).collect();
    let change = meta::UserChange { name: name.into(), revision, remove: false, rules };
    command(Kind::ChangeUsers(meta::ChangeUsers { database: 0, changes: vec![change] }))
}

#[test]
fn users_are_part_of_the_map_and_of_its_snapshots() {
    let mut state = three_nodes();
    let version = |state: &State| meta::Snapshot::decode(&state.encode()[..]).unwrap().version;
    assert_eq!(version(&state), WITHOUT_USERS);
    let applied = state.apply(change_user(b"bob", 0, &[b"on", b"~*"])).unwrap();
    assert!(applied.changed);
    let bob = state.map().databases[&DatabaseId::DEFAULT].users[&b"bob"[..]].clone();
    assert_eq!((bob.made, bob.revision), (applied.epoch.0, applied.epoch.0));
    assert_eq!(version(&state), SNAPSHOT_VERSION);
    assert_eq!(State::decode(&state.encode()).unwrap(), state);
    let stale = state.apply(change_user(b"bob", 1, &[b"off"]));
    assert_eq!(stale, Err(Refused::Users(ChangeUsersError::Changed)));
    // The same again is no change of the map.
    assert!(!state.apply(change_user(b"bob", bob.revision, &[b"on", b"~*"])).unwrap().changed);
}
