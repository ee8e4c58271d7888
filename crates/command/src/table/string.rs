//! Rows of the string commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec, Merge, Route,
    doc::Arg,
    spec::Group::String,
};

const KEY: Arg = Arg::key("key", 0);
const VALUE: Arg = Arg::string("value");
const PAIRS: &[Arg] = &[Arg::block("key_value", &[KEY, VALUE]).multiple()];
const READ_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ)];
const REPLACED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::REPLACE)];
const COUNTER_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ_UPDATE)];

/// What is compared with the value before it is set or deleted.
const COMPARISONS: [&str; 4] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/// SET reads the old value only with `GET` or to compare it.
fn set_flags(call: &[&[u8]]) -> KeyFlags {
    let is = |option: &[u8], name: &str| option.eq_ignore_ascii_case(name.as_bytes());
    let reads = |option: &&[u8]| is(option, "GET") || COMPARISONS.iter().any(|name| is(option, name));
    if call.iter().skip(3).any(reads) { KeyFlags::READ_UPDATE } else { KeyFlags::REPLACE }
}

/// DELEX looks at the value only to compare it.
fn delex_flags(call: &[&[u8]]) -> KeyFlags {
    if call.len() > 2 { COMPARED_AND_DELETED } else { KeyFlags::REMOVE }
}

const COMPARED_AND_DELETED: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);

const EXPIRIES: &[Arg] = &[
    Arg::integer("seconds").token("EX"),
    Arg::integer("milliseconds").token("PX"),
    Arg::unix_time("unix-time-seconds").token("EXAT"),
    Arg::unix_time("unix-time-milliseconds").token("PXAT"),
    Arg::word("keepttl", "KEEPTTL"),
];

pub(super) const GET: Row = Row::read("GET", String, Exactly(2)).keys(READ_KEY).fast().args(&[KEY]).doc(
    "1.0.0",
    "Returns the value of a key.",
    "O(1)",
);

pub(super) const SET: Row = Row::write("SET", String, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)
        .variable(set_flags)
        .notes("RW and ACCESS due to the optional `GET` argument")])
    .denyoom()
    .args(&[
        KEY,
        VALUE,
        Arg::one_of(
            "condition",
            &[
                Arg::word("nx", "NX"),
                Arg::word("xx", "XX"),
                Arg::string("ifeq-value").token("IFEQ").since("8.4.0"),
                Arg::string("ifne-value").token("IFNE").since("8.4.0"),
                Arg::string("ifdeq-digest").token("IFDEQ").since("8.4.0"),
                Arg::string("ifdne-digest").token("IFDNE").since("8.4.0"),
            ],
        )
        .since("2.6.12")
        .optional(),
        Arg::word("get", "GET").since("6.2.0").optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX").since("2.6.12"),
                Arg::integer("milliseconds").token("PX").since("2.6.12"),
                Arg::unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
                Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ])
    .doc("1.0.0", "Sets the value of a key, whatever it held.", "O(1)");

pub(super) const SETNX: Row = Row::write("SETNX", String, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::CREATE)])
    .denyoom()
    .fast()
    .args(&[KEY, VALUE])
    .doc("1.0.0", "Sets the value of a key that does not exist.", "O(1)");

pub(super) const SETEX: Row = Row::write("SETEX", String, Exactly(4))
    .keys(REPLACED_KEY)
    .denyoom()
    .args(&[KEY, Arg::integer("seconds"), VALUE])
    .doc("2.0.0", "Sets the value of a key and how many seconds it lives.", "O(1)");

pub(super) const PSETEX: Row = Row::write("PSETEX", String, Exactly(4))
    .keys(REPLACED_KEY)
    .denyoom()
    .args(&[KEY, Arg::integer("milliseconds"), VALUE])
    .doc("2.6.0", "Sets the value of a key and how many milliseconds it lives.", "O(1)");

pub(super) const GETSET: Row = Row::write("GETSET", String, Exactly(3))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY, VALUE])
    .deprecated("6.2.0", "`SET` with the `!GET` argument")
    .doc("1.0.0", "Sets the value of a key and returns the old one.", "O(1)");

pub(super) const GETDEL: Row = Row::write("GETDEL", String, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[KEY])
    .doc("6.2.0", "Returns the value of a key and deletes the key.", "O(1)");

pub(super) const GETEX: Row = Row::write("GETEX", String, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE).notes("RW and UPDATE because it changes the TTL")])
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
    ])
    .doc("6.2.0", "Returns the value of a key and sets or removes its expiry.", "O(1)");

pub(super) const MGET: Row = Row::read("MGET", String, AtLeast(2))
    .keys(&[KeySpec::rest(1, 1, KeyFlags::READ)])
    .fast()
    .route(Route::SplitKeys, Merge::ByKey)
    .tips(&["request_policy:multi_shard"])
    .args(&[KEY.multiple()])
    .doc("1.0.0", "Returns the values of several keys.", "O(N) where N is the number of keys.");

pub(super) const MSET: Row = Row::write("MSET", String, AtLeast(3))
    .keys(&[KeySpec::rest(1, 2, KeyFlags::REPLACE)])
    .denyoom()
    .route(Route::SplitKeys, Merge::AllOk)
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
    .args(PAIRS)
    .doc("1.0.1", "Sets the values of several keys.", "O(N) where N is the number of keys.");

