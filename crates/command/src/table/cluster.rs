//! Rows of the commands about slots and nodes.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, Merge, Route,
    doc::Arg,
    spec::Group::Cluster,
};

const ADMIN: Flags = Flags::ADMIN.union(Flags::STALE);
/// What changes slots or nodes in Redis.
const CHANGES: Flags = ADMIN.union(Flags::NO_ASYNC_LOADING);
const SHOWS: Flags = Flags::LOADING.union(Flags::STALE);
const SEEN: &[&str] = &["nondeterministic_output"];
const NODE_ID: &[Arg] = &[Arg::string("node-id")];
const SLOTS: &[Arg] = &[Arg::integer("slot").multiple()];
const RANGES: &[Arg] =
    &[Arg::block("start-slot_end-slot", &[Arg::integer("start-slot"), Arg::integer("end-slot")]).multiple()];

pub(super) const CLUSTER: Row = Row::container("CLUSTER", Cluster).doc(
    "3.0.0",
    "Holds commands about the cluster.",
    "Depends on subcommand.",
);

pub(super) const CLUSTER_KEYSLOT: Row = Row::local("CLUSTER|KEYSLOT", Cluster, Exactly(3))
    .flags(Flags::STALE)
    .args(&[Arg::string("key")])
    .doc("3.0.0", "Returns the slot of a key.", "O(N) where N is the length of the key.");

