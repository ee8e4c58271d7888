//! Links to the other nodes: one stream each way carries the replication of all shards.
//!
//! A [`Peer`] keeps the stream to one node up as long as somebody wants it; a [`Link`] is one life of that stream.
//! When it breaks, every [`session`](session::Session) on it fails at once, and openraft starts again.

pub(crate) mod session;
mod writer;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use meridian_proto::raft::{self as pb, raft_service_client::RaftServiceClient};
use meridian_rt::{clock::Instant, net::Dialer};
use meridian_topology::{ClusterId, NodeId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::{host::Groups, timing::Timing};
use writer::{Outgoing, Writer};

/// Nobody reconnects to a node for which there was no message for so long.
const DEMAND: Duration = Duration::from_secs(30);
const RECONNECT_MIN: Duration = Duration::from_millis(10);
const RECONNECT_MAX: Duration = Duration::from_millis(250);
/// What one message between nodes may hold: a batch of about a MiB, and the frame around it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Where nodes are reached. Addresses may change at any time; the identity stays.
pub trait AddressBook: Send + Sync + 'static {
    /// The node's `host:port`, if it is known.
    fn address(&self, node: NodeId) -> Option<String>;
    /// Changes whenever an address may have changed.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// The links of a node, made when they are first asked for.
pub(crate) struct Links {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    addresses: Arc<dyn AddressBook>,
    dialer: Dialer,
    peers: Mutex<BTreeMap<u64, Arc<Peer>>>,
    groups: Arc<Groups>,
    timing: Timing,
    stop: CancellationToken,
}

impl Links {
    pub(crate) fn new(
        cluster: ClusterId,
        node: NodeId,
        addresses: Arc<dyn AddressBook>,
        dialer: Dialer,
        groups: Arc<Groups>,
        timing: Timing,
        stop: CancellationToken,
    ) -> Self {
        Links { cluster, node, addresses, dialer, peers: Mutex::default(), groups, timing, stop }
    }

    /// The link to a node. It is wanted from now on.
    pub(crate) fn peer(self: &Arc<Self>, node: u64) -> Arc<Peer> {
        let mut peers = self.peers.lock();
        let peer = peers.entry(node).or_insert_with(|| {
            let peer = Arc::new(Peer::new(node));
            tokio::spawn(keep_up(Arc::clone(self), Arc::clone(&peer)));
            peer
        });
        peer.want();
        Arc::clone(peer)
    }

    /// Whether the stream to a node is up.
    pub(crate) fn is_up(&self, node: u64) -> bool {
        self.up_since(node).is_some()
    }

    /// Since when the stream to a node is up, if it is.
    pub(crate) fn up_since(&self, node: u64) -> Option<Instant> {
        self.peers.lock().get(&node)?.link().map(|link| link.since)
    }

    pub(crate) fn envelope(&self, to: u64) -> pb::Envelope {
        pb::Envelope {
            cluster_high: (self.cluster.0 >> 64) as u64,
            cluster_low: self.cluster.0 as u64,
            from: self.node.0,
            to,
        }
    }

    /// A channel to a node for calls that are not part of the stream; reused while the address stays.
    pub(crate) fn channel(&self, peer: &Peer) -> Option<Channel> {
        let address = self.addresses.address(NodeId(peer.node))?;
        let mut current = peer.channel.lock();
        if let Some((known, channel)) = &*current
            && *known == address
        {
            return Some(channel.clone());
        }
        let channel = self.open_channel(&address)?;
        *current = Some((address, channel.clone()));
        Some(channel)
    }

    /// A connection of its own, for what would crowd out everything else.
    pub(crate) fn separate_channel(&self, node: u64) -> Option<Channel> {
        self.open_channel(&self.addresses.address(NodeId(node))?)
    }

    fn open_channel(&self, address: &str) -> Option<Channel> {
        let opened = self.dialer.channel(address);
        opened.inspect_err(|error| tracing::warn!(address, %error, "not an address")).ok()
    }
}

pub(crate) type Client = RaftServiceClient<Channel>;

pub(crate) fn client(channel: Channel) -> Client {
    RaftServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Another node, as this one reaches it.
pub(crate) struct Peer {
    pub(crate) node: u64,
    link: Mutex<Option<Arc<Link>>>,
    channel: Mutex<Option<(String, Channel)>>,
    demand: Notify,
    wanted_at: Mutex<Instant>,
    sessions: AtomicU64,
}

impl Peer {
    fn new(node: u64) -> Self {
        Peer {
            node,
            link: Mutex::default(),
            channel: Mutex::default(),
            demand: Notify::new(),
            wanted_at: Mutex::new(Instant::now()),
            sessions: AtomicU64::new(0),
        }
    }

    fn want(&self) {
        *self.wanted_at.lock() = Instant::now();
        self.demand.notify_one();
    }

    /// The stream, if it is up; wanted from now on if it is not.
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        let link = self.link.lock().clone();
        if link.is_none() {
            self.want();
        }
        link
    }

    fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn wanted(&self) {
        while self.wanted_at.lock().elapsed() > DEMAND {
            self.demand.notified().await;
        }
    }
}

/// One life of the stream to a peer.
pub(crate) struct Link {
    since: Instant,
    queue: mpsc::UnboundedSender<Outgoing>,
    /// Where the answers of each session go; gone when the link is down.
    routes: Mutex<Option<BTreeMap<u64, mpsc::UnboundedSender<pb::AppendAnswer>>>>,
    /// Messages that were sent, and those that the peer said it has received.
    sent: AtomicU64,
    received: AtomicU64,
}

impl Link {
    fn new(queue: mpsc::UnboundedSender<Outgoing>) -> Self {
        Link {
            since: Instant::now(),
            queue,
            routes: Mutex::new(Some(BTreeMap::new())),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Where the answers of `session` will arrive; the channel ends when the link breaks.
    fn register(&self, session: u64) -> Option<mpsc::UnboundedReceiver<pb::AppendAnswer>> {
        // Not bounded here: a session has a bounded number of requests under way, and each has one answer.
        let (sender, receiver) = mpsc::unbounded_channel();
        self.routes.lock().as_mut()?.insert(session, sender);
        Some(receiver)
    }

    fn forget(&self, session: u64) {
        if let Some(routes) = self.routes.lock().as_mut() {
            routes.remove(&session);
        }
    }

    fn send(&self, message: Outgoing) -> bool {
        self.queue.send(message).is_ok()
    }

    fn deliver(&self, answers: pb::AppendAnswers) {
        self.received.fetch_max(answers.received, Ordering::Relaxed);
        if let Some(routes) = self.routes.lock().as_ref() {
            for answer in answers.answers {
                if let Some(route) = routes.get(&answer.session) {
                    // The session has just ended.
                    let _ = route.send(answer);
                }
            }
        }
    }

    /// The last message that was received, if there are later ones that were not.
    fn unreceived_after(&self) -> Option<u64> {
        let received = self.received.load(Ordering::Relaxed);
        (self.sent.load(Ordering::Relaxed) > received).then_some(received)
    }

    fn break_off(&self) {
        *self.routes.lock() = None;
    }
}

/// Keeps the stream to a peer up, as long as it is wanted, until the node stops.
async fn keep_up(links: Arc<Links>, peer: Arc<Peer>) {
    let stop = links.stop.clone();
    let work = async {
        let mut changed = links.addresses.changed();
        let mut pause = RECONNECT_MIN;
        loop {
            peer.wanted().await;
            changed.mark_unchanged();
            let lived = match links.channel(&peer) {
                Some(channel) => live(&links, &peer, channel, &mut changed).await,
                None => false,
            };
            pause = if lived { RECONNECT_MIN } else { (pause * 2).min(RECONNECT_MAX) };
            tokio::select! {
                biased;
                () = address_change(&mut changed) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work => {}
    }
    if let Some(link) = peer.link.lock().take() {
        link.break_off();
    }
}

/// One life of the stream: from connecting until it breaks. Says whether it ever was up.
async fn live(links: &Arc<Links>, peer: &Peer, channel: Channel, changed: &mut watch::Receiver<u64>) -> bool {
    let (queue, requests) = mpsc::unbounded_channel();
    let link = Arc::new(Link::new(queue));
    // Dropping the answers does not end the requests: hyper goes on pulling them. This does.
    let end = CancellationToken::new();
    let _end_with_us = end.clone().drop_guard();
    let writer = Writer::new(requests, links.envelope(peer.node), Arc::clone(&link), end);
    let opened =
        tokio::time::timeout(links.timing.receipt, client(channel).replicate(writer.into_stream())).await;
    let mut answers = match opened {
        Ok(Ok(answers)) => answers.into_inner(),
        Ok(Err(status)) => {
            tracing::debug!(peer = peer.node, %status, "no link");
            return false;
        }
        Err(_) => {
            tracing::debug!(peer = peer.node, "no link in time");
            return false;
        }
    };
    tracing::info!(peer = peer.node, "link up");
    *peer.link.lock() = Some(Arc::clone(&link));
    links.groups.link_is_up(peer.node);
    let why = carry(links, peer, &link, &mut answers, changed).await;
    tracing::info!(peer = peer.node, why, "link down");
    *peer.link.lock() = None;
    link.break_off();
    true
}

/// Delivers answers until the stream is of no use any more, and says why.
async fn carry(
    links: &Links,
    peer: &Peer,
    link: &Link,
    answers: &mut tonic::Streaming<pb::AppendAnswers>,
    changed: &mut watch::Receiver<u64>,
) -> &'static str {
    let address = peer.channel.lock().as_ref().map(|(address, _)| address.clone());
    let mut check = tokio::time::interval(links.timing.receipt / 2);
    let mut stalled_at: Option<u64> = None;
    loop {
        tokio::select! {
            biased;
            answer = answers.message() => match answer {
                Ok(Some(answer)) => link.deliver(answer),
                Ok(None) => return "the peer has ended it",
                Err(_) => return "connection lost",
            },
            () = address_change(changed) => {
                if links.addresses.address(NodeId(peer.node)) != address {
                    return "the peer has moved";
                }
            }
            _ = check.tick() => {
                let received = link.unreceived_after();
                if received.is_some() && received == stalled_at {
                    return "the peer does not receive";
                }
                stalled_at = received;
            }
        }
    }
}

async fn address_change(changed: &mut watch::Receiver<u64>) {
    if changed.changed().await.is_err() {
        // Nobody can change an address any more.
        std::future::pending::<()>().await;
    }
}
