//! Rows of the sorted set commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::SortedSet,
};

pub(super) const ZADD: Row = Row::write("ZADD", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .fast()
    .args(&[
        Arg::key("key", 0),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).since("3.0.2").optional(),
        Arg::one_of("comparison", &[Arg::word("gt", "GT"), Arg::word("lt", "LT")]).since("6.2.0").optional(),
        Arg::word("change", "CH").since("3.0.2").optional(),
        Arg::word("increment", "INCR").since("3.0.2").optional(),
        Arg::block("score_member", &[Arg::double("score"), Arg::string("member")]).multiple(),
    ])
    .doc(
        "1.2.0",
        "Adds members to a sorted set or changes their scores.",
        "O(log(N)) for each member, where N is the size of the sorted set.",
    );

pub(super) const ZINCRBY: Row = Row::write("ZINCRBY", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::integer("increment"), Arg::string("member")])
    .doc(
        "1.2.0",
        "Adds to the score of a member of a sorted set.",
        "O(log(N)) where N is the size of the sorted set.",
    );

pub(super) const ZREM: Row = Row::write("ZREM", SortedSet, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("member").multiple()])
    .doc(
        "1.2.0",
        "Removes members from a sorted set.",
        "O(M*log(N)) where M is the number of members and N the size of the sorted set.",
    );

pub(super) const ZCARD: Row = Row::read("ZCARD", SortedSet, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[Arg::key("key", 0)])
    .doc("1.2.0", "Returns how many members a sorted set has.", "O(1)");

pub(super) const ZCOUNT: Row = Row::read("ZCOUNT", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::double("min"), Arg::double("max")])
    .doc(
        "2.0.0",
        "Counts the members of a sorted set whose scores are in a range.",
        "O(log(N)) where N is the size of the sorted set.",
    );

pub(super) const ZLEXCOUNT: Row = Row::read("ZLEXCOUNT", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("min"), Arg::string("max")])
    .doc(
        "2.8.9",
        "Counts the members of a sorted set that are in a lexicographical range.",
        "O(log(N)) where N is the size of the sorted set.",
    );

pub(super) const ZSCORE: Row = Row::read("ZSCORE", SortedSet, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("member")])
    .doc("1.2.0", "Returns the score of a member of a sorted set.", "O(1)");

pub(super) const ZMSCORE: Row = Row::read("ZMSCORE", SortedSet, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("member").multiple()])
    .doc(
        "6.2.0",
        "Returns the scores of members of a sorted set.",
        "O(N) where N is the number of members asked for.",
    );

pub(super) const ZRANK: Row = Row::read("ZRANK", SortedSet, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::word("withscore", "WITHSCORE").since("7.2.0").optional(),
    ])
    .doc(
        "2.0.0",
        "Returns the position of a member of a sorted set, lowest score first.",
        "O(log(N)) where N is the size of the sorted set.",
    );

