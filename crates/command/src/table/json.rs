//! Rows of the JSON commands: those of RedisJSON, whose versions they tell.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec, Merge, Route,
    doc::Arg,
    spec::Group::Json,
};

const KEY: Arg = Arg::key("key", 0);
const PATH: Arg = Arg::string("path");
const SOME_PATH: Arg = Arg::string("path").optional();
const VALUE: Arg = Arg::string("value");
const READ_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ)];
const LOOKED_AT_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::LOOK)];
const CHANGED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ_UPDATE)];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::UPDATES)];
const REMOVED_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::REMOVE)];
const TAKEN_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::TAKE)];

const COST: &str = "O(N) where N is the size of what the path selects.";
const SIZE: &str = "O(N) where N is the number of values that the path selects.";

pub(super) const SET: Row = Row::write("JSON.SET", Json, AtLeast(4))
    .keys(UPDATED_KEY)
    .denyoom()
    .args(&[
        KEY,
        PATH,
        VALUE,
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional(),
    ])
    .doc(
        "1.0.0",
        "Sets the JSON value at a path.",
        "O(M+N) where M is the size of the old values and N of the new one.",
    );

pub(super) const GET: Row = Row::read("JSON.GET", Json, AtLeast(2))
    .keys(READ_KEY)
    .args(&[
        KEY,
        Arg::string("indent").token("INDENT").optional(),
        Arg::string("newline").token("NEWLINE").optional(),
        Arg::string("space").token("SPACE").optional(),
        SOME_PATH.multiple(),
    ])
    .doc("1.0.0", "Returns the values at one or more paths as JSON.", COST);

pub(super) const MGET: Row = Row::read("JSON.MGET", Json, AtLeast(3))
    .keys(&[KeySpec::all_but_last(1, KeyFlags::READ)])
    .route(Route::SplitKeys, Merge::ByKey)
    .args(&[KEY.multiple(), PATH])
    .doc(
        "1.0.0",
        "Returns the values at a path of several keys.",
        "O(M*N) where M is the number of keys and N the size of the values.",
    );

pub(super) const MSET: Row = Row::write("JSON.MSET", Json, AtLeast(4))
    .keys(&[KeySpec::rest(1, 3, KeyFlags::UPDATES)])
    .denyoom()
    .args(&[Arg::block("triplet", &[KEY, PATH, VALUE]).multiple()])
    .doc(
        "2.6.0",
        "Sets values at paths of several keys, all or none.",
        "O(K*(M+N)) where K is the number of keys, M the size of the old values and N of the new ones.",
    );

pub(super) const MERGE: Row =
    Row::write("JSON.MERGE", Json, AtLeast(4)).keys(UPDATED_KEY).denyoom().args(&[KEY, PATH, VALUE]).doc(
        "2.6.0",
        "Merges a JSON value into the values at a path, as RFC 7396 says.",
        "O(M+N) where M is the size of the old values and N of the new one.",
    );

