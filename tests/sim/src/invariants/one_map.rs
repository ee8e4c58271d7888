//! Every epoch has one map, and nobody goes back to an earlier one.
//!
//! Where nodes are is not part of it: nodes learn that from each other too.

use std::{collections::BTreeMap, sync::Arc};

use meridian_topology::{ClusterMap, Epoch, NodeId};

use super::Violation;

/// The maps seen so far.
#[derive(Debug, Default)]
pub(crate) struct OneMap {
    maps: BTreeMap<Epoch, Arc<ClusterMap>>,
    known: BTreeMap<NodeId, Epoch>,
}

impl OneMap {
    /// `node` knows this map.
    pub(crate) fn watch(&mut self, node: NodeId, map: &Arc<ClusterMap>) -> Result<(), Violation> {
        let before = self.known.insert(node, map.epoch);
        if before == Some(map.epoch) {
            return Ok(());
        }
        if before > Some(map.epoch) {
            let what = format!("node {node} goes from {before:?} to {:?}", map.epoch);
            return Err(Violation::new("maps go forward", what));
        }
        let known = self.maps.entry(map.epoch).or_insert_with(|| Arc::clone(map));
        let equal = known.cluster == map.cluster
            && known.hash_seed == map.hash_seed
            && known.shards == map.shards
            && known.databases == map.databases
            && known.nodes.keys().eq(map.nodes.keys());
        if equal {
            return Ok(());
        }
        Err(Violation::new("an epoch has one map", format!("by node {node}: {map:?}, before {known:?}")))
    }

    /// `node` begins another life, with the map that it has saved.
    pub(crate) fn restarted(&mut self, node: NodeId) {
        self.known.remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_maps_of_an_epoch_and_steps_back_are_found() {
        let map = |epoch, replication: usize| {
            let shards =
                (0..replication).map(|shard| (meridian_topology::ShardId(shard as u32), Default::default()));
            Arc::new(ClusterMap { epoch: Epoch(epoch), shards: shards.collect(), ..ClusterMap::default() })
        };
        let mut watch = OneMap::default();
        assert!(watch.watch(NodeId(1), &map(1, 1)).is_ok());
        assert!(watch.watch(NodeId(2), &map(1, 1)).is_ok());
        assert!(watch.watch(NodeId(1), &map(2, 1)).is_ok());
        assert!(watch.watch(NodeId(1), &map(1, 1)).is_err());
        assert!(watch.watch(NodeId(2), &map(2, 2)).is_err());
    }
}
