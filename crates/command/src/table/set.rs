//! Rows of the set commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::Set,
};

const KEY: Arg = Arg::key("key", 0);
const DELETES: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);

pub(super) const SADD: Row = Row::write("SADD", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::string("member").multiple()])
    .doc("1.0.0", "Adds members to a set.", "O(N) where N is the number of members named.");

pub(super) const SREM: Row = Row::write("SREM", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, DELETES)])
    .fast()
    .args(&[KEY, Arg::string("member").multiple()])
    .doc(
        "1.0.0",
        "Removes members from a set, and the set with its last member.",
        "O(N) where N is the number of members named.",
    );

pub(super) const SISMEMBER: Row = Row::read("SISMEMBER", Set, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY, Arg::string("member")])
    .doc("1.0.0", "Tells whether something is a member of a set.", "O(1)");

pub(super) const SMISMEMBER: Row = Row::read("SMISMEMBER", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[KEY, Arg::string("member").multiple()])
    .doc(
        "6.2.0",
        "Tells of several things whether they are members of a set.",
        "O(N) where N is the number of members named.",
    );

pub(super) const SCARD: Row = Row::read("SCARD", Set, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY])
    .doc("1.0.0", "Returns how many members a set has.", "O(1)");

pub(super) const SMEMBERS: Row = Row::read("SMEMBERS", Set, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY])
    .doc("1.0.0", "Returns all members of a set.", "O(N) where N is the size of the set.");

pub(super) const SPOP: Row = Row::write("SPOP", Set, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .tips(&["nondeterministic_output"])
    .args(&[KEY, Arg::integer("count").since("3.2.0").optional()])
    .doc(
        "1.0.0",
        "Removes random members from a set and returns them.",
        "O(N) where N is the number of members removed.",
    );

pub(super) const SRANDMEMBER: Row = Row::read("SRANDMEMBER", Set, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .args(&[KEY, Arg::integer("count").since("2.6.0").optional()])
    .doc("1.0.0", "Returns random members of a set.", "O(N) where N is the number of members returned.");

pub(super) const SMOVE: Row = Row::write("SMOVE", Set, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::ADDS)])
    .fast()
    .args(&[Arg::key("source", 0), Arg::key("destination", 1), Arg::string("member")])
    .doc("1.0.0", "Moves a member from one set to another.", "O(1)");

pub(super) const SINTER: Row = Row::read("SINTER", Set, AtLeast(2))
    .keys(&[KeySpec::rest(1, 1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY.multiple()])
    .doc(
        "1.0.0",
        "Returns what is in all of several sets.",
        "O(N*M) at worst, where N is the size of the smallest set and M the number of sets.",
    );

pub(super) const SINTERSTORE: Row = Row::write("SINTERSTORE", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES), KeySpec::rest(2, 1, KeyFlags::READ)])
    .denyoom()
    .args(&[Arg::key("destination", 0), Arg::key("key", 1).multiple()])
    .doc(
        "1.0.0",
        "Stores what is in all of several sets.",
        "O(N*M) at worst, where N is the size of the smallest set and M the number of sets.",
    );

pub(super) const SINTERCARD: Row = Row::read("SINTERCARD", Set, AtLeast(3))
    .flags(Flags::MOVABLE_KEYS)
    .keys(&[KeySpec::counted(1, KeyFlags::READ)])
    .args(&[Arg::integer("numkeys"), KEY.multiple(), Arg::integer("limit").token("LIMIT").optional()])
    .doc(
        "7.0.0",
        "Counts what is in all of several sets.",
        "O(N*M) at worst, where N is the size of the smallest set and M the number of sets.",
    );

pub(super) const SUNION: Row = Row::read("SUNION", Set, AtLeast(2))
    .keys(&[KeySpec::rest(1, 1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY.multiple()])
    .doc(
        "1.0.0",
        "Returns what is in any of several sets.",
        "O(N) where N is the number of members of all sets.",
    );

pub(super) const SUNIONSTORE: Row = Row::write("SUNIONSTORE", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::rest(2, 1, KeyFlags::READ)])
    .denyoom()
    .args(&[Arg::key("destination", 0), Arg::key("key", 1).multiple()])
    .doc(
        "1.0.0",
        "Stores what is in any of several sets.",
        "O(N) where N is the number of members of all sets.",
    );

pub(super) const SDIFF: Row = Row::read("SDIFF", Set, AtLeast(2))
    .keys(&[KeySpec::rest(1, 1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY.multiple()])
    .doc(
        "1.0.0",
        "Returns what is in the first set and in none of the others.",
        "O(N) where N is the number of members of all sets.",
    );

pub(super) const SDIFFSTORE: Row = Row::write("SDIFFSTORE", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::rest(2, 1, KeyFlags::READ)])
    .denyoom()
    .args(&[Arg::key("destination", 0), Arg::key("key", 1).multiple()])
    .doc(
        "1.0.0",
        "Stores what is in the first set and in none of the others.",
        "O(N) where N is the number of members of all sets.",
    );

pub(super) const SSCAN: Row = Row::read("SSCAN", Set, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .args(&[
        KEY,
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .doc(
        "2.8.0",
        "Walks over the members of a set.",
        "O(1) for every call; O(N) for a whole walk, where N is the size of the set.",
    );
