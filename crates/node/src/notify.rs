//! Keyspace notifications, and what scripts publish: both leave the engine as effects and become messages on channels.
//!
//! The replica that has proposed an entry publishes the entry's messages, in their order, so each is published once. They
//! are published before the replies are handed out, as in Redis; an entry whose leader has gone before it was applied has
//! none: messages are delivered at most once.

use bytes::Bytes;

use meridian_engine::{Effect, KeyAt, events};
use meridian_router::pubsub::{Hub, Message, Space};

/// Publishes the messages of scripts among the effects, and the events, as `wanted` (`notify-keyspace-events`) says.
pub(crate) fn publish(hub: &Hub, wanted: i64, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Event { class, name, key } if wanted & events::class(class.letter()) != 0 => {
                publish_event(hub, wanted, name, key);
            }
            Effect::Published { shard, channel, payload } => hub.announce(&Message {
                space: if *shard { Space::ShardChannels } else { Space::Channels },
                channel: Bytes::copy_from_slice(channel),
                payload: Bytes::copy_from_slice(payload),
            }),
            _ => {}
        }
    }
}

fn publish_event(hub: &Hub, wanted: i64, name: &str, key: &KeyAt) {
    let to = |kind: &str, about: &[u8], payload: &[u8]| {
        let mut channel = format!("__{kind}@{}__:", key.numbered).into_bytes();
        channel.extend_from_slice(about);
        hub.announce(&Message {
            space: Space::Channels,
            channel: Bytes::from(channel),
            payload: Bytes::copy_from_slice(payload),
        });
    };
    if wanted & events::KEYSPACE != 0 {
        to("keyspace", &key.key, name.as_bytes());
    }
    if wanted & events::KEYEVENT != 0 {
        to("keyevent", name.as_bytes(), &key.key);
    }
}
