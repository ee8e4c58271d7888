//! What `meridian status` shows, put together from the map and what the nodes say.

use std::collections::BTreeMap;

use meridian_proto::admin::{ReplicaStatus, Role, StatusResponse};
use meridian_topology::{ClusterMap, NodeId, ReplicaRole, ShardId, ShardInfo};
use serde::Serialize;

use crate::failure::Failure;

/// The cluster.
#[derive(Debug, Serialize)]
pub(super) struct View {
    pub(super) cluster: String,
    pub(super) epoch: u64,
    pub(super) nodes: Vec<NodeView>,
    pub(super) shards: Vec<ShardView>,
}

#[derive(Debug, Serialize)]
pub(super) struct NodeView {
    pub(super) id: u64,
    pub(super) region: String,
    pub(super) zone: String,
    pub(super) address: String,
    pub(super) client_address: String,
    pub(super) version: String,
    /// It has answered.
    pub(super) up: bool,
    pub(super) draining: bool,
    pub(super) uptime_ms: Option<u64>,
    /// Shards that it leads, meta not counted.
    pub(super) leads: u64,
    /// Replicas that it has, meta not counted.
    pub(super) replicas: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ShardView {
    pub(super) id: u32,
    /// `meta` for the group that holds the map.
    pub(super) name: String,
    /// Runs of slots, both ends included.
    pub(super) slots: Vec<(u16, u16)>,
    pub(super) leader: Option<u64>,
    pub(super) term: Option<u64>,
    pub(super) committed_index: Option<u64>,
    pub(super) keys: Option<u64>,
    pub(super) replicas: Vec<ReplicaView>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReplicaView {
    pub(super) node: u64,
    pub(super) voter: bool,
    pub(super) leader: bool,
    /// For good, by an error of its disk.
    pub(super) stopped: bool,
    pub(super) applied_index: Option<u64>,
    /// Entries that the leader has committed and this replica has not applied.
    pub(super) lag: Option<u64>,
}

type Statuses = BTreeMap<NodeId, Option<StatusResponse>>;

impl View {
    pub(super) fn new(map: &ClusterMap, statuses: &Statuses) -> View {
        let shards: Vec<ShardView> =
            map.shards.iter().map(|(id, info)| shard(map, *id, info, statuses)).collect();
        let data = |node: NodeId| shards.iter().filter(move |shard| shard.id != 0 && shard.hosted_by(node));
        let nodes = map.nodes.values().map(|node| {
            let status = statuses.get(&node.id).and_then(Option::as_ref);
            NodeView {
                id: node.id.0,
                region: node.region.to_string(),
                zone: node.zone.to_string(),
                address: node.address.clone(),
                client_address: node.client_address.clone(),
                version: node.version.clone(),
                up: status.is_some(),
                draining: status.is_some_and(|status| status.draining),
                uptime_ms: status.map(|status| status.uptime_ms),
                leads: data(node.id).filter(|shard| shard.leader == Some(node.id.0)).count() as u64,
                replicas: data(node.id).count() as u64,
            }
        });
        View { cluster: map.cluster.to_string(), epoch: map.epoch.0, nodes: nodes.collect(), shards }
    }

    /// Where the nodes are asked.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &String> {
        self.nodes.iter().map(|node| &node.address)
    }

    pub(super) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map(|json| json + "\n").map_err(Failure::running)
    }
}

impl ShardView {
    fn hosted_by(&self, node: NodeId) -> bool {
        self.replicas.iter().any(|replica| replica.node == node.0)
    }
}

fn replica_of(statuses: &Statuses, node: NodeId, shard: ShardId) -> Option<&ReplicaStatus> {
    let status = statuses.get(&node)?.as_ref()?;
    status.replicas.iter().find(|replica| replica.shard == shard.0)
}

fn shard(map: &ClusterMap, id: ShardId, info: &ShardInfo, statuses: &Statuses) -> ShardView {
    let known = info.replicas.keys().filter_map(|node| Some((*node, replica_of(statuses, *node, id)?)));
    // Of two that believe they lead, the one of the later term does.
    let leader =
        known.filter(|(_, replica)| replica.role() == Role::Leader).max_by_key(|(_, replica)| replica.term);
    let committed = leader.map(|(_, replica)| replica.committed_index);
    let replicas = info.replicas.iter().map(|(node, role)| {
        let known = replica_of(statuses, *node, id);
        let applied = known.map(|replica| replica.applied_index);
        ReplicaView {
            node: node.0,
            voter: *role == ReplicaRole::Voter,
            leader: leader.is_some_and(|(leader, _)| leader == *node),
            stopped: known.is_some_and(|replica| replica.role() == Role::Stopped),
            applied_index: applied,
            lag: applied.zip(committed).map(|(applied, committed)| committed.saturating_sub(applied)),
        }
    });
    let slots = map.databases.values().flat_map(|database| database.slots.ranges());
    ShardView {
        id: id.0,
        name: if id == ShardId::META { "meta".to_owned() } else { id.to_string() },
        slots: slots
            .filter(|(_, owner)| *owner == id)
            .map(|(range, _)| (range.first.number(), range.last.number()))
            .collect(),
        leader: leader.map(|(node, _)| node.0),
        term: leader.map(|(_, replica)| replica.term),
        committed_index: committed,
        keys: leader.filter(|_| id != ShardId::META).map(|(_, replica)| replica.keys),
        replicas: replicas.collect(),
    }
}
