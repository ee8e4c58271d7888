//! openraft's way to the other nodes.
//!
//! Every failure is reported as *unreachable*: openraft then waits a little longer each time before it tries again.
//! (Its other network errors are retried at once.)

use std::{future::Future, sync::Arc};

use futures_util::Stream;
use meridian_proto::raft as pb;
use openraft::{
    EmptyNode, RaftNetworkFactory, RaftNetworkV2,
    base::{BoxFuture, BoxStream},
    errors::{ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesResponse, SnapshotResponse, TransferLeaderError, TransferLeaderRequest,
        TransferLeaderResponse,
    },
};

use crate::{
    lease::Lease,
    link::{self, Links, Peer, session::Session},
    snapshot,
    types::{AppendRequest, AppendResult, RpcError, Snapshot, Types, Vote, VoteRequest, VoteResponse},
    wire,
};

pub(crate) fn unreachable(why: &str) -> RpcError {
    RpcError::Unreachable(Unreachable::from_string(why))
}

fn refused(status: &tonic::Status) -> RpcError {
    unreachable(status.message())
}

fn malformed(error: wire::Malformed) -> RpcError {
    unreachable(error.0)
}

/// Makes the connections of one replica.
pub(crate) struct Network {
    pub(crate) shard: u32,
    pub(crate) links: Arc<Links>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) snapshot_bytes_per_second: u64,
}

impl Network {
    fn connection(&self, target: u64, heartbeat: bool) -> Connection {
        Connection {
            shard: self.shard,
            heartbeat,
            peer: self.links.peer(target),
            links: Arc::clone(&self.links),
            lease: Arc::clone(&self.lease),
            snapshot_bytes_per_second: self.snapshot_bytes_per_second,
        }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Connection {
        self.connection(target, false)
    }

    async fn new_heartbeat_client(&mut self, target: u64, _: &EmptyNode) -> Connection {
        self.connection(target, true)
    }
}

/// One replica's connection to one node.
pub(crate) struct Connection {
    shard: u32,
    heartbeat: bool,
    peer: Arc<Peer>,
    links: Arc<Links>,
    lease: Arc<Lease>,
    snapshot_bytes_per_second: u64,
}

impl Connection {
    fn client(&self) -> Result<link::Client, RpcError> {
        let channel = self.links.channel(&self.peer).ok_or_else(|| unreachable("the node has no address"))?;
        Ok(link::client(channel))
    }

    async fn ask(
        &self,
        request: VoteRequest,
        preliminary: bool,
        option: &RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        let request = pb::VoteRequest {
            envelope: Some(self.links.envelope(self.peer.node)),
            shard: self.shard,
            vote: Some(wire::vote_to_wire(&request.vote)),
            last: request.last_log_id.as_ref().map(wire::position_to_wire),
            leadership_transfer: request.leadership_transfer,
            preliminary,
        };
        let response = in_time(option, self.client()?.vote(request)).await?;
        let vote = wire::vote_from_wire(response.vote).map_err(malformed)?;
        Ok(VoteResponse::new(vote, response.last.map(wire::position_from_wire), response.granted))
    }
}

async fn in_time<T>(
    option: &RPCOption,
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, RpcError> {
    match tokio::time::timeout(option.soft_ttl(), call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(refused(&status)),
        Err(_) => Err(unreachable("no answer in time")),
    }
}

impl RaftNetworkV2<Types> for Connection {
    type SnapshotData = snapshot::Data;

    /// Not used: openraft appends through [`RaftNetworkV2::stream_append`].
    async fn append_entries(
        &mut self,
        request: AppendRequest,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RpcError> {
        let requests = futures_util::stream::iter([request]);
        let mut results = self.stream_append(requests, option).await?;
        match futures_util::StreamExt::next(&mut results).await {
            Some(result) => result.map(AppendEntriesResponse::from),
            None => Err(unreachable("no answer")),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        requests: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<AppendResult, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendRequest> + Send + Unpin + 'static,
    {
        let (peer, lease) = (Arc::clone(&self.peer), Arc::clone(&self.lease));
        let session = Session::new(peer, lease, self.shard, self.heartbeat, requests);
        Box::pin(std::future::ready(Ok(Box::pin(session) as BoxStream<'s, _>)))
    }

    async fn vote(&mut self, request: VoteRequest, option: RPCOption) -> Result<VoteResponse, RpcError> {
        self.ask(request, false, &option).await
    }

    async fn pre_vote(&mut self, request: VoteRequest, option: RPCOption) -> Result<VoteResponse, RpcError> {
        self.ask(request, true, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let send = snapshot::send(
            &self.links,
            self.peer.node,
            self.shard,
            &vote,
            snapshot,
            self.snapshot_bytes_per_second,
        );
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            sent = send => sent,
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RpcError> {
        let call = pb::TransferRequest {
            envelope: Some(self.links.envelope(self.peer.node)),
            shard: self.shard,
            vote: Some(wire::vote_to_wire(request.from_leader())),
            target: *request.to_node_id(),
            last: request.last_log_id().map(wire::position_to_wire),
        };
        let response = in_time(&option, self.client()?.transfer(call)).await?;
        match response.status() {
            pb::TransferStatus::Ok => Ok(Ok(())),
            pb::TransferStatus::VoteChanged => {
                let expected = *request.from_leader();
                let actual = wire::vote_from_wire(response.vote).map_err(malformed)?;
                Ok(Err(TransferLeaderError::VoteChanged { expected, actual }))
            }
            pb::TransferStatus::LogBehind => {
                let expected = request.last_log_id().cloned();
                let actual = response.last.map(wire::position_from_wire);
                Ok(Err(TransferLeaderError::LogNotFlushed { expected, actual }))
            }
            pb::TransferStatus::Unspecified => Err(unreachable("an unknown answer")),
        }
    }
}
