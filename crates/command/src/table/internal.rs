//! Rows of commands that the cluster sends itself. No client can call or see them.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, Merge, Route,
    spec::Group::Server,
};

pub(super) const SETTING: Row = Row::write("SETTING", Server, Exactly(3))
    .flags(Flags::INTERNAL)
    .route(Route::AllShards, Merge::AllOk)
    .doc("7.0.0", "Changes a replicated setting.", "O(1)");

pub(super) const SETTINGS: Row = Row::read("SETTINGS", Server, Exactly(1))
    .flags(Flags::INTERNAL)
    .route(Route::AllShards, Merge::Concat)
    .doc("7.0.0", "Returns all replicated settings.", "O(1)");

/// Takes keys out for want of memory: `key...`. Leaders put it into entries; each replica takes out what it names.
pub(super) const EVICT: Row = Row::internal("EVICT", AtLeast(2));

/// Says that memory is full for the rest of the entry: commands that may need more are refused. From leaders.
pub(super) const MEMORY_FULL: Row = Row::internal("MEMORY-FULL", Exactly(1));
