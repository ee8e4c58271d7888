//! The gRPC face of shards: one stream per proxy carries the batches of all its clients.
//!
//! The response stream does the work when it is polled: it takes a message of requests, answers the reads among them at
//! once and puts those answers, with whatever writes have completed meanwhile, into one message. No task per batch.

mod tracking;

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use meridian_proto::exec::{
    AwaitReplicasRequest, AwaitReplicasResponse, ExecRequest, ExecRequests, ExecResponse, ExecResponses,
    ExecStatus, KeyspaceStatistics, ShardStatistics, StatisticsRequest, StatisticsResponse, TrackingAsked,
    exec_service_server::{ExecService, ExecServiceServer},
};
use meridian_router::local::{Batch, Outcome, ReadAnswer, Replica, Sink, Ticket};
use meridian_rt::clock;
use meridian_topology::{DatabaseId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use crate::shard::{Shard, Shards};
use tracking::Tracked;

/// Requests of a proxy may be as large as its largest command, and some framing.
const MESSAGE_BYTES: usize = 1 << 30;
/// A response message is closed when it holds so many bytes.
const RESPONSE_BYTES: usize = 1 << 20;
/// Larger responses travel in pieces of this size, so that others pass them by.
const PIECE_BYTES: usize = 256 << 10;
/// With so many bytes of large responses waiting, no request is taken.
const LARGE_BYTES: usize = 64 << 20;
/// How often the leader looks whether enough replicas have an entry.
const REPLICA_POLL: Duration = Duration::from_millis(1);

/// The service over the shards of a node.
pub fn service(shards: Arc<Shards>) -> ExecServiceServer<impl ExecService> {
    ExecServiceServer::new(Service { shards })
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES)
}

struct Service {
    shards: Arc<Shards>,
}

#[tonic::async_trait]
impl ExecService for Service {
    type ExecStream = Execution;

    async fn exec(&self, request: Request<Streaming<ExecRequests>>) -> Result<Response<Execution>, Status> {
        let (sender, completions) = mpsc::unbounded_channel();
        let sink = Arc::new(StreamSink { sender, pending: Mutex::default() });
        let requests = request.into_inner();
        Ok(Response::new(Execution {
            shards: Arc::clone(&self.shards),
            requests,
            completions,
            sink,
            large: Large::default(),
            tracked: Tracked::default(),
            ended: false,
        }))
    }

    async fn statistics(
        &self,
        _: Request<StatisticsRequest>,
    ) -> Result<Response<StatisticsResponse>, Status> {
        let led = self.shards.all().into_iter().filter(|shard| shard.leads().is_ok());
        Ok(Response::new(StatisticsResponse { shards: led.map(|shard| statistics(&shard)).collect() }))
    }

    async fn await_replicas(
        &self,
        request: Request<AwaitReplicasRequest>,
    ) -> Result<Response<AwaitReplicasResponse>, Status> {
        let request = request.into_inner();
        let Some(shard) = self.shards.get(ShardId(request.shard)) else {
            return Ok(Response::new(AwaitReplicasResponse { leads: false, replicas: 0 }));
        };
        let wanted = usize::try_from(request.replicas).unwrap_or(usize::MAX);
        let timeout = Some(Duration::from_millis(request.timeout_ms)).filter(|timeout| !timeout.is_zero());
        let (leads, replicas) = await_replicas(&shard, wanted, timeout).await;
        Ok(Response::new(AwaitReplicasResponse {
            leads,
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
        }))
    }
}

/// Waits until `wanted` replicas besides the leader hold what is applied now; returns whether this node still leads and
/// how many hold it.
pub async fn await_replicas(shard: &Shard, wanted: usize, timeout: Option<Duration>) -> (bool, usize) {
    let index = shard.group().status().applied;
    let deadline = timeout.map(|timeout| clock::Instant::now() + timeout);
    loop {
        if shard.leads().is_err() {
            return (false, 0);
        }
        let replicas = shard.group().replicated_to(index);
        if replicas >= wanted || deadline.is_some_and(|deadline| clock::Instant::now() >= deadline) {
            return (true, replicas);
        }
        tokio::time::sleep(REPLICA_POLL).await;
    }
}

/// What a shard holds, as the wire has it.
pub fn statistics(shard: &Shard) -> ShardStatistics {
    let stats = shard.stats();
    let keyspaces = stats.keyspaces.iter().map(|keyspace| KeyspaceStatistics {
        database: keyspace.database.0,
        numbered: u32::from(keyspace.numbered),
        keys: keyspace.keys as u64,
        expiring: keyspace.expiring as u64,
        expiring_parts: keyspace.expiring_parts as u64,
    });
    ShardStatistics {
        shard: shard.id().0,
        keyspaces: keyspaces.collect(),
        memory_bytes: stats.memory_bytes as u64,
        expired_keys: stats.expired_keys,
        expired_fields: stats.expired_fields,
        hits: stats.hits,
        misses: stats.misses,
        changes: stats.changes,
        evicted_keys: stats.evicted_keys,
        node_data_bytes: shard.node_data_bytes() as u64,
        maxmemory: stats.maxmemory,
        maxmemory_policy: stats.maxmemory_policy.to_owned(),
    }
}

