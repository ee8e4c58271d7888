//! Rows of the commands about channels.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, Channels, CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::PubSub,
};

const SUBSCRIBES: Flags = Flags::PUBSUB.union(Flags::NOSCRIPT).union(Flags::ANYTIME);
const PUBLISHES: Flags = Flags::PUBSUB.union(Flags::ANYTIME).union(Flags::FAST).union(Flags::MAY_REPLICATE);
const ASKS: Flags = Flags::PUBSUB.union(Flags::ANYTIME);
/// No keys, but a client that knows slots sends the command where they would be.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::rest(1, 1, KeyFlags::NOT_KEY)];

pub(super) const SUBSCRIBE: Row = Row::local("SUBSCRIBE", PubSub, AtLeast(2))
    .flags(SUBSCRIBES)
    .channels(Channels::All)
    .args(&[Arg::string("channel").multiple()])
    .doc(
        "2.0.0",
        "Listens for messages on channels.",
        "O(N) where N is the number of channels to subscribe to.",
    );

pub(super) const UNSUBSCRIBE: Row = Row::local("UNSUBSCRIBE", PubSub, AtLeast(1))
    .flags(SUBSCRIBES)
    .args(&[Arg::string("channel").optional().multiple()])
    .doc("2.0.0", "Stops listening on channels, or on all.", "O(N) where N is the number of channels.");

pub(super) const PSUBSCRIBE: Row = Row::local("PSUBSCRIBE", PubSub, AtLeast(2))
    .flags(SUBSCRIBES)
    .channels(Channels::Patterns)
    .args(&[Arg::block("pattern", &[Arg::pattern("pattern")]).multiple()])
    .doc(
        "2.0.0",
        "Listens for messages on channels whose names match.",
        "O(N) where N is the number of patterns to subscribe to.",
    );

pub(super) const PUNSUBSCRIBE: Row = Row::local("PUNSUBSCRIBE", PubSub, AtLeast(1))
    .flags(SUBSCRIBES)
    .args(&[Arg::pattern("pattern").optional().multiple()])
    .doc("2.0.0", "Stops listening on patterns, or on all.", "O(N) where N is the number of patterns.");

pub(super) const SSUBSCRIBE: Row = Row::local("SSUBSCRIBE", PubSub, AtLeast(2))
    .flags(SUBSCRIBES)
    .channels(Channels::All)
    .keys(SHARD_CHANNELS)
    .args(&[Arg::string("shardchannel").multiple()])
    .doc(
        "7.0.0",
        "Listens for messages on shard channels.",
        "O(N) where N is the number of shard channels to subscribe to.",
    );

pub(super) const SUNSUBSCRIBE: Row = Row::local("SUNSUBSCRIBE", PubSub, AtLeast(1))
    .flags(SUBSCRIBES)
    .keys(SHARD_CHANNELS)
    .args(&[Arg::string("shardchannel").optional().multiple()])
    .doc(
        "7.0.0",
        "Stops listening on shard channels, or on all.",
        "O(N) where N is the number of shard channels.",
    );

pub(super) const PUBLISH: Row = Row::local("PUBLISH", PubSub, Exactly(3))
    .flags(PUBLISHES)
    .channels(Channels::First)
    .args(&[Arg::string("channel"), Arg::string("message")])
    .doc(
        "2.0.0",
        "Sends a message to a channel.",
        "O(N+M) where N is the number of subscribers and M that of patterns.",
    );

pub(super) const SPUBLISH: Row = Row::local("SPUBLISH", PubSub, Exactly(3))
    .flags(PUBLISHES)
    .channels(Channels::First)
    .keys(&[KeySpec::at(1, KeyFlags::NOT_KEY)])
    .args(&[Arg::string("shardchannel"), Arg::string("message")])
    .doc("7.0.0", "Sends a message to a shard channel.", "O(N) where N is the number of subscribers.");

pub(super) const PUBSUB: Row =
    Row::container("PUBSUB", PubSub).doc("2.8.0", "Holds commands about channels.", "Depends on subcommand.");

pub(super) const PUBSUB_CHANNELS: Row = Row::local("PUBSUB|CHANNELS", PubSub, AtLeast(2))
    .flags(ASKS)
    .args(&[Arg::pattern("pattern").optional()])
    .doc("2.8.0", "Returns the channels that have subscribers.", "O(N) where N is the number of channels.");

pub(super) const PUBSUB_NUMSUB: Row = Row::local("PUBSUB|NUMSUB", PubSub, AtLeast(2))
    .flags(ASKS)
    .args(&[Arg::string("channel").optional().multiple()])
    .doc("2.8.0", "Returns how many subscribers channels have.", "O(N) where N is the number of channels.");

pub(super) const PUBSUB_NUMPAT: Row = Row::local("PUBSUB|NUMPAT", PubSub, Exactly(2)).flags(ASKS).doc(
    "2.8.0",
    "Returns how many patterns have subscribers.",
    "O(1)",
);

pub(super) const PUBSUB_SHARDCHANNELS: Row = Row::local("PUBSUB|SHARDCHANNELS", PubSub, AtLeast(2))
    .flags(ASKS)
    .args(&[Arg::pattern("pattern").optional()])
    .doc(
        "7.0.0",
        "Returns the shard channels that have subscribers.",
        "O(N) where N is the number of shard channels.",
    );

pub(super) const PUBSUB_SHARDNUMSUB: Row = Row::local("PUBSUB|SHARDNUMSUB", PubSub, AtLeast(2))
    .flags(ASKS)
    .args(&[Arg::string("shardchannel").optional().multiple()])
    .doc(
        "7.0.0",
        "Returns how many subscribers shard channels have.",
        "O(N) where N is the number of shard channels.",
    );

pub(super) const PUBSUB_HELP: Row = Row::local("PUBSUB|HELP", PubSub, Exactly(2))
    .flags(Flags::ANYTIME)
    .family(Categories::empty())
    .doc("6.2.0", "Lists the subcommands of PUBSUB.", "O(1)");