pub(super) const CLUSTER_INFO: Row = Row::local("CLUSTER|INFO", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(&["nondeterministic_output"])
    .doc("3.0.0", "Describes the state of the cluster.", "O(1)");

pub(super) const CLUSTER_MYID: Row = Row::local("CLUSTER|MYID", Cluster, Exactly(2)).flags(Flags::STALE).doc(
    "3.0.0",
    "Returns the id of the node.",
    "O(1)",
);

pub(super) const CLUSTER_HELP: Row = Row::local("CLUSTER|HELP", Cluster, Exactly(2))
    .flags(Flags::ANYTIME)
    .doc("5.0.0", "Lists the subcommands of CLUSTER.", "O(1)");

pub(super) const CLUSTER_MYSHARDID: Row = Row::local("CLUSTER|MYSHARDID", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(SEEN)
    .doc("7.2.0", "Returns the id of the first shard that the node leads or follows.", "O(1)");

pub(super) const CLUSTER_SLOTS: Row = Row::local("CLUSTER|SLOTS", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(SEEN)
    .deprecated("7.0.0", "`CLUSTER SHARDS`")
    .doc("3.0.0", "Returns which nodes serve which slots.", "O(N) where N is the number of runs of slots");

pub(super) const CLUSTER_SHARDS: Row = Row::local("CLUSTER|SHARDS", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(SEEN)
    .doc("7.0.0", "Returns the shards, their slots and their nodes.", "O(N) where N is the number of nodes");

pub(super) const CLUSTER_NODES: Row = Row::local("CLUSTER|NODES", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(SEEN)
    .doc("3.0.0", "Returns the nodes, a line each.", "O(N) where N is the number of nodes");

pub(super) const CLUSTER_LINKS: Row = Row::local("CLUSTER|LINKS", Cluster, Exactly(2))
    .flags(Flags::STALE)
    .tips(SEEN)
    .doc("7.0.0", "Returns the links of Redis' cluster bus, of which there are none.", "O(1)");

pub(super) const CLUSTER_REPLICAS: Row =
    Row::local("CLUSTER|REPLICAS", Cluster, Exactly(3)).flags(ADMIN).tips(SEEN).args(NODE_ID).doc(
        "5.0.0",
        "Returns the nodes that follow what a node leads, a line each.",
        "O(N) where N is the number of nodes",
    );

pub(super) const CLUSTER_SLAVES: Row = Row::local("CLUSTER|SLAVES", Cluster, Exactly(3))
    .flags(ADMIN)
    .tips(SEEN)
    .args(NODE_ID)
    .deprecated("5.0.0", "`CLUSTER REPLICAS`")
    .doc(
        "3.0.0",
        "Returns the nodes that follow what a node leads, a line each.",
        "O(N) where N is the number of nodes",
    );

pub(super) const CLUSTER_COUNT_FAILURE_REPORTS: Row =
    Row::local("CLUSTER|COUNT-FAILURE-REPORTS", Cluster, Exactly(3))
        .flags(ADMIN)
        .tips(SEEN)
        .args(NODE_ID)
        .doc(
            "3.0.0",
            "Returns how many nodes report by Redis' gossip that a node fails: none, as there is no gossip.",
            "O(N) where N is the number of nodes",
        );

/// A command about the keys of one slot.
const fn of_slot(name: &'static str, words: u16, args: &'static [Arg]) -> Row {
    Row::local(name, Cluster, Exactly(words)).flags(Flags::STALE).route(Route::Slot, Merge::Single).args(args)
}

pub(super) const CLUSTER_COUNTKEYSINSLOT: Row = of_slot(
    "CLUSTER|COUNTKEYSINSLOT",
    3,
    &[Arg::integer("slot")],
)
.doc("3.0.0", "Returns how many keys a slot has.", "O(1)");

pub(super) const CLUSTER_GETKEYSINSLOT: Row =
    of_slot("CLUSTER|GETKEYSINSLOT", 4, &[Arg::integer("slot"), Arg::integer("count")]).tips(SEEN).doc(
        "3.0.0",
        "Returns some of the keys of a slot.",
        "O(N) where N is the number of keys asked for",
    );

/// A command of Redis' cluster administration; what does its work here is said by its error.
const fn elsewhere(name: &'static str, arity: crate::Arity, since: &'static str) -> Row {
    Row::local(name, Cluster, arity).flags(CHANGES).doc(since, "Says who places slots and nodes.", "O(1)")
}

pub(super) const CLUSTER_ADDSLOTS: Row = elsewhere("CLUSTER|ADDSLOTS", AtLeast(3), "3.0.0").args(SLOTS);
pub(super) const CLUSTER_ADDSLOTSRANGE: Row =
    elsewhere("CLUSTER|ADDSLOTSRANGE", AtLeast(4), "7.0.0").args(RANGES);
pub(super) const CLUSTER_BUMPEPOCH: Row = elsewhere("CLUSTER|BUMPEPOCH", Exactly(2), "3.0.0").tips(SEEN);
pub(super) const CLUSTER_DELSLOTS: Row = elsewhere("CLUSTER|DELSLOTS", AtLeast(3), "3.0.0").args(SLOTS);
pub(super) const CLUSTER_DELSLOTSRANGE: Row =
    elsewhere("CLUSTER|DELSLOTSRANGE", AtLeast(4), "7.0.0").args(RANGES);
pub(super) const CLUSTER_FAILOVER: Row =
    elsewhere("CLUSTER|FAILOVER", AtLeast(2), "3.0.0").args(&[Arg::one_of(
        "options",
        &[Arg::word("force", "FORCE"), Arg::word("takeover", "TAKEOVER")],
    )
    .optional()]);
pub(super) const CLUSTER_FLUSHSLOTS: Row = elsewhere("CLUSTER|FLUSHSLOTS", Exactly(2), "3.0.0");
pub(super) const CLUSTER_FORGET: Row = elsewhere("CLUSTER|FORGET", Exactly(3), "3.0.0").args(NODE_ID);
pub(super) const CLUSTER_MEET: Row = elsewhere("CLUSTER|MEET", AtLeast(4), "3.0.0").args(&[
    Arg::string("ip"),
    Arg::integer("port"),
    Arg::integer("cluster_bus_port").since("4.0.0").optional(),
]);
pub(super) const CLUSTER_REPLICATE: Row = elsewhere("CLUSTER|REPLICATE", Exactly(3), "3.0.0").args(NODE_ID);
pub(super) const CLUSTER_RESET: Row = Row::local("CLUSTER|RESET", Cluster, AtLeast(2))
    .flags(ADMIN.union(Flags::NOSCRIPT))
    .args(&[Arg::one_of("hard_soft", &[Arg::word("hard", "HARD"), Arg::word("soft", "SOFT")]).optional()])
    .doc("3.0.0", "Says who places slots and nodes.", "O(1)");
pub(super) const CLUSTER_SET_CONFIG_EPOCH: Row =
    elsewhere("CLUSTER|SET-CONFIG-EPOCH", Exactly(3), "3.0.0").args(&[Arg::integer("config-epoch")]);
pub(super) const CLUSTER_SETSLOT: Row = elsewhere("CLUSTER|SETSLOT", AtLeast(4), "3.0.0").args(&[
    Arg::integer("slot"),
    Arg::one_of(
        "subcommand",
        &[
            Arg::string("node-id").token("IMPORTING"),
            Arg::string("node-id").token("MIGRATING"),
            Arg::string("node-id").token("NODE"),
            Arg::word("stable", "STABLE"),
        ],
    ),
]);
pub(super) const CLUSTER_SAVECONFIG: Row = Row::local("CLUSTER|SAVECONFIG", Cluster, Exactly(2))
    .flags(CHANGES)
    .doc("3.0.0", "Makes the cluster map durable, which it always is.", "O(1)");

pub(super) const ASKING: Row =
    Row::local("ASKING", Cluster, Exactly(1)).family(Categories::CONNECTION).fast().doc(
        "3.0.0",
        "Says that the next command follows an ASK; every command is forwarded to where its keys are.",
        "O(1)",
    );

pub(super) const READONLY: Row = Row::local("READONLY", Cluster, Exactly(1))
    .family(Categories::CONNECTION)
    .fast()
    .flags(SHOWS)
    .doc("3.0.0", "Permits reads that are not the newest; all are.", "O(1)");

pub(super) const READWRITE: Row = Row::local("READWRITE", Cluster, Exactly(1))
    .family(Categories::CONNECTION)
    .fast()
    .flags(SHOWS)
    .doc("3.0.0", "Ends what READONLY permits.", "O(1)");
