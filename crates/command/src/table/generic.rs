//! Rows of the commands for keys of any type.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, KeyFlags, KeyPositions, KeySpec, Merge, Route,
    doc::Arg,
    keys::Find,
    spec::Group::{Generic, Server},
};

const KEY: Arg = Arg::key("key", 0);
const READ_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ)];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::UPDATES)];
const LOOKED_AT_KEYS: &[KeySpec] = &[KeySpec::rest(1, 1, KeyFlags::LOOK)];
const REMOVED_KEYS: &[KeySpec] = &[KeySpec::rest(1, 1, KeyFlags::REMOVE)];
const OBJECT_KEY: &[KeySpec] = &[KeySpec::at(2, KeyFlags::LOOK)];
const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];
const EVERYWHERE: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const VARYING: &[&str] = &["nondeterministic_output"];
const CONDITION: Arg = Arg::one_of(
    "condition",
    &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
)
.since("7.0.0")
.optional();
const FLUSH_MODE: &[Arg] = &[Arg::one_of(
    "async",
    &[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")],
)
.optional()];

pub(super) const DEL: Row = Row::write("DEL", Generic, AtLeast(2))
    .keys(REMOVED_KEYS)
    .route(Route::SplitKeys, Merge::Sum)
    .tips(SUMMED)
    .args(&[KEY.multiple()])
    .doc("1.0.0", "Deletes keys.", "O(N) where N is the number of keys, plus the size of collections.");

pub(super) const UNLINK: Row = Row::write("UNLINK", Generic, AtLeast(2))
    .keys(REMOVED_KEYS)
    .fast()
    .route(Route::SplitKeys, Merge::Sum)
    .tips(SUMMED)
    .args(&[KEY.multiple()])
    .doc("4.0.0", "Deletes keys; their memory may be freed later.", "O(1) for each key.");

pub(super) const EXISTS: Row = Row::read("EXISTS", Generic, AtLeast(2))
    .keys(LOOKED_AT_KEYS)
    .fast()
    .route(Route::SplitKeys, Merge::Sum)
    .tips(SUMMED)
    .args(&[KEY.multiple()])
    .doc("1.0.0", "Counts which of the keys exist.", "O(N) where N is the number of keys.");

pub(super) const TOUCH: Row = Row::read("TOUCH", Generic, AtLeast(2))
    .keys(LOOKED_AT_KEYS)
    .fast()
    .route(Route::SplitKeys, Merge::Sum)
    .tips(SUMMED)
    .args(&[KEY.multiple()])
    .doc("3.2.1", "Marks keys as used and counts which exist.", "O(N) where N is the number of keys.");

pub(super) const EXPIRE: Row = Row::write("EXPIRE", Generic, AtLeast(3))
    .keys(UPDATED_KEY)
    .fast()
    .args(&[KEY, Arg::integer("seconds"), CONDITION])
    .doc("1.0.0", "Sets how many seconds a key has left.", "O(1)");

pub(super) const PEXPIRE: Row = Row::write("PEXPIRE", Generic, AtLeast(3))
    .keys(UPDATED_KEY)
    .fast()
    .args(&[KEY, Arg::integer("milliseconds"), CONDITION])
    .doc("2.6.0", "Sets how many milliseconds a key has left.", "O(1)");

pub(super) const EXPIREAT: Row = Row::write("EXPIREAT", Generic, AtLeast(3))
    .keys(UPDATED_KEY)
    .fast()
    .args(&[KEY, Arg::unix_time("unix-time-seconds"), CONDITION])
    .doc("1.2.0", "Sets the Unix time in seconds at which a key expires.", "O(1)");

pub(super) const PEXPIREAT: Row = Row::write("PEXPIREAT", Generic, AtLeast(3))
    .keys(UPDATED_KEY)
    .fast()
    .args(&[KEY, Arg::unix_time("unix-time-milliseconds"), CONDITION])
    .doc("2.6.0", "Sets the Unix time in milliseconds at which a key expires.", "O(1)");

pub(super) const EXPIRETIME: Row = Row::read("EXPIRETIME", Generic, Exactly(2))
    .keys(READ_KEY)
    .fast()
    .args(&[KEY])
    .doc("7.0.0", "Returns the Unix time in seconds at which a key expires.", "O(1)");

pub(super) const PEXPIRETIME: Row = Row::read("PEXPIRETIME", Generic, Exactly(2))
    .keys(READ_KEY)
    .fast()
    .args(&[KEY])
    .doc("7.0.0", "Returns the Unix time in milliseconds at which a key expires.", "O(1)");

pub(super) const TTL: Row = Row::read("TTL", Generic, Exactly(2))
    .keys(READ_KEY)
    .fast()
    .tips(VARYING)
    .args(&[KEY])
    .doc("1.0.0", "Returns how many seconds a key has left.", "O(1)");

pub(super) const PTTL: Row = Row::read("PTTL", Generic, Exactly(2))
    .keys(READ_KEY)
    .fast()
    .tips(VARYING)
    .args(&[KEY])
    .doc("2.6.0", "Returns how many milliseconds a key has left.", "O(1)");

pub(super) const PERSIST: Row = Row::write("PERSIST", Generic, Exactly(2))
    .keys(UPDATED_KEY)
    .fast()
    .args(&[KEY])
    .doc("2.2.0", "Removes the expiry of a key.", "O(1)");

pub(super) const TYPE: Row = Row::read("TYPE", Generic, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY])
    .doc("1.0.0", "Returns the type of the value of a key.", "O(1)");

