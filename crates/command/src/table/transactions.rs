//! Rows of transactions and of blocked clients: what clients call, and what proxies then send to shards.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, Merge, Route,
    doc::Arg,
    spec::Group::Server,
};

pub(super) const SWAPDB: Row = Row::write("SWAPDB", Server, Exactly(3))
    .fast()
    .flags(Flags::DANGEROUS)
    .family(Categories::KEYSPACE)
    .route(Route::AllShards, Merge::AllOk)
    .args(&[Arg::integer("index1"), Arg::integer("index2")])
    .doc(
        "4.0.0",
        "Exchanges the keys of two numbered databases.",
        "O(N) where N is the number of keys with an expiry.",
    );

/// Executes records in a row if nothing watched has changed: `conditions records`.
pub(super) const EXECUTE_ALL: Row = Row::internal("EXECUTE-ALL", Exactly(3));

/// Begins to note changes of keys: `key...`. Answers the version from which on they are noted.
pub(super) const WATCH_KEYS: Row = Row::internal("WATCH-KEYS", AtLeast(2));

/// Ends what WATCH-KEYS began: `key...`.
pub(super) const UNWATCH_KEYS: Row = Row::internal("UNWATCH-KEYS", AtLeast(2));

/// Ends a client's waiting: `session sequence reason`. Answers what the client is to get.
pub(super) const CANCEL_WAITER: Row = Row::internal("CANCEL-WAITER", Exactly(4));

/// Says that the proxy is still there for its waiting clients, and which late replies have arrived:
/// `waiters arrived`.
pub(super) const RENEW_WAITERS: Row = Row::internal("RENEW-WAITERS", Exactly(3));
