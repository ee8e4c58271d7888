//! The admin service of a process.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use meridian_meta::{control, state::Refused};
use meridian_proto::{
    admin::{
        AnnounceRequest, AnnounceResponse, AwaitEpochRequest, AwaitEpochResponse, ChangeReplicasRequest,
        ChangeReplicasResponse, ChangeUsersRequest, ChangeUsersResponse, InitRequest, InitResponse,
        JoinRequest, JoinResponse, ReportRequest, ReportResponse, StatusRequest, StatusResponse,
        TransferLeaderRequest, TransferLeaderResponse, WatchMapRequest, WatchMapResponse,
        admin_service_server::AdminService,
    },
    convert::{bytes_of_u128, u128_of_bytes},
    meta::{self, command::Kind},
};
use meridian_topology::{ChangeUsersError, ClusterId, Epoch, NodeId, NodeInfo, ShardId};
use tonic::{Request, Response, Status};

use crate::{member::Member, node::Process, regroup, report, status};

/// How long anybody may wait here for a map.
const AWAIT_EPOCH_MAX: Duration = Duration::from_secs(10);

/// Serves a process, whether it belongs to a cluster yet or not.
pub(crate) struct Admin(pub(crate) Arc<Process>);

impl Admin {
    fn member(&self) -> Result<Arc<Member>, Status> {
        let member = self.0.member.borrow().clone();
        member.ok_or_else(|| Status::unavailable("this process belongs to no cluster yet"))
    }
}

fn known_cluster(member: &Member, claimed: &[u8]) -> Result<(), Status> {
    let claimed = u128_of_bytes(claimed).map(ClusterId);
    if claimed == Some(member.cluster) {
        return Ok(());
    }
    Err(Status::failed_precondition(format!("this process belongs to the cluster {}", member.cluster)))
}

