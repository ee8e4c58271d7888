//! Rows of the commands of administrators. Some of them do nothing here but say what does.

use crate::{
    Arity::{AtLeast, Exactly},
    Categories, CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::{Generic, Server},
};

const ADMIN: Flags = Flags::ADMIN.union(Flags::NOSCRIPT);
const SAVES: Flags = ADMIN.union(Flags::NO_ASYNC_LOADING);
const USERS: Flags = Flags::NOSCRIPT.union(Flags::ANYTIME);

pub(super) const LOLWUT: Row = Row::local("LOLWUT", Server, AtLeast(1))
    .fast()
    .reads()
    .family(Categories::READ)
    .args(&[Arg::integer("version").token("VERSION").optional()])
    .doc("5.0.0", "Draws something.", "O(1)");

pub(super) const ROLE: Row = Row::local("ROLE", Server, Exactly(1))
    .flags(Flags::NOSCRIPT.union(Flags::ANYTIME).union(Flags::FAST).union(Flags::DANGEROUS))
    .family(Categories::ADMIN)
    .doc(
        "2.8.12",
        "Returns the role in replication: of one endpoint for all, always the one that is written to.",
        "O(1)",
    );

pub(super) const SAVE: Row = Row::local("SAVE", Server, Exactly(1)).flags(SAVES.union(Flags::NO_MULTI)).doc(
    "1.0.0",
    "Makes the data durable, which it always is.",
    "O(1)",
);

pub(super) const BGSAVE: Row = Row::local("BGSAVE", Server, AtLeast(1))
    .flags(SAVES)
    .args(&[Arg::word("schedule", "SCHEDULE").since("3.2.2").optional()])
    .doc("1.0.0", "Makes the data durable, which it always is.", "O(1)");

pub(super) const LASTSAVE: Row = Row::local("LASTSAVE", Server, Exactly(1))
    .flags(Flags::ANYTIME.union(Flags::FAST).union(Flags::DANGEROUS))
    .family(Categories::ADMIN)
    .tips(&["nondeterministic_output"])
    .doc("1.0.0", "Returns when the data was durable last: now.", "O(1)");

pub(super) const BGREWRITEAOF: Row = Row::local("BGREWRITEAOF", Server, Exactly(1)).flags(SAVES).doc(
    "1.0.0",
    "Shortens the log, which happens by itself.",
    "O(1)",
);

