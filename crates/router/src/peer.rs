//! One stream to one node: the requests of all links, and the answers.
//!
//! What gathers while a message is on its way leaves with the next one. When the stream breaks, every link that sends to
//! the node is told, and the stream is opened again with a growing pause.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use futures_util::stream;
use meridian_proto::{
    CLUSTER_HEADER,
    exec::{
        ExecRequest, ExecRequests, ExecResponse, ExecResponses, ExecStatus, Touched as WireTouched,
        exec_service_client::ExecServiceClient,
    },
};
use meridian_rt::net::Dialer;
use meridian_topology::{ClusterId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, mpsc, oneshot, watch};
use tonic::{Request, Streaming, transport::Channel};

use crate::local::{Outcome, Touched};

/// A message is closed when it holds so many bytes of commands.
const MESSAGE_BYTES: usize = 1 << 20;
/// Or so many requests.
const MESSAGE_REQUESTS: usize = 1024;
/// Responses may be as large as the largest value, and some framing.
const RESPONSE_BYTES: usize = 1 << 30;
/// How long a stream may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before the stream is opened again: first, and at most.
const REOPEN_FIRST: Duration = Duration::from_millis(5);
const REOPEN_LAST: Duration = Duration::from_millis(250);
/// Tickets from here on belong to probes.
const PROBES: u64 = 1 << 63;

/// What the router does with what a peer receives.
pub(crate) trait PeerEvents: Send + Sync {
    /// The answer to a request of a link.
    fn answered(&self, shard: ShardId, ticket: u64, outcome: Outcome);
    /// What the commands of an entry did to keys.
    fn touched(&self, shard: ShardId, touched: Vec<Touched>);
    /// The stream is gone: nothing sent on it will be answered.
    fn lost(&self, node: NodeId);
    /// `host:port` of the node, as far as it is known.
    fn address(&self, node: NodeId) -> Option<String>;
    /// The cluster that its node must belong to.
    fn cluster(&self) -> ClusterId;
}

/// The stream to one node.
pub(crate) struct Peer {
    node: NodeId,
    sender: mpsc::UnboundedSender<ExecRequest>,
    up: AtomicBool,
    probes: Mutex<BTreeMap<u64, oneshot::Sender<Outcome>>>,
    next_probe: AtomicU64,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("node", &self.node).finish_non_exhaustive()
    }
}

type Queue = mpsc::UnboundedReceiver<ExecRequest>;

impl Peer {
    /// Opens the stream in the background and keeps it open until the last handle is dropped.
    pub(crate) fn spawn(node: NodeId, dialer: Dialer, events: Weak<dyn PeerEvents>) -> Arc<Peer> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let peer = Arc::new(Peer {
            node,
            sender,
            up: AtomicBool::new(true),
            probes: Mutex::default(),
            next_probe: AtomicU64::new(PROBES),
        });
        tokio::spawn(keep_open(Arc::downgrade(&peer), dialer, events, receiver));
        peer
    }

    /// Queues a request; `false` if the stream is known to be down.
    pub(crate) fn send(&self, request: ExecRequest) -> bool {
        self.up.load(Ordering::Acquire) && self.sender.send(request).is_ok()
    }

    /// Asks whether the node leads a shard. `None` if it cannot be asked.
    pub(crate) async fn probe(&self, shard: ShardId) -> Option<Outcome> {
        let ticket = self.next_probe.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.probes.lock().insert(ticket, sender);
        let request = ExecRequest { ticket, shard: shard.0, ..Default::default() };
        let sent = self.send(request);
        let outcome = if sent { receiver.await.ok() } else { None };
        self.probes.lock().remove(&ticket);
        outcome
    }

    fn received(&self, events: &dyn PeerEvents, response: ExecResponse) {
        let ticket = response.ticket;
        let shard = ShardId(response.shard);
        if response.status() == ExecStatus::Touched {
            return events.touched(shard, response.touched.into_iter().map(touched).collect());
        }
        let outcome = outcome_of(response);
        if ticket < PROBES {
            events.answered(shard, ticket, outcome);
        } else if let Some(probe) = self.probes.lock().remove(&ticket) {
            // Whoever asked may have stopped waiting.
            drop(probe.send(outcome));
        }
    }

    fn went_down(&self, queue: &mut Queue) {
        self.up.store(false, Ordering::Release);
        while queue.try_recv().is_ok() {}
        self.probes.lock().clear();
    }
}

fn outcome_of(response: ExecResponse) -> Outcome {
    match response.status() {
        ExecStatus::Done => Outcome::Done(response.replies),
        ExecStatus::NotLeader => Outcome::NotLeader(Some(NodeId(response.leader)).filter(|node| node.0 != 0)),
        ExecStatus::Unknown => Outcome::Unknown,
        ExecStatus::Gap => Outcome::Gap,
        ExecStatus::SessionExpired => Outcome::SessionExpired,
        ExecStatus::Busy => Outcome::Busy,
        ExecStatus::DiskFull => Outcome::DiskFull,
        ExecStatus::WaiterUnknown => Outcome::WaiterUnknown,
        ExecStatus::TrackingEnded => Outcome::NotLeader(None),
        ExecStatus::Unspecified | ExecStatus::Touched => Outcome::Malformed,
    }
}