/// A stream under way: polled for responses, it executes requests.
pub struct Execution {
    shards: Arc<Shards>,
    requests: Streaming<ExecRequests>,
    completions: mpsc::UnboundedReceiver<ExecResponse>,
    sink: Arc<StreamSink>,
    large: Large,
    /// The shards of which the proxy hears what changes.
    tracked: Tracked,
    ended: bool,
}

impl Stream for Execution {
    type Item = Result<ExecResponses, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut responses = Vec::new();
        let mut bytes = 0;
        while bytes < RESPONSE_BYTES {
            let Poll::Ready(Some(response)) = this.completions.poll_recv(cx) else { break };
            bytes += this.tracked.taken(&response);
            bytes += this.large.sort(response, &mut responses);
        }
        while !this.ended && bytes < RESPONSE_BYTES && this.large.bytes < LARGE_BYTES {
            match Pin::new(&mut this.requests).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(message))) => {
                    for request in message.requests {
                        let answer = match request.tracking() {
                            TrackingAsked::Unspecified => execute(&this.shards, &this.sink, request),
                            asked => this.tracked.asked(&this.shards, &this.sink.sender, asked, &request),
                        };
                        if let Some(response) = answer {
                            bytes += this.large.sort(response, &mut responses);
                        }
                    }
                }
                Poll::Ready(Some(Err(_)) | None) => this.ended = true,
            }
        }
        responses.extend(this.large.pieces(RESPONSE_BYTES.saturating_sub(bytes)));
        if !responses.is_empty() {
            Poll::Ready(Some(Ok(ExecResponses { responses })))
        } else if this.ended {
            // Nobody is left to read what still completes.
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

/// Responses too large to travel whole, one piece of each in turn.
#[derive(Debug, Default)]
struct Large {
    waiting: VecDeque<ExecResponse>,
    bytes: usize,
}

impl Large {
    /// Puts a response where it belongs; returns how many bytes it adds to the message.
    fn sort(&mut self, response: ExecResponse, responses: &mut Vec<ExecResponse>) -> usize {
        let length = response.replies.len();
        if length <= PIECE_BYTES {
            responses.push(response);
            return length;
        }
        self.bytes += length;
        self.waiting.push_back(response);
        0
    }

    /// Pieces of at most so many bytes, but one at least.
    fn pieces(&mut self, room: usize) -> Vec<ExecResponse> {
        let mut pieces = Vec::new();
        for _ in 0..(room / PIECE_BYTES).max(1) {
            let Some(mut response) = self.waiting.pop_front() else { break };
            let length = response.replies.len().min(PIECE_BYTES);
            self.bytes -= length;
            let replies = response.replies.split_to(length);
            let more = !response.replies.is_empty();
            pieces.push(ExecResponse { replies, more, ..response.clone() });
            if more {
                self.waiting.push_back(response);
            }
        }
        pieces
    }
}

/// Executes one request at once, or queues it and answers through the sink.
fn execute(shards: &Shards, sink: &Arc<StreamSink>, request: ExecRequest) -> Option<ExecResponse> {
    let shard_id = request.shard;
    let number = request.ticket;
    let Some(shard) = shards.get(ShardId(shard_id)) else {
        return Some(response(shard_id, number, Outcome::NotLeader(None)));
    };
    if request.awaits {
        let target = LateSink { sender: sink.sender.clone(), shard: shard_id };
        let ticket = Ticket { sink: Arc::new(target), number };
        let asked = shard.await_reply(request.session, request.first_sequence, ticket);
        return asked.err().map(|outcome| response(shard_id, number, outcome));
    }
    if request.count == 0 {
        let outcome = match shard.leads() {
            Ok(()) => Outcome::Done(bytes::Bytes::new()),
            Err(leader) => Outcome::NotLeader(leader),
        };
        return Some(response(shard_id, number, outcome));
    }
    let mut lanes = sink.pending.lock();
    let lane = lanes.lanes.entry(shard_id).or_default();
    if lane.refused_attempt >= request.attempt {
        return Some(response(shard_id, number, Outcome::NotLeader(None)));
    }
    let database = DatabaseId(request.database);
    // A read that waits in the queue must not be overtaken by a later one.
    if request.session == 0 && lane.queued_reads == 0 {
        let mut replies = Vec::with_capacity(request.commands.len() * 2 + 64);
        match shard.read(database, &request.commands, &mut replies) {
            ReadAnswer::Done => return Some(response(shard_id, number, Outcome::Done(replies.into()))),
            ReadAnswer::Malformed => return Some(response(shard_id, number, Outcome::Malformed)),
            ReadAnswer::Queue => {}
        }
    }
    let local = lanes.note(Queued {
        ticket: number,
        shard: shard_id,
        attempt: request.attempt,
        reads: request.session == 0,
    });
    let batch = Batch {
        database,
        session: request.session,
        first_sequence: request.first_sequence,
        watermark: request.watermark,
        count: request.count,
        commands: request.commands,
        ticket: Ticket { sink: Arc::clone(sink) as Arc<dyn Sink>, number: local },
    };
    match shard.enqueue(batch) {
        Ok(()) => None,
        Err(outcome) => {
            lanes.settle(local, &outcome);
            Some(response(shard_id, number, outcome))
        }
    }
}

/// Takes the outcomes of queued batches of one stream.
#[derive(Debug)]
struct StreamSink {
    sender: mpsc::UnboundedSender<ExecResponse>,
    pending: Mutex<Lanes>,
}

/// What the stream waits for, and which attempts it has refused.
#[derive(Debug, Default)]
struct Lanes {
    lanes: BTreeMap<u32, Lane>,
    queued: BTreeMap<u64, Queued>,
    next: u64,
}

#[derive(Debug, Default)]
struct Lane {
    /// Requests of this attempt and earlier ones are refused.
    refused_attempt: u64,
    queued_reads: usize,
}

#[derive(Clone, Copy, Debug)]
struct Queued {
    ticket: u64,
    shard: u32,
    attempt: u64,
    reads: bool,
}

impl Lanes {
    fn note(&mut self, queued: Queued) -> u64 {
        self.next += 1;
        self.queued.insert(self.next, queued);
        self.lanes.entry(queued.shard).or_default().queued_reads += usize::from(queued.reads);
        self.next
    }

    /// Forgets a queued batch; after a refusal the rest of its attempt is refused too.
    fn settle(&mut self, local: u64, outcome: &Outcome) -> Option<Queued> {
        let queued = self.queued.remove(&local)?;
        let lane = self.lanes.entry(queued.shard).or_default();
        lane.queued_reads -= usize::from(queued.reads);
        if !matches!(outcome, Outcome::Done(_) | Outcome::Malformed) {
            lane.refused_attempt = lane.refused_attempt.max(queued.attempt);
        }
        Some(queued)
    }
}

/// Takes the late reply to a command whose client waits.
#[derive(Debug)]
struct LateSink {
    sender: mpsc::UnboundedSender<ExecResponse>,
    shard: u32,
}

impl Sink for LateSink {
    fn complete(self: Arc<Self>, number: u64, outcome: Outcome) {
        // The receiver is gone when the proxy is: it will ask again on another stream.
        drop(self.sender.send(response(self.shard, number, outcome)));
    }
}

impl Sink for StreamSink {
    fn complete(self: Arc<Self>, number: u64, outcome: Outcome) {
        let Some(queued) = self.pending.lock().settle(number, &outcome) else { return };
        // The receiver is gone when the proxy is: it will ask again on another stream.
        drop(self.sender.send(response(queued.shard, queued.ticket, outcome)));
    }
}

fn response(shard: u32, ticket: u64, outcome: Outcome) -> ExecResponse {
    let (status, leader, replies) = match outcome {
        Outcome::Done(replies) => (ExecStatus::Done, None, replies),
        Outcome::NotLeader(leader) => (ExecStatus::NotLeader, leader, Default::default()),
        Outcome::Unknown => (ExecStatus::Unknown, None, Default::default()),
        Outcome::Gap => (ExecStatus::Gap, None, Default::default()),
        Outcome::SessionExpired => (ExecStatus::SessionExpired, None, Default::default()),
        Outcome::Busy => (ExecStatus::Busy, None, Default::default()),
        Outcome::DiskFull => (ExecStatus::DiskFull, None, Default::default()),
        Outcome::Malformed => (ExecStatus::Unspecified, None, Default::default()),
        Outcome::WaiterUnknown => (ExecStatus::WaiterUnknown, None, Default::default()),
    };
    let leader = leader.map_or(0, |node: NodeId| node.0);
    ExecResponse { ticket, shard, status: status.into(), leader, replies, ..ExecResponse::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_responses_pass_large_ones_by() {
        let mut large = Large::default();
        let mut message = Vec::new();
        let done = |ticket, length| response(1, ticket, Outcome::Done(vec![ticket as u8; length].into()));
        assert_eq!(large.sort(done(1, 3 * PIECE_BYTES + 1), &mut message), 0);
        assert_eq!(large.sort(done(2, PIECE_BYTES + 1), &mut message), 0);
        assert_eq!(large.sort(done(3, 10), &mut message), 10);
        assert_eq!(message.len(), 1);
        let pieces: Vec<_> =
            std::iter::from_fn(|| Some(large.pieces(0)).filter(|some| !some.is_empty())).flatten().collect();
        let order: Vec<_> = pieces.iter().map(|piece| (piece.ticket, piece.more)).collect();
        assert_eq!(order, [(1, true), (2, true), (1, true), (2, false), (1, true), (1, false)]);
        assert_eq!(pieces.iter().map(|piece| piece.replies.len()).sum::<usize>(), 4 * PIECE_BYTES + 2);
        assert_eq!(large.bytes, 0);
    }
}
