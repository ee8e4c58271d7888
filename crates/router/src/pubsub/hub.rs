//! Where messages are published: a node's index of which processes want what.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use meridian_command::glob_match;
use meridian_proto::pubsub::{Interests, Message as WireMessage, Messages};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{Deliver, Message, RECEIPTS, Space};

/// A follower for which so many bytes wait is cut off: it is too slow, and must not grow this process.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Hands messages to all that want them.
#[derive(Debug, Default)]
pub struct Hub {
    /// The subscribers of this very process.
    here: OnceLock<Weak<dyn Deliver>>,
    followers: Mutex<Followers>,
    /// How many followers there are, to publish without the lock where there is none.
    count: AtomicUsize,
    next_ticket: AtomicU64,
}

#[derive(Debug, Default)]
struct Followers {
    next: u64,
    all: BTreeMap<u64, Arc<Outlet>>,
    channels: HashMap<Bytes, BTreeSet<u64>>,
    patterns: BTreeMap<Bytes, BTreeSet<u64>>,
    shard_channels: HashMap<Bytes, BTreeSet<u64>>,
}

/// The way to one follower.
#[derive(Debug)]
struct Outlet {
    sender: mpsc::UnboundedSender<Messages>,
    waiting_bytes: AtomicUsize,
    receipts: Mutex<BTreeMap<u64, oneshot::Sender<u64>>>,
}

impl Outlet {
    /// Queues a message; `false` if the follower is gone or too slow.
    fn send(&self, message: WireMessage) -> bool {
        let bytes = message.channel.len() + message.payload.len();
        if self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel) > WAITING_BYTES_MAX {
            return false;
        }
        self.sender.send(Messages { messages: vec![message], version: 0 }).is_ok()
    }
}

impl Hub {
    /// Nobody follows it yet.
    pub fn new() -> Hub {
        Hub::default()
    }

    /// Also hands messages to the subscribers of this process. Counts once.
    pub fn attach(&self, here: &Arc<dyn Deliver>) {
        // A process has one table of subscribers.
        drop(self.here.set(Arc::downgrade(here)));
    }

    fn here(&self) -> Option<Arc<dyn Deliver>> {
        self.here.get()?.upgrade()
    }

    /// Hands a message to all that want it, without asking how many those are.
    pub fn announce(&self, message: &Message) {
        if self.count.load(Ordering::Acquire) > 0 {
            self.send(&mut self.followers.lock(), message, None);
        }
        if let Some(here) = self.here() {
            here.deliver(message, 0);
        }
    }

    /// Hands a message to all that want it.
    pub fn publish(&self, message: &Message, publisher: u64) -> Publishing {
        let mut receipts = Vec::new();
        if self.count.load(Ordering::Acquire) > 0 {
            self.send(&mut self.followers.lock(), message, Some(&mut receipts));
        }
        let here = self.here().map_or(0, |here| here.deliver(message, publisher));
        Publishing { here, receipts }
    }

    /// How many subscribers a channel has everywhere.
    pub fn census(&self, space: Space, channel: &Bytes) -> Publishing {
        let mut receipts = Vec::new();
        let followers = self.followers.lock();
        for id in followers.index(space).get(channel).into_iter().flatten() {
            let Some(outlet) = followers.all.get(id) else { continue };
            let message = wire(&Message { space, channel: channel.clone(), payload: Bytes::new() });
            receipts.extend(self.ask(outlet, WireMessage { census: true, ..message }));
        }
        drop(followers);
        let here = self.here().map_or(0, |here| here.census(space, channel));
        Publishing { here, receipts }
    }

    /// All names that anybody wants, each once.
    pub fn names(&self, space: Space) -> BTreeSet<Bytes> {
        let mut names: BTreeSet<Bytes> = match space {
            Space::Patterns => self.followers.lock().patterns.keys().cloned().collect(),
            _ => self.followers.lock().index(space).keys().cloned().collect(),
        };
        names.extend(self.here().into_iter().flat_map(|here| here.names(space)));
        names
    }

    fn ask(&self, outlet: &Outlet, message: WireMessage) -> Option<oneshot::Receiver<u64>> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, receiver) = oneshot::channel();
        outlet.receipts.lock().insert(ticket, sender);
        outlet.send(WireMessage { ticket, ..message }).then_some(receiver)
    }

    fn send(
        &self,
        followers: &mut Followers,
        message: &Message,
        mut receipts: Option<&mut Vec<oneshot::Receiver<u64>>>,
    ) {
        let mut slow = Vec::new();
        for id in followers.wanting(message) {
            let Some(outlet) = followers.all.get(&id) else { continue };
            let sent = match &mut receipts {
                Some(receipts) => {
                    let receipt = self.ask(outlet, wire(message));
                    let sent = receipt.is_some();
                    receipts.extend(receipt);
                    sent
                }
                None => outlet.send(wire(message)),
            };
            if !sent {
                slow.push(id);
            }
        }
        for id in slow {
            tracing::info!(follower = id, "a process that is too slow with its messages is cut off");
            followers.remove(id);
            self.count.store(followers.all.len(), Ordering::Release);
        }
    }

    /// Lets a process follow. Its messages come out of what this returns.
    pub fn follow(self: &Arc<Hub>) -> Following {
        let (sender, receiver) = mpsc::unbounded_channel();
        let outlet =
            Arc::new(Outlet { sender, waiting_bytes: AtomicUsize::new(0), receipts: Mutex::default() });
        let mut followers = self.followers.lock();
        followers.next += 1;
        let id = followers.next;
        followers.all.insert(id, Arc::clone(&outlet));
        self.count.store(followers.all.len(), Ordering::Release);
        drop(followers);
        Following { hub: Arc::clone(self), id, outlet: Arc::downgrade(&outlet), receiver }
    }

    fn change(&self, id: u64, interests: Interests) {
        let mut followers = self.followers.lock();
        let Some(outlet) = followers.all.get(&id).cloned() else { return };
        for change in interests.changes {
            let Some(space) = Space::of_wire(change.space()) else { continue };
            followers.want(id, space, change.name, change.wanted);
        }
        if interests.version > 0 {
            // Whoever has gone away needs no confirmation.
            drop(outlet.sender.send(Messages { messages: Vec::new(), version: interests.version }));
        }
        drop(followers);
        let mut waiting = outlet.receipts.lock();
        for receipt in interests.receipts {
            if let Some(sender) = waiting.remove(&receipt.ticket) {
                // The publisher may have stopped waiting.
                let _: Result<(), u64> = sender.send(receipt.count);
            }
        }
    }
}

