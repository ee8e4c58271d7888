//! Rows of the stream commands.

use crate::{
    Arity::{AtLeast, Exactly},
    Begin, CommandSpec as Row, Find, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::Stream,
};

const KEY: Arg = Arg::key("key", 0);
const GROUP: Arg = Arg::string("group");
const GROUP_NAME: Arg = Arg::string("groupname");
const CONSUMER_NAME: Arg = Arg::string("consumername");
const IDS: Arg = Arg::string("id").multiple();
const COUNT: Arg = Arg::integer("count").token("COUNT").optional();
const GROUP_ID: Arg = Arg::one_of("id", &[Arg::string("id"), Arg::word("new_id", "$")]);
const ENTRIES_READ: Arg = Arg::integer("entries_read").token("ENTRIESREAD").optional();
const BLOCK: Arg = Arg::integer("milliseconds").token("BLOCK").optional();
const STREAMS: Arg =
    Arg::block("streams", &[Arg::key("key", 0).multiple(), Arg::string("id").multiple()]).token("STREAMS");
const TRIM: Arg = Arg::block(
    "trim",
    &[
        Arg::one_of("strategy", &[Arg::word("maxlen", "MAXLEN"), Arg::word("minid", "MINID").since("6.2.0")]),
        Arg::one_of("operator", &[Arg::word("equal", "="), Arg::word("approximately", "~")]).optional(),
        Arg::string("threshold"),
        Arg::integer("count").token("LIMIT").since("6.2.0").optional(),
    ],
);
/// What becomes of references to entries that go.
const REFERENCES: Arg = Arg::one_of(
    "condition",
    &[Arg::word("keepref", "KEEPREF"), Arg::word("delref", "DELREF"), Arg::word("acked", "ACKED")],
)
.optional();
const COUNTED_IDS: Arg = Arg::block("ids", &[Arg::integer("numids"), IDS]).token("IDS");

const READ_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ)];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::UPDATES)];
const SHORTENED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))];
const GROUP_ADDS_KEY: &[KeySpec] = &[KeySpec::at(2, KeyFlags::ADDS)];
const GROUP_TAKES_KEY: &[KeySpec] = &[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::DELETE))];
const INFO_KEY: &[KeySpec] = &[KeySpec::at(2, KeyFlags::READ)];
const VARYING: &[&str] = &["nondeterministic_output"];

/// Keys behind STREAMS, as many as ids behind them.
const fn streams(from: i16) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword("STREAMS", from),
        find: Find::Range { last: -1, step: 1, limit: 2 },
        flags: KeyFlags::READ,
        narrow: None,
        notes: "",
    }
}

