//! Rows of scripts and functions.
//!
//! Scripts that may write go through the log, as whatever they call would. So does the first call of a script that only
//! reads: it becomes known on the way.

use crate::{
    Access::{Neither, Read, Write},
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec, Merge, Route,
    doc::Arg,
    spec::Group::Scripting,
};

const NOTES: &str = "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE";
const NOTES_RO: &str = "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS";
const KEYS: &[KeySpec] = &[KeySpec::counted(2, KeyFlags::READ_UPDATE).notes(NOTES)];
const KEYS_RO: &[KeySpec] = &[KeySpec::counted(2, KeyFlags::READ).notes(NOTES_RO)];
const KEYS_UNNOTED: &[KeySpec] = &[KeySpec::counted(2, KeyFlags::READ_UPDATE)];
const KEYS_RO_UNNOTED: &[KeySpec] = &[KeySpec::counted(2, KeyFlags::READ)];
const RUNS: Flags =
    Flags::STALE.union(Flags::SKIP_MONITOR).union(Flags::NO_MANDATORY_KEYS).union(Flags::MOVABLE_KEYS);
const COST: &str = "Depends on the script that is executed.";
const COST_FUNCTION: &str = "Depends on the function that is executed.";
const SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

const BY_TEXT: &[Arg] = &[
    Arg::string("script"),
    Arg::integer("numkeys"),
    Arg::key("key", 0).optional().multiple(),
    Arg::string("arg").optional().multiple(),
];
const BY_SHA: &[Arg] = &[
    Arg::string("sha1"),
    Arg::integer("numkeys"),
    Arg::key("key", 0).optional().multiple(),
    Arg::string("arg").optional().multiple(),
];
const BY_NAME: &[Arg] = &[
    Arg::string("function"),
    Arg::integer("numkeys"),
    Arg::key("key", 0).optional().multiple(),
    Arg::string("arg").optional().multiple(),
];
const FLUSH_TYPE: &[Arg] =
    &[Arg::one_of("async", &[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")]).optional()];

const FLUSH_MODE: &[Arg] = &[FLUSH_TYPE[0].since("6.2.0")];

const fn runs(name: &'static str) -> Row {
    Row::scripting(name, AtLeast(3), Neither)
        .flags(RUNS.union(Flags::LOGGED))
        .keys(KEYS)
        .route(Route::Script, Merge::Single)
}

const fn runs_ro(name: &'static str) -> Row {
    Row::scripting(name, AtLeast(3), Read).flags(RUNS).keys(KEYS_RO).route(Route::Script, Merge::Single)
}

pub(super) const EVAL: Row = runs("EVAL").args(BY_TEXT).doc("2.6.0", "Executes a script.", COST);

pub(super) const EVALSHA: Row = runs("EVALSHA").keys(KEYS_UNNOTED).args(BY_SHA).doc(
    "2.6.0",
    "Executes a known script by its SHA-1.",
    COST,
);

pub(super) const EVAL_RO: Row =
    runs_ro("EVAL_RO").args(BY_TEXT).doc("7.0.0", "Executes a script that does not write.", COST);

pub(super) const EVALSHA_RO: Row = runs_ro("EVALSHA_RO").keys(KEYS_RO_UNNOTED).args(BY_SHA).doc(
    "7.0.0",
    "Executes a known script that does not write by its SHA-1.",
    COST,
);

pub(super) const FCALL: Row = runs("FCALL").args(BY_NAME).doc("7.0.0", "Executes a function.", COST_FUNCTION);

pub(super) const FCALL_RO: Row =
    runs_ro("FCALL_RO").args(BY_NAME).doc("7.0.0", "Executes a function that does not write.", COST_FUNCTION);

pub(super) const SCRIPT: Row = Row::container("SCRIPT", Scripting).doc(
    "2.6.0",
    "Holds commands about scripts.",
    "Depends on subcommand.",
);

pub(super) const SCRIPT_LOAD: Row = Row::scripting("SCRIPT|LOAD", Exactly(3), Neither)
    .flags(Flags::LOGGED.union(Flags::STALE))
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::string("script")])
    .doc("2.6.0", "Makes a script known and returns its SHA-1.", "O(N) where N is the length of the script.");

pub(super) const SCRIPT_EXISTS: Row = Row::scripting("SCRIPT|EXISTS", AtLeast(3), Neither)
    .route(Route::AllShards, Merge::Either)
    .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
    .args(&[Arg::string("sha1").multiple()])
    .doc("2.6.0", "Tells which scripts are known.", "O(N) where N is the number of scripts asked for.");

pub(super) const SCRIPT_FLUSH: Row = Row::scripting("SCRIPT|FLUSH", AtLeast(2), Neither)
    .flags(Flags::LOGGED)
    .route(Route::AllShards, Merge::AllOk)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(FLUSH_MODE)
    .doc("2.6.0", "Forgets all scripts.", "O(N) where N is the number of scripts.");

pub(super) const SCRIPT_KILL: Row = Row::scripting("SCRIPT|KILL", Exactly(2), Neither)
    .flags(Flags::ALLOW_BUSY)
    .route(Route::AllShards, Merge::AnyOk)
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .doc("2.6.0", "Ends the scripts that run without writing.", "O(1)");

pub(super) const SCRIPT_DEBUG: Row = Row::local("SCRIPT|DEBUG", Scripting, Exactly(3))
    .flags(Flags::NOSCRIPT)
    .args(&[Arg::one_of(
        "mode",
        &[Arg::word("yes", "YES"), Arg::word("sync", "SYNC"), Arg::word("no", "NO")],
    )])
    .doc("3.2.0", "Sets the debugger's mode, which can only be NO.", "O(1)");

pub(super) const SCRIPT_HELP: Row = Row::local("SCRIPT|HELP", Scripting, Exactly(2))
    .flags(Flags::ANYTIME)
    .doc("5.0.0", "Lists the subcommands of SCRIPT.", "O(1)");

/// For a shard that misses a script: whether it was loaded, and its text, by its SHA-1.
pub(super) const SCRIPT_TEXT: Row = Row::scripting("SCRIPT-TEXT", Exactly(2), Read)
    .flags(Flags::INTERNAL)
    .doc("7.0.0", "Returns the text of a script by its SHA-1.", "O(1)");

/// What SCRIPT-TEXT of another shard said: `loaded text`.
pub(super) const SCRIPT_LEARN: Row = Row::internal("SCRIPT-LEARN", Exactly(3));

pub(super) const FUNCTION: Row = Row::container("FUNCTION", Scripting).doc(
    "7.0.0",
    "Holds commands about functions.",
    "Depends on subcommand.",
);

pub(super) const FUNCTION_LOAD: Row = Row::scripting("FUNCTION|LOAD", AtLeast(3), Write)
    .denyoom()
    .tips(SHARDS)
    .args(&[Arg::word("replace", "REPLACE").optional(), Arg::string("function-code")])
    .doc("7.0.0", "Creates a library.", "O(1) besides running the library's code.");

pub(super) const FUNCTION_LIST: Row = Row::scripting("FUNCTION|LIST", AtLeast(2), Neither)
    .route(Route::FirstShard, Merge::Single)
    .tips(&["nondeterministic_output_order"])
    .args(&[
        Arg::string("library-name-pattern").token("LIBRARYNAME").optional(),
        Arg::word("withcode", "WITHCODE").optional(),
    ])
    .doc("7.0.0", "Returns all libraries.", "O(N) where N is the number of functions.");

pub(super) const FUNCTION_DELETE: Row = Row::scripting("FUNCTION|DELETE", Exactly(3), Write)
    .route(Route::AllShards, Merge::AllOk)
    .tips(SHARDS)
    .args(&[Arg::string("library-name")])
    .doc("7.0.0", "Deletes a library and its functions.", "O(1)");

pub(super) const FUNCTION_FLUSH: Row = Row::scripting("FUNCTION|FLUSH", AtLeast(2), Write)
    .route(Route::AllShards, Merge::AllOk)
    .tips(SHARDS)
    .args(FLUSH_TYPE)
    .doc("7.0.0", "Deletes all libraries.", "O(N) where N is the number of functions.");

pub(super) const FUNCTION_DUMP: Row = Row::scripting("FUNCTION|DUMP", Exactly(2), Neither)
    .route(Route::FirstShard, Merge::Single)
    .doc("7.0.0", "Returns all libraries as one payload.", "O(N) where N is the number of functions.");

pub(super) const FUNCTION_RESTORE: Row = Row::scripting("FUNCTION|RESTORE", AtLeast(3), Write)
    .denyoom()
    .route(Route::AllShards, Merge::AllOk)
    .tips(SHARDS)
    .args(&[
        Arg::string("serialized-value"),
        Arg::one_of(
            "policy",
            &[Arg::word("flush", "FLUSH"), Arg::word("append", "APPEND"), Arg::word("replace", "REPLACE")],
        )
        .optional(),
    ])
    .doc("7.0.0", "Creates libraries from a payload.", "O(N) where N is the number of functions.");

pub(super) const FUNCTION_STATS: Row = Row::scripting("FUNCTION|STATS", Exactly(2), Neither)
    .flags(Flags::ALLOW_BUSY)
    .route(Route::FirstShard, Merge::Single)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .doc("7.0.0", "Tells which function runs and how many there are.", "O(1)");

pub(super) const FUNCTION_KILL: Row = Row::scripting("FUNCTION|KILL", Exactly(2), Neither)
    .flags(Flags::ALLOW_BUSY)
    .route(Route::AllShards, Merge::AnyOk)
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .doc("7.0.0", "Ends the functions that run without writing.", "O(1)");

pub(super) const FUNCTION_HELP: Row = Row::local("FUNCTION|HELP", Scripting, Exactly(2))
    .flags(Flags::ANYTIME)
    .doc("7.0.0", "Lists the subcommands of FUNCTION.", "O(1)");
