//! Names the next steps from the map as it is to the map as it should be. Pure.
//!
//! Every shard is to have as many voters as the cluster's replication asks for and its nodes allow, always an odd number,
//! spread over as many regions as possible, then zones, then evenly over nodes; and its leaders are to be spread evenly
//! over their voters. A shard takes one step at a time: make room for a replica, change the voters, move the leader.
//! Each step is one that a failed or repeated attempt does not hurt, and the steps end: nothing moves unless the result
//! is strictly better.
//!
//! Voters are never taken away because they are silent: replacing a dead node is another policy's decision, which would
//! enter here as nodes that [`wanted`] may not keep.

mod balance;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use meridian_topology::{ClusterMap, NodeId, ReplicaRole, ShardId};

/// What the planner sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The map, with the roles and leaders that were last heard of.
    pub map: &'a ClusterMap,
    /// Nodes that are alive and not on their way out.
    pub present: &'a BTreeSet<NodeId>,
    /// Replicas that are open, where they were placed.
    pub open: &'a BTreeSet<(NodeId, ShardId)>,
    /// Shards for which a step is under way, or has failed a moment ago. A shard whose leader is being moved has the
    /// node that will lead it.
    pub busy: &'a BTreeMap<ShardId, Option<NodeId>>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Meta writes down that these nodes are to open a replica of the shard.
    Place {
        /// The shard.
        shard: ShardId,
        /// Who is to open one.
        nodes: Vec<NodeId>,
    },
    /// The shard's leader makes exactly these nodes the voters of the group.
    ChangeVoters {
        /// The shard.
        shard: ShardId,
        /// Whom to ask.
        leader: NodeId,
        /// The voters, all of which have a replica.
        voters: BTreeSet<NodeId>,
    },
    /// The shard's leader hands the leadership over.
    MoveLeader {
        /// The shard.
        shard: ShardId,
        /// Whom to ask.
        leader: NodeId,
        /// Who is to lead.
        target: NodeId,
    },
}

/// The next steps, at most one for every shard.
pub fn plan(view: &View<'_>) -> Vec<Step> {
    let wanted = spread::wanted(view);
    let mut steps = Vec::new();
    let mut unsettled = BTreeSet::new();
    for (shard, voters) in &wanted {
        if settled(view, *shard, voters) {
            continue;
        }
        unsettled.insert(*shard);
        if !view.busy.contains_key(shard) {
            steps.extend(step_towards(view, *shard, voters));
        }
    }
    steps.extend(balance::leaders(view, &unsettled));
    steps
}

/// The voters that every shard is to have.
pub fn wanted(view: &View<'_>) -> BTreeMap<ShardId, BTreeSet<NodeId>> {
    spread::wanted(view)
}

fn settled(view: &View<'_>, shard: ShardId, wanted: &BTreeSet<NodeId>) -> bool {
    let replicas = &view.map.shards[&shard].replicas;
    replicas.len() == wanted.len()
        && replicas.iter().all(|(node, role)| *role == ReplicaRole::Voter && wanted.contains(node))
}

fn step_towards(view: &View<'_>, shard: ShardId, wanted: &BTreeSet<NodeId>) -> Option<Step> {
    let info = &view.map.shards[&shard];
    let missing: Vec<NodeId> =
        wanted.iter().filter(|node| !info.replicas.contains_key(node)).copied().collect();
    if !missing.is_empty() {
        return Some(Step::Place { shard, nodes: missing });
    }
    let leader = info.leader_hint.filter(|leader| view.present.contains(leader))?;
    let votes = |node: &NodeId| info.replicas.get(node) == Some(&ReplicaRole::Voter);
    if !wanted.iter().all(|node| votes(node) || view.open.contains(&(*node, shard))) {
        // The leader could not reach the new replica yet.
        return None;
    }
    if wanted.contains(&leader) {
        return Some(Step::ChangeVoters { shard, leader, voters: wanted.clone() });
    }
    // The leader goes last, after it has handed over.
    match wanted.iter().find(|node| votes(node) && view.present.contains(node)) {
        Some(target) if wanted.iter().all(votes) => Some(Step::MoveLeader { shard, leader, target: *target }),
        _ => {
            let voters = wanted.iter().copied().chain([leader]).collect();
            Some(Step::ChangeVoters { shard, leader, voters })
        }
    }
}

#[cfg(test)]
mod tests;
