//! Rows of commands that the cluster sends itself. No client can call or see them.

use crate::{Arity::Exactly, CommandSpec as Row, Flags, Merge, Route, spec::Group::Server};

pub(super) const SETTING: Row = Row::write("SETTING", Server, Exactly(3))
    .flags(Flags::INTERNAL)
    .route(Route::AllShards, Merge::AllOk)
    .doc("7.0.0", "Changes a replicated setting.", "O(1)");

pub(super) const SETTINGS: Row = Row::read("SETTINGS", Server, Exactly(1))
    .flags(Flags::INTERNAL)
    .route(Route::AllShards, Merge::Concat)
    .doc("7.0.0", "Returns all replicated settings.", "O(1)");
