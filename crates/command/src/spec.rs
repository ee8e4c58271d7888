//! One row per command: the vocabulary of the table.

use bitflags::bitflags;

/// How many arguments a command takes, its name included (as Redis counts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Exactly so many.
    Exactly(u16),
    /// So many or more.
    AtLeast(u16),
}

impl Arity {
    /// Whether a call of `count` arguments (name included) fits.
    pub const fn admits(self, count: usize) -> bool {
        match self {
            Arity::Exactly(wanted) => count == wanted as usize,
            Arity::AtLeast(wanted) => count >= wanted as usize,
        }
    }

    /// As in `COMMAND`: negative for "at least".
    pub const fn redis(self) -> i64 {
        match self {
            Arity::Exactly(count) => count as i64,
            Arity::AtLeast(count) => -(count as i64),
        }
    }
}

/// Whether the command may change data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Never changes data: may be answered by a leader under its lease.
    Read,
    /// May change data: goes through the log.
    Write,
    /// Touches no keyspace.
    Neither,
}

/// What a command does with a key, as in Redis' key specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAccess {
    /// `RO access`.
    Read,
    /// `RW` with the old value used (`RW access update`).
    Update,
    /// `RW insert`: adds without looking at the old value.
    Insert,
    /// `RW delete`.
    Delete,
    /// `OW`: overwrites whatever was there.
    Overwrite,
}

/// Where the keys of a command stand. Positions count from 0 at the command's name.
#[derive(Clone, Copy, Debug)]
pub enum KeySpec {
    /// A single key.
    At(u16, KeyAccess),
    /// Every `step`-th argument from `first` up to the one `last_from_end` before the end (1 = the last).
    Range { first: u16, last_from_end: u16, step: u16, access: KeyAccess },
    /// A count at `count_at`, then so many keys.
    Counted { count_at: u16, access: KeyAccess },
    /// One key (or the first half of the rest, for `STREAMS`) after a keyword searched from `start`.
    After { keyword: &'static str, start: u16, access: KeyAccess },
    /// Found by a function: the positions of the keys in the whole call.
    Custom(fn(&[&[u8]]) -> Vec<usize>, KeyAccess),
}

/// Where a command is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// On the one shard that owns all its keys.
    Keys,
    /// Cut into one call per shard, each with its share of the keys (MGET, MSET, DEL).
    SplitKeys,
    /// On every shard of the database.
    AllShards,
    /// On the shard that its cursor names (SCAN).
    Cursor,
    /// On one shard, drawn with weight by its number of keys (RANDOMKEY).
    RandomShard,
    /// In the process the client is connected to.
    Local,
}

/// How the answers of several shards become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// There is only one answer.
    Single,
    /// Integers are added.
    Sum,
    /// `+OK` if all say so, otherwise the first error.
    AllOk,
    /// Arrays are put together in the order of the keys in the call (MGET).
    ByKey,
    /// Arrays are appended (KEYS).
    Concat,
}

bitflags! {
    /// Properties of a command that are not derived from elsewhere, as in Redis' `COMMAND` flags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// Constant or logarithmic time: category `@fast` instead of `@slow`.
        const FAST = 1 << 0;
        /// Refused when memory is full.
        const DENYOOM = 1 << 1;
        /// For administrators.
        const ADMIN = 1 << 2;
        /// May block the client.
        const BLOCKING = 1 << 3;
        /// Not in scripts.
        const NOSCRIPT = 1 << 4;
        /// Permitted before AUTH.
        const NO_AUTH = 1 << 5;
        /// Permitted while data is loaded.
        const LOADING = 1 << 6;
        /// Permitted on a stale replica.
        const STALE = 1 << 7;
        /// Not shown by MONITOR.
        const SKIP_MONITOR = 1 << 8;
        /// Not shown in SLOWLOG.
        const SKIP_SLOWLOG = 1 << 9;
        /// Publishes or subscribes.
        const PUBSUB = 1 << 10;
        /// Not inside MULTI.
        const NO_MULTI = 1 << 11;
        /// Keys can only be found by a function.
        const MOVABLE_KEYS = 1 << 12;
        /// Dangerous: category `@dangerous` although not `ADMIN`.
        const DANGEROUS = 1 << 13;
        /// May be replicated though it only reads.
        const MAY_REPLICATE = 1 << 14;
        /// Touches arbitrary keys (SORT BY): category `@read` with every key.
        const ALL_KEYS = 1 << 15;
        /// Only a container of subcommands.
        const CONTAINER = 1 << 16;
        /// Result differs from call to call (`nondeterministic_output` tip).
        const RANDOM_OUTPUT = 1 << 17;
        /// Order of the result differs (`nondeterministic_output_order` tip).
        const RANDOM_ORDER = 1 << 18;
        /// May be run although busy with a script.
        const ALLOW_BUSY = 1 << 19;
        /// Not run asynchronously from a module's cluster; kept for `COMMAND`.
        const NO_ASYNC_LOADING = 1 << 20;
    }
}


/// The family a command belongs to, as in Redis' documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Generic,
    String,
    Bitmap,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
    Geo,
    HyperLogLog,
    Json,
    PubSub,
    Transactions,
    Scripting,
    Connection,
    Server,
    Cluster,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// Upper case; a subcommand as `CLIENT|ID`.
    pub name: &'static str,
    pub group: Group,
    pub arity: Arity,
    pub access: Access,
    pub flags: Flags,
    pub keys: &'static [KeySpec],
    pub route: Route,
    pub merge: Merge,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// One sentence, ours.
    pub summary: &'static str,
    /// Order of growth, as in `O(N)`, with what N is.
    pub complexity: &'static str,
}