pub(super) const ZREVRANK: Row = Row::read("ZREVRANK", SortedSet, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .fast()
    .args(&[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::word("withscore", "WITHSCORE").since("7.2.0").optional(),
    ])
    .doc(
        "2.0.0",
        "Returns the position of a member of a sorted set, highest score first.",
        "O(log(N)) where N is the size of the sorted set.",
    );

pub(super) const ZRANGE: Row = Row::read("ZRANGE", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::string("start"),
        Arg::string("stop"),
        Arg::one_of("sortby", &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")])
            .since("6.2.0")
            .optional(),
        Arg::word("rev", "REV").since("6.2.0").optional(),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .since("6.2.0")
            .optional(),
        Arg::word("withscores", "WITHSCORES").optional(),
    ])
    .doc(
        "1.2.0",
        "Returns a range of a sorted set, by position, score or member.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZRANGESTORE: Row = Row::write("ZRANGESTORE", SortedSet, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::at(2, KeyFlags::READ)])
    .denyoom()
    .args(&[
        Arg::key("dst", 0),
        Arg::key("src", 1),
        Arg::string("min"),
        Arg::string("max"),
        Arg::one_of("sortby", &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")]).optional(),
        Arg::word("rev", "REV").optional(),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .doc(
        "6.2.0",
        "Stores a range of a sorted set as a sorted set.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members stored.",
    );

pub(super) const ZRANGEBYSCORE: Row = Row::read("ZRANGEBYSCORE", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::double("min"),
        Arg::double("max"),
        Arg::word("withscores", "WITHSCORES").since("2.0.0").optional(),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
    .doc(
        "1.0.5",
        "Returns the members of a sorted set whose scores are in a range.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZREVRANGEBYSCORE: Row = Row::read("ZREVRANGEBYSCORE", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::double("max"),
        Arg::double("min"),
        Arg::word("withscores", "WITHSCORES").optional(),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
    .doc(
        "2.2.0",
        "Returns the members of a sorted set whose scores are in a range, highest first.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZRANGEBYLEX: Row = Row::read("ZRANGEBYLEX", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::string("min"),
        Arg::string("max"),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
    .doc(
        "2.8.9",
        "Returns the members of a sorted set that are in a lexicographical range.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZREVRANGEBYLEX: Row = Row::read("ZREVRANGEBYLEX", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::string("max"),
        Arg::string("min"),
        Arg::block("offset_count", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
    .doc(
        "2.8.9",
        "Returns the members of a sorted set that are in a lexicographical range, last first.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZREVRANGE: Row = Row::read("ZREVRANGE", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("stop"),
        Arg::word("withscores", "WITHSCORES").optional(),
    ])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
    .doc(
        "1.2.0",
        "Returns a range of a sorted set by position, highest score first.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZREMRANGEBYRANK: Row = Row::write("ZREMRANGEBYRANK", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .args(&[Arg::key("key", 0), Arg::integer("start"), Arg::integer("stop")])
    .doc(
        "2.0.0",
        "Removes the members of a sorted set that are in a range of positions.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members removed.",
    );

pub(super) const ZREMRANGEBYSCORE: Row = Row::write("ZREMRANGEBYSCORE", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .args(&[Arg::key("key", 0), Arg::double("min"), Arg::double("max")])
    .doc(
        "1.2.0",
        "Removes the members of a sorted set whose scores are in a range.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members removed.",
    );

pub(super) const ZREMRANGEBYLEX: Row = Row::write("ZREMRANGEBYLEX", SortedSet, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .args(&[Arg::key("key", 0), Arg::string("min"), Arg::string("max")])
    .doc(
        "2.8.9",
        "Removes the members of a sorted set that are in a lexicographical range.",
        "O(log(N)+M) where N is the size of the sorted set and M the number of members removed.",
    );

pub(super) const ZPOPMIN: Row = Row::write("ZPOPMIN", SortedSet, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::integer("count").optional()])
    .doc(
        "5.0.0",
        "Removes the members of lowest score from a sorted set and returns them.",
        "O(log(N)*M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZPOPMAX: Row = Row::write("ZPOPMAX", SortedSet, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::integer("count").optional()])
    .doc(
        "5.0.0",
        "Removes the members of highest score from a sorted set and returns them.",
        "O(log(N)*M) where N is the size of the sorted set and M the number of members returned.",
    );

pub(super) const ZMPOP: Row = Row::write("ZMPOP", SortedSet, AtLeast(4))
.keys(&[KeySpec::counted(1, KeyFlags::TAKE)]).flags(Flags::MOVABLE_KEYS)
.args(&[Arg::integer("numkeys"), Arg::key("key", 0).multiple(), Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]), Arg::integer("count").token("COUNT").optional()])
.doc("7.0.0", "Removes members of lowest or highest score from the first sorted set that is not empty and returns them.", "O(K)+O(M*log(N)) where K is the number of keys, N the size of the sorted set and M the number of members returned.");

pub(super) const BZPOPMIN: Row = Row::write("BZPOPMIN", SortedSet, AtLeast(3))
.keys(&[KeySpec::before_last(1, KeyFlags::TAKE)]).fast().flags(Flags::BLOCKING)
.args(&[Arg::key("key", 0).multiple(), Arg::double("timeout")])
.doc("5.0.0", "Removes the member of lowest score from the first sorted set that is not empty and returns it, or waits for one.", "O(log(N)) where N is the size of the sorted set.");

pub(super) const BZPOPMAX: Row = Row::write("BZPOPMAX", SortedSet, AtLeast(3))
.keys(&[KeySpec::before_last(1, KeyFlags::TAKE)]).fast().flags(Flags::BLOCKING)
.args(&[Arg::key("key", 0).multiple(), Arg::double("timeout")])
.doc("5.0.0", "Removes the member of highest score from the first sorted set that is not empty and returns it, or waits for one.", "O(log(N)) where N is the size of the sorted set.");

pub(super) const BZMPOP: Row = Row::write("BZMPOP", SortedSet, AtLeast(5))
.keys(&[KeySpec::counted(2, KeyFlags::TAKE)]).flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
.args(&[Arg::double("timeout"), Arg::integer("numkeys"), Arg::key("key", 0).multiple(), Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]), Arg::integer("count").token("COUNT").optional()])
.doc("7.0.0", "Removes members of lowest or highest score from the first sorted set that is not empty and returns them, or waits for some.", "O(K)+O(M*log(N)) where K is the number of keys, N the size of the sorted set and M the number of members returned.");

pub(super) const ZRANDMEMBER: Row = Row::read("ZRANDMEMBER", SortedSet, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::key("key", 0),
        Arg::block("options", &[Arg::integer("count"), Arg::word("withscores", "WITHSCORES").optional()])
            .optional(),
    ])
    .doc(
        "6.2.0",
        "Returns random members of a sorted set.",
        "O(M*log(N)) where M is the number of members returned and N the size of the sorted set.",
    );

pub(super) const ZSCAN: Row = Row::read("ZSCAN", SortedSet, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::key("key", 0),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .doc(
        "2.8.0",
        "Walks the members of a sorted set, a chunk at a time.",
        "O(1) for each chunk, O(N) for the walk, where N is the size of the sorted set.",
    );

pub(super) const ZUNION: Row = Row::read("ZUNION", SortedSet, AtLeast(3))
    .keys(&[KeySpec::counted(1, KeyFlags::READ)])
    .flags(Flags::MOVABLE_KEYS)
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::word("withscores", "WITHSCORES").optional(),
    ])
    .doc(
        "6.2.0",
        "Returns the union of sorted sets.",
        "O(N)+O(M*log(M)) where N is the sum of their sizes and M the size of the result.",
    );

pub(super) const ZINTER: Row = Row::read("ZINTER", SortedSet, AtLeast(3))
.keys(&[KeySpec::counted(1, KeyFlags::READ)]).flags(Flags::MOVABLE_KEYS)
.args(&[Arg::integer("numkeys"), Arg::key("key", 0).multiple(), Arg::integer("weight").token("WEIGHTS").optional().multiple(), Arg::one_of("aggregate", &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]).token("AGGREGATE").optional(), Arg::word("withscores", "WITHSCORES").optional()])
.doc("6.2.0", "Returns the intersection of sorted sets.", "O(N*K)+O(M*log(M)) where N is the size of the smallest, K their number and M the size of the result.");

pub(super) const ZDIFF: Row = Row::read("ZDIFF", SortedSet, AtLeast(3))
.keys(&[KeySpec::counted(1, KeyFlags::READ)]).flags(Flags::MOVABLE_KEYS)
.args(&[Arg::integer("numkeys"), Arg::key("key", 0).multiple(), Arg::word("withscores", "WITHSCORES").optional()])
.doc("6.2.0", "Returns the members of a sorted set that are in none of the others.", "O(L+(N-K)log(N)) where L is the sum of their sizes, N the size of the first and K the size of the result.");

pub(super) const ZINTERCARD: Row = Row::read("ZINTERCARD", SortedSet, AtLeast(3))
    .keys(&[KeySpec::counted(1, KeyFlags::READ)])
    .flags(Flags::MOVABLE_KEYS)
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ])
    .doc(
        "7.0.0",
        "Counts the members of the intersection of sorted sets.",
        "O(N*K) where N is the size of the smallest and K their number.",
    );

pub(super) const ZUNIONSTORE: Row = Row::write("ZUNIONSTORE", SortedSet, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::counted(2, KeyFlags::READ)])
    .denyoom()
    .flags(Flags::MOVABLE_KEYS)
    .args(&[
        Arg::key("destination", 0),
        Arg::integer("numkeys"),
        Arg::key("key", 1).multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")],
        )
        .token("AGGREGATE")
        .optional(),
    ])
    .doc(
        "2.0.0",
        "Stores the union of sorted sets.",
        "O(N)+O(M*log(M)) where N is the sum of their sizes and M the size of the result.",
    );

pub(super) const ZINTERSTORE: Row = Row::write("ZINTERSTORE", SortedSet, AtLeast(4))
.keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::counted(2, KeyFlags::READ)]).denyoom().flags(Flags::MOVABLE_KEYS)
.args(&[Arg::key("destination", 0), Arg::integer("numkeys"), Arg::key("key", 1).multiple(), Arg::integer("weight").token("WEIGHTS").optional().multiple(), Arg::one_of("aggregate", &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")]).token("AGGREGATE").optional()])
.doc("2.0.0", "Stores the intersection of sorted sets.", "O(N*K)+O(M*log(M)) where N is the size of the smallest, K their number and M the size of the result.");

pub(super) const ZDIFFSTORE: Row = Row::write("ZDIFFSTORE", SortedSet, AtLeast(4))
.keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::counted(2, KeyFlags::READ)]).denyoom().flags(Flags::MOVABLE_KEYS)
.args(&[Arg::key("destination", 0), Arg::integer("numkeys"), Arg::key("key", 1).multiple()])
.doc("6.2.0", "Stores the members of a sorted set that are in none of the others.", "O(L+(N-K)log(N)) where L is the sum of their sizes, N the size of the first and K the size of the result.");
