//! [`ClusterMap`].

use bytes::Bytes;
use meridian_topology::{ClusterId, ClusterMap, DatabaseId, Epoch, NodeId, ShardId};

use super::Error;
use crate::meta;

/// A number of 128 bits as messages carry it.
pub fn bytes_of_u128(number: u128) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// The number that [`bytes_of_u128`] made these bytes of.
pub fn u128_of_bytes(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}

impl From<&ClusterMap> for meta::ClusterMap {
    fn from(map: &ClusterMap) -> Self {
        meta::ClusterMap {
            cluster: bytes_of_u128(map.cluster.0),
            epoch: map.epoch.0,
            hash_seed: bytes_of_u128(map.hash_seed),
            replication: map.replication,
            nodes: map.nodes.values().map(meta::Node::from).collect(),
            shards: map.shards.iter().map(|(id, shard)| meta::Shard::of(*id, shard)).collect(),
            databases: map.databases.iter().map(|(id, database)| meta::Database::of(*id, database)).collect(),
        }
    }
}

impl TryFrom<meta::ClusterMap> for ClusterMap {
    type Error = Error;

    fn try_from(map: meta::ClusterMap) -> Result<Self, Error> {
        let mut known = ClusterMap {
            cluster: ClusterId(u128_of_bytes(&map.cluster).ok_or(Error::at("ClusterMap.cluster"))?),
            epoch: Epoch(map.epoch),
            hash_seed: u128_of_bytes(&map.hash_seed).ok_or(Error::at("ClusterMap.hash_seed"))?,
            replication: map.replication,
            ..ClusterMap::default()
        };
        for node in map.nodes {
            known.nodes.insert(NodeId(node.id), node.into());
        }
        for shard in map.shards {
            known.shards.insert(ShardId(shard.id), shard.try_into()?);
        }
        for database in map.databases {
            known.databases.insert(DatabaseId(database.id), database.try_into()?);
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use meridian_topology::{Database, NodeInfo, Region, ReplicaRole, ShardInfo, SlotMap, User, Zone};

    use super::*;

    fn map() -> ClusterMap {
        let node = NodeInfo {
            id: NodeId(3),
            address: "a:1".into(),
            region: Region("us-east".into()),
            zone: Zone("b".into()),
            client_address: "a:2".into(),
            version: "0.1.0".into(),
            generation: 9,
        };
        let replicas = [(NodeId(3), ReplicaRole::Voter), (NodeId(4), ReplicaRole::Learner)];
        let shard = ShardInfo { replicas: replicas.into(), leader_hint: Some(NodeId(3)), leader_term: 7 };
        let slots = SlotMap::spread(&[ShardId(1), ShardId(2)]);
        let user = User { made: 4, revision: 9, rules: vec![b"on".to_vec(), b"~\xff".to_vec()] };
        let users = [(b"bob".to_vec(), user)].into();
        ClusterMap {
            cluster: ClusterId(u128::MAX - 5),
            epoch: Epoch(12),
            hash_seed: 77,
            replication: 3,
            nodes: [(node.id, node)].into(),
            shards: [(ShardId(1), shard), (ShardId(2), ShardInfo::default())].into(),
            databases: [(DatabaseId::DEFAULT, Database { name: "default".into(), slots, users })].into(),
        }
    }

    #[test]
    fn a_map_survives_the_wire() {
        assert_eq!(ClusterMap::try_from(meta::ClusterMap::from(&map())), Ok(map()));
    }

    #[test]
    fn a_map_with_a_slot_unowned_is_refused() {
        let mut message = meta::ClusterMap::from(&map());
        message.databases[0].slots.pop();
        assert_eq!(ClusterMap::try_from(message), Err(Error::at("Database.slots")));
    }

    #[test]
    fn ids_of_the_wrong_length_are_refused() {
        let mut message = meta::ClusterMap::from(&map());
        message.cluster = Bytes::from_static(b"short");
        assert_eq!(ClusterMap::try_from(message), Err(Error::at("ClusterMap.cluster")));
    }
}
