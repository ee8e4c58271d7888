//! One leader's stream of requests for one shard to one follower, over the link of the two nodes.
//!
//! openraft hands in a stream of requests and wants a stream of results. A [`Session`] is that stream of results: it
//! polls the requests and the answers in the same task, and has none of its own.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt};
use meridian_proto::raft as pb;
use meridian_rt::clock::Instant;
use openraft::raft::StreamAppendError;
use tokio::sync::mpsc;

use super::{
    Link, Peer,
    writer::{Outgoing, Urgency, entry_bytes},
};
use crate::{
    lease::Lease,
    network::unreachable,
    types::{AppendRequest, AppendResult, LogId, RpcError},
    wire,
};

/// Requests under way at most.
const WINDOW_REQUESTS: usize = 256;
/// Bytes under way at most, but for a single request that is larger.
const WINDOW_BYTES: usize = 8 << 20;

/// A request that was not answered yet.
struct Pending {
    sequence: u64,
    term: u64,
    previous: Option<LogId>,
    last: Option<LogId>,
    bytes: usize,
    sent_at: Instant,
}

/// The session's end of the link.
struct Attached {
    link: Arc<Link>,
    answers: mpsc::UnboundedReceiver<pb::AppendAnswer>,
    id: u64,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.link.forget(self.id);
    }
}

/// A stream of results for a stream of requests.
pub(crate) struct Session<S> {
    peer: Arc<Peer>,
    lease: Arc<Lease>,
    shard: u32,
    heartbeat: bool,
    /// `None` after the last request.
    requests: Option<S>,
    /// Made with the first request: openraft waits, after an error, before it hands that out.
    attached: Option<Attached>,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    sequence: u64,
    ended: bool,
}

impl<S: Stream<Item = AppendRequest> + Unpin> Session<S> {
    pub(crate) fn new(peer: Arc<Peer>, lease: Arc<Lease>, shard: u32, heartbeat: bool, requests: S) -> Self {
        Session {
            peer,
            lease,
            shard,
            heartbeat,
            requests: Some(requests),
            attached: None,
            pending: VecDeque::new(),
            pending_bytes: 0,
            sequence: 0,
            ended: false,
        }
    }

    fn has_room(&self) -> bool {
        self.pending.len() < WINDOW_REQUESTS && self.pending_bytes < WINDOW_BYTES
    }

    fn attach(&mut self) -> Option<&Attached> {
        if self.attached.is_none() {
            let link = self.peer.link()?;
            let id = self.peer.next_session();
            let answers = link.register(id)?;
            self.attached = Some(Attached { link, answers, id });
        }
        self.attached.as_ref()
    }

    /// Sends a request. False: the link is down.
    fn send(&mut self, request: AppendRequest) -> bool {
        let (shard, heartbeat, sequence) = (self.shard, self.heartbeat, self.sequence + 1);
        let Some(attached) = self.attach() else {
            return false;
        };
        let urgency = match (heartbeat, sequence, request.entries.is_empty()) {
            (true, _, _) => Urgency::First,
            (false, 2.., true) => Urgency::Commit,
            _ => Urgency::InOrder,
        };
        let previous = request.prev_log_id;
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        let entries: Vec<_> = request.entries.into_iter().map(wire::entry_to_wire).collect();
        let bytes = entries.iter().map(entry_bytes).sum();
        let wire = pb::AppendRequest {
            shard,
            session: attached.id,
            sequence,
            vote: Some(wire::vote_to_wire(&request.vote)),
            previous: previous.as_ref().map(wire::position_to_wire),
            committed: request.leader_commit.as_ref().map(wire::position_to_wire),
            entries,
            partial: false,
        };
        let sent_at = Instant::now();
        if !attached.link.send(Outgoing { request: wire, urgency, bytes, started: false }) {
            return false;
        }
        self.sequence = sequence;
        self.pending_bytes += bytes;
        let term = request.vote.leader_id.term;
        self.pending.push_back(Pending { sequence, term, previous, last, bytes, sent_at });
        true
    }

    /// Everything up to the request that was answered is done with. Gives that one, if it was under way.
    fn settle(&mut self, sequence: u64) -> Option<Pending> {
        let mut settled = None;
        while self.pending.front().is_some_and(|pending| pending.sequence <= sequence) {
            settled = self.pending.pop_front();
            self.pending_bytes -= settled.as_ref().map_or(0, |pending| pending.bytes);
        }
        settled.filter(|pending| pending.sequence == sequence)
    }

    fn answered(&mut self, answer: &pb::AppendAnswer) -> Option<Result<AppendResult, RpcError>> {
        let status = answer.status();
        // An older one's answer may come late: a newer one has spoken for it.
        let settled = self.settle(answer.sequence)?;
        match status {
            pb::AppendStatus::Ok => {
                self.lease.acknowledge(settled.term, self.peer.node, settled.sent_at);
                return Some(Ok(Ok(settled.last)));
            }
            pb::AppendStatus::Conflict => {
                self.ended = true;
                if let Some(previous) = settled.previous {
                    return Some(Ok(Err(StreamAppendError::Conflict(previous))));
                }
            }
            pb::AppendStatus::HigherVote => {
                self.ended = true;
                if let Ok(vote) = wire::vote_from_wire(answer.vote) {
                    return Some(Ok(Err(StreamAppendError::HigherVote(vote))));
                }
            }
            pb::AppendStatus::Unavailable | pb::AppendStatus::Unspecified => {}
        }
        self.ended = true;
        Some(Err(unreachable("the replica is not available")))
    }
}

impl<S: Stream<Item = AppendRequest> + Unpin> Stream for Session<S> {
    type Item = Result<AppendResult, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let session = self.get_mut();
        if session.ended {
            return Poll::Ready(None);
        }
        while session.has_room()
            && let Some(requests) = &mut session.requests
        {
            match requests.poll_next_unpin(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => session.requests = None,
                Poll::Ready(Some(request)) => {
                    if !session.send(request) {
                        session.ended = true;
                        return Poll::Ready(Some(Err(unreachable("no link to the node"))));
                    }
                }
            }
        }
        // Answers speak for all earlier requests too: of several, only the newest counts.
        let mut newest = None;
        while let Some(attached) = &mut session.attached {
            match attached.answers.poll_recv(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(answer)) => {
                    if let Some(result) = session.answered(&answer) {
                        newest = Some(result);
                        if session.ended {
                            break;
                        }
                    }
                }
                Poll::Ready(None) => {
                    session.ended = true;
                    return Poll::Ready(Some(Err(unreachable("the link broke"))));
                }
            }
        }
        if newest.is_some() {
            return Poll::Ready(newest);
        }
        if session.requests.is_none() && session.pending.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}