// KEEPREF, DELREF and ACKED (8.2) are understood by XADD and XTRIM too.
pub(super) const XADD: Row = Row::write("XADD", Stream, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)
        .notes("UPDATE instead of INSERT because of the optional trimming feature")])
    .denyoom()
    .fast()
    .tips(VARYING)
    .args(&[
        KEY,
        Arg::word("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
        TRIM.optional(),
        Arg::one_of("id_or_auto", &[Arg::word("auto_id", "*"), Arg::string("id")]),
        Arg::block("field_value", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ])
    .doc(
        "5.0.0",
        "Adds an entry to a stream, which is made if it does not exist.",
        "O(1); O(N) when trimming, where N is the number of entries that go.",
    );

pub(super) const XTRIM: Row =
    Row::write("XTRIM", Stream, AtLeast(4)).keys(SHORTENED_KEY).tips(VARYING).args(&[KEY, TRIM]).doc(
        "5.0.0",
        "Removes the oldest entries of a stream.",
        "O(N) where N is the number of entries that go.",
    );

pub(super) const XLEN: Row = Row::read("XLEN", Stream, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[KEY])
    .doc("5.0.0", "Returns the number of entries of a stream.", "O(1)");

pub(super) const XRANGE: Row = Row::read("XRANGE", Stream, AtLeast(4))
    .keys(READ_KEY)
    .args(&[KEY, Arg::string("start"), Arg::string("end"), COUNT])
    .doc(
        "5.0.0",
        "Returns the entries of a range of ids.",
        "O(N) where N is the number of entries returned.",
    );

pub(super) const XREVRANGE: Row = Row::read("XREVRANGE", Stream, AtLeast(4))
    .keys(READ_KEY)
    .args(&[KEY, Arg::string("end"), Arg::string("start"), COUNT])
    .doc(
        "5.0.0",
        "Returns the entries of a range of ids, the last first.",
        "O(N) where N is the number of entries returned.",
    );

pub(super) const XREAD: Row = Row::read("XREAD", Stream, AtLeast(4))
    .keys(&[streams(1)])
    .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
    .args(&[COUNT, BLOCK, STREAMS])
    .doc(
        "5.0.0",
        "Returns entries of several streams behind given ids, and waits for some if it is told to.",
        "O(N) where N is the number of entries returned.",
    );

pub(super) const XREADGROUP: Row = Row::write("XREADGROUP", Stream, AtLeast(7))
    .keys(&[streams(4)])
    .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
    .args(&[
        Arg::block("group_consumer", &[GROUP, Arg::string("consumer")]).token("GROUP"),
        COUNT,
        BLOCK,
        Arg::word("noack", "NOACK").optional(),
        STREAMS,
    ])
    .doc(
        "5.0.0",
        "Gives a consumer of a group new entries, or those again that it has not acknowledged.",
        "O(N log P) where N is the number of entries returned and P how many are not acknowledged.",
    );

pub(super) const XACK: Row =
    Row::write("XACK", Stream, AtLeast(4)).keys(UPDATED_KEY).fast().args(&[KEY, GROUP, IDS]).doc(
        "5.0.0",
        "Acknowledges entries and returns how many were waiting for it.",
        "O(log P) for each id, where P is the number of entries not acknowledged.",
    );

pub(super) const XACKDEL: Row = Row::write("XACKDEL", Stream, AtLeast(6))
    .keys(SHORTENED_KEY)
    .fast()
    .args(&[KEY, GROUP, REFERENCES, COUNTED_IDS])
    .doc(
        "8.2.0",
        "Acknowledges entries and deletes them, as far as other groups allow.",
        "O(log P) for each id and group, where P is the number of entries not acknowledged.",
    );

pub(super) const XPENDING: Row = Row::read("XPENDING", Stream, AtLeast(3))
    .keys(READ_KEY)
    .tips(VARYING)
    .args(&[
        KEY,
        GROUP,
        Arg::block(
            "filters",
            &[
                Arg::integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                Arg::string("start"),
                Arg::string("end"),
                Arg::integer("count"),
                Arg::string("consumer").optional(),
            ],
        )
        .optional(),
    ])
    .doc(
        "5.0.0",
        "Tells which entries of a group are not acknowledged.",
        "O(N) where N is the number of entries returned, or of consumers, or with IDLE of entries looked at.",
    );

pub(super) const XCLAIM: Row = Row::write("XCLAIM", Stream, AtLeast(6))
    .keys(UPDATED_KEY)
    .fast()
    .tips(VARYING)
    .args(&[
        KEY,
        GROUP,
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        IDS,
        Arg::integer("ms").token("IDLE").optional(),
        Arg::unix_time("unix-time-milliseconds").token("TIME").optional(),
        Arg::integer("count").token("RETRYCOUNT").optional(),
        Arg::word("force", "FORCE").optional(),
        Arg::word("justid", "JUSTID").optional(),
        Arg::string("id").token("LASTID").optional(),
    ])
    .doc(
        "5.0.0",
        "Gives entries that are not acknowledged to another consumer.",
        "O(log P) for each id, where P is the number of entries not acknowledged.",
    );

pub(super) const XAUTOCLAIM: Row = Row::write("XAUTOCLAIM", Stream, AtLeast(6))
    .keys(SHORTENED_KEY)
    .fast()
    .tips(VARYING)
    .args(&[
        KEY,
        GROUP,
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("start"),
        COUNT,
        Arg::word("justid", "JUSTID").optional(),
    ])
    .doc(
        "6.2.0",
        "Gives a consumer the entries that have waited long for an acknowledgement.",
        "O(N log P) where N is ten times COUNT at most and P the number of entries not acknowledged.",
    );

pub(super) const XDEL: Row = Row::write("XDEL", Stream, AtLeast(3))
    .keys(SHORTENED_KEY)
    .fast()
    .args(&[KEY, IDS])
    .doc("5.0.0", "Deletes entries and returns how many there were.", "O(log N) for each id.");

pub(super) const XDELEX: Row = Row::write("XDELEX", Stream, AtLeast(5))
    .keys(SHORTENED_KEY)
    .fast()
    .args(&[KEY, REFERENCES, COUNTED_IDS])
    .doc(
        "8.2.0",
        "Deletes entries, as far as groups allow, and tells what became of each.",
        "O(log N) for each id, and for each group unless references are kept.",
    );

pub(super) const XSETID: Row = Row::write("XSETID", Stream, AtLeast(3))
    .keys(UPDATED_KEY)
    .denyoom()
    .fast()
    .args(&[
        KEY,
        Arg::string("last-id"),
        Arg::integer("entries_added").token("ENTRIESADDED").since("7.0.0").optional(),
        Arg::string("max_deleted_entry_id").token("MAXDELETEDID").since("7.0.0").optional(),
    ])
    .doc("5.0.0", "Sets the last id that a stream has given.", "O(1)");

pub(super) const XGROUP: Row = Row::container("XGROUP", Stream).doc(
    "5.0.0",
    "Holds commands about groups of consumers.",
    "Depends on subcommand.",
);

pub(super) const XGROUP_CREATE: Row = Row::write("XGROUP|CREATE", Stream, AtLeast(5))
    .keys(GROUP_ADDS_KEY)
    .denyoom()
    .args(&[KEY, GROUP_NAME, GROUP_ID, Arg::word("mkstream", "MKSTREAM").optional(), ENTRIES_READ])
    .doc("5.0.0", "Makes a group.", "O(1)");

pub(super) const XGROUP_SETID: Row = Row::write("XGROUP|SETID", Stream, AtLeast(5))
    .keys(&[KeySpec::at(2, KeyFlags::UPDATES)])
    .args(&[KEY, GROUP_NAME, GROUP_ID, ENTRIES_READ])
    .doc("5.0.0", "Sets the last id that was delivered to a group.", "O(1)");

pub(super) const XGROUP_DESTROY: Row = Row::write("XGROUP|DESTROY", Stream, Exactly(4))
    .keys(GROUP_TAKES_KEY)
    .args(&[KEY, GROUP_NAME])
    .doc("5.0.0", "Removes a group.", "O(N) where N is the number of entries not acknowledged.");

pub(super) const XGROUP_CREATECONSUMER: Row = Row::write("XGROUP|CREATECONSUMER", Stream, Exactly(5))
    .keys(GROUP_ADDS_KEY)
    .denyoom()
    .args(&[KEY, GROUP_NAME, CONSUMER_NAME])
    .doc("6.2.0", "Makes a consumer in a group.", "O(1)");

pub(super) const XGROUP_DELCONSUMER: Row = Row::write("XGROUP|DELCONSUMER", Stream, Exactly(5))
    .keys(GROUP_TAKES_KEY)
    .args(&[KEY, GROUP_NAME, CONSUMER_NAME])
    .doc(
        "5.0.0",
        "Removes a consumer from a group.",
        "O(N) where N is how many entries it has not acknowledged.",
    );

pub(super) const XGROUP_HELP: Row = Row::local("XGROUP|HELP", Stream, Exactly(2)).flags(Flags::ANYTIME).doc(
    "5.0.0",
    "Lists the subcommands of XGROUP.",
    "O(1)",
);

pub(super) const XINFO: Row = Row::container("XINFO", Stream).doc(
    "5.0.0",
    "Holds commands that look into streams.",
    "Depends on subcommand.",
);

pub(super) const XINFO_STREAM: Row = Row::read("XINFO|STREAM", Stream, AtLeast(3))
    .keys(INFO_KEY)
    .args(&[KEY, Arg::block("full", &[COUNT]).token("FULL").optional()])
    .doc("5.0.0", "Tells of a stream; with FULL also of its entries and groups.", "O(1)");

pub(super) const XINFO_GROUPS: Row = Row::read("XINFO|GROUPS", Stream, Exactly(3))
    .keys(INFO_KEY)
    .args(&[KEY])
    .doc("5.0.0", "Tells of the groups of a stream.", "O(N) where N is the number of groups.");

pub(super) const XINFO_CONSUMERS: Row = Row::read("XINFO|CONSUMERS", Stream, Exactly(4))
    .keys(INFO_KEY)
    .tips(VARYING)
    .args(&[KEY, GROUP_NAME])
    .doc("5.0.0", "Tells of the consumers of a group.", "O(N) where N is the number of consumers.");

pub(super) const XINFO_HELP: Row = Row::local("XINFO|HELP", Stream, Exactly(2)).flags(Flags::ANYTIME).doc(
    "5.0.0",
    "Lists the subcommands of XINFO.",
    "O(1)",
);