pub(super) const DEL: Row = Row::write("JSON.DEL", Json, AtLeast(2))
    .keys(REMOVED_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Deletes the values at a path.", COST);

pub(super) const FORGET: Row = Row::write("JSON.FORGET", Json, AtLeast(2))
    .keys(REMOVED_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Deletes the values at a path.", COST);

pub(super) const TYPE: Row = Row::read("JSON.TYPE", Json, AtLeast(2))
    .keys(LOOKED_AT_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns the types of the values at a path.", SIZE);

pub(super) const CLEAR: Row = Row::write("JSON.CLEAR", Json, AtLeast(2))
    .keys(UPDATED_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("2.0.0", "Empties the arrays and objects at a path and sets its numbers to 0.", COST);

pub(super) const TOGGLE: Row = Row::write("JSON.TOGGLE", Json, AtLeast(3))
    .keys(CHANGED_KEY)
    .args(&[KEY, PATH])
    .doc("2.0.0", "Makes each boolean at a path its opposite.", SIZE);

pub(super) const RESP: Row = Row::read("JSON.RESP", Json, AtLeast(2))
    .keys(READ_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns the values at a path as RESP.", COST);

const ARITHMETIC: &[Arg] = &[KEY, PATH, Arg::double("value")];

const fn arithmetic(name: &'static str, since: &'static str, summary: &'static str) -> Row {
    Row::write(name, Json, AtLeast(4)).keys(CHANGED_KEY).args(ARITHMETIC).doc(since, summary, SIZE)
}

pub(super) const NUMINCRBY: Row = arithmetic("JSON.NUMINCRBY", "1.0.0", "Adds to the numbers at a path.");
pub(super) const NUMMULTBY: Row = arithmetic("JSON.NUMMULTBY", "1.0.0", "Multiplies the numbers at a path.");
pub(super) const NUMPOWBY: Row =
    arithmetic("JSON.NUMPOWBY", "2.0.0", "Raises the numbers at a path to a power.");

pub(super) const STRAPPEND: Row = Row::write("JSON.STRAPPEND", Json, AtLeast(3))
    .keys(CHANGED_KEY)
    .denyoom()
    .args(&[KEY, SOME_PATH, VALUE])
    .doc("1.0.0", "Appends to the strings at a path.", SIZE);

pub(super) const STRLEN: Row = Row::read("JSON.STRLEN", Json, AtLeast(2))
    .keys(LOOKED_AT_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns the lengths of the strings at a path.", SIZE);

pub(super) const OBJKEYS: Row = Row::read("JSON.OBJKEYS", Json, AtLeast(2))
    .keys(READ_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns the names in the objects at a path.", COST);

pub(super) const OBJLEN: Row = Row::read("JSON.OBJLEN", Json, AtLeast(2))
    .keys(LOOKED_AT_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns how many members the objects at a path have.", SIZE);

pub(super) const ARRAPPEND: Row = Row::write("JSON.ARRAPPEND", Json, AtLeast(4))
    .keys(CHANGED_KEY)
    .denyoom()
    .args(&[KEY, PATH, VALUE.multiple()])
    .doc("1.0.0", "Appends values to the arrays at a path.", SIZE);

pub(super) const ARRINDEX: Row = Row::read("JSON.ARRINDEX", Json, AtLeast(4))
    .keys(READ_KEY)
    .args(&[
        KEY,
        PATH,
        VALUE,
        Arg::block("range", &[Arg::integer("start"), Arg::integer("stop").optional()]).optional(),
    ])
    .doc("1.0.0", "Returns where a value first stands in the arrays at a path.", COST);

pub(super) const ARRINSERT: Row = Row::write("JSON.ARRINSERT", Json, AtLeast(5))
    .keys(CHANGED_KEY)
    .denyoom()
    .args(&[KEY, PATH, Arg::integer("index"), VALUE.multiple()])
    .doc("1.0.0", "Puts values into the arrays at a path, before an index.", COST);

pub(super) const ARRLEN: Row = Row::read("JSON.ARRLEN", Json, AtLeast(2))
    .keys(LOOKED_AT_KEY)
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns the lengths of the arrays at a path.", SIZE);

pub(super) const ARRPOP: Row = Row::write("JSON.ARRPOP", Json, AtLeast(2))
    .keys(TAKEN_KEY)
    .args(&[KEY, Arg::block("path", &[PATH, Arg::integer("index").optional()]).optional()])
    .doc("1.0.0", "Takes an element out of the arrays at a path and returns it.", COST);

pub(super) const ARRTRIM: Row = Row::write("JSON.ARRTRIM", Json, Exactly(5))
    .keys(CHANGED_KEY)
    .args(&[KEY, PATH, Arg::integer("start"), Arg::integer("stop")])
    .doc("1.0.0", "Keeps only a range of the arrays at a path.", COST);

pub(super) const DEBUG: Row = Row::container("JSON.DEBUG", Json).doc(
    "1.0.0",
    "A container for commands about JSON values.",
    "Depends on the subcommand.",
);

pub(super) const DEBUG_MEMORY: Row = Row::read("JSON.DEBUG|MEMORY", Json, AtLeast(3))
    .keys(&[KeySpec::at(2, KeyFlags::LOOK)])
    .args(&[KEY, SOME_PATH])
    .doc("1.0.0", "Returns how much memory the values at a path take.", COST);

pub(super) const DEBUG_HELP: Row = Row::local("JSON.DEBUG|HELP", Json, Exactly(2)).flags(Flags::ANYTIME).doc(
    "1.0.0",
    "Returns a list of the subcommands.",
    "O(1)",
);
