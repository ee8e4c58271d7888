//! A term of a shard has one leader, whoever is asked.

use std::collections::BTreeMap;

use meridian_raft::Leadership;
use meridian_topology::{NodeId, ShardId};

use super::Violation;

/// Who led in which term, as far as anybody has said.
#[derive(Debug, Default)]
pub(crate) struct OneLeader(BTreeMap<(ShardId, u64), NodeId>);

impl OneLeader {
    /// `node` says who leads.
    pub(crate) fn watch(&mut self, shard: ShardId, node: NodeId, said: Leadership) -> Result<(), Violation> {
        let Some(leader) = said.leader else { return Ok(()) };
        let known = *self.0.entry((shard, said.term)).or_insert(leader);
        if known == leader {
            return Ok(());
        }
        let what = format!("shard {shard}, term {}: {known}, and {leader} by node {node}", said.term);
        Err(Violation::new("a term has one leader", what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leaders_of_a_term_are_found() {
        let mut watch = OneLeader::default();
        let said = |term, leader| Leadership { term, leader: Some(NodeId(leader)), ready: false };
        assert!(watch.watch(ShardId(1), NodeId(1), said(1, 1)).is_ok());
        assert!(watch.watch(ShardId(1), NodeId(2), said(1, 1)).is_ok());
        assert!(watch.watch(ShardId(2), NodeId(2), said(1, 2)).is_ok());
        assert!(watch.watch(ShardId(1), NodeId(2), said(2, 2)).is_ok());
        assert!(watch.watch(ShardId(1), NodeId(3), said(2, 3)).is_err());
    }
}
