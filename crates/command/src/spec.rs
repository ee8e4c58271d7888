//! One row per command: the vocabulary of the table.
//!
//! A row is built by `const fn`s, so that a row that cannot be is no build. What can be computed from a row (ACL
//! categories, Redis' legacy key positions, `COMMAND`'s flags) is computed and never typed.

use bitflags::bitflags;

use crate::{
    Categories, KeySpec,
    doc::{Arg, Docs},
};

/// How many arguments a command takes, its name (and subcommand) included, as Redis counts.
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

/// Where a command is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// On the one shard that owns all its keys.
    Keys,
    /// Cut into one call per shard, each with its share of the keys (MGET, MSET, DEL).
    SplitKeys,
    /// On the one shard that owns all its keys (any if it has none), which is told which slots it has: a script may
    /// reach for keys that the call does not name.
    Script,
    /// On one shard of the database, the same for everybody: for what all shards have alike.
    FirstShard,
    /// On every shard of the database.
    AllShards,
    /// On the shard that its cursor names (SCAN).
    Cursor,
    /// On the shard of the slot that its first argument names.
    Slot,
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
    /// The first answer that is no error, if there is one (SCRIPT KILL).
    AnyOk,
    /// Arrays of 0 and 1: 1 where any has it (SCRIPT EXISTS).
    Either,
}

/// Which arguments of a command are channels that a user must be permitted to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// None.
    None,
    /// The first (PUBLISH).
    First,
    /// All (SUBSCRIBE).
    All,
    /// All, and they are patterns (PSUBSCRIBE).
    Patterns,
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
        /// Keys can only be found by looking at arguments.
        const MOVABLE_KEYS = 1 << 12;
        /// Category `@dangerous` although not `ADMIN`.
        const DANGEROUS = 1 << 13;
        /// May be replicated though it only reads.
        const MAY_REPLICATE = 1 << 14;
        /// Has subcommands, each with its own row.
        const CONTAINER = 1 << 15;
        /// May be run while a script is busy.
        const ALLOW_BUSY = 1 << 16;
        /// Not while a replica loads data in the background.
        const NO_ASYNC_LOADING = 1 << 17;
        /// May be called without any key (EVAL).
        const NO_MANDATORY_KEYS = 1 << 18;
        /// Sent before a command for a slot that is being imported.
        const ASKING = 1 << 19;
        /// The cluster's own: no client can call it or see it.
        const INTERNAL = 1 << 20;
        /// Goes through the log although Redis does not call it a write (EVAL).
        const LOGGED = 1 << 21;
    }
}

impl Flags {
    /// What most administrative and connection commands share.
    pub const ANYTIME: Flags = Flags::LOADING.union(Flags::STALE);
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

impl Group {
    /// As `COMMAND DOCS` prints it.
    pub const fn redis(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Stream => "stream",
            Group::Geo => "geo",
            Group::HyperLogLog => "hyperloglog",
            Group::Json => "json",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Scripting => "scripting",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
        }
    }
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
    pub channels: Channels,
    pub route: Route,
    pub merge: Merge,
    /// Categories that replace the one its group gives.
    pub family: Option<Categories>,
    /// Hints for clients, as in `COMMAND INFO`.
    pub tips: &'static [&'static str],
    /// What `COMMAND DOCS` tells.
    pub docs: Docs,
}

impl CommandSpec {
    const fn new(
        name: &'static str,
        group: Group,
        arity: Arity,
        access: Access,
        route: Route,
    ) -> CommandSpec {
        CommandSpec {
            name,
            group,
            arity,
            access,
            flags: Flags::empty(),
            keys: &[],
            channels: Channels::None,
            route,
            merge: Merge::Single,
            family: None,
            tips: &[],
            docs: Docs::EMPTY,
        }
    }

    /// A command of the keyspace that changes nothing.
    pub const fn read(name: &'static str, group: Group, arity: Arity) -> CommandSpec {
        CommandSpec::new(name, group, arity, Access::Read, Route::Keys)
    }

    /// A command of the keyspace that may change data.
    pub const fn write(name: &'static str, group: Group, arity: Arity) -> CommandSpec {
        CommandSpec::new(name, group, arity, Access::Write, Route::Keys)
    }

