//! What the other nodes ask of this one.

mod assembler;
mod inbound;

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use meridian_proto::raft::{self as pb, raft_service_server::RaftService};
use meridian_topology::{ClusterId, NodeId};
use openraft::raft::{TransferLeaderError, TransferLeaderRequest};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

pub(crate) use assembler::Assembler;

use crate::{
    host::Groups,
    replica::Replica,
    snapshot,
    timing::Timing,
    types::{VoteRequest, VoteResponse},
    wire,
};

/// Answers the other nodes, for every replica of this one.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) timing: Timing,
    pub(crate) groups: Arc<Groups>,
    pub(crate) stop: CancellationToken,
}

impl Service {
    pub(crate) fn new(shared: Shared) -> Self {
        Service(Arc::new(shared))
    }
}

impl Shared {
    /// Refuses what is meant for another node or another cluster, and says who speaks.
    fn sender(&self, envelope: Option<&pb::Envelope>) -> Result<u64, Status> {
        let envelope = envelope.ok_or_else(|| Status::invalid_argument("a message without an envelope"))?;
        let cluster = u128::from(envelope.cluster_high) << 64 | u128::from(envelope.cluster_low);
        if cluster != self.cluster.0 {
            return Err(Status::failed_precondition("this node belongs to another cluster"));
        }
        if envelope.to != self.node.0 {
            return Err(Status::failed_precondition(format!("this is node {}", self.node)));
        }
        Ok(envelope.from)
    }

    fn replica(&self, shard: u32) -> Result<Arc<Replica>, Status> {
        self.groups.get(shard).ok_or_else(|| Status::not_found("no replica of the shard"))
    }
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(format!("the replica has stopped: {error}"))
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl RaftService for Service {
    type ReplicateStream = Answers<pb::AppendAnswers>;

    async fn replicate(
        &self,
        request: Request<Streaming<pb::AppendBatch>>,
    ) -> Result<Response<Self::ReplicateStream>, Status> {
        let answers = inbound::answers(Arc::clone(&self.0), request.into_inner());
        Ok(Response::new(Box::pin(answers)))
    }

    async fn vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteResponse>, Status> {
        let request = request.into_inner();
        self.0.sender(request.envelope.as_ref())?;
        let replica = self.0.replica(request.shard)?;
        let vote = wire::vote_from_wire(request.vote)?;
        if vote.is_committed() {
            return Err(Status::invalid_argument("a candidate that leads already"));
        }
        let mut question = VoteRequest::new(vote, request.last.map(wire::position_from_wire));
        question.leadership_transfer = request.leadership_transfer;
        let response = if !request.leadership_transfer && replica.owes_a_lease() {
            // What this node knew before its restart may have been a leader's lease.
            VoteResponse::new(replica.with_metrics(|metrics| metrics.vote), None, false)
        } else if request.preliminary {
            replica.raft.pre_vote(question).await.map_err(stopped)?
        } else {
            replica.raft.vote(question).await.map_err(stopped)?
        };
        if response.vote_granted && !request.preliminary {
            replica.heard.keep_quiet(self.0.timing.retry(0));
        }
        Ok(Response::new(pb::VoteResponse {
            vote: Some(wire::vote_to_wire(&response.vote)),
            granted: response.vote_granted,
            last: response.last_log_id.as_ref().map(wire::position_to_wire),
        }))
    }

    async fn transfer(
        &self,
        request: Request<pb::TransferRequest>,
    ) -> Result<Response<pb::TransferResponse>, Status> {
        let request = request.into_inner();
        self.0.sender(request.envelope.as_ref())?;
        let replica = self.0.replica(request.shard)?;
        let vote = wire::vote_from_wire(request.vote)?;
        let last = request.last.map(wire::position_from_wire);
        let transfer = TransferLeaderRequest::new(vote, request.target, last);
        replica.heard.keep_quiet(self.0.timing.retry(0));
        let mut response = pb::TransferResponse::default();
        match replica.raft.handle_transfer_leader(transfer).await.map_err(stopped)? {
            Ok(()) => response.set_status(pb::TransferStatus::Ok),
            Err(TransferLeaderError::VoteChanged { actual, .. }) => {
                response.set_status(pb::TransferStatus::VoteChanged);
                response.vote = Some(wire::vote_to_wire(&actual));
            }
            Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
                response.set_status(pb::TransferStatus::LogBehind);
                response.last = actual.as_ref().map(wire::position_to_wire);
            }
        }
        Ok(Response::new(response))
    }

    async fn offer_snapshot(
        &self,
        request: Request<pb::SnapshotOffer>,
    ) -> Result<Response<pb::SnapshotOfferReply>, Status> {
        let offer = request.into_inner();
        self.0.sender(offer.envelope.as_ref())?;
        let replica = self.0.replica(offer.shard)?;
        let offset = snapshot::offered(&replica, &offer)?;
        Ok(Response::new(pb::SnapshotOfferReply { offset }))
    }

    async fn send_snapshot(
        &self,
        request: Request<Streaming<pb::SnapshotChunk>>,
    ) -> Result<Response<pb::SnapshotResponse>, Status> {
        let mut chunks = request.into_inner();
        let first = chunks.message().await?.ok_or_else(|| Status::invalid_argument("no snapshot"))?;
        let offer =
            first.offer.clone().ok_or_else(|| Status::invalid_argument("a snapshot without a header"))?;
        self.0.sender(offer.envelope.as_ref())?;
        let replica = self.0.replica(offer.shard)?;
        let vote = snapshot::receive(&replica, offer, first, chunks).await?;
        Ok(Response::new(pb::SnapshotResponse { vote: Some(wire::vote_to_wire(&vote)) }))
    }
}