pub(super) const SHUTDOWN: Row = Row::local("SHUTDOWN", Server, AtLeast(1))
    .flags(ADMIN.union(Flags::ANYTIME).union(Flags::NO_MULTI).union(Flags::ALLOW_BUSY))
    .args(&[
        Arg::one_of("nosave_save", &[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")]).optional(),
        Arg::word("now", "NOW").since("7.0.0").optional(),
        Arg::word("force", "FORCE").since("7.0.0").optional(),
        Arg::word("abort", "ABORT").since("7.0.0").optional(),
    ])
    .doc("1.0.0", "Says how a process is stopped.", "O(1)");

/// What `REPLICAOF` and its old name take.
const MASTER: &[Arg] = &[Arg::one_of(
    "args",
    &[
        Arg::block("host-port", &[Arg::string("host"), Arg::integer("port")]),
        Arg::block("no-one", &[Arg::word("no", "NO"), Arg::word("one", "ONE")]),
    ],
)];

pub(super) const REPLICAOF: Row = Row::local("REPLICAOF", Server, Exactly(3))
    .flags(SAVES.union(Flags::STALE))
    .args(MASTER)
    .doc("5.0.0", "Says how replicas are placed.", "O(1)");

pub(super) const SLAVEOF: Row = Row::local("SLAVEOF", Server, Exactly(3))
    .flags(SAVES.union(Flags::STALE))
    .args(MASTER)
    .deprecated("5.0.0", "`REPLICAOF`")
    .doc("1.0.0", "Says how replicas are placed.", "O(1)");

pub(super) const FAILOVER: Row = Row::local("FAILOVER", Server, AtLeast(1))
    .flags(ADMIN.union(Flags::STALE))
    .args(&[
        Arg::block(
            "target",
            &[Arg::string("host"), Arg::integer("port"), Arg::word("force", "FORCE").optional()],
        )
        .token("TO")
        .optional(),
        Arg::word("abort", "ABORT").optional(),
        Arg::integer("milliseconds").token("TIMEOUT").optional(),
    ])
    .doc("6.2.0", "Says how leaders are moved.", "O(1)");

pub(super) const MODULE: Row =
    Row::container("MODULE", Server).doc("4.0.0", "Holds commands about modules.", "Depends on subcommand.");

pub(super) const MODULE_LIST: Row = Row::local("MODULE|LIST", Server, Exactly(2))
    .flags(ADMIN)
    .tips(&["nondeterministic_output_order"])
    .doc("4.0.0", "Returns the modules, of which there are none.", "O(1)");

pub(super) const MODULE_LOAD: Row = Row::local("MODULE|LOAD", Server, AtLeast(3))
    .flags(SAVES)
    .args(&[Arg::string("path"), Arg::string("arg").optional().multiple()])
    .doc("4.0.0", "Says that there are no modules.", "O(1)");

pub(super) const MODULE_LOADEX: Row = Row::local("MODULE|LOADEX", Server, AtLeast(3))
    .flags(SAVES)
    .args(&[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple()
            .multiple_token(),
        Arg::block("args", &[Arg::string("arg")]).token("ARGS").optional().multiple(),
    ])
    .doc("7.0.0", "Says that there are no modules.", "O(1)");

pub(super) const SYNC: Row = Row::local("SYNC", Server, Exactly(1)).flags(SAVES.union(Flags::NO_MULTI)).doc(
    "1.0.0",
    "Says how replicas are placed.",
    "O(1)",
);

pub(super) const PSYNC: Row = Row::local("PSYNC", Server, AtLeast(3))
    .flags(SAVES.union(Flags::NO_MULTI))
    .args(&[Arg::string("replicationid"), Arg::integer("offset")])
    .doc("2.8.0", "Says how replicas are placed.", "O(1)");

pub(super) const REPLCONF: Row = Row::local("REPLCONF", Server, AtLeast(1))
    .flags(ADMIN.union(Flags::ANYTIME).union(Flags::ALLOW_BUSY))
    .system()
    .doc("3.0.0", "Says how replicas are placed.", "O(1)");

/// What `MIGRATE` and `RESTORE-ASKING` belong to.
const MOVES: Categories = Categories::KEYSPACE.union(Categories::WRITE).union(Categories::DANGEROUS);

pub(super) const MIGRATE: Row = Row::local("MIGRATE", Generic, AtLeast(6))
    .family(MOVES)
    .flags(Flags::MOVABLE_KEYS)
    .keys(&[
        KeySpec::at(3, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE)),
        KeySpec::all_after(
            "KEYS",
            -2,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE).union(KeyFlags::INCOMPLETE),
        ),
    ])
    .args(&[
        Arg::string("host"),
        Arg::integer("port"),
        Arg::string("key-or-empty-string"),
        Arg::integer("destination-db"),
        Arg::integer("timeout"),
        Arg::word("copy", "COPY").since("3.0.0").optional(),
        Arg::word("replace", "REPLACE").since("3.0.0").optional(),
        Arg::one_of(
            "authentication",
            &[
                Arg::string("password").token("AUTH").since("4.0.7"),
                Arg::block("username_password", &[Arg::string("username"), Arg::string("password")])
                    .token("AUTH2")
                    .since("6.0.0"),
            ],
        )
        .optional(),
        Arg::string("key").token("KEYS").since("3.0.6").optional().multiple(),
    ])
    .doc("2.6.0", "Says how keys get to another server.", "O(1)");

pub(super) const RESTORE_ASKING: Row = Row::local("RESTORE-ASKING", Server, AtLeast(4))
    .family(MOVES)
    .args(&[
        Arg::string("key"),
        Arg::integer("ttl"),
        Arg::string("serialized-value"),
        Arg::word("replace", "REPLACE").since("3.0.0").optional(),
        Arg::word("absttl", "ABSTTL").since("5.0.0").optional(),
        Arg::integer("seconds").token("IDLETIME").since("5.0.0").optional(),
        Arg::integer("frequency").token("FREQ").since("5.0.0").optional(),
    ])
    .doc("3.0.0", "Says how keys get to another server.", "O(1)");

pub(super) const MODULE_UNLOAD: Row = Row::local("MODULE|UNLOAD", Server, Exactly(3))
    .flags(SAVES)
    .args(&[Arg::string("name")])
    .doc("4.0.0", "Says that there are no modules.", "O(1)");

