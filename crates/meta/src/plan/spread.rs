//! Chooses the voters of every shard.
//!
//! What votes today stays, unless the spread over regions or zones becomes better by replacing it or nodes carry unequal
//! numbers of replicas. New replicas go only to nodes that are present.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use meridian_topology::{NodeId, Region, ReplicaRole, ShardId, ShardInfo, Zone};

use super::View;

/// How well voters are spread: regions first, then zones. More is better.
type Quality = (usize, usize);
/// What speaks for a replacement: spread, replicas that the old node has more, a replica in place, not the leader.
type Score = (Quality, usize, bool, bool);

pub(super) fn wanted(view: &View<'_>) -> BTreeMap<ShardId, BTreeSet<NodeId>> {
    let most = usize::try_from(view.map.replication).unwrap_or(usize::MAX);
    let size = voters_per_shard(view, most);
    // A cluster with fewer nodes than voters is still growing: evening out now would be undone by the next node.
    let mut spread = Spread { view, load: BTreeMap::new(), evens_out: size >= odd(most) };
    let mut wanted: BTreeMap<ShardId, BTreeSet<NodeId>> = BTreeMap::new();
    for (shard, info) in &view.map.shards {
        wanted.insert(*shard, spread.keep(info, size));
    }
    for (shard, voters) in wanted.iter().filter(|(shard, _)| **shard != ShardId::META) {
        debug_assert!(!voters.is_empty(), "shard {shard} has a voter");
        spread.count(voters);
    }
    for (shard, voters) in &mut wanted {
        let info = &view.map.shards[shard];
        let counted = *shard != ShardId::META;
        while voters.len() < size && spread.add(info, voters, counted) {}
        while spread.improve(info, voters, counted) {}
    }
    wanted
}

fn voters_per_shard(view: &View<'_>, most: usize) -> usize {
    let voting = view.map.shards.values().flat_map(ShardInfo::voters).chain(view.present.iter().copied());
    odd(voting.collect::<BTreeSet<_>>().len().min(most))
}

/// An even number of voters survives no more failures than one fewer, and every write waits for more of them.
fn odd(voters: usize) -> usize {
    let voters = voters.max(1);
    voters - (1 - voters % 2)
}

struct Spread<'a> {
    view: &'a View<'a>,
    /// Replicas of data shards on every node, by what is wanted so far.
    load: BTreeMap<NodeId, usize>,
    /// Whether voters move only to make nodes carry equal numbers of replicas.
    evens_out: bool,
}

impl Spread<'_> {
    /// The present voters, without those that are too many.
    fn keep(&self, info: &ShardInfo, size: usize) -> BTreeSet<NodeId> {
        let mut voters: BTreeSet<NodeId> = info.voters().collect();
        while voters.len() > size {
            let drop = voters.iter().copied().max_by_key(|node| {
                let mut rest = voters.clone();
                rest.remove(node);
                let leads = info.leader_hint == Some(*node);
                let absent = !self.view.present.contains(node);
                (absent, self.quality(&rest), !leads, *node)
            });
            voters.remove(&drop.expect("more than one voter"));
        }
        voters
    }

    fn count(&mut self, voters: &BTreeSet<NodeId>) {
        for node in voters {
            *self.load.entry(*node).or_default() += 1;
        }
    }

    fn load(&self, node: NodeId) -> usize {
        self.load.get(&node).copied().unwrap_or_default()
    }

    fn candidates<'c>(&'c self, voters: &'c BTreeSet<NodeId>) -> impl Iterator<Item = NodeId> + 'c {
        let known = |node: &&NodeId| self.view.map.nodes.contains_key(node) && !voters.contains(node);
        self.view.present.iter().filter(known).copied()
    }

    /// Adds the node that spreads the voters best; of equals one that has a replica already, then the least loaded.
    fn add(&mut self, info: &ShardInfo, voters: &mut BTreeSet<NodeId>, counted: bool) -> bool {
        let best = self.candidates(voters).max_by_key(|node| {
            let mut with = voters.clone();
            with.insert(*node);
            let placed = info.replicas.contains_key(node);
            (self.quality(&with), placed, Reverse(self.load(*node)), Reverse(*node))
        });
        let Some(node) = best else { return false };
        voters.insert(node);
        if counted {
            *self.load.entry(node).or_default() += 1;
        }
        true
    }

    /// Replaces one voter if that spreads them better, or as well with at least two replicas fewer on the new node.
    fn improve(&mut self, info: &ShardInfo, voters: &mut BTreeSet<NodeId>, counted: bool) -> bool {
        let now = self.quality(voters);
        let mut best: Option<(Score, NodeId, NodeId)> = None;
        for old in voters.iter().copied().filter(|old| self.view.present.contains(old)) {
            for new in self.candidates(voters) {
                let mut swapped = voters.clone();
                swapped.remove(&old);
                swapped.insert(new);
                let quality = self.quality(&swapped);
                let relief = if counted { self.load(old).saturating_sub(self.load(new)) } else { 0 };
                if quality < now || (quality == now && (relief < 2 || !self.evens_out)) {
                    continue;
                }
                let placed = info.replicas.get(&new) == Some(&ReplicaRole::Learner);
                let score = (quality, relief, placed, info.leader_hint != Some(old));
                if best.is_none_or(|(most, _, _)| score > most) {
                    best = Some((score, old, new));
                }
            }
        }
        let Some((_, old, new)) = best else { return false };
        voters.remove(&old);
        voters.insert(new);
        if counted {
            *self.load.entry(old).or_default() -= 1;
            *self.load.entry(new).or_default() += 1;
        }
        true
    }

    fn quality(&self, voters: &BTreeSet<NodeId>) -> Quality {
        let nodes = voters.iter().filter_map(|node| self.view.map.nodes.get(node));
        let places: BTreeSet<(&Region, &Zone)> = nodes.map(|node| (&node.region, &node.zone)).collect();
        let regions: BTreeSet<&Region> = places.iter().map(|(region, _)| *region).collect();
        (regions.len(), places.len())
    }
}
