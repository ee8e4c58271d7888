//! What a process says of itself to `meridian status`.

use meridian_proto::{
    admin::{Progress, ReplicaStatus, Role, StatusResponse},
    convert::bytes_of_u128,
    meta,
};
use meridian_raft::{Group, Role as RaftRole};
use meridian_topology::ShardId;

use crate::{VERSION, member::Member, node::Process};

pub(crate) fn of(process: &Process) -> StatusResponse {
    let member = process.member.borrow().clone();
    let uptime = process.started.elapsed();
    let mut status = StatusResponse {
        version: VERSION.to_owned(),
        uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
        ..StatusResponse::default()
    };
    if let Some(member) = member {
        status.cluster = bytes_of_u128(member.cluster.0);
        status.node = member.id.0;
        status.draining = member.is_draining();
        status.map = Some(meta::ClusterMap::from(&*member.known.map()));
        let groups = member.hosting.groups.read().clone();
        status.replicas = groups.iter().map(|(shard, group)| replica(&member, *shard, group)).collect();
    }
    status
}

fn replica(member: &Member, shard: ShardId, group: &Group) -> ReplicaStatus {
    let status = group.status();
    let stats = member.shards.get(shard).map(|shard| crate::exec::statistics(&shard));
    let keyspaces = stats.iter().flat_map(|stats| &stats.keyspaces);
    let progress = |(node, matched): (&meridian_topology::NodeId, &u64)| Progress {
        node: node.0,
        matched_index: *matched,
    };
    ReplicaStatus {
        shard: shard.0,
        role: role(status.role).into(),
        term: status.term,
        leader: status.leader.map_or(0, |node| node.0),
        last_index: status.last_index,
        committed_index: status.committed,
        applied_index: status.applied,
        voters: status.voters.iter().map(|node| node.0).collect(),
        learners: status.learners.iter().map(|node| node.0).collect(),
        progress: status.matched.iter().map(progress).collect(),
        keys: keyspaces.map(|keyspace| keyspace.keys).sum(),
        memory_bytes: stats.as_ref().map_or(0, |stats| stats.memory_bytes),
    }
}

fn role(role: RaftRole) -> Role {
    match role {
        RaftRole::Leader => Role::Leader,
        RaftRole::Follower => Role::Follower,
        RaftRole::Candidate => Role::Candidate,
        RaftRole::Learner => Role::Learner,
        RaftRole::Stopped => Role::Stopped,
    }
}
