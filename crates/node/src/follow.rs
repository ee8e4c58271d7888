//! Follows the cluster map by stream from whichever node can be reached: for processes without a replica of meta.

use std::{collections::BTreeSet, time::Duration};

use meridian_proto::{admin::WatchMapRequest, convert::bytes_of_u128};
use meridian_topology::{ClusterId, ClusterMap, NodeId, ShardId};
use tonic::Status;

use crate::{
    known::Known,
    peers::{Peers, within},
};

/// Pause after every source has failed: first, and at most.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(1);
/// How long a node may take to send its map.
const FIRST_MAP: Duration = Duration::from_secs(2);

/// Follows the map from one node after the other, for ever.
///
/// `seeds` are asked when no node of the map can be reached.
pub(crate) async fn follow(known: &Known, peers: &Peers, this: Option<NodeId>, seeds: &[String]) {
    let mut pause = PAUSE_FIRST;
    loop {
        for source in sources(&known.map(), this, seeds) {
            match watch(known, peers, &source).await {
                Ok(()) => pause = PAUSE_FIRST,
                Err(status) => {
                    tracing::debug!(source, status = status.message(), "cannot follow the map here")
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// Nodes with a replica of meta first, then the others, then the seeds.
fn sources(map: &ClusterMap, this: Option<NodeId>, seeds: &[String]) -> Vec<String> {
    let first: BTreeSet<NodeId> =
        map.shards.get(&ShardId::META).iter().flat_map(|meta| meta.voters()).collect();
    let mut nodes: Vec<_> = map.nodes.values().filter(|node| Some(node.id) != this).collect();
    // Spread over the sources, yet the same at every try: by distance from the own number.
    let own = this.map_or(0, |node| node.0);
    nodes.sort_by_key(|node| (!first.contains(&node.id), node.id.0.wrapping_sub(own)));
    let mut sources: Vec<String> = nodes.into_iter().map(|node| node.address.clone()).collect();
    sources.extend(seeds.iter().filter(|seed| !sources.contains(seed)).cloned().collect::<Vec<_>>());
    sources
}

/// Follows one source until it ends; an error only if it gave no map at all.
async fn watch(known: &Known, peers: &Peers, source: &str) -> Result<(), Status> {
    let cluster = known.map().cluster;
    let cluster =
        if cluster == ClusterId::default() { bytes::Bytes::new() } else { bytes_of_u128(cluster.0) };
    let mut client = peers.at(source)?;
    let mut maps = within(FIRST_MAP, client.watch_map(WatchMapRequest { cluster })).await?;
    let first = tokio::time::timeout(FIRST_MAP, maps.message());
    let first = first.await.map_err(|_| Status::deadline_exceeded("no map arrived"))??;
    take(known, first)?;
    tracing::debug!(source, "following the map");
    loop {
        let next = match maps.message().await {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(()),
            Err(status) => {
                tracing::debug!(source, status = status.message(), "the map's source is gone");
                return Ok(());
            }
        };
        take(known, Some(next))?;
    }
}

fn take(known: &Known, message: Option<meridian_proto::admin::WatchMapResponse>) -> Result<(), Status> {
    let map = message.and_then(|message| message.map).ok_or_else(|| Status::unavailable("no map yet"))?;
    let map = ClusterMap::try_from(map).map_err(|error| Status::internal(error.to_string()))?;
    let cluster = known.map().cluster;
    if cluster != ClusterId::default() && map.cluster != cluster {
        return Err(Status::failed_precondition(format!("it belongs to the cluster {}", map.cluster)));
    }
    known.offer(&map);
    Ok(())
}
