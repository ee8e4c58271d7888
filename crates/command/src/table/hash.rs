//! Rows of the hash commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::Hash,
};

const KEY: Arg = Arg::key("key", 0);
const DELETES: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);

pub(super) const HSET: Row = Row::write("HSET", Hash, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::block("field_value", &[Arg::string("field"), Arg::string("value")]).multiple()])
    .doc("2.0.0", "Sets fields of a hash.", "O(N) where N is the number of fields that are set.");

pub(super) const HSETNX: Row = Row::write("HSETNX", Hash, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::string("field"), Arg::string("value")])
    .doc("2.0.0", "Sets a field of a hash that the hash does not have.", "O(1)");

pub(super) const HMSET: Row = Row::write("HMSET", Hash, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::block("field_value", &[Arg::string("field"), Arg::string("value")]).multiple()])
    .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
    .doc("2.0.0", "Sets fields of a hash.", "O(N) where N is the number of fields that are set.");

pub(super) const HGET: Row = Row::read("HGET", Hash, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[KEY, Arg::string("field")])
    .doc("2.0.0", "Returns the value of a field.", "O(1)");

pub(super) const HMGET: Row = Row::read("HMGET", Hash, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[KEY, Arg::string("field").multiple()])
    .doc("2.0.0", "Returns the values of several fields.", "O(N) where N is the number of fields asked for.");

pub(super) const HDEL: Row = Row::write("HDEL", Hash, AtLeast(3))
    .keys(&[KeySpec::at(1, DELETES)])
    .fast()
    .args(&[KEY, Arg::string("field").multiple()])
    .doc(
        "2.0.0",
        "Removes fields from a hash, and the hash with its last field.",
        "O(N) where N is the number of fields to be removed.",
    );

pub(super) const HLEN: Row = Row::read("HLEN", Hash, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY])
    .doc("2.0.0", "Returns how many fields a hash has.", "O(1)");

pub(super) const HSTRLEN: Row = Row::read("HSTRLEN", Hash, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY, Arg::string("field")])
    .doc("3.2.0", "Returns the length of the value of a field.", "O(1)");

pub(super) const HEXISTS: Row = Row::read("HEXISTS", Hash, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY, Arg::string("field")])
    .doc("2.0.0", "Tells whether a hash has a field.", "O(1)");

pub(super) const HKEYS: Row = Row::read("HKEYS", Hash, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY])
    .doc("2.0.0", "Returns all fields of a hash.", "O(N) where N is the size of the hash.");

pub(super) const HVALS: Row = Row::read("HVALS", Hash, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY])
    .doc("2.0.0", "Returns all values of a hash.", "O(N) where N is the size of the hash.");

pub(super) const HGETALL: Row = Row::read("HGETALL", Hash, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY])
    .doc("2.0.0", "Returns all fields of a hash with their values.", "O(N) where N is the size of the hash.");

pub(super) const HINCRBY: Row = Row::write("HINCRBY", Hash, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::string("field"), Arg::integer("increment")])
    .doc("2.0.0", "Adds to the integer that a field holds.", "O(1)");

pub(super) const HINCRBYFLOAT: Row = Row::write("HINCRBYFLOAT", Hash, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .denyoom()
    .fast()
    .args(&[KEY, Arg::string("field"), Arg::double("increment")])
    .doc("2.6.0", "Adds to the float that a field holds.", "O(1)");

pub(super) const HRANDFIELD: Row = Row::read("HRANDFIELD", Hash, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .args(&[
        KEY,
        Arg::block("options", &[Arg::integer("count"), Arg::word("withvalues", "WITHVALUES").optional()])
            .optional(),
    ])
    .doc("6.2.0", "Returns random fields of a hash.", "O(N) where N is the number of fields returned.");

pub(super) const HSCAN: Row = Row::read("HSCAN", Hash, AtLeast(3))
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
        "Walks over the fields of a hash.",
        "O(1) for every call; O(N) for a whole walk, where N is the size of the hash.",
    );

pub(super) const HEXPIRE: Row = Row::write("HEXPIRE", Hash, AtLeast(6))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .fast()
    .args(&[
        KEY,
        Arg::integer("seconds"),
        Arg::one_of(
            "condition",
            &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc("7.4.0", "Sets in how many seconds fields expire.", "O(N) where N is the number of fields named.");

pub(super) const HPEXPIRE: Row = Row::write("HPEXPIRE", Hash, AtLeast(6))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .fast()
    .args(&[
        KEY,
        Arg::integer("milliseconds"),
        Arg::one_of(
            "condition",
            &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Sets in how many milliseconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HEXPIREAT: Row = Row::write("HEXPIREAT", Hash, AtLeast(6))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .fast()
    .args(&[
        KEY,
        Arg::unix_time("unix-time-seconds"),
        Arg::one_of(
            "condition",
            &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Sets at what time in seconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HPEXPIREAT: Row = Row::write("HPEXPIREAT", Hash, AtLeast(6))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .fast()
    .args(&[
        KEY,
        Arg::unix_time("unix-time-milliseconds"),
        Arg::one_of(
            "condition",
            &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Sets at what time in milliseconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HTTL: Row = Row::read("HTTL", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .tips(&["nondeterministic_output"])
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Returns in how many seconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HPTTL: Row = Row::read("HPTTL", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .tips(&["nondeterministic_output"])
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Returns in how many milliseconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HEXPIRETIME: Row = Row::read("HEXPIRETIME", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Returns at what time in seconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HPEXPIRETIME: Row = Row::read("HPEXPIRETIME", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "7.4.0",
        "Returns at what time in milliseconds fields expire.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HPERSIST: Row = Row::write("HPERSIST", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .fast()
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc("7.4.0", "Takes the expiry off fields.", "O(N) where N is the number of fields named.");

pub(super) const HGETDEL: Row = Row::write("HGETDEL", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[
        KEY,
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "8.0.0",
        "Returns the values of fields and removes them.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HGETEX: Row = Row::write("HGETEX", Hash, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .fast()
    .args(&[
        KEY,
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::word("persist", "PERSIST"),
            ],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ])
    .doc(
        "8.0.0",
        "Returns the values of fields and sets or removes their expiry.",
        "O(N) where N is the number of fields named.",
    );

pub(super) const HSETEX: Row = Row::write("HSETEX", Hash, AtLeast(6))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .fast()
    .args(&[
        KEY,
        Arg::one_of("condition", &[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")]).optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::word("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[
                Arg::integer("numfields"),
                Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
            ],
        )
        .token("FIELDS"),
    ])
    .doc("8.0.0", "Sets fields with an expiry.", "O(N) where N is the number of fields that are set.");
