//! What this process' subscribers want, told to the hubs of all nodes.
//!
//! A stream to a node is opened when there is the first subscriber, and opened again when it breaks. A message on a
//! channel reaches a subscriber for certain if it is published after [`Follower::known`] has returned, at a node that
//! can be reached.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use meridian_proto::pubsub::{
    Interest, Interests, Message as WireMessage, Messages, NamesRequest, PublishRequest, Receipt,
    pub_sub_service_client::PubSubServiceClient,
};
use meridian_topology::NodeId;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tonic::Streaming;

use super::{Deliver, Hub, Message, Publishing, RECEIPTS, Space};
use crate::Router;

/// How long a subscriber waits at most until the nodes know what it wants.
const KNOWN: Duration = Duration::from_secs(1);
/// How long a stream may take to open.
const OPEN: Duration = Duration::from_secs(1);
/// Pause before it is opened again: first, and at most.
const REOPEN_FIRST: Duration = Duration::from_millis(10);
const REOPEN_LAST: Duration = Duration::from_millis(500);
/// Messages may be as large as the largest value, many together.
const MESSAGE_BYTES: usize = 1 << 30;

/// See the module.
#[derive(Debug)]
pub struct Follower {
    router: Arc<Router>,
    here: Arc<dyn Deliver>,
    hub: Option<Arc<Hub>>,
    wanted: Mutex<Wanted>,
}

#[derive(Debug, Default)]
struct Wanted {
    version: u64,
    /// How many subscribers want a name.
    names: BTreeMap<(Space, Bytes), usize>,
    streams: BTreeMap<NodeId, Stream>,
    follows_map: bool,
}

/// The stream to one node.
#[derive(Debug)]
struct Stream {
    /// None while there is no stream.
    sender: Option<mpsc::UnboundedSender<Interests>>,
    /// The newest version that the node has in force; `None` while it cannot be reached.
    known: watch::Sender<Option<u64>>,
}

impl Follower {
    /// Follows the nodes for the subscribers `here`. Where this process is a node its own hub needs no stream.
    pub fn new(router: Arc<Router>, here: Arc<dyn Deliver>) -> Arc<Follower> {
        let hub = router.hub();
        if let Some(hub) = &hub {
            hub.attach(&here);
        }
        Arc::new(Follower { router, here, hub, wanted: Mutex::default() })
    }

    /// One subscriber more (or one less) wants a name.
    pub fn want(self: &Arc<Follower>, space: Space, name: &Bytes, more: bool) {
        let mut wanted = self.wanted.lock();
        let count = wanted.names.entry((space, name.clone())).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        let (changed, gone) = (if more { *count == 1 } else { *count == 0 }, *count == 0);
        if gone {
            wanted.names.remove(&(space, name.clone()));
        }
        if !changed {
            return;
        }
        wanted.version += 1;
        if !wanted.follows_map {
            wanted.follows_map = true;
            self.open_streams(&mut wanted);
            tokio::spawn(follow_map(Arc::downgrade(self), self.router.map_changes()));
        }
        let version = wanted.version;
        for stream in wanted.streams.values() {
            let Some(sender) = &stream.sender else { continue };
            let change = Interest { space: space.to_wire().into(), name: name.clone(), wanted: more };
            // A stream that has just broken is opened again with all that is wanted.
            drop(sender.send(Interests { changes: vec![change], version, receipts: Vec::new() }));
        }
    }

