//! Users are changed by the meta group, and then known to every proxy.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use meridian_proto::{
    admin::{
        AwaitEpochRequest, ChangeUsersRequest, ChangeUsersResponse, admin_service_client::AdminServiceClient,
    },
    convert::bytes_of_u128,
    meta,
};
use meridian_rt::clock::Instant;
use meridian_topology::{DatabaseId, NodeId, ShardId, UserChange};

use crate::Router;

/// How long the meta group's leader may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Pause after nobody was found that leads the meta group.
const RETRY: Duration = Duration::from_millis(50);
/// How long is waited for nodes that do not say whether they know of a change.
const SPREAD: Duration = Duration::from_secs(1);

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsersChanged {
    /// It was made; the map has it from this epoch on.
    Made(u64),
    /// A user was not as expected, and nothing was changed, unless `again` says that the change had been sent before and
    /// its outcome was not known. The map has what is there instead from this epoch on.
    Conflict {
        /// See above.
        again: bool,
        /// See above.
        epoch: u64,
    },
    /// The meta group could not be reached in time. `sent` says whether the change may still be made.
    Unreachable {
        /// See above.
        sent: bool,
    },
}

impl Router {
    /// Changes users of a database.
    pub async fn change_users(&self, database: DatabaseId, changes: Vec<UserChange>) -> UsersChanged {
        let changes = changes.into_iter().map(meta::UserChange::from).collect();
        let change = meta::ChangeUsers { database: database.0, changes };
        let deadline = self.deadline();
        let mut sent = false;
        let mut next = self.meta_leader();
        let mut asked = BTreeSet::new();
        while Instant::now() < deadline {
            let Some(node) = next.take().or_else(|| self.meta_voter(&asked)) else {
                asked.clear();
                next = self.meta_leader();
                tokio::time::sleep(RETRY).await;
                continue;
            };
            asked.insert(node);
            match self.change_users_at(node, change.clone()).await {
                Ok(answer) if answer.accepted => return UsersChanged::Made(answer.epoch),
                Ok(answer) if answer.conflict => {
                    return UsersChanged::Conflict { again: sent, epoch: answer.epoch };
                }
                Ok(answer) => {
                    let leader = NodeId(answer.leader);
                    next = (answer.leader != 0 && !asked.contains(&leader)).then_some(leader);
                }
                Err(status) => {
                    tracing::debug!(%node, status = status.message(), "users were not changed here");
                    sent = true;
                }
            }
        }
        UsersChanged::Unreachable { sent }
    }

    async fn change_users_at(
        &self,
        node: NodeId,
        change: meta::ChangeUsers,
    ) -> Result<ChangeUsersResponse, tonic::Status> {
        let channel = self.channel(node).ok_or_else(|| tonic::Status::unavailable("no such node"))?;
        let request = ChangeUsersRequest { cluster: self.cluster_bytes(), change: Some(change) };
        let mut client = AdminServiceClient::new(channel);
        let answer = tokio::time::timeout(ANSWER, client.change_users(request)).await;
        answer.map_err(|_| tonic::Status::deadline_exceeded("no answer"))?.map(tonic::Response::into_inner)
    }

    /// Waits until every node that can be reached has the map of that epoch.
    pub async fn spread(&self, epoch: u64) {
        let nodes: Vec<NodeId> = self.map().nodes.keys().copied().collect();
        let request = AwaitEpochRequest {
            cluster: self.cluster_bytes(),
            epoch,
            timeout_ms: u64::try_from(SPREAD.as_millis()).unwrap_or(u64::MAX),
        };
        let told = nodes.into_iter().filter(|node| Some(*node) != self.node()).filter_map(|node| {
            let mut client = AdminServiceClient::new(self.channel(node)?);
            let request = request.clone();
            Some(async move {
                match tokio::time::timeout(SPREAD, client.await_epoch(request)).await {
                    Ok(Ok(answer)) if answer.get_ref().epoch >= epoch => {}
                    // It hears of it when it can be reached again.
                    _ => tracing::info!(%node, epoch, "a node does not know of a change of users yet"),
                }
            })
        });
        join_all(told).await;
    }

    fn meta_leader(&self) -> Option<NodeId> {
        self.map().shards.get(&ShardId::META)?.leader_hint
    }

    fn meta_voter(&self, asked: &BTreeSet<NodeId>) -> Option<NodeId> {
        self.map().shards.get(&ShardId::META)?.voters().find(|node| !asked.contains(node))
    }

    fn cluster_bytes(&self) -> bytes::Bytes {
        bytes_of_u128(self.map().cluster.0)
    }
}