fn refused(error: control::Error) -> Status {
    match error {
        control::Error::NotLeader(_) | control::Error::Unknown => Status::unavailable(error.to_string()),
        control::Error::Refused(refused) => Status::failed_precondition(refused.to_string()),
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn init(&self, request: Request<InitRequest>) -> Result<Response<InitResponse>, Status> {
        let request = request.into_inner();
        let made = self.0.init(request.shards, request.replication).await;
        let (cluster, node) = made.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(InitResponse { cluster: bytes_of_u128(cluster.0), node: node.0 }))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        let kind = Kind::AddNode(meta::AddNode { node: request.node.clone(), token: request.token.clone() });
        let proposed = match member.control() {
            Some(control) => control.propose(kind).await,
            None => Err(control::Error::NotLeader(None)),
        };
        match proposed {
            Ok(applied) => {
                let node = applied.node.ok_or_else(|| Status::internal("meta gave the node no id"))?;
                let control = member.control().ok_or_else(|| Status::unavailable("meta has moved"))?;
                let map = meta::ClusterMap::from(&**control.map().borrow());
                Ok(Response::new(JoinResponse { node: node.0, map: Some(map) }))
            }
            // The one who joins knows one address only: forward.
            Err(control::Error::NotLeader(leader)) => {
                let leader = leader.or_else(|| member.meta_leader()).filter(|leader| *leader != member.id);
                let leader = leader.ok_or_else(|| Status::unavailable("the meta group has no leader now"))?;
                member.peers.node(leader)?.join(request).await
            }
            Err(error) => Err(refused(error)),
        }
    }

    async fn announce(
        &self,
        request: Request<AnnounceRequest>,
    ) -> Result<Response<AnnounceResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let mut recorded = false;
        if let Some(node) = request.node {
            member.known.learn(&NodeInfo::from(node.clone()));
            recorded = member.record_start(node).await.map_err(refused)?;
        }
        let nodes = member.known.map().nodes.values().map(meta::Node::from).collect();
        Ok(Response::new(AnnounceResponse { cluster: bytes_of_u128(member.cluster.0), nodes, recorded }))
    }

    type WatchMapStream = Pin<Box<dyn Stream<Item = Result<WatchMapResponse, Status>> + Send>>;

    async fn watch_map(
        &self,
        request: Request<WatchMapRequest>,
    ) -> Result<Response<Self::WatchMapStream>, Status> {
        let member = self.member()?;
        let claimed = request.into_inner().cluster;
        if !claimed.is_empty() {
            known_cluster(&member, &claimed)?;
        }
        let ended = member.tasks.stopped();
        let mut maps = member.known.watch();
        // The first is the newest there is, not the next.
        maps.mark_changed();
        let maps = stream::unfold(maps, |mut maps| async {
            loop {
                maps.changed().await.ok()?;
                let map = Arc::clone(&maps.borrow_and_update());
                if map.epoch > Epoch(0) {
                    let map = Some(meta::ClusterMap::from(&*map));
                    return Some((Ok(WatchMapResponse { map }), maps));
                }
            }
        });
        let maps = maps.take_until(ended);
        Ok(Response::new(Box::pin(maps)))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(status::of(&self.0)))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let result = match member.control() {
            Some(control) => control.report(request).await,
            None => Err(control::Error::NotLeader(member.meta_leader())),
        };
        report::answer(result).map(Response::new)
    }

    async fn change_users(
        &self,
        request: Request<ChangeUsersRequest>,
    ) -> Result<Response<ChangeUsersResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let change = request.change.ok_or_else(|| Status::invalid_argument("the request changes nothing"))?;
        let result = match member.control() {
            Some(control) => control.propose(Kind::ChangeUsers(change)).await,
            None => Err(control::Error::NotLeader(member.meta_leader())),
        };
        let epoch = member.control().map_or(0, |control| control.map().borrow().epoch.0);
        let nothing = ChangeUsersResponse { leader: 0, accepted: false, conflict: false, epoch };
        match result {
            Ok(applied) => Ok(ChangeUsersResponse { accepted: true, epoch: applied.epoch.0, ..nothing }),
            Err(control::Error::NotLeader(leader)) => {
                Ok(ChangeUsersResponse { leader: leader.map_or(0, |leader| leader.0), ..nothing })
            }
            Err(control::Error::Refused(Refused::Users(ChangeUsersError::Changed))) => {
                Ok(ChangeUsersResponse { conflict: true, ..nothing })
            }
            Err(error) => Err(refused(error)),
        }
        .map(Response::new)
    }

    async fn await_epoch(
        &self,
        request: Request<AwaitEpochRequest>,
    ) -> Result<Response<AwaitEpochResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let mut maps = member.known.watch();
        let limit = Duration::from_millis(request.timeout_ms).min(AWAIT_EPOCH_MAX);
        let there = maps.wait_for(|map| map.epoch.0 >= request.epoch);
        // In time or not, the answer says which epoch there is.
        let _ = tokio::time::timeout(limit, there).await;
        let epoch = member.known.map().epoch.0;
        Ok(Response::new(AwaitEpochResponse { epoch }))
    }

    async fn change_replicas(
        &self,
        request: Request<ChangeReplicasRequest>,
    ) -> Result<Response<ChangeReplicasResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let (shard, group) = member.group(request.shard)?;
        let voters: BTreeSet<NodeId> = request.voters.into_iter().map(NodeId).collect();
        if voters.is_empty() {
            return Err(Status::invalid_argument("a group has at least one voter"));
        }
        let passed = member.hosting.fences.pass(shard, request.meta_term).await?;
        let group = regroup::change_voters(member.id, shard, &group, &voters).await?;
        drop(passed);
        Ok(Response::new(ChangeReplicasResponse { group: Some(group) }))
    }

    async fn transfer_leader(
        &self,
        request: Request<TransferLeaderRequest>,
    ) -> Result<Response<TransferLeaderResponse>, Status> {
        let member = self.member()?;
        let request = request.into_inner();
        known_cluster(&member, &request.cluster)?;
        let (shard, group) = member.group(request.shard)?;
        let group = regroup::transfer(shard, &group, NodeId(request.target)).await?;
        Ok(Response::new(TransferLeaderResponse { group: Some(group) }))
    }
}

impl Member {
    fn group(&self, shard: u32) -> Result<(ShardId, meridian_raft::Group), Status> {
        let shard = ShardId(shard);
        let group = self.hosting.group(shard);
        Ok((shard, group.ok_or_else(|| Status::not_found(format!("shard {shard} is not open here")))?))
    }
}
