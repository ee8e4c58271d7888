//! Questions about the cluster that are no commands: what shards hold, which replicas have what.

use std::time::Duration;

use futures_util::future::join_all;
use meridian_proto::exec::{
    AwaitReplicasRequest, ShardStatistics, StatisticsRequest, exec_service_client::ExecServiceClient,
};
use meridian_rt::clock::Instant;
use meridian_topology::NodeId;

use crate::{Link, Router, peer::meant_for};

/// How long a node may take to tell what its shards hold.
const STATISTICS_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before a shard's leader is asked again.
const RETRY: Duration = Duration::from_millis(20);

impl Router {
    /// What every shard holds, as its leader tells. Shards whose leader does not answer are missing.
    pub async fn statistics(&self) -> Vec<ShardStatistics> {
        let nodes: Vec<NodeId> = self.map().nodes.keys().copied().collect();
        let answers = join_all(nodes.into_iter().map(|node| self.statistics_of(node))).await;
        let mut shards: Vec<ShardStatistics> = answers.into_iter().flatten().collect();
        shards.sort_by_key(|shard| shard.shard);
        shards.dedup_by_key(|shard| shard.shard);
        shards
    }

    fn meant<T>(&self, message: T) -> tonic::Request<T> {
        meant_for(self.map().cluster, message)
    }

    async fn statistics_of(&self, node: NodeId) -> Vec<ShardStatistics> {
        let Some(channel) = self.channel(node) else { return Vec::new() };
        let mut client = ExecServiceClient::new(channel);
        match tokio::time::timeout(STATISTICS_TIMEOUT, client.statistics(self.meant(StatisticsRequest {})))
            .await
        {
            Ok(Ok(response)) => response.into_inner().shards,
            Ok(Err(status)) => {
                tracing::debug!(%node, %status, "no statistics");
                Vec::new()
            }
            Err(_) => {
                tracing::debug!(%node, "no statistics in time");
                Vec::new()
            }
        }
    }

    /// How many replicas besides the leader have on disk all that is applied on the shard now; waits for `wanted` of
    /// them until the deadline.
    pub async fn await_replicas(&self, link: &Link, wanted: u32, deadline: Option<Instant>) -> u32 {
        loop {
            if let Some(node) = link.target()
                && let Some(channel) = self.channel(node)
            {
                let timeout_ms = deadline.map_or(0, |deadline| {
                    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
                    // 0 would mean no limit.
                    u64::try_from(left).unwrap_or(u64::MAX).max(1)
                });
                let request = AwaitReplicasRequest { shard: link.shard().0, replicas: wanted, timeout_ms };
                if let Ok(response) =
                    ExecServiceClient::new(channel).await_replicas(self.meant(request)).await
                {
                    let response = response.into_inner();
                    if response.leads {
                        return response.replicas;
                    }
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return 0;
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}
