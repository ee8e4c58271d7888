//! At no instant do two nodes both believe that they may answer a shard's reads alone.

use std::collections::BTreeMap;

use meridian_topology::{NodeId, ShardId};

use super::Violation;

/// Who could read last, and at which millisecond.
#[derive(Debug, Default)]
pub(crate) struct OneReader(BTreeMap<ShardId, (u64, NodeId)>);

impl OneReader {
    /// `node` may read at `ms` of the simulation.
    pub(crate) fn watch(&mut self, shard: ShardId, node: NodeId, ms: u64) -> Result<(), Violation> {
        match self.0.insert(shard, (ms, node)) {
            Some((at, other)) if at == ms && other != node => {
                let what = format!("shard {shard} at {ms} ms: nodes {other} and {node}");
                Err(Violation::new("one node reads", what))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readers_at_one_instant_are_found() {
        let mut watch = OneReader::default();
        assert!(watch.watch(ShardId(1), NodeId(1), 5).is_ok());
        assert!(watch.watch(ShardId(2), NodeId(2), 5).is_ok());
        assert!(watch.watch(ShardId(1), NodeId(2), 6).is_ok());
        assert!(watch.watch(ShardId(1), NodeId(1), 6).is_err());
    }
}
