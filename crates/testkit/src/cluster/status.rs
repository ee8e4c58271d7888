//! What `meridian status --json` says, as far as tests ask.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The cluster as its nodes see it.
#[derive(Clone, Debug)]
pub struct Status {
    value: Value,
}

/// A group of replicas.
#[derive(Clone, Debug)]
pub struct Shard {
    pub id: u32,
    /// Runs of slots, both ends included.
    pub slots: Vec<(u16, u16)>,
    /// The id of the node that leads it.
    pub leader: Option<u64>,
    /// The ids of the nodes that vote, with how many entries each is behind, if that is known.
    pub voters: BTreeMap<u64, Option<u64>>,
    pub keys: Option<u64>,
}

impl Status {
    pub(super) fn new(value: Value) -> Status {
        Status { value }
    }

    /// The cluster's id.
    pub fn cluster(&self) -> &str {
        self.value["cluster"].as_str().unwrap_or_default()
    }

    /// The version of the map.
    pub fn epoch(&self) -> u64 {
        self.value["epoch"].as_u64().unwrap_or_default()
    }

    /// The id of the node with that address, and whether it answers.
    pub fn node(&self, address: &str) -> Option<(u64, bool)> {
        let nodes = self.value["nodes"].as_array()?;
        let node = nodes.iter().find(|node| node["address"].as_str() == Some(address))?;
        Some((node["id"].as_u64()?, node["up"].as_bool()?))
    }

    /// How many nodes there are, whether they answer or not.
    pub fn nodes(&self) -> usize {
        self.value["nodes"].as_array().map_or(0, Vec::len)
    }

    /// The shards; the first is the meta group.
    ///
    /// # Errors
    /// If the status is not of the form that this knows.
    pub fn shards(&self) -> Result<Vec<Shard>> {
        let shards = self.value["shards"].as_array().context("status has no shards")?;
        shards
            .iter()
            .map(|shard| parse(shard).with_context(|| format!("a shard of the status: {shard}")))
            .collect()
    }

    /// Checks that every shard has so many voters, all of them known to have caught up, and a leader.
    ///
    /// # Errors
    /// If not; the error says what is missing.
    pub fn check_settled(&self, voters: usize, shards: usize) -> Result<()> {
        let found = self.shards()?;
        ensure!(found.len() == shards + 1, "{} shards, meta included, expected {}", found.len(), shards + 1);
        for shard in found {
            ensure!(shard.leader.is_some(), "shard {} has no leader", shard.id);
            ensure!(shard.voters.len() == voters, "shard {} has voters {:?}", shard.id, shard.voters);
        }
        Ok(())
    }
}

fn parse(shard: &Value) -> Result<Shard> {
    let mut voters = BTreeMap::new();
    for replica in shard["replicas"].as_array().context("no replicas")? {
        if replica["voter"].as_bool() == Some(true) {
            voters.insert(
                replica["node"].as_u64().context("a replica without a node")?,
                replica["lag"].as_u64(),
            );
        }
    }
    let mut slots = Vec::new();
    for run in shard["slots"].as_array().context("no slots")? {
        let (Some(first), Some(last)) = (run[0].as_u64(), run[1].as_u64()) else {
            bail!("a run of slots: {run}")
        };
        slots.push((u16::try_from(first)?, u16::try_from(last)?));
    }
    let id = u32::try_from(shard["id"].as_u64().context("no id")?)?;
    Ok(Shard { id, slots, leader: shard["leader"].as_u64(), voters, keys: shard["keys"].as_u64() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_understood() {
        let status = Status::new(serde_json::json!({
            "cluster": "c", "epoch": 7,
            "nodes": [{"id": 1, "address": "a:1", "up": true}, {"id": 2, "address": "a:2", "up": false}],
            "shards": [
                {"id": 0, "slots": [], "leader": 1, "keys": null, "replicas": [{"node": 1, "voter": true, "lag": 0}]},
                {"id": 1, "slots": [[0, 16383]], "leader": 2, "keys": 3,
                 "replicas": [{"node": 2, "voter": true, "lag": 0}, {"node": 1, "voter": false, "lag": null}]},
            ],
        }));
        assert_eq!((status.cluster(), status.epoch(), status.nodes()), ("c", 7, 2));
        assert_eq!(status.node("a:2"), Some((2, false)));
        let shards = status.shards().expect("known form");
        assert_eq!(
            (shards[1].leader, shards[1].keys, &shards[1].slots),
            (Some(2), Some(3), &vec![(0, 16383)])
        );
        assert_eq!(shards[1].voters, BTreeMap::from([(2, Some(0))]));
        status.check_settled(1, 1).expect("settled");
        status.check_settled(2, 1).expect_err("too few voters");
    }
}
