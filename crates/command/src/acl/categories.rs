//! ACL categories: computed from a row, never typed into it.

use bitflags::bitflags;

use crate::{Access, CommandSpec, Flags, Group};

bitflags! {
    /// The categories of `ACL CAT`. The order of the bits is the order in which Redis prints them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Categories: u32 {
        const KEYSPACE = 1 << 0;
        const READ = 1 << 1;
        const WRITE = 1 << 2;
        const SET = 1 << 3;
        const SORTEDSET = 1 << 4;
        const LIST = 1 << 5;
        const HASH = 1 << 6;
        const STRING = 1 << 7;
        const BITMAP = 1 << 8;
        const HYPERLOGLOG = 1 << 9;
        const GEO = 1 << 10;
        const STREAM = 1 << 11;
        const PUBSUB = 1 << 12;
        const ADMIN = 1 << 13;
        const FAST = 1 << 14;
        const SLOW = 1 << 15;
        const BLOCKING = 1 << 16;
        const DANGEROUS = 1 << 17;
        const CONNECTION = 1 << 18;
        const TRANSACTION = 1 << 19;
        const SCRIPTING = 1 << 20;
        const JSON = 1 << 21;
    }
}

/// Names without `@`, in the order of the bits.
const NAMES: [(Categories, &str); 22] = [
    (Categories::KEYSPACE, "keyspace"),
    (Categories::READ, "read"),
    (Categories::WRITE, "write"),
    (Categories::SET, "set"),
    (Categories::SORTEDSET, "sortedset"),
    (Categories::LIST, "list"),
    (Categories::HASH, "hash"),
    (Categories::STRING, "string"),
    (Categories::BITMAP, "bitmap"),
    (Categories::HYPERLOGLOG, "hyperloglog"),
    (Categories::GEO, "geo"),
    (Categories::STREAM, "stream"),
    (Categories::PUBSUB, "pubsub"),
    (Categories::ADMIN, "admin"),
    (Categories::FAST, "fast"),
    (Categories::SLOW, "slow"),
    (Categories::BLOCKING, "blocking"),
    (Categories::DANGEROUS, "dangerous"),
    (Categories::CONNECTION, "connection"),
    (Categories::TRANSACTION, "transaction"),
    (Categories::SCRIPTING, "scripting"),
    (Categories::JSON, "json"),
];

impl Categories {
    /// The category of that name (without `@`, any case).
    pub fn named(name: &[u8]) -> Option<Categories> {
        let same = |(_, known): &&(Categories, &str)| known.as_bytes().eq_ignore_ascii_case(name);
        NAMES.iter().find(same).map(|(category, _)| *category)
    }

    /// The names without `@`, in Redis' order.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        NAMES.iter().filter(move |(category, _)| self.contains(*category)).map(|(_, name)| *name)
    }

    /// Those of a command: by its group, access and flags.
    pub(crate) fn of(spec: &CommandSpec) -> Categories {
        let mut all = spec.family.unwrap_or_else(|| Categories::of_group(spec.group, spec.access));
        all |= match spec.access {
            Access::Read if !all.contains(Categories::SCRIPTING) => Categories::READ,
            Access::Write => Categories::WRITE,
            Access::Read | Access::Neither => Categories::empty(),
        };
        let by_flag = [
            (Flags::ADMIN, Categories::ADMIN | Categories::DANGEROUS),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::BLOCKING, Categories::BLOCKING),
            (Flags::DANGEROUS, Categories::DANGEROUS),
        ];
        for (flag, categories) in by_flag {
            if spec.flags.contains(flag) {
                all |= categories;
            }
        }
        all | if spec.flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW }
    }

    fn of_group(group: Group, access: Access) -> Categories {
        match group {
            Group::Generic => Categories::KEYSPACE,
            Group::String => Categories::STRING,
            Group::Bitmap => Categories::BITMAP,
            Group::List => Categories::LIST,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTEDSET,
            Group::Hash => Categories::HASH,
            Group::Stream => Categories::STREAM,
            Group::Geo => Categories::GEO,
            Group::HyperLogLog => Categories::HYPERLOGLOG,
            Group::Json => Categories::JSON,
            Group::PubSub => Categories::PUBSUB,
            Group::Transactions => Categories::TRANSACTION,
            Group::Scripting => Categories::SCRIPTING,
            Group::Connection => Categories::CONNECTION,
            // DBSIZE and FLUSHDB stand among the server's commands, but work on the keyspace.
            Group::Server if access != Access::Neither => Categories::KEYSPACE,
            Group::Server | Group::Cluster => Categories::empty(),
        }
    }
}
