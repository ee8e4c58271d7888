//! Questions about the cluster that are no commands: what shards hold, which replicas have what.

use std::time::Duration;

use futures_util::future::join_all;
use meridian_proto::exec::{
    AwaitReplicasRequest, ShardStatistics, StatisticsRequest, exec_service_client::ExecServiceClient,
};
use meridian_rt::clock::Instant;
use meridian_topology::{NodeId, ShardId};

use crate::{Link, Router, peer::meant_for};

/// How long a node may take to tell what its shards hold.
const STATISTICS_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before a shard's leader is asked again.
const RETRY: Duration = Duration::from_millis(20);

/// How much later than asked for an answer may come.
const ANSWER_GRACE: Duration = Duration::from_millis(200);

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
            match link.target() {
                Some(node) => match self.replicas_behind(link.shard(), node, wanted, deadline).await {
                    Some(replicas) => return replicas,
                    None => link.lost(node),
                },
                None => link.seek(None),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return 0;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Asks `node`; `None` if it does not lead the shard, or does not answer.
    async fn replicas_behind(
        &self,
        shard: ShardId,
        node: NodeId,
        wanted: u32,
        deadline: Option<Instant>,
    ) -> Option<u32> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout_ms = left.map_or(0, |left| {
            // 0 would mean no limit.
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)
        });
        let request = AwaitReplicasRequest { shard: shard.0, replicas: wanted, timeout_ms };
        let mut client = ExecServiceClient::new(self.channel(node)?);
        let answer = client.await_replicas(self.meant(request));
        let answer = match left {
            // A node that stands still keeps no time.
            Some(left) => tokio::time::timeout(left + ANSWER_GRACE, answer).await.ok()?,
            None => answer.await,
        };
        let response = answer.ok()?.into_inner();
        response.leads.then_some(response.replicas)
    }
}