fn touched(wire: WireTouched) -> Touched {
    let WireTouched { session, sequence, changed, read, flushed } = wire;
    Touched { session, sequence, changed, read, flushed }
}

async fn keep_open(peer: Weak<Peer>, dialer: Dialer, events: Weak<dyn PeerEvents>, queue: Queue) {
    let queue = Arc::new(AsyncMutex::new(queue));
    let mut pause = REOPEN_FIRST;
    loop {
        let (address, cluster) = {
            let (Some(peer), Some(events)) = (peer.upgrade(), events.upgrade()) else { return };
            (events.address(peer.node), events.cluster())
        };
        // Ends the request stream when this turn is over: a dropped response stream alone does not.
        let (_ended, stop) = watch::channel(());
        let requests = requests(Arc::clone(&queue).lock_owned().await, stop);
        let requests = meant_for(cluster, requests);
        if let Some(responses) = open(&dialer, address, requests).await {
            pause = REOPEN_FIRST;
            receive(&peer, &events, responses).await;
        }
        drop(_ended);
        let Some(node) = peer.upgrade().map(|peer| peer.node) else { return };
        // The request stream gives the queue back once it has seen the end.
        let mut queue = queue.lock().await;
        if let Some(peer) = peer.upgrade() {
            peer.went_down(&mut queue);
        }
        if let Some(events) = events.upgrade() {
            events.lost(node);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REOPEN_LAST);
        if let Some(peer) = peer.upgrade() {
            peer.up.store(true, Ordering::Release);
        }
    }
}

/// A call that only a node of this cluster answers.
pub(crate) fn meant_for<T>(cluster: ClusterId, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let cluster = cluster.to_string().parse().expect("hexadecimal digits are a header");
    request.metadata_mut().insert(CLUSTER_HEADER, cluster);
    request
}

async fn open(
    dialer: &Dialer,
    address: Option<String>,
    requests: Request<impl futures_util::Stream<Item = ExecRequests> + Send + 'static>,
) -> Option<Streaming<ExecResponses>> {
    let address = address?;
    let channel: Channel = match dialer.channel(&address) {
        Ok(channel) => channel,
        Err(error) => {
            tracing::warn!(%address, %error, "not an address");
            return None;
        }
    };
    let mut client = ExecServiceClient::new(channel)
        .max_decoding_message_size(RESPONSE_BYTES)
        .max_encoding_message_size(RESPONSE_BYTES);
    match tokio::time::timeout(OPEN_TIMEOUT, client.exec(requests)).await {
        Ok(Ok(response)) => Some(response.into_inner()),
        Ok(Err(status)) => {
            tracing::debug!(%address, %status, "stream not opened");
            None
        }
        Err(_) => {
            tracing::debug!(%address, "stream not opened in time");
            None
        }
    }
}

async fn receive(peer: &Weak<Peer>, events: &Weak<dyn PeerEvents>, mut responses: Streaming<ExecResponses>) {
    let mut pieces = Pieces::default();
    loop {
        match responses.message().await {
            Ok(Some(message)) => {
                let (Some(peer), Some(events)) = (peer.upgrade(), events.upgrade()) else { return };
                for response in message.responses {
                    if let Some(response) = pieces.join(response) {
                        peer.received(&*events, response);
                    }
                }
            }
            Ok(None) => return,
            Err(status) => {
                tracing::debug!(%status, "stream broke");
                return;
            }
        }
    }
}

/// Puts large responses together again.
#[derive(Debug, Default)]
struct Pieces(BTreeMap<(u32, u64), BytesMut>);

impl Pieces {
    /// The response, if it is whole.
    fn join(&mut self, mut response: ExecResponse) -> Option<ExecResponse> {
        let key = (response.shard, response.ticket);
        if response.more {
            self.0.entry(key).or_default().extend_from_slice(&response.replies);
            return None;
        }
        if let Some(mut before) = self.0.remove(&key) {
            before.extend_from_slice(&response.replies);
            response.replies = before.freeze();
        }
        Some(response)
    }
}

/// The messages of one stream: each holds what has gathered while the last one was taken.
fn requests(
    queue: OwnedMutexGuard<Queue>,
    stop: watch::Receiver<()>,
) -> impl futures_util::Stream<Item = ExecRequests> + Send {
    stream::unfold((queue, stop, Vec::new(), 0), |(mut queue, mut stop, mut waiting, last)| async move {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                _ = stop.changed() => return None,
                count = queue.recv_many(&mut waiting, MESSAGE_REQUESTS) => {
                    if count == 0 {
                        return None;
                    }
                }
            }
            if last > 1 {
                // Connections that are ready to run join this message.
                tokio::task::yield_now().await;
            }
            let room = MESSAGE_REQUESTS.saturating_sub(waiting.len());
            waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(room));
        }
        let mut bytes = 0;
        let fits = waiting.iter().take_while(|request| {
            let fits = bytes < MESSAGE_BYTES;
            bytes += request.commands.len();
            fits
        });
        let taken = fits.count();
        let rest = waiting.split_off(taken);
        Some((ExecRequests { requests: waiting }, (queue, stop, rest, taken)))
    })
}