impl Followers {
    /// The index of a space without patterns.
    fn index(&self, space: Space) -> &HashMap<Bytes, BTreeSet<u64>> {
        match space {
            Space::ShardChannels => &self.shard_channels,
            Space::Channels | Space::Patterns => &self.channels,
        }
    }

    fn want(&mut self, id: u64, space: Space, name: Bytes, wanted: bool) {
        let index = match space {
            Space::Patterns => {
                let ids = self.patterns.entry(name.clone()).or_default();
                if wanted {
                    ids.insert(id);
                } else {
                    ids.remove(&id);
                }
                if ids.is_empty() {
                    self.patterns.remove(&name);
                }
                return;
            }
            Space::Channels => &mut self.channels,
            Space::ShardChannels => &mut self.shard_channels,
        };
        let ids = index.entry(name.clone()).or_default();
        if wanted {
            ids.insert(id);
        } else {
            ids.remove(&id);
        }
        if ids.is_empty() {
            index.remove(&name);
        }
    }

    fn wanting(&self, message: &Message) -> BTreeSet<u64> {
        let mut ids = self.index(message.space).get(&message.channel).cloned().unwrap_or_default();
        if message.space == Space::Channels {
            for (pattern, wanting) in &self.patterns {
                if !wanting.is_subset(&ids) && glob_match(pattern, &message.channel, false) {
                    ids.extend(wanting);
                }
            }
        }
        ids
    }

    fn remove(&mut self, id: u64) {
        self.all.remove(&id);
        for index in [&mut self.channels, &mut self.shard_channels] {
            index.retain(|_, ids| {
                ids.remove(&id);
                !ids.is_empty()
            });
        }
        self.patterns.retain(|_, ids| {
            ids.remove(&id);
            !ids.is_empty()
        });
    }
}

fn wire(message: &Message) -> WireMessage {
    WireMessage {
        ticket: 0,
        space: message.space.to_wire().into(),
        channel: message.channel.clone(),
        payload: message.payload.clone(),
        census: false,
    }
}

/// A message on its way.
#[derive(Debug)]
pub struct Publishing {
    here: u64,
    receipts: Vec<oneshot::Receiver<u64>>,
}

impl Publishing {
    /// How many subscribers got it, if all of them are in this process.
    pub fn known(&self) -> Option<u64> {
        self.receipts.is_empty().then_some(self.here)
    }

    /// How many subscribers got it; a process that does not say so in time counts for none.
    pub async fn count(self) -> u64 {
        let mut count = self.here;
        let deadline = meridian_rt::clock::Instant::now() + RECEIPTS;
        for receipt in self.receipts {
            if let Ok(Ok(more)) = tokio::time::timeout_at(deadline, receipt).await {
                count += more;
            }
        }
        count
    }
}

/// A process that follows a hub; dropped, it no longer does.
#[derive(Debug)]
pub struct Following {
    hub: Arc<Hub>,
    id: u64,
    outlet: Weak<Outlet>,
    receiver: mpsc::UnboundedReceiver<Messages>,
}

/// Messages that travel together at most.
const TOGETHER: usize = 256;

impl Following {
    /// Takes what the process says.
    pub fn change(&self, interests: Interests) {
        self.hub.change(self.id, interests);
    }

    /// What is to be sent to the process next; `None` if it was cut off.
    pub fn poll_take(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Messages>> {
        let mut gathered = Vec::new();
        let taken = std::task::ready!(self.receiver.poll_recv_many(cx, &mut gathered, TOGETHER));
        if taken == 0 {
            return std::task::Poll::Ready(None);
        }
        let mut together = Messages::default();
        for messages in gathered {
            together.version = together.version.max(messages.version);
            together.messages.extend(messages.messages);
        }
        let bytes: usize = together.messages.iter().map(|one| one.channel.len() + one.payload.len()).sum();
        if let Some(outlet) = self.outlet.upgrade() {
            outlet.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
        }
        std::task::Poll::Ready(Some(together))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = self.hub.followers.lock();
        followers.remove(self.id);
        self.hub.count.store(followers.all.len(), Ordering::Release);
    }
}
