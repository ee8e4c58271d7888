//! What this process knows of the cluster: the newest map, with the newest address of every node.
//!
//! The map comes from the meta group and only ever moves to a higher epoch. Addresses come from the map and from nodes
//! themselves, so that a cluster that restarts with other addresses finds itself before it has a meta leader; of two
//! addresses the one of the later start (the higher generation) counts.

use std::sync::Arc;

use meridian_raft::AddressBook;
use meridian_topology::{ClusterMap, NodeId, NodeInfo};
use tokio::sync::watch;

/// The newest map, and everybody who follows it.
#[derive(Debug)]
pub(crate) struct Known {
    map: watch::Sender<Arc<ClusterMap>>,
    /// Grows when an address has changed.
    addresses: watch::Sender<u64>,
}

impl Known {
    /// Starts with what was known before the process started.
    pub(crate) fn new(map: ClusterMap) -> Known {
        Known { map: watch::Sender::new(Arc::new(map)), addresses: watch::Sender::new(0) }
    }

    /// The map and its changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.map.subscribe()
    }

    /// The map now.
    pub(crate) fn map(&self) -> Arc<ClusterMap> {
        Arc::clone(&self.map.borrow())
    }

    /// Takes a map over if it is newer.
    pub(crate) fn offer(&self, map: &ClusterMap) {
        self.change(|known| {
            if map.epoch <= known.epoch {
                return None;
            }
            let mut next = map.clone();
            for (id, node) in &mut next.nodes {
                if let Some(later) = known.nodes.get(id).filter(|later| later.generation > node.generation) {
                    *node = later.clone();
                }
            }
            Some(next)
        });
    }

    /// Takes over where a node of the cluster is, if it says so of a later start than what is known.
    pub(crate) fn learn(&self, node: &NodeInfo) {
        self.change(|known| {
            let before = known.nodes.get(&node.id)?;
            if before.generation >= node.generation {
                return None;
            }
            let mut next = known.clone();
            next.nodes.insert(node.id, node.clone());
            Some(next)
        });
    }

    fn change(&self, change: impl FnOnce(&ClusterMap) -> Option<ClusterMap>) {
        let mut moved = false;
        self.map.send_if_modified(|known| {
            let Some(next) = change(known) else { return false };
            moved = next
                .nodes
                .iter()
                .any(|(id, node)| known.nodes.get(id).is_none_or(|before| before.address != node.address));
            *known = Arc::new(next);
            true
        });
        if moved {
            self.addresses.send_modify(|version| *version += 1);
        }
    }
}

/// The address book of the Raft groups.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(pub(crate) Arc<Known>);

impl AddressBook for Addresses {
    fn address(&self, node: NodeId) -> Option<String> {
        self.0.map.borrow().nodes.get(&node).map(|node| node.address.clone())
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.addresses.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use meridian_topology::{Epoch, Region, Zone};

    use super::*;

    fn node(address: &str, generation: u64) -> NodeInfo {
        NodeInfo {
            id: NodeId(1),
            address: address.into(),
            region: Region("r".into()),
            zone: Zone("z".into()),
            client_address: String::new(),
            version: String::new(),
            generation,
        }
    }

    fn map(epoch: u64, node: NodeInfo) -> ClusterMap {
        ClusterMap { epoch: Epoch(epoch), nodes: [(node.id, node)].into(), ..ClusterMap::default() }
    }

    fn address(known: &Known) -> String {
        known.map().nodes[&NodeId(1)].address.clone()
    }

    #[test]
    fn an_older_map_changes_nothing() {
        let known = Known::new(map(5, node("new:1", 2)));
        known.offer(&map(4, node("old:1", 3)));
        assert_eq!(address(&known), "new:1");
    }

    #[test]
    fn the_address_of_the_later_start_counts() {
        let known = Known::new(map(5, node("a:1", 2)));
        known.learn(&node("b:1", 3));
        assert_eq!(address(&known), "b:1");
        // A newer map that has not heard of the start yet.
        known.offer(&map(6, node("a:1", 2)));
        assert_eq!((address(&known).as_str(), known.map().epoch), ("b:1", Epoch(6)));
        known.learn(&node("late:1", 2));
        assert_eq!(address(&known), "b:1");
        assert_eq!(*known.addresses.borrow(), 1);
    }

    #[test]
    fn a_stranger_is_not_taken_in() {
        let known = Known::new(map(5, node("a:1", 2)));
        known.learn(&NodeInfo { id: NodeId(9), ..node("z:1", 9) });
        assert_eq!(known.map().nodes.len(), 1);
    }
}