pub(super) const RENAME: Row = Row::write("RENAME", Generic, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::REPLACE)])
    .args(&[KEY, Arg::key("newkey", 1)])
    .doc("1.0.0", "Renames a key and overwrites the destination.", "O(1)");

pub(super) const RENAMENX: Row = Row::write("RENAMENX", Generic, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::CREATE)])
    .fast()
    .args(&[KEY, Arg::key("newkey", 1)])
    .doc("1.0.0", "Renames a key if the destination does not exist.", "O(1)");

pub(super) const COPY: Row = Row::write("COPY", Generic, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ), KeySpec::at(2, KeyFlags::REPLACE)])
    .denyoom()
    .args(&[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::integer("destination-db").token("DB").optional(),
        Arg::word("replace", "REPLACE").optional(),
    ])
    .doc("6.2.0", "Copies the value of a key to another key.", "O(N) where N is the size of the value.");

pub(super) const MOVE: Row = Row::write("MOVE", Generic, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .fast()
    .args(&[KEY, Arg::integer("db")])
    .doc("1.0.0", "Moves a key to another numbered database.", "O(1)");

pub(super) const SCAN: Row = Row::read("SCAN", Generic, AtLeast(2))
    .route(Route::Cursor, Merge::Single)
    .tips(&["nondeterministic_output", "request_policy:special"])
    .args(&[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").since("6.0.0").optional(),
    ])
    .doc("2.8.0", "Walks over the keys, some at a time.", "O(1) for every call, O(N) for the whole walk.");

pub(super) const KEYS: Row = Row::read("KEYS", Generic, Exactly(2))
    .flags(Flags::DANGEROUS)
    .route(Route::AllShards, Merge::Concat)
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .args(&[Arg::pattern("pattern")])
    .doc("1.0.0", "Returns all keys that match a pattern.", "O(N) where N is the number of keys.");

pub(super) const RANDOMKEY: Row = Row::read("RANDOMKEY", Generic, Exactly(1))
    .route(Route::RandomShard, Merge::Single)
    .tips(&["request_policy:all_shards", "nondeterministic_output"])
    .doc("1.0.0", "Returns a key drawn at random.", "O(1)");

pub(super) const OBJECT: Row = Row::container("OBJECT", Generic).doc(
    "2.2.3",
    "Holds commands that look into values.",
    "Depends on subcommand.",
);

pub(super) const OBJECT_HELP: Row = Row::local("OBJECT|HELP", Generic, Exactly(2)).flags(Flags::ANYTIME).doc(
    "6.2.0",
    "Lists the subcommands of OBJECT.",
    "O(1)",
);

pub(super) const OBJECT_ENCODING: Row = Row::read("OBJECT|ENCODING", Generic, Exactly(3))
    .keys(OBJECT_KEY)
    .tips(VARYING)
    .args(&[KEY])
    .doc("2.2.3", "Returns how a value is stored.", "O(1)");

pub(super) const OBJECT_REFCOUNT: Row = Row::read("OBJECT|REFCOUNT", Generic, Exactly(3))
    .keys(OBJECT_KEY)
    .tips(VARYING)
    .args(&[KEY])
    .doc("2.2.3", "Returns how many references a value has.", "O(1)");

pub(super) const OBJECT_IDLETIME: Row = Row::read("OBJECT|IDLETIME", Generic, Exactly(3))
    .keys(OBJECT_KEY)
    .tips(VARYING)
    .args(&[KEY])
    .doc("2.2.3", "Returns for how many seconds a key was not used.", "O(1)");

pub(super) const OBJECT_FREQ: Row = Row::read("OBJECT|FREQ", Generic, Exactly(3))
    .keys(OBJECT_KEY)
    .tips(VARYING)
    .args(&[KEY])
    .doc("4.0.0", "Returns how often a key is used, on a logarithmic scale.", "O(1)");

pub(super) const DBSIZE: Row = Row::read("DBSIZE", Server, Exactly(1))
    .fast()
    .route(Route::AllShards, Merge::Sum)
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
    .doc("1.0.0", "Returns how many keys the numbered database has.", "O(1)");

pub(super) const FLUSHDB: Row = Row::write("FLUSHDB", Server, AtLeast(1))
    .flags(Flags::DANGEROUS)
    .route(Route::AllShards, Merge::AllOk)
    .tips(EVERYWHERE)
    .args(FLUSH_MODE)
    .doc("1.0.0", "Deletes all keys of the numbered database.", "O(N) where N is the number of keys in it.");

pub(super) const FLUSHALL: Row = Row::write("FLUSHALL", Server, AtLeast(1))
    .flags(Flags::DANGEROUS)
    .route(Route::AllShards, Merge::AllOk)
    .tips(EVERYWHERE)
    .args(FLUSH_MODE)
    .doc("1.0.0", "Deletes all keys of all numbered databases.", "O(N) where N is the number of keys.");

pub(super) const DUMP: Row =
    Row::read("DUMP", Generic, Exactly(2)).keys(READ_KEY).tips(VARYING).args(&[KEY]).doc(
        "2.6.0",
        "Returns the value of a key in the format of Redis' snapshots.",
        "O(N) where N is the size of the value.",
    );

pub(super) const RESTORE: Row = Row::write("RESTORE", Generic, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE)])
    .denyoom()
    .flags(Flags::DANGEROUS)
    .args(&[
        KEY,
        Arg::integer("ttl"),
        Arg::string("serialized-value"),
        Arg::word("replace", "REPLACE").since("3.0.0").optional(),
        Arg::word("absttl", "ABSTTL").since("5.0.0").optional(),
        Arg::integer("seconds").token("IDLETIME").since("5.0.0").optional(),
        Arg::integer("frequency").token("FREQ").since("5.0.0").optional(),
    ])
    .doc(
        "2.6.0",
        "Makes a key from what `DUMP` returned.",
        "O(N) where N is the size of the value, times log(N) for sorted sets.",
    );

