//! The cluster map: what meta decides and everybody follows.

use std::collections::BTreeMap;

use crate::{ClusterId, DatabaseId, Epoch, NodeId, Region, SLOT_COUNT, ShardId, Slot, User, Zone};

/// Everything a proxy or node knows of the cluster, at one [`Epoch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterMap {
    /// Which cluster this is.
    pub cluster: ClusterId,
    /// Version of this map.
    pub epoch: Epoch,
    /// Keys the hash by which keys are ordered inside a slot; drawn once, equal for all shards of the cluster.
    pub hash_seed: u128,
    /// How many voters a shard is to have, nodes permitting.
    pub replication: u32,
    /// All nodes that belong to the cluster.
    pub nodes: BTreeMap<NodeId, NodeInfo>,
    /// All data shards and the meta group ([`ShardId::META`]).
    pub shards: BTreeMap<ShardId, ShardInfo>,
    /// All databases.
    pub databases: BTreeMap<DatabaseId, Database>,
}

impl ClusterMap {
    /// The shard that owns a slot of a database.
    pub fn shard_of(&self, database: DatabaseId, slot: Slot) -> Option<ShardId> {
        self.databases.get(&database)?.slots.shard_of(slot)
    }
}

/// A node as the map knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its identity.
    pub id: NodeId,
    /// `host:port` of its gRPC listener. May change between restarts.
    pub address: String,
    /// Where it stands.
    pub region: Region,
    /// Failure domain inside the region.
    pub zone: Zone,
    /// `host:port` of its RESP listener as clients reach it; empty if it runs no proxy.
    pub client_address: String,
    /// Version of the program it last started with.
    pub version: String,
    /// Grows with every start of the node: of two addresses, that of the higher generation is the newer.
    pub generation: u64,
}

/// What a replica is to its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicaRole {
    /// Counts for majorities.
    #[default]
    Voter,
    /// Follows the log only.
    Learner,
}

/// A shard as the map knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardInfo {
    /// Its replicas, by node.
    pub replicas: BTreeMap<NodeId, ReplicaRole>,
    /// Who led it when meta last heard; only a hint.
    pub leader_hint: Option<NodeId>,
    /// The term in which `leader_hint` leads.
    pub leader_term: u64,
}

impl ShardInfo {
    /// The nodes that vote in the group.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> {
        self.replicas.iter().filter(|(_, role)| **role == ReplicaRole::Voter).map(|(node, _)| *node)
    }
}

/// A named keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name; `default` for [`DatabaseId::DEFAULT`].
    pub name: String,
    /// Which shard owns which slot.
    pub slots: SlotMap,
    /// The users that somebody has made or changed, by name.
    pub users: BTreeMap<Vec<u8>, User>,
}

/// First and last slot of a run, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// First slot.
    pub first: Slot,
    /// Last slot.
    pub last: Slot,
}

/// The owner of every slot of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotMap {
    owners: Box<[ShardId]>,
}

impl SlotMap {
    /// Spreads all slots over `shards` in equal runs, in order.
    ///
    /// # Panics
    /// If `shards` is empty.
    pub fn spread(shards: &[ShardId]) -> SlotMap {
        assert!(!shards.is_empty(), "a database has at least one shard");
        let count = usize::from(SLOT_COUNT);
        SlotMap { owners: (0..count).map(|slot| shards[slot * shards.len() / count]).collect() }
    }

    /// Builds the map from runs; `None` unless they cover every slot exactly once.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (SlotRange, ShardId)>) -> Option<SlotMap> {
        let mut owners: Vec<Option<ShardId>> = vec![None; usize::from(SLOT_COUNT)];
        for (range, shard) in ranges {
            if range.first > range.last {
                return None;
            }
            for owner in owners.get_mut(range.first.index()..=range.last.index())? {
                if owner.replace(shard).is_some() {
                    return None;
                }
            }
        }
        owners.into_iter().collect::<Option<Box<[_]>>>().map(|owners| SlotMap { owners })
    }

    /// The shard that owns a slot. Always `Some` for a whole map.
    pub fn shard_of(&self, slot: Slot) -> Option<ShardId> {
        self.owners.get(slot.index()).copied()
    }

    /// The runs of equal owners, in slot order.
    pub fn ranges(&self) -> Vec<(SlotRange, ShardId)> {
        let mut runs: Vec<(SlotRange, ShardId)> = Vec::new();
        for (slot, owner) in Slot::all().zip(&self.owners) {
            match runs.last_mut() {
                Some((range, shard)) if shard == owner => range.last = slot,
                _ => runs.push((SlotRange { first: slot, last: slot }, *owner)),
            }
        }
        runs
    }

    /// The shards that own at least one slot, in order of their id.
    pub fn shards(&self) -> Vec<ShardId> {
        let mut shards: Vec<ShardId> = self.ranges().into_iter().map(|(_, shard)| shard).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_gives_every_shard_an_equal_run() {
        let map = SlotMap::spread(&[ShardId(1), ShardId(2), ShardId(3), ShardId(4)]);
        let ranges = map.ranges();
        assert_eq!(ranges.len(), 4);
        assert!(ranges.iter().all(|(range, _)| range.last.number() - range.first.number() == 4095));
        assert_eq!(SlotMap::from_ranges(ranges), Some(map));
    }

    #[test]
    fn ranges_must_cover_every_slot_once() {
        let map = SlotMap::spread(&[ShardId(1), ShardId(2)]);
        let mut ranges = map.ranges();
        assert_eq!(SlotMap::from_ranges(ranges[..1].iter().copied()), None);
        ranges.push(ranges[0]);
        assert_eq!(SlotMap::from_ranges(ranges), None);
    }
}
