//! The receiving end of a link: one task for all shards of a peer.
//!
//! Requests are handed to the replicas in the order in which they came; answers go back as they are ready, all that
//! one sync of the log has made ready in one message.

use std::{future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration};

use futures_util::{FutureExt, Stream, StreamExt, stream, stream::FuturesUnordered};
use meridian_proto::raft as pb;
use meridian_rt::clock::Instant;
use openraft::raft::AppendEntriesResponse;
use tonic::{Status, Streaming};

use super::{Assembler, Shared};
use crate::{replica::Replica, types::AppendRequest, wire};

/// The peer hears after so long that its messages arrive, if there is no answer to tell it.
const RECEIPT_DELAY: Duration = Duration::from_millis(100);
/// How often the others may run first, while more answers are due; see the sending side.
const YIELDS: usize = 3;

type Answering = Pin<Box<dyn Future<Output = pb::AppendAnswer> + Send>>;

struct Inbound {
    shared: Arc<Shared>,
    batches: Streaming<pb::AppendBatch>,
    assembler: Assembler,
    answering: FuturesUnordered<Answering>,
    ready: Vec<pb::AppendAnswer>,
    /// The peer, once it has said who it is.
    peer: Option<u64>,
    received: u64,
    /// When the peer must be told what was received.
    tell_at: Option<Instant>,
}

/// Deals with the batches of a peer; the stream is its answers.
pub(super) fn answers(
    shared: Arc<Shared>,
    batches: Streaming<pb::AppendBatch>,
) -> impl Stream<Item = Result<pb::AppendAnswers, Status>> + Send {
    let inbound = Inbound {
        shared,
        batches,
        assembler: Assembler::default(),
        answering: FuturesUnordered::new(),
        ready: Vec::new(),
        peer: None,
        received: 0,
        tell_at: None,
    };
    stream::unfold(Some(inbound), |inbound| async move {
        let mut inbound = inbound?;
        match inbound.next().await {
            Ok(Some(answers)) => Some((Ok(answers), Some(inbound))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    })
}

impl Inbound {
    async fn next(&mut self) -> Result<Option<pb::AppendAnswers>, Status> {
        let stop = self.shared.stop.clone();
        loop {
            let tell_at = self.tell_at;
            let tell = async {
                match tell_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                batch = self.batches.next() => match batch {
                    Some(Ok(batch)) => self.take(batch)?,
                    // The peer has gone, or its stream broke: it will come again.
                    Some(Err(_)) | None => return Ok(None),
                },
                Some(answer) = self.answering.next(), if !self.answering.is_empty() => {
                    self.ready.push(answer);
                    let yields = if self.answering.is_empty() { 0 } else { YIELDS };
                    for _ in 0..yields {
                        tokio::task::yield_now().await;
                    }
                    while let Some(Some(answer)) = self.answering.next().now_or_never() {
                        self.ready.push(answer);
                    }
                }
                () = tell => {
                    self.tell_at = None;
                    return Ok(Some(pb::AppendAnswers { received: self.received, answers: Vec::new() }));
                }
            }
            if !self.ready.is_empty() {
                self.tell_at = None;
                let answers = std::mem::take(&mut self.ready);
                return Ok(Some(pb::AppendAnswers { received: self.received, answers }));
            }
        }
    }

    fn take(&mut self, batch: pb::AppendBatch) -> Result<(), Status> {
        if self.peer.is_none() {
            self.peer = Some(self.shared.sender(batch.envelope.as_ref())?);
        }
        self.received = batch.sequence;
        self.tell_at.get_or_insert_with(|| Instant::now() + RECEIPT_DELAY);
        for piece in batch.requests {
            if let Some(request) = self.assembler.add(piece)? {
                self.hand_over(request)?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, request: pb::AppendRequest) -> Result<(), Status> {
        let (shard, session, sequence) = (request.shard, request.session, request.sequence);
        let append = wire::append_from_wire(request)?;
        let Some(replica) = self.shared.groups.get(shard) else {
            self.ready.push(answer(session, sequence, pb::AppendStatus::Unavailable));
            return Ok(());
        };
        let mut answering: Answering = Box::pin(answer_append(replica, append, session, sequence));
        // The first poll hands the request to the replica: in the order of arrival.
        let waker = futures_util::task::noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        match answering.as_mut().poll(&mut context) {
            Poll::Ready(answer) => self.ready.push(answer),
            Poll::Pending => self.answering.push(answering),
        }
        Ok(())
    }
}

fn answer(session: u64, sequence: u64, status: pb::AppendStatus) -> pb::AppendAnswer {
    pb::AppendAnswer { session, sequence, status: status.into(), vote: None }
}

async fn answer_append(
    replica: Arc<Replica>,
    append: AppendRequest,
    session: u64,
    sequence: u64,
) -> pb::AppendAnswer {
    // Unconstrained: the request must be in the replica's queue after one poll.
    let response = tokio::task::unconstrained(replica.raft.append_entries(append)).await;
    match response {
        Ok(AppendEntriesResponse::Success) => {
            replica.heard.now();
            answer(session, sequence, pb::AppendStatus::Ok)
        }
        Ok(AppendEntriesResponse::Conflict) => {
            replica.heard.now();
            answer(session, sequence, pb::AppendStatus::Conflict)
        }
        Ok(AppendEntriesResponse::HigherVote(vote)) => pb::AppendAnswer {
            vote: Some(wire::vote_to_wire(&vote)),
            ..answer(session, sequence, pb::AppendStatus::HigherVote)
        },
        // Never said by this version of openraft to a request that it took as a whole.
        Ok(AppendEntriesResponse::PartialSuccess(_)) => {
            answer(session, sequence, pb::AppendStatus::Unavailable)
        }
        Err(error) => {
            tracing::debug!(shard = %replica.shard, %error, "append refused");
            answer(session, sequence, pb::AppendStatus::Unavailable)
        }
    }
}
