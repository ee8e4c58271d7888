//! Rows of the commands about slots and nodes.

use crate::{Arity::Exactly, CommandSpec as Row, Flags, doc::Arg, spec::Group::Cluster};

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
