//! Rows of the commands that concern the server: `COMMAND`, `CONFIG`, `INFO` and their like.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags,
    doc::Arg,
    spec::Group::{Generic, Server},
};

const ADMIN: Flags = Flags::ANYTIME.union(Flags::NOSCRIPT).union(Flags::ADMIN);
const UNORDERED: &[&str] = &["nondeterministic_output_order"];
const NAMES: &[Arg] = &[Arg::string("command-name").optional().multiple()];

/// `COMMAND` and its subcommands: documented with the server's, but in the category of connections.
const fn about_commands(name: &'static str, arity: crate::Arity) -> Row {
    Row::local(name, Server, arity).flags(Flags::ANYTIME).family(Categories::CONNECTION)
}

pub(super) const COMMAND: Row = about_commands("COMMAND", AtLeast(1))
    .flags(Flags::CONTAINER)
    .tips(UNORDERED)
    .doc("2.8.13", "Describes all commands.", "O(N) where N is the number of commands.");

pub(super) const COMMAND_COUNT: Row =
    about_commands("COMMAND|COUNT", Exactly(2)).doc("2.8.13", "Returns how many commands there are.", "O(1)");

pub(super) const COMMAND_LIST: Row = about_commands("COMMAND|LIST", AtLeast(2))
    .tips(UNORDERED)
    .args(&[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()])
    .doc("7.0.0", "Returns the names of commands.", "O(N) where N is the number of commands.");

pub(super) const COMMAND_INFO: Row = about_commands("COMMAND|INFO", AtLeast(2))
    .tips(UNORDERED)
    .args(NAMES)
    .doc("2.8.13", "Describes some commands, or all.", "O(N) where N is the number of commands.");

pub(super) const COMMAND_DOCS: Row = about_commands("COMMAND|DOCS", AtLeast(2))
    .tips(UNORDERED)
    .args(NAMES)
    .doc("7.0.0", "Documents some commands, or all.", "O(N) where N is the number of commands.");

pub(super) const COMMAND_GETKEYS: Row = about_commands("COMMAND|GETKEYS", AtLeast(4)).doc(
    "2.8.13",
    "Returns the keys of a call.",
    "O(N) where N is the number of arguments.",
);

pub(super) const COMMAND_GETKEYSANDFLAGS: Row = about_commands("COMMAND|GETKEYSANDFLAGS", AtLeast(4)).doc(
    "7.0.0",
    "Returns the keys of a call and what is done with them.",
    "O(N) where N is the number of arguments.",
);

pub(super) const COMMAND_HELP: Row =
    about_commands("COMMAND|HELP", Exactly(2)).doc("5.0.0", "Lists the subcommands of COMMAND.", "O(1)");

pub(super) const INFO: Row = Row::local("INFO", Server, AtLeast(1))
    .flags(Flags::ANYTIME.union(Flags::DANGEROUS))
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .args(&[Arg::string("section").optional().multiple()])
    .doc("1.0.0", "Describes the server and what it did.", "O(1)");

pub(super) const TIME: Row = Row::local("TIME", Server, Exactly(1))
    .flags(Flags::ANYTIME)
    .fast()
    .tips(&["nondeterministic_output"])
    .doc("2.6.0", "Returns the server's time.", "O(1)");

pub(super) const CONFIG: Row =
    Row::container("CONFIG", Server).doc("2.0.0", "Holds commands about settings.", "Depends on subcommand.");

pub(super) const CONFIG_GET: Row = Row::local("CONFIG|GET", Server, AtLeast(3))
    .flags(ADMIN)
    .args(&[Arg::block("parameter", &[Arg::string("parameter")]).multiple()])
    .doc("2.0.0", "Returns the settings whose names match.", "O(N) where N is the number of parameters.");

pub(super) const CONFIG_SET: Row = Row::local("CONFIG|SET", Server, AtLeast(4))
    .flags(ADMIN)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::block("parameter_value", &[Arg::string("parameter"), Arg::string("value")]).multiple()])
    .doc("2.0.0", "Changes settings, all or none.", "O(N) where N is the number of parameters.");

pub(super) const CONFIG_RESETSTAT: Row = Row::local("CONFIG|RESETSTAT", Server, Exactly(2)).flags(ADMIN).doc(
    "2.0.0",
    "Sets INFO's counters to 0.",
    "O(1)",
);

pub(super) const CONFIG_REWRITE: Row = Row::local("CONFIG|REWRITE", Server, Exactly(2)).flags(ADMIN).doc(
    "2.8.0",
    "Writes the settings to the configuration file.",
    "O(1)",
);

pub(super) const CONFIG_HELP: Row = Row::local("CONFIG|HELP", Server, Exactly(2)).flags(Flags::ANYTIME).doc(
    "5.0.0",
    "Lists the subcommands of CONFIG.",
    "O(1)",
);

pub(super) const DEBUG: Row = Row::local("DEBUG", Server, AtLeast(2)).flags(ADMIN).system().doc(
    "1.0.0",
    "Holds what test-suites need.",
    "Depends on subcommand.",
);

pub(super) const WAIT: Row = Row::local("WAIT", Generic, Exactly(3))
    .flags(Flags::BLOCKING)
    .family(Categories::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[Arg::integer("numreplicas"), Arg::integer("timeout")])
    .doc("3.0.0", "Waits until replicas have the connection's writes.", "O(1)");

pub(super) const WAITAOF: Row = Row::local("WAITAOF", Generic, Exactly(4))
    .flags(Flags::BLOCKING)
    .family(Categories::CONNECTION)
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[Arg::integer("numlocal"), Arg::integer("numreplicas"), Arg::integer("timeout")])
    .doc("7.2.0", "Waits until the connection's writes are on disk here and on replicas.", "O(1)");
