//! The map on this node's disk: what a restart starts from while nobody can be asked.

use std::{io, path::PathBuf, sync::Arc};

use meridian_proto::meta;
use meridian_rt::disk::Disk;
use meridian_topology::ClusterMap;
use prost::Message;

use crate::durable;

const FILE: &str = "map";

/// Where the map is kept.
#[derive(Clone)]
pub(crate) struct MapCache {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
}

impl MapCache {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> MapCache {
        MapCache { disk, directory }
    }

    /// The map that was saved last; an empty one if none was.
    pub(crate) fn load(&self) -> io::Result<ClusterMap> {
        let Some(bytes) = durable::read(&*self.disk, &self.directory, FILE)? else {
            return Ok(ClusterMap::default());
        };
        let invalid = |error: String| {
            let path = self.directory.join(FILE);
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
        };
        let message =
            meta::ClusterMap::decode(bytes.as_slice()).map_err(|error| invalid(error.to_string()))?;
        ClusterMap::try_from(message).map_err(|error| invalid(error.to_string()))
    }

    /// Saves a map durably. Blocks on the disk.
    pub(crate) fn save(&self, map: &ClusterMap) -> io::Result<()> {
        let message = meta::ClusterMap::from(map);
        durable::write(&*self.disk, &self.directory, FILE, &message.encode_to_vec())
    }
}

/// Whether two maps differ in more than who leads, which a restart finds out by itself.
pub(crate) fn worth_saving(before: &ClusterMap, after: &ClusterMap) -> bool {
    before.nodes != after.nodes
        || before.databases != after.databases
        || before.shards.len() != after.shards.len()
        || before.shards.iter().zip(&after.shards).any(|((id, shard), (other_id, other))| {
            // The term tells whether the group was ever led, and so whether it may be founded.
            id != other_id
                || shard.replicas != other.replicas
                || (shard.leader_term == 0) != (other.leader_term == 0)
        })
}