/// The destination of STORE; the last one counts.
fn sort_destination(call: &[&[u8]]) -> KeyPositions {
    sort_options(call, &[b"STORE"]).into_iter().next_back().into_iter().collect()
}

/// The patterns of BY and GET that name keys.
fn sort_patterns(call: &[&[u8]]) -> KeyPositions {
    let names_keys = |at: &usize| call[*at].contains(&b'*');
    sort_options(call, &[b"BY", b"GET"]).into_iter().filter(names_keys).collect()
}

/// The positions behind keywords among the options of SORT.
fn sort_options(call: &[&[u8]], keywords: &[&[u8]]) -> KeyPositions {
    let mut found = KeyPositions::new();
    let mut at = 2;
    while at < call.len() {
        let is = |word: &[u8]| call[at].eq_ignore_ascii_case(word);
        if keywords.iter().any(|keyword| is(keyword)) && at + 1 < call.len() {
            found.push(at + 1);
        }
        at += if is(b"LIMIT") {
            3
        } else if is(b"BY") || is(b"GET") || is(b"STORE") {
            2
        } else {
            1
        };
    }
    found
}

const SORTED_KEY: KeySpec = KeySpec::at(1, KeyFlags::READ);
const PATTERN_KEYS: KeySpec = KeySpec::found_by(Find::Patterns(sort_patterns), KeyFlags::READ).notes(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key \
     we sort",
);
const STORE_KEY: KeySpec = KeySpec::found_by(Find::Custom(sort_destination), KeyFlags::REPLACE)
    .notes("For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array");
const SORT_CATEGORIES: Categories = Categories::SET.union(Categories::SORTEDSET).union(Categories::LIST);
const SORT_COST: &str = "O(N+M*log(M)) where N is the number of elements and M of those returned.";
const SORT_BY: Arg = Arg::key_pattern("pattern", 1).token("BY").optional();
const SORT_LIMIT: Arg =
    Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional();
const SORT_GET: Arg = Arg::key_pattern("pattern", 1).token("GET").optional().multiple().multiple_token();
const SORT_ORDER: Arg =
    Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional();
const SORT_ALPHA: Arg = Arg::word("sorting", "ALPHA").optional();

pub(super) const SORT: Row = Row::write("SORT", Generic, AtLeast(2))
    .keys(&[SORTED_KEY, PATTERN_KEYS, STORE_KEY])
    .denyoom()
    .flags(Flags::DANGEROUS.union(Flags::MOVABLE_KEYS))
    .family(SORT_CATEGORIES)
    .args(&[
        KEY,
        SORT_BY,
        SORT_LIMIT,
        SORT_GET,
        SORT_ORDER,
        SORT_ALPHA,
        Arg::key("destination", 2).token("STORE").optional(),
    ])
    .doc("1.0.0", "Sorts the elements of a list, set or sorted set, and may store them.", SORT_COST);

pub(super) const SORT_RO: Row = Row::read("SORT_RO", Generic, AtLeast(2))
    .keys(&[SORTED_KEY, PATTERN_KEYS])
    .flags(Flags::DANGEROUS.union(Flags::MOVABLE_KEYS))
    .family(SORT_CATEGORIES)
    .args(&[KEY, SORT_BY, SORT_LIMIT, SORT_GET, SORT_ORDER, SORT_ALPHA])
    .doc("7.0.0", "Sorts the elements of a list, set or sorted set.", SORT_COST);
