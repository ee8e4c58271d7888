//! Replicas that have applied the same entries hold the same state, in all their lives; and in one life a replica's
//! state only goes forward.

use std::collections::BTreeMap;

use meridian_topology::{NodeId, ShardId};

use super::Violation;

/// The states seen so far, by their digests.
#[derive(Debug, Default)]
pub(crate) struct EqualStates {
    digests: BTreeMap<(ShardId, u64), (u128, NodeId)>,
    applied: BTreeMap<(ShardId, NodeId), u64>,
}

impl EqualStates {
    /// `node` has applied `index` entries and then has this digest.
    pub(crate) fn watch(
        &mut self,
        shard: ShardId,
        node: NodeId,
        index: u64,
        digest: u128,
    ) -> Result<(), Violation> {
        let before = self.applied.insert((shard, node), index).unwrap_or(0);
        if index < before {
            let what = format!("shard {shard} on node {node}: applied {before}, then {index}");
            return Err(Violation::new("states go forward", what));
        }
        let (known, other) = *self.digests.entry((shard, index)).or_insert((digest, node));
        if known != digest {
            let what = format!("shard {shard} at index {index}: nodes {other} and {node} differ");
            return Err(Violation::new("equal entries, equal states", what));
        }
        Ok(())
    }

    /// `node` begins another life.
    pub(crate) fn restarted(&mut self, node: NodeId) {
        self.applied.retain(|(_, of), _| *of != node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_states_and_steps_back_are_found() {
        let mut watch = EqualStates::default();
        let (one, two) = (NodeId(1), NodeId(2));
        assert!(watch.watch(ShardId(1), one, 7, 99).is_ok());
        assert!(watch.watch(ShardId(1), two, 6, 98).is_ok());
        assert!(watch.watch(ShardId(1), two, 7, 99).is_ok());
        assert!(watch.watch(ShardId(1), two, 6, 98).is_err());
        watch.restarted(two);
        assert!(watch.watch(ShardId(1), two, 6, 98).is_ok());
        assert!(watch.watch(ShardId(1), two, 7, 100).is_err());
    }
}