pub(super) const MSETNX: Row = Row::write("MSETNX", String, AtLeast(3))
    .keys(&[KeySpec::rest(1, 2, KeyFlags::CREATE)])
    .denyoom()
    .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
    .args(PAIRS)
    .doc(
        "1.0.1",
        "Sets the values of several keys if none of them exists.",
        "O(N) where N is the number of keys.",
    );

pub(super) const MSETEX: Row = Row::write("MSETEX", String, AtLeast(4))
    .keys(&[KeySpec::counted_pairs(1, KeyFlags::REPLACE)])
    .denyoom()
    .flags(Flags::MOVABLE_KEYS)
    .args(&[
        Arg::integer("numkeys"),
        Arg::block("data", &[KEY, VALUE]).multiple(),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional(),
        Arg::one_of("expiration", EXPIRIES).optional(),
    ])
    .doc(
        "8.4.0",
        "Sets the values of several keys and when they expire, if all or none of them exist.",
        "O(N) where N is the number of keys.",
    );

pub(super) const DELEX: Row = Row::write("DELEX", String, AtLeast(2))
    .keys(&[KeySpec::at(1, COMPARED_AND_DELETED).variable(delex_flags)])
    .fast()
    .args(&[
        KEY,
        Arg::one_of(
            "condition",
            &[
                Arg::string("ifeq-value").token("IFEQ"),
                Arg::string("ifne-value").token("IFNE"),
                Arg::string("ifdeq-digest").token("IFDEQ"),
                Arg::string("ifdne-digest").token("IFDNE"),
            ],
        )
        .optional(),
    ])
    .doc(
        "8.4.0",
        "Deletes a key if its value, or the digest of that, is or is not the one given.",
        "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE where N is the length of the value.",
    );

pub(super) const DIGEST: Row = Row::read("DIGEST", String, Exactly(2))
    .keys(READ_KEY)
    .fast()
    .args(&[KEY])
    .doc("8.4.0", "Returns the digest of the value of a key.", "O(N) where N is the length of the value.");

pub(super) const APPEND: Row = Row::write("APPEND", String, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[KEY, VALUE])
    .doc("2.0.0", "Appends to the value of a key.", "O(1), amortised over the growth of the value.");

pub(super) const STRLEN: Row = Row::read("STRLEN", String, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY])
    .doc("2.2.0", "Returns the length of the value of a key.", "O(1)");

pub(super) const SETRANGE: Row = Row::write("SETRANGE", String, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .args(&[KEY, Arg::integer("offset"), VALUE])
    .doc(
        "2.2.0",
        "Overwrites part of a value from an offset on.",
        "O(M) where M is the length of what is written; growing the value costs its new length.",
    );

pub(super) const GETRANGE: Row = Row::read("GETRANGE", String, Exactly(4))
    .keys(READ_KEY)
    .args(&[KEY, Arg::integer("start"), Arg::integer("end")])
    .doc("2.4.0", "Returns a part of a value.", "O(N) where N is the length of what is returned.");

pub(super) const SUBSTR: Row = Row::read("SUBSTR", String, Exactly(4))
    .keys(READ_KEY)
    .args(&[KEY, Arg::integer("start"), Arg::integer("end")])
    .deprecated("2.0.0", "`GETRANGE`")
    .doc("1.0.0", "Returns a part of a value.", "O(N) where N is the length of what is returned.");

pub(super) const INCR: Row = Row::write("INCR", String, Exactly(2))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY])
    .doc("1.0.0", "Adds one to the integer that a key holds.", "O(1)");

pub(super) const DECR: Row = Row::write("DECR", String, Exactly(2))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY])
    .doc("1.0.0", "Subtracts one from the integer that a key holds.", "O(1)");

pub(super) const INCRBY: Row = Row::write("INCRBY", String, Exactly(3))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY, Arg::integer("increment")])
    .doc("1.0.0", "Adds to the integer that a key holds.", "O(1)");

pub(super) const DECRBY: Row = Row::write("DECRBY", String, Exactly(3))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY, Arg::integer("decrement")])
    .doc("1.0.0", "Subtracts from the integer that a key holds.", "O(1)");

pub(super) const INCRBYFLOAT: Row = Row::write("INCRBYFLOAT", String, Exactly(3))
    .keys(COUNTER_KEY)
    .denyoom()
    .fast()
    .args(&[KEY, Arg::double("increment")])
    .doc("2.6.0", "Adds to the float that a key holds.", "O(1)");

pub(super) const LCS: Row = Row::read("LCS", String, AtLeast(3))
    .keys(&[KeySpec::run(1, 2, KeyFlags::READ)])
    .args(&[
        Arg::key("key1", 0),
        Arg::key("key2", 0),
        Arg::word("len", "LEN").optional(),
        Arg::word("idx", "IDX").optional(),
        Arg::integer("len").token("MINMATCHLEN").optional(),
        Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
    ])
    .doc(
        "7.0.0",
        "Finds the longest common subsequence of two values.",
        "O(N*M) where N and M are the lengths of the values.",
    );
