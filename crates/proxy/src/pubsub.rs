//! Channels: who in this process subscribes to what, and how a message gets to them.
//!
//! A message is handed to subscribers by whoever brings it: it is put behind what goes out to the client already, and
//! what the socket does not take waits. A subscriber that does not read is closed at the limit for such clients
//! (`client-output-buffer-limit pubsub`); it never holds up the publisher or another subscriber.
//!
//! **What PUBLISH answers**: how many subscribers in the whole cluster the message was handed to, a client once for its
//! channel and once for every pattern of its that matches. A process that does not answer within a second counts for
//! none. A message is handed over at most once; messages of one client on one channel keep their order.
//!
//! **What SUBSCRIBE promises**: a message that is published after its reply, at a node that can be reached, arrives.
//!
//! A client that publishes to itself gets the message behind the reply.

mod own;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use meridian_command::{Protocol, ReplyWriter, glob_match};
use meridian_router::{
    Router,
    pubsub::{Deliver, Follower, Message, Space},
};
use parking_lot::{Mutex, RwLock};

use crate::{clients::Client, config::Config, connection::Output, stats::Stats};

pub(crate) use own::Own;

/// The channels as this process sees them.
#[derive(Debug)]
pub(crate) struct PubSub {
    pub(crate) table: Arc<Subscriptions>,
    pub(crate) follower: Arc<Follower>,
}

impl PubSub {
    pub(crate) fn new(router: Arc<Router>, config: Arc<Config>, stats: Arc<Stats>) -> PubSub {
        let table = Arc::new(Subscriptions { names: RwLock::default(), config, stats });
        let follower = Follower::new(router, Arc::<Subscriptions>::clone(&table));
        PubSub { table, follower }
    }
}

/// A client that may subscribe.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) client: Arc<Client>,
    pub(crate) output: Arc<Output>,
    /// Messages that it has published itself: they follow the reply.
    own: Mutex<Vec<u8>>,
}

type Subscribers = BTreeMap<u64, Arc<Subscriber>>;

/// Who subscribes to what.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    names: RwLock<Names>,
    config: Arc<Config>,
    stats: Arc<Stats>,
}

#[derive(Debug, Default)]
struct Names {
    channels: HashMap<Bytes, Subscribers>,
    patterns: HashMap<Bytes, Subscribers>,
    shard_channels: HashMap<Bytes, Subscribers>,
}

impl Names {
    fn of(&self, space: Space) -> &HashMap<Bytes, Subscribers> {
        match space {
            Space::Channels => &self.channels,
            Space::Patterns => &self.patterns,
            Space::ShardChannels => &self.shard_channels,
        }
    }

    fn of_mut(&mut self, space: Space) -> &mut HashMap<Bytes, Subscribers> {
        match space {
            Space::Channels => &mut self.channels,
            Space::Patterns => &mut self.patterns,
            Space::ShardChannels => &mut self.shard_channels,
        }
    }
}

impl Subscriptions {
    pub(crate) fn insert(&self, space: Space, names: &[Bytes], subscriber: &Arc<Subscriber>) {
        let mut table = self.names.write();
        for name in names {
            let subscribers = table.of_mut(space).entry(name.clone()).or_default();
            subscribers.insert(subscriber.client.id, Arc::clone(subscriber));
        }
    }

    pub(crate) fn remove(&self, space: Space, name: &Bytes, client: u64) {
        let mut table = self.names.write();
        let names = table.of_mut(space);
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.remove(&client);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
    }

    /// What these clients subscribe to.
    pub(crate) fn names_of(&self, clients: &BTreeSet<u64>) -> Vec<(u64, Space, Bytes)> {
        let table = self.names.read();
        let mut found = Vec::new();
        for space in Space::ALL {
            for (name, subscribers) in table.of(space) {
                let theirs = subscribers.keys().filter(|id| clients.contains(id));
                found.extend(theirs.map(|id| (*id, space, name.clone())));
            }
        }
        found
    }

    /// How many names of a space have subscribers in this process.
    pub(crate) fn count(&self, space: Space) -> usize {
        self.names.read().of(space).len()
    }
}

/// A message in both protocols, made when first needed.
struct Encoded<'a> {
    message: &'a Message,
    pattern: Option<&'a [u8]>,
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl<'a> Encoded<'a> {
    fn new(message: &'a Message, pattern: Option<&'a [u8]>) -> Encoded<'a> {
        Encoded { message, pattern, resp2: Vec::new(), resp3: Vec::new() }
    }

    fn bytes(&mut self, protocol: Protocol) -> &[u8] {
        let (message, pattern) = (self.message, self.pattern);
        let buffer = match protocol {
            Protocol::Resp2 => &mut self.resp2,
            Protocol::Resp3 => &mut self.resp3,
        };
        if buffer.is_empty() {
            let mut reply = ReplyWriter::new(buffer, protocol);
            match pattern {
                Some(pattern) => {
                    reply.push(4);
                    reply.bulk(b"pmessage");
                    reply.bulk(pattern);
                }
                None => {
                    reply.push(3);
                    let kind: &[u8] = match message.space {
                        Space::ShardChannels => b"smessage",
                        Space::Channels | Space::Patterns => b"message",
                    };
                    reply.bulk(kind);
                }
            }
            reply.bulk(&message.channel);
            reply.bulk(&message.payload);
        }
        buffer
    }
}

impl Subscriptions {
    fn hand(&self, subscribers: &Subscribers, mut message: Encoded<'_>, publisher: u64) -> u64 {
        let limit = self.config.load().output_limits.pubsub;
        for (id, subscriber) in subscribers {
            let bytes = message.bytes(subscriber.client.protocol());
            if *id == publisher {
                subscriber.own.lock().extend_from_slice(bytes);
                continue;
            }
            let waiting = subscriber.output.send_message(bytes);
            if limit.hard > 0 && waiting >= limit.hard && !subscriber.client.is_killed() {
                self.stats.totals.output_limit_closed.fetch_add(1, Ordering::Relaxed);
                tracing::info!(client = id, "closed: a subscriber that does not read");
                subscriber.client.kill();
            }
        }
        subscribers.len() as u64
    }
}

impl Deliver for Subscriptions {
    fn deliver(&self, message: &Message, publisher: u64) -> u64 {
        let names = self.names.read();
        let mut count = 0;
        if let Some(subscribers) = names.of(message.space).get(&message.channel) {
            count += self.hand(subscribers, Encoded::new(message, None), publisher);
        }
        if message.space == Space::Channels {
            for (pattern, subscribers) in &names.patterns {
                if glob_match(pattern, &message.channel, false) {
                    count += self.hand(subscribers, Encoded::new(message, Some(pattern)), publisher);
                }
            }
        }
        count
    }

    fn census(&self, space: Space, channel: &[u8]) -> u64 {
        self.names.read().of(space).get(channel).map_or(0, |subscribers| subscribers.len() as u64)
    }

    fn names(&self, space: Space) -> Vec<Bytes> {
        self.names.read().of(space).keys().cloned().collect()
    }
}
