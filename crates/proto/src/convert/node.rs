//! [`NodeInfo`].

use meridian_topology::{NodeId, NodeInfo, Region, Zone};

use crate::meta;

impl From<&NodeInfo> for meta::Node {
    fn from(node: &NodeInfo) -> Self {
        meta::Node {
            id: node.id.0,
            address: node.address.clone(),
            region: node.region.to_string(),
            zone: node.zone.to_string(),
            client_address: node.client_address.clone(),
            version: node.version.clone(),
            generation: node.generation,
        }
    }
}

impl From<meta::Node> for NodeInfo {
    fn from(node: meta::Node) -> Self {
        NodeInfo {
            id: NodeId(node.id),
            address: node.address,
            region: Region(node.region.into()),
            zone: Zone(node.zone.into()),
            client_address: node.client_address,
            version: node.version,
            generation: node.generation,
        }
    }
}
