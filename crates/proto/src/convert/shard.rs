//! [`ShardInfo`].

use meridian_topology::{NodeId, ReplicaRole, ShardId, ShardInfo};

use super::Error;
use crate::meta;

impl meta::Shard {
    /// The message for a shard and its number.
    pub fn of(id: ShardId, shard: &ShardInfo) -> meta::Shard {
        let replica = |(node, role): (&NodeId, &ReplicaRole)| {
            let role = match role {
                ReplicaRole::Voter => meta::ReplicaRole::Voter,
                ReplicaRole::Learner => meta::ReplicaRole::Learner,
            };
            meta::Replica { node: node.0, role: role.into() }
        };
        meta::Shard {
            id: id.0,
            replicas: shard.replicas.iter().map(replica).collect(),
            leader: shard.leader_hint.map_or(0, |node| node.0),
            leader_term: shard.leader_term,
        }
    }
}

impl TryFrom<meta::Shard> for ShardInfo {
    type Error = Error;

    fn try_from(shard: meta::Shard) -> Result<Self, Error> {
        let mut known = ShardInfo {
            leader_hint: (shard.leader != 0).then_some(NodeId(shard.leader)),
            leader_term: shard.leader_term,
            ..ShardInfo::default()
        };
        for replica in shard.replicas {
            let role = match replica.role() {
                meta::ReplicaRole::Voter => ReplicaRole::Voter,
                meta::ReplicaRole::Learner => ReplicaRole::Learner,
                meta::ReplicaRole::Unspecified => return Err(Error::at("Replica.role")),
            };
            known.replicas.insert(NodeId(replica.node), role);
        }
        Ok(known)
    }
}
