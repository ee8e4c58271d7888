//! Spreads the leaders of data shards over the nodes that vote in them.
//!
//! A leader moves only from a node that leads at least two more shards than the node it moves to. Every move makes the
//! sum of the squares of the counts smaller, so moving ends, and small differences move nothing.

use std::collections::{BTreeMap, BTreeSet};

use meridian_topology::{NodeId, ShardId};

use super::{Step, View};

/// Moves of leaders among shards that are neither busy nor `unsettled`.
pub(super) fn leaders(view: &View<'_>, unsettled: &BTreeSet<ShardId>) -> Vec<Step> {
    let mut leads = current(view);
    let mut counts: BTreeMap<NodeId, usize> = view.present.iter().map(|node| (*node, 0)).collect();
    for leader in leads.values() {
        *counts.entry(*leader).or_default() += 1;
    }
    let mut steps = Vec::new();
    let movable = |shard: &ShardId| !view.busy.contains_key(shard) && !unsettled.contains(shard);
    while let Some((shard, target)) = best_move(view, &leads, &counts, movable) {
        let leader = leads.remove(&shard).expect("the best move is among the leaders");
        *counts.entry(leader).or_default() -= 1;
        *counts.entry(target).or_default() += 1;
        steps.push(Step::MoveLeader { shard, leader, target });
    }
    steps
}

/// Who leads which data shard, or will when the step under way is done.
fn current(view: &View<'_>) -> BTreeMap<ShardId, NodeId> {
    let data = view.map.shards.iter().filter(|(shard, _)| **shard != ShardId::META);
    data.filter_map(|(shard, info)| {
        let moving_to = view.busy.get(shard).copied().flatten();
        Some((*shard, moving_to.or(info.leader_hint)?))
    })
    .collect()
}

/// The move between the two nodes that differ most.
fn best_move(
    view: &View<'_>,
    leads: &BTreeMap<ShardId, NodeId>,
    counts: &BTreeMap<NodeId, usize>,
    movable: impl Fn(&ShardId) -> bool,
) -> Option<(ShardId, NodeId)> {
    let mut best: Option<(usize, ShardId, NodeId)> = None;
    for (shard, leader) in
        leads.iter().filter(|(shard, leader)| movable(shard) && view.present.contains(leader))
    {
        // A node that has just come back is not asked to lead before it has opened its replica.
        let can_lead = |node: &NodeId| view.present.contains(node) && view.open.contains(&(*node, *shard));
        let candidates = view.map.shards[shard].voters().filter(can_lead);
        let Some(target) = candidates.min_by_key(|node| (counts[node], *node)) else { continue };
        let gain = counts[leader].saturating_sub(counts[&target]);
        if gain >= 2 && best.is_none_or(|(most, _, _)| gain > most) {
            best = Some((gain, *shard, target));
        }
    }
    best.map(|(_, shard, target)| (shard, target))
}