    /// A command that proxies send to shards and clients cannot call.
    pub const fn internal(name: &'static str, arity: Arity) -> CommandSpec {
        CommandSpec::new(name, Group::Server, arity, Access::Write, Route::Keys)
            .flags(Flags::INTERNAL)
            .family(Categories::empty())
    }

    /// A command that the process answers to which the client is connected.
    pub const fn local(name: &'static str, group: Group, arity: Arity) -> CommandSpec {
        CommandSpec::new(name, group, arity, Access::Neither, Route::Local)
    }

    /// A command about scripts that shards execute.
    pub const fn scripting(name: &'static str, arity: Arity, access: Access) -> CommandSpec {
        CommandSpec::new(name, Group::Scripting, arity, access, Route::AllShards).flags(Flags::NOSCRIPT)
    }

    /// The name before the `|` of subcommands; nothing by itself.
    pub const fn container(name: &'static str, group: Group) -> CommandSpec {
        CommandSpec::local(name, group, Arity::AtLeast(2)).flags(Flags::CONTAINER).family(Categories::empty())
    }

    /// Where its keys stand.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> CommandSpec {
        self.keys = keys;
        self
    }

    /// Which of its arguments are channels.
    pub const fn channels(mut self, channels: Channels) -> CommandSpec {
        self.channels = channels;
        self
    }

    /// Adds flags.
    pub const fn flags(mut self, flags: Flags) -> CommandSpec {
        self.flags = self.flags.union(flags);
        self
    }

    /// Only reads, although the process answers itself.
    pub const fn reads(mut self) -> CommandSpec {
        self.access = Access::Read;
        self
    }

    /// Constant or logarithmic time.
    pub const fn fast(self) -> CommandSpec {
        self.flags(Flags::FAST)
    }

    /// Refused when memory is full.
    pub const fn denyoom(self) -> CommandSpec {
        self.flags(Flags::DENYOOM)
    }

    /// Where it runs and how several answers become one.
    pub const fn route(mut self, route: Route, merge: Merge) -> CommandSpec {
        self.route = route;
        self.merge = merge;
        self
    }

    /// Replaces the ACL category that the group gives.
    pub const fn family(mut self, family: Categories) -> CommandSpec {
        self.family = Some(family);
        self
    }

    /// Hints for clients.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> CommandSpec {
        self.tips = tips;
        self
    }

    /// The version of Redis that brought it, one sentence on what it does, and its order of growth.
    pub const fn doc(
        mut self,
        since: &'static str,
        summary: &'static str,
        complexity: &'static str,
    ) -> CommandSpec {
        self.docs.since = since;
        self.docs.summary = summary;
        self.docs.complexity = complexity;
        self
    }

    /// The grammar of its arguments.
    pub const fn args(mut self, args: &'static [Arg]) -> CommandSpec {
        self.docs.args = args;
        self
    }

    /// For internal use; `COMMAND DOCS` says so.
    pub const fn system(mut self) -> CommandSpec {
        self.docs.system = true;
        self
    }

    /// Deprecated since a version of Redis, and what replaces it.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> CommandSpec {
        self.docs.deprecated = Some((since, replaced_by));
        self
    }

    /// Whether it may change data and so goes through the log.
    pub const fn is_write(&self) -> bool {
        matches!(self.access, Access::Write) || self.flags.contains(Flags::LOGGED)
    }

    /// Whether it has subcommands (and may or may not be called without).
    pub const fn is_container(&self) -> bool {
        self.flags.contains(Flags::CONTAINER)
    }

    /// Whether only proxies may send it.
    pub const fn is_internal(&self) -> bool {
        self.flags.contains(Flags::INTERNAL)
    }

    /// Whether this call may wait for another client's command. `call` is the whole call, name first.
    ///
    /// Of the streams' commands only those with `BLOCK` do; that option stands before the keys.
    pub fn may_block(&self, call: &[&[u8]]) -> bool {
        let option = |word: &str| call.iter().position(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        self.flags.contains(Flags::BLOCKING)
            && (!matches!(self.group, Group::Stream)
                || option("BLOCK")
                    .is_some_and(|block| option("STREAMS").is_none_or(|streams| block < streams)))
    }

    /// The container's name for a subcommand.
    pub fn parent(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(parent, _)| parent)
    }

    /// All of its ACL categories, as Redis computes them.
    pub fn acl_categories(&self) -> Categories {
        Categories::of(self)
    }
}
