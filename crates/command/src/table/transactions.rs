//! Rows of transactions and of blocked clients: what clients call, and what proxies then send to shards.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, KeyFlags, KeySpec, Merge, Route,
    doc::Arg,
    spec::Group::{Server, Transactions},
};

/// What MULTI and its like share.
const ANYTIME: Flags = Flags::ANYTIME.union(Flags::NOSCRIPT).union(Flags::ALLOW_BUSY);

pub(super) const MULTI: Row = Row::local("MULTI", Transactions, Exactly(1)).flags(ANYTIME).fast().doc(
    "1.2.0",
    "Begins a transaction.",
    "O(1)",
);

pub(super) const EXEC: Row = Row::local("EXEC", Transactions, Exactly(1))
    .flags(Flags::ANYTIME.union(Flags::NOSCRIPT).union(Flags::SKIP_SLOWLOG))
    .doc("1.2.0", "Executes the commands of the transaction.", "Depends on commands in the transaction.");

pub(super) const DISCARD: Row = Row::local("DISCARD", Transactions, Exactly(1)).flags(ANYTIME).fast().doc(
    "2.0.0",
    "Gives up the transaction.",
    "O(N) where N is the number of queued commands.",
);

pub(super) const UNWATCH: Row = Row::local("UNWATCH", Transactions, Exactly(1)).flags(ANYTIME).fast().doc(
    "2.2.0",
    "Forgets the watched keys.",
    "O(1)",
);

pub(super) const WATCH: Row = Row::local("WATCH", Transactions, AtLeast(2))
    .flags(ANYTIME)
    .fast()
    .keys(&[KeySpec::rest(1, 1, KeyFlags::LOOK)])
    .args(&[Arg::key("key", 0).multiple()])
    .doc("2.2.0", "Lets EXEC fail if one of the keys changes before it.", "O(1) for every key.");

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
