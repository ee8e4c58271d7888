//! Rows of the HyperLogLog commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec, Merge, Route,
    doc::Arg,
    spec::Group::HyperLogLog,
};

pub(super) const PFADD: Row = Row::write("PFADD", HyperLogLog, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("element").optional().multiple()])
    .doc("2.8.9", "Adds elements to a HyperLogLog.", "O(1) for each element.");

pub(super) const PFCOUNT: Row = Row::read("PFCOUNT", HyperLogLog, AtLeast(2))
    .flags(Flags::MAY_REPLICATE)
    .keys(&[KeySpec::rest(1, 1, KeyFlags::RW.union(KeyFlags::ACCESS))
        .notes("RW because it may change the internal representation of the key, and propagate to replicas")])
    .args(&[Arg::key("key", 0).multiple()])
    .doc(
        "2.8.9",
        "Returns about how many elements were added to one HyperLogLog, or to any of several.",
        "O(N) where N is the number of keys; O(1) for one that did not change since it was counted.",
    );

pub(super) const PFMERGE: Row = Row::write("PFMERGE", HyperLogLog, AtLeast(2))
    .keys(&[
        KeySpec::at(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::INSERT)),
        KeySpec::rest(2, 1, KeyFlags::READ),
    ])
    .denyoom()
    .args(&[Arg::key("destkey", 0), Arg::key("sourcekey", 1).multiple()])
    .doc("2.8.9", "Merges HyperLogLogs into one.", "O(N) where N is the number of keys.");

pub(super) const PFDEBUG: Row = Row::write("PFDEBUG", HyperLogLog, Exactly(3))
    .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::ACCESS))])
    .denyoom()
    .flags(Flags::ADMIN)
    .system()
    .args(&[Arg::string("subcommand"), Arg::key("key", 0)])
    .doc("2.8.9", "Looks into a HyperLogLog, for tests.", "N/A");

pub(super) const PFSELFTEST: Row = Row::local("PFSELFTEST", HyperLogLog, Exactly(1))
    .flags(Flags::ADMIN)
    .route(Route::AllShards, Merge::AllOk)
    .system()
    .doc("2.8.9", "Checks the HyperLogLog arithmetic of this build.", "N/A");
