//! Rows of the commands that look into the server: `SLOWLOG`, `LATENCY`, `MEMORY`, `MONITOR`.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::{Connection, Server},
};

const LOOKS: Flags = Flags::ANYTIME.union(Flags::ADMIN);
const NO_SCRIPT: Flags = LOOKS.union(Flags::NOSCRIPT);
const EVERY_NODE: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];
const EVERY_SHARD: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const fn help(name: &'static str, summary: &'static str) -> Row {
    Row::local(name, Server, Exactly(2)).flags(Flags::ANYTIME).doc("6.2.0", summary, "O(1)")
}

pub(super) const SLOWLOG: Row = Row::container("SLOWLOG", Server).doc(
    "2.2.12",
    "Holds commands about slow calls.",
    "Depends on subcommand.",
);

pub(super) const SLOWLOG_GET: Row = Row::local("SLOWLOG|GET", Server, AtLeast(2))
    .flags(LOOKS)
    .tips(&["request_policy:all_nodes", "nondeterministic_output"])
    .args(&[Arg::integer("count").optional()])
    .doc(
        "2.2.12",
        "Returns slow calls, the newest first.",
        "O(N) where N is the number of entries returned.",
    );

pub(super) const SLOWLOG_LEN: Row = Row::local("SLOWLOG|LEN", Server, Exactly(2))
    .flags(LOOKS)
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
    .doc("2.2.12", "Returns how many slow calls are kept.", "O(1)");

pub(super) const SLOWLOG_RESET: Row = Row::local("SLOWLOG|RESET", Server, Exactly(2))
    .flags(LOOKS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("2.2.12", "Forgets the slow calls.", "O(N) where N is the number of entries.");

pub(super) const SLOWLOG_HELP: Row = help("SLOWLOG|HELP", "Lists the subcommands of SLOWLOG.");

pub(super) const LATENCY: Row = Row::container("LATENCY", Server).doc(
    "2.8.13",
    "Holds commands about latency.",
    "Depends on subcommand.",
);

pub(super) const LATENCY_LATEST: Row = Row::local("LATENCY|LATEST", Server, Exactly(2))
    .flags(NO_SCRIPT)
    .tips(EVERY_NODE)
    .doc("2.8.13", "Returns the newest latency of every event.", "O(1)");

pub(super) const LATENCY_HISTORY: Row = Row::local("LATENCY|HISTORY", Server, Exactly(3))
    .flags(NO_SCRIPT)
    .tips(EVERY_NODE)
    .args(&[Arg::string("event")])
    .doc("2.8.13", "Returns the latencies of an event.", "O(1)");

pub(super) const LATENCY_RESET: Row = Row::local("LATENCY|RESET", Server, AtLeast(2))
    .flags(NO_SCRIPT)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::string("event").optional().multiple()])
    .doc("2.8.13", "Forgets the latencies of some events, or of all.", "O(1)");

pub(super) const LATENCY_GRAPH: Row = Row::local("LATENCY|GRAPH", Server, Exactly(3))
    .flags(NO_SCRIPT)
    .tips(EVERY_NODE)
    .args(&[Arg::string("event")])
    .doc("2.8.13", "Draws the latencies of an event.", "O(1)");

pub(super) const LATENCY_DOCTOR: Row = Row::local("LATENCY|DOCTOR", Server, Exactly(2))
    .flags(NO_SCRIPT)
    .tips(EVERY_NODE)
    .doc("2.8.13", "Says what is known about latency.", "O(1)");

pub(super) const LATENCY_HISTOGRAM: Row = Row::local("LATENCY|HISTOGRAM", Server, AtLeast(2))
    .flags(NO_SCRIPT)
    .tips(EVERY_NODE)
    .args(&[Arg::string("command").optional().multiple()])
    .doc(
        "7.0.0",
        "Returns how long calls took, as a cumulative distribution.",
        "O(N) where N is the number of commands with latency information being retrieved.",
    );

pub(super) const LATENCY_HELP: Row = Row::local("LATENCY|HELP", Server, Exactly(2))
    .flags(Flags::ANYTIME)
    .doc("2.8.13", "Lists the subcommands of LATENCY.", "O(1)");

pub(super) const MONITOR: Row = Row::local("MONITOR", Server, Exactly(1)).flags(NO_SCRIPT).doc(
    "1.0.0",
    "Shows every command that this process takes.",
    "O(1)",
);

pub(super) const MEMORY: Row =
    Row::container("MEMORY", Server).doc("4.0.0", "Holds commands about memory.", "Depends on subcommand.");

pub(super) const MEMORY_USAGE: Row = Row::read("MEMORY|USAGE", Server, AtLeast(3))
    .keys(&[KeySpec::at(2, KeyFlags::LOOK)])
    .family(Categories::empty())
    .args(&[Arg::key("key", 0), Arg::integer("count").token("SAMPLES").optional()])
    .doc("4.0.0", "Estimates the memory of a key.", "O(N) where N is the number of samples.");

pub(super) const MEMORY_STATS: Row = Row::local("MEMORY|STATS", Server, Exactly(2)).tips(EVERY_SHARD).doc(
    "4.0.0",
    "Returns what memory is used for.",
    "O(1)",
);

pub(super) const MEMORY_DOCTOR: Row = Row::local("MEMORY|DOCTOR", Server, Exactly(2)).tips(EVERY_SHARD).doc(
    "4.0.0",
    "Says whether memory is used well.",
    "O(1)",
);

pub(super) const MEMORY_PURGE: Row = Row::local("MEMORY|PURGE", Server, Exactly(2))
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .doc("4.0.0", "Asks the allocator to give memory back.", "Depends on how much memory is allocated.");

pub(super) const MEMORY_MALLOC_STATS: Row = Row::local("MEMORY|MALLOC-STATS", Server, Exactly(2))
    .tips(EVERY_SHARD)
    .doc("4.0.0", "Returns what the allocator says.", "Depends on how much memory is allocated.");

pub(super) const MEMORY_HELP: Row = Row::local("MEMORY|HELP", Server, Exactly(2)).flags(Flags::ANYTIME).doc(
    "4.0.0",
    "Lists the subcommands of MEMORY.",
    "O(1)",
);

pub(super) const CLIENT_PAUSE: Row = Row::local("CLIENT|PAUSE", Connection, AtLeast(3))
    .flags(NO_SCRIPT)
    .family(Categories::CONNECTION)
    .args(&[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::word("write", "WRITE"), Arg::word("all", "ALL")])
            .since("6.2.0")
            .optional(),
    ])
    .doc("2.9.50", "Holds up the commands of all connections for a while.", "O(1)");

pub(super) const CLIENT_UNPAUSE: Row = Row::local("CLIENT|UNPAUSE", Connection, Exactly(2))
    .flags(NO_SCRIPT)
    .family(Categories::CONNECTION)
    .doc("6.2.0", "Ends a pause.", "O(N) where N is the number of paused connections.");
