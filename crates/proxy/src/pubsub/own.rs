//! What one connection subscribes to.

use std::{collections::BTreeSet, mem, sync::Arc};

use bytes::Bytes;
use meridian_router::pubsub::Space;
use parking_lot::Mutex;

use super::{PubSub, Subscriber};
use crate::{
    clients::{Client, Trait},
    connection::Output,
};

/// The subscriptions of a connection; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Own {
    pubsub: Arc<PubSub>,
    subscriber: Arc<Subscriber>,
    /// In the order of [`Space`].
    names: [BTreeSet<Bytes>; 3],
}

fn place(space: Space) -> usize {
    match space {
        Space::Channels => 0,
        Space::Patterns => 1,
        Space::ShardChannels => 2,
    }
}

impl Own {
    pub(crate) fn new(pubsub: Arc<PubSub>, client: Arc<Client>, output: Arc<Output>) -> Own {
        let subscriber = Arc::new(Subscriber { client, output, own: Mutex::default() });
        Own { pubsub, subscriber, names: Default::default() }
    }

    pub(crate) fn subscriber(&self) -> &Arc<Subscriber> {
        &self.subscriber
    }

    /// Notes a name; whether it is new. Messages come once it is in the table.
    pub(crate) fn add(&mut self, space: Space, name: &Bytes) -> bool {
        let new = self.names[place(space)].insert(name.clone());
        if new {
            self.pubsub.follower.want(space, name, true);
            self.show();
        }
        new
    }

    /// Ends a subscription, if there is one.
    pub(crate) fn remove(&mut self, space: Space, name: &Bytes) {
        if self.names[place(space)].remove(name) {
            self.pubsub.table.remove(space, name, self.subscriber.client.id);
            self.pubsub.follower.want(space, name, false);
            self.show();
        }
    }

    /// All names of a space.
    pub(crate) fn names(&self, space: Space) -> Vec<Bytes> {
        self.names[place(space)].iter().cloned().collect()
    }

    /// The number that a confirmation of that space carries: shard channels are counted by themselves.
    pub(crate) fn shown_count(&self, space: Space) -> usize {
        match space {
            Space::ShardChannels => self.names[2].len(),
            Space::Channels | Space::Patterns => self.names[0].len() + self.names[1].len(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.names.iter().map(BTreeSet::len).sum()
    }

    /// Ends all.
    pub(crate) fn clear(&mut self) {
        for space in Space::ALL {
            for name in self.names(space) {
                self.remove(space, &name);
            }
        }
    }

    /// The messages that the client has sent to itself and not got yet.
    pub(crate) fn take_messages(&self) -> Vec<u8> {
        mem::take(&mut *self.subscriber.own.lock())
    }

    fn show(&self) {
        let client = &self.subscriber.client;
        client.set(Trait::PUBSUB, self.len() > 0);
        client.set_subscriptions([0, 1, 2].map(|at| self.names[at].len()));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.clear();
    }
}
