//! Messages on channels, over all processes of a cluster.
//!
//! Every node has a [`Hub`]. A process with subscribers follows the hub of every node ([`Follower`]): it tells which
//! names its subscribers want and gets the messages on them. A message is published at one hub, which hands it to all
//! followers that want it, in the order in which it took them, and adds up how many subscribers each has handed it to.
//! Delivery is at most once, as in Redis: what is under way when a stream breaks is lost.

mod follower;
mod hub;

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use meridian_proto::pubsub::Space as WireSpace;

pub use follower::Follower;
pub use hub::{Following, Hub, Publishing};

/// How long a publisher waits for the processes that got a message to say to how many they handed it.
pub(crate) const RECEIPTS: Duration = Duration::from_secs(1);

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// SUBSCRIBE.
    Channels,
    /// PSUBSCRIBE.
    Patterns,
    /// SSUBSCRIBE.
    ShardChannels,
}

impl Space {
    /// All of them.
    pub const ALL: [Space; 3] = [Space::Channels, Space::Patterns, Space::ShardChannels];

    pub(crate) fn to_wire(self) -> WireSpace {
        match self {
            Space::Channels => WireSpace::Channels,
            Space::Patterns => WireSpace::Patterns,
            Space::ShardChannels => WireSpace::ShardChannels,
        }
    }

    /// `None` for what this build does not know.
    pub fn of_wire(space: WireSpace) -> Option<Space> {
        match space {
            WireSpace::Unspecified => None,
            WireSpace::Channels => Some(Space::Channels),
            WireSpace::Patterns => Some(Space::Patterns),
            WireSpace::ShardChannels => Some(Space::ShardChannels),
        }
    }
}

/// What is handed to subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Channels (patterns match these too) or shard channels.
    pub space: Space,
    pub channel: Bytes,
    pub payload: Bytes,
}

/// The subscribers of this process.
pub trait Deliver: Send + Sync + Debug {
    /// Hands a message to all that want it and says how many those are. `publisher` is the client of this process that
    /// published it, or 0. Must be quick and must not block.
    fn deliver(&self, message: &Message, publisher: u64) -> u64;

    /// How many subscribers a channel has; patterns do not count.
    fn census(&self, space: Space, channel: &[u8]) -> u64;

    /// All names that somebody wants.
    fn names(&self, space: Space) -> Vec<Bytes>;
}