    /// Returns when every node that can be reached knows all that is wanted now.
    pub fn known(&self) -> impl Future<Output = ()> + Send + 'static {
        let wanted = self.wanted.lock();
        let version = wanted.version;
        let nodes: Vec<_> = wanted.streams.values().map(|stream| stream.known.subscribe()).collect();
        async move {
            let all = async {
                for mut known in nodes {
                    // A stream that ends is one that cannot be reached.
                    drop(known.wait_for(|known| known.is_none_or(|known| known >= version)).await);
                }
            };
            drop(tokio::time::timeout(KNOWN, all).await);
        }
    }

    /// Hands a message to all that want it; `publisher` is a client of this process.
    pub fn publish(self: &Arc<Follower>, message: Message, publisher: u64) -> Counting {
        match &self.hub {
            Some(hub) => Counting::Here(hub.publish(&message, publisher)),
            None => Counting::There(Arc::clone(self), wire(&message, false)),
        }
    }

    /// Counts the subscribers of a channel.
    pub fn census(self: &Arc<Follower>, space: Space, channel: Bytes) -> Counting {
        match &self.hub {
            Some(hub) => Counting::Here(hub.census(space, &channel)),
            None => Counting::There(
                Arc::clone(self),
                wire(&Message { space, channel, payload: Bytes::new() }, true),
            ),
        }
    }

    /// All names that anybody wants, each once.
    pub async fn names(&self, space: Space) -> Vec<Bytes> {
        if let Some(hub) = &self.hub {
            return hub.names(space).into_iter().collect();
        }
        for node in self.nodes() {
            let Some(channel) = self.router.channel(node) else { continue };
            let mut client = PubSubServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES);
            let asked = client.names(NamesRequest { space: space.to_wire().into() });
            if let Ok(Ok(answer)) = tokio::time::timeout(RECEIPTS, asked).await {
                return answer.into_inner().names;
            }
        }
        self.here.names(space)
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.router.map().nodes.keys().copied().collect()
    }

    /// Publishes at the first node that takes it: the same one as long as it can be reached, which keeps the order.
    async fn publish_there(&self, message: WireMessage) -> u64 {
        for node in self.nodes() {
            let Some(channel) = self.router.channel(node) else { continue };
            let mut client = PubSubServiceClient::new(channel).max_encoding_message_size(MESSAGE_BYTES);
            let asked = client.publish(PublishRequest { message: Some(message.clone()) });
            match tokio::time::timeout(RECEIPTS * 2, asked).await {
                Ok(Ok(answer)) => return answer.into_inner().count,
                Ok(Err(status)) if status.code() == tonic::Code::Unavailable => {
                    tracing::debug!(%node, %status, "not published there");
                }
                // It may have been handed to some: again would be twice.
                Ok(Err(_)) | Err(_) => return 0,
            }
        }
        0
    }

    fn open_streams(self: &Arc<Follower>, wanted: &mut Wanted) {
        let nodes = self.nodes();
        wanted.streams.retain(|node, _| nodes.contains(node));
        for node in nodes {
            if self.router.node() == Some(node) || wanted.streams.contains_key(&node) {
                continue;
            }
            let stream = Stream { sender: None, known: watch::Sender::new(Some(0)) };
            wanted.streams.insert(node, stream);
            tokio::spawn(keep_open(Arc::downgrade(self), node));
        }
    }

    /// Makes the sender of a stream that is about to be opened, with all that is wanted in front; `None` if the node is
    /// gone from the map.
    fn begin(
        &self,
        node: NodeId,
    ) -> Option<(mpsc::UnboundedSender<Interests>, mpsc::UnboundedReceiver<Interests>)> {
        let mut wanted = self.wanted.lock();
        let names = wanted.names.keys();
        let changes = names.map(|(space, name)| Interest {
            space: space.to_wire().into(),
            name: name.clone(),
            wanted: true,
        });
        let first = Interests { changes: changes.collect(), version: wanted.version, receipts: Vec::new() };
        let stream = wanted.streams.get_mut(&node)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        drop(sender.send(first));
        stream.sender = Some(sender.clone());
        Some((sender, receiver))
    }

    fn set_known(&self, node: NodeId, known: Option<u64>) {
        let mut wanted = self.wanted.lock();
        let Some(stream) = wanted.streams.get_mut(&node) else { return };
        if known.is_none() {
            stream.sender = None;
        }
        stream.known.send_replace(known);
    }

    fn received(&self, node: NodeId, sender: &mpsc::UnboundedSender<Interests>, messages: Messages) {
        if messages.version > 0 {
            self.set_known(node, Some(messages.version));
        }
        let mut receipts = Vec::new();
        for message in messages.messages {
            let Some(space) = Space::of_wire(message.space()) else { continue };
            let count = if message.census {
                self.here.census(space, &message.channel)
            } else {
                self.here.deliver(&Message { space, channel: message.channel, payload: message.payload }, 0)
            };
            if message.ticket > 0 {
                receipts.push(Receipt { ticket: message.ticket, count });
            }
        }
        if !receipts.is_empty() {
            // When the stream is gone nobody counts any more.
            drop(sender.send(Interests { changes: Vec::new(), version: 0, receipts }));
        }
    }
}

/// How many subscribers got a message or are there.
#[derive(Debug)]
pub enum Counting {
    /// Taken by the hub of this process.
    Here(Publishing),
    /// To be taken by the hub of another.
    There(Arc<Follower>, WireMessage),
}

impl Counting {
    /// The number, if it is known at once.
    pub fn now(&self) -> Option<u64> {
        match self {
            Counting::Here(publishing) => publishing.known(),
            Counting::There(..) => None,
        }
    }

    /// The number.
    pub async fn count(self) -> u64 {
        match self {
            Counting::Here(publishing) => publishing.count().await,
            Counting::There(follower, message) => follower.publish_there(message).await,
        }
    }
}

fn wire(message: &Message, census: bool) -> WireMessage {
    WireMessage {
        ticket: 0,
        space: message.space.to_wire().into(),
        channel: message.channel.clone(),
        payload: message.payload.clone(),
        census,
    }
}

async fn follow_map(follower: Weak<Follower>, mut map: watch::Receiver<Arc<meridian_topology::ClusterMap>>) {
    while map.changed().await.is_ok() {
        let Some(follower) = follower.upgrade() else { return };
        follower.open_streams(&mut follower.wanted.lock());
    }
}

async fn keep_open(follower: Weak<Follower>, node: NodeId) {
    let mut pause = REOPEN_FIRST;
    loop {
        let Some(held) = follower.upgrade() else { return };
        let Some((sender, receiver)) = held.begin(node) else { return };
        let channel = held.router.channel(node);
        drop(held);
        if let Some(channel) = channel {
            let mut client = PubSubServiceClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES);
            let opened = client.follow(gathered(receiver));
            match tokio::time::timeout(OPEN, opened).await {
                Ok(Ok(response)) => {
                    pause = REOPEN_FIRST;
                    receive(&follower, node, &sender, response.into_inner()).await;
                }
                Ok(Err(status)) => tracing::debug!(%node, %status, "messages: stream not opened"),
                Err(_) => tracing::debug!(%node, "messages: stream not opened in time"),
            }
        }
        let Some(held) = follower.upgrade() else { return };
        held.set_known(node, None);
        drop(held);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REOPEN_LAST);
    }
}

async fn receive(
    follower: &Weak<Follower>,
    node: NodeId,
    sender: &mpsc::UnboundedSender<Interests>,
    mut messages: Streaming<Messages>,
) {
    loop {
        match messages.message().await {
            Ok(Some(messages)) => {
                let Some(follower) = follower.upgrade() else { return };
                follower.received(node, sender, messages);
            }
            Ok(None) => return,
            Err(status) => {
                tracing::debug!(%node, %status, "messages: stream broke");
                return;
            }
        }
    }
}

/// What goes up a stream.
fn gathered(
    receiver: mpsc::UnboundedReceiver<Interests>,
) -> impl futures_util::Stream<Item = Interests> + Send {
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let next = receiver.recv().await?;
        Some((next, receiver))
    })
}