pub(super) const MODULE_HELP: Row = Row::local("MODULE|HELP", Server, Exactly(2)).flags(Flags::ANYTIME).doc(
    "5.0.0",
    "Lists the subcommands of MODULE.",
    "O(1)",
);

pub(super) const ACL: Row =
    Row::container("ACL", Server).doc("6.0.0", "Holds commands about users.", "Depends on subcommand.");

pub(super) const ACL_WHOAMI: Row = Row::local("ACL|WHOAMI", Server, Exactly(2))
    .flags(USERS)
    .family(Categories::empty())
    .doc("6.0.0", "Returns the connection's user.", "O(1)");

pub(super) const ACL_CAT: Row = Row::local("ACL|CAT", Server, AtLeast(2))
    .flags(USERS)
    .family(Categories::empty())
    .args(&[Arg::string("categoryname").optional()])
    .doc(
        "6.0.0",
        "Returns the categories of commands, or the commands of one.",
        "O(1) since the categories and commands are a fixed set.",
    );

pub(super) const ACL_USERS: Row = Row::local("ACL|USERS", Server, Exactly(2))
    .flags(USERS.union(Flags::ADMIN))
    .doc("6.0.0", "Returns the names of the users.", "O(N) where N is the number of users.");

pub(super) const ACL_HELP: Row = Row::local("ACL|HELP", Server, Exactly(2)).flags(Flags::ANYTIME).doc(
    "6.0.0",
    "Lists the subcommands of ACL.",
    "O(1)",
);

pub(super) const ACL_LIST: Row = Row::local("ACL|LIST", Server, Exactly(2))
    .flags(USERS.union(Flags::ADMIN))
    .doc("6.0.0", "Returns the users and what they may do.", "O(N) where N is the number of users.");

pub(super) const ACL_GETUSER: Row = Row::local("ACL|GETUSER", Server, Exactly(3))
    .flags(USERS.union(Flags::ADMIN))
    .args(&[Arg::string("username")])
    .doc("6.0.0", "Returns what a user may do.", "O(N) where N is the number of the user's rules.");

pub(super) const ACL_SETUSER: Row = Row::local("ACL|SETUSER", Server, AtLeast(3))
    .flags(USERS.union(Flags::ADMIN))
    .args(&[Arg::string("username"), Arg::string("rule").optional().multiple()])
    .doc("6.0.0", "Makes a user, or changes what it may do.", "O(1)");

pub(super) const ACL_DELUSER: Row = Row::local("ACL|DELUSER", Server, AtLeast(3))
    .flags(USERS.union(Flags::ADMIN))
    .args(&[Arg::string("username").multiple()])
    .doc("6.0.0", "Deletes users and closes their connections.", "O(1)");

pub(super) const ACL_DRYRUN: Row = Row::local("ACL|DRYRUN", Server, AtLeast(4))
    .flags(USERS.union(Flags::ADMIN))
    .args(&[Arg::string("username"), Arg::string("command"), Arg::string("arg").optional().multiple()])
    .doc("7.0.0", "Says whether a user may call a command, without calling it.", "O(1)");

pub(super) const ACL_GENPASS: Row = Row::local("ACL|GENPASS", Server, AtLeast(2))
    .flags(USERS)
    .family(Categories::empty())
    .args(&[Arg::integer("bits").optional()])
    .doc("6.0.0", "Draws a password.", "O(1)");

pub(super) const ACL_LOAD: Row = Row::local("ACL|LOAD", Server, Exactly(2))
    .flags(USERS.union(Flags::ADMIN))
    .doc("6.0.0", "Says that there is no file of users.", "O(1)");

pub(super) const ACL_SAVE: Row = Row::local("ACL|SAVE", Server, Exactly(2))
    .flags(USERS.union(Flags::ADMIN))
    .doc("6.0.0", "Says that there is no file of users.", "O(1)");

pub(super) const ACL_LOG: Row = Row::local("ACL|LOG", Server, AtLeast(2))
    .flags(USERS.union(Flags::ADMIN))
    .args(&[Arg::one_of("operation", &[Arg::integer("count"), Arg::word("reset", "RESET")]).optional()])
    .doc("6.0.0", "Returns what was refused to users.", "O(N) where N is the number of entries shown.");
