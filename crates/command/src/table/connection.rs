//! Rows of the commands that concern a connection.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags,
    doc::Arg,
    spec::Group::Connection,
};

/// Handshakes: at any time, by anybody.
const HANDSHAKE: Flags =
    Flags::ANYTIME.union(Flags::NOSCRIPT).union(Flags::FAST).union(Flags::NO_AUTH).union(Flags::ALLOW_BUSY);
/// About the own connection.
const OWN: Flags = Flags::ANYTIME.union(Flags::NOSCRIPT);
/// About other connections.
const OTHERS: Flags = OWN.union(Flags::ADMIN);
const ON_OFF: &[Arg] = &[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])];

pub(super) const HELLO: Row = Row::local("HELLO", Connection, AtLeast(1))
    .flags(HANDSHAKE)
    .args(&[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("username_password", &[Arg::string("username"), Arg::string("password")])
                .token("AUTH")
                .optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()])
    .doc("6.0.0", "Chooses the protocol, and may authenticate and name the connection.", "O(1)");

pub(super) const AUTH: Row = Row::local("AUTH", Connection, AtLeast(2))
    .flags(HANDSHAKE)
    .args(&[Arg::string("username").since("6.0.0").optional(), Arg::string("password")])
    .doc("1.0.0", "Authenticates the connection.", "O(N) where N is the number of passwords of the user.");

pub(super) const PING: Row = Row::local("PING", Connection, AtLeast(1))
    .fast()
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args(&[Arg::string("message").optional()])
    .doc("1.0.0", "Answers PONG, or its argument.", "O(1)");

pub(super) const ECHO: Row = Row::local("ECHO", Connection, Exactly(2))
    .flags(Flags::ANYTIME)
    .fast()
    .args(&[Arg::string("message")])
    .doc("1.0.0", "Answers its argument.", "O(1)");

pub(super) const SELECT: Row = Row::local("SELECT", Connection, Exactly(2))
    .flags(Flags::ANYTIME)
    .fast()
    .args(&[Arg::integer("index")])
    .doc("1.0.0", "Chooses the numbered database of the connection.", "O(1)");

pub(super) const QUIT: Row = Row::local("QUIT", Connection, AtLeast(1)).flags(HANDSHAKE).doc(
    "1.0.0",
    "Closes the connection.",
    "O(1)",
);

pub(super) const RESET: Row = Row::local("RESET", Connection, Exactly(1)).flags(HANDSHAKE).doc(
    "6.2.0",
    "Makes the connection as it was when it was opened.",
    "O(1)",
);

pub(super) const CLIENT: Row = Row::container("CLIENT", Connection).doc(
    "2.4.0",
    "Holds commands about connections.",
    "Depends on subcommand.",
);

pub(super) const CLIENT_ID: Row = Row::local("CLIENT|ID", Connection, Exactly(2)).flags(OWN).doc(
    "5.0.0",
    "Returns the connection's id.",
    "O(1)",
);

pub(super) const CLIENT_INFO: Row = Row::local("CLIENT|INFO", Connection, Exactly(2))
    .flags(OWN)
    .tips(&["nondeterministic_output"])
    .doc("6.2.0", "Describes the connection.", "O(1)");

pub(super) const CLIENT_LIST: Row = Row::local("CLIENT|LIST", Connection, AtLeast(2))
    .flags(OTHERS)
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::one_of(
            "normal_master_replica_pubsub",
            &[
                Arg::word("normal", "NORMAL"),
                Arg::word("master", "MASTER"),
                Arg::word("replica", "REPLICA"),
                Arg::word("pubsub", "PUBSUB"),
            ],
        )
        .token("TYPE")
        .since("5.0.0")
        .optional(),
        Arg::block("id", &[Arg::integer("client-id").multiple()]).token("ID").since("6.2.0").optional(),
    ])
    .doc(
        "2.4.0",
        "Describes all connections, or those chosen.",
        "O(N) where N is the number of connections.",
    );

pub(super) const CLIENT_SETNAME: Row = Row::local("CLIENT|SETNAME", Connection, Exactly(3))
    .flags(OWN)
    .args(&[Arg::string("connection-name")])
    .doc("2.6.9", "Names the connection.", "O(1)");

pub(super) const CLIENT_GETNAME: Row = Row::local("CLIENT|GETNAME", Connection, Exactly(2)).flags(OWN).doc(
    "2.6.9",
    "Returns the name of the connection.",
    "O(1)",
);

pub(super) const CLIENT_SETINFO: Row = Row::local("CLIENT|SETINFO", Connection, Exactly(4))
    .flags(OWN)
    .args(&[Arg::one_of(
        "attr",
        &[Arg::string("libname").token("LIB-NAME"), Arg::string("libver").token("LIB-VER")],
    )])
    .doc("7.2.0", "Tells the library that the client uses.", "O(1)");

pub(super) const CLIENT_KILL: Row = Row::local("CLIENT|KILL", Connection, AtLeast(3))
    .flags(OTHERS)
    .args(&[Arg::one_of(
        "filter",
        &[
            Arg::string("ip:port").deprecated("2.8.12"),
            Arg::one_of(
                "new-format",
                &[
                    Arg::integer("client-id").token("ID").since("2.8.12").optional(),
                    Arg::one_of(
                        "normal_master_slave_pubsub",
                        &[
                            Arg::word("normal", "NORMAL"),
                            Arg::word("master", "MASTER").since("3.2.0"),
                            Arg::word("slave", "SLAVE"),
                            Arg::word("replica", "REPLICA").since("5.0.0"),
                            Arg::word("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .since("2.8.12")
                    .optional(),
                    Arg::string("username").token("USER").optional(),
                    Arg::string("ip:port").token("ADDR").optional(),
                    Arg::string("ip:port").token("LADDR").since("6.2.0").optional(),
                    Arg::string("yes/no").token("SKIPME").optional(),
                ],
            )
            .multiple(),
        ],
    )])
    .doc("2.4.0", "Closes connections.", "O(N) where N is the number of connections.");

pub(super) const CLIENT_REPLY: Row = Row::local("CLIENT|REPLY", Connection, Exactly(3))
    .flags(OWN)
    .args(&[Arg::one_of(
        "on_off_skip",
        &[Arg::word("on", "ON"), Arg::word("off", "OFF"), Arg::word("skip", "SKIP")],
    )])
    .doc("3.2.0", "Chooses whether commands are answered.", "O(1)");

pub(super) const CLIENT_NO_EVICT: Row = Row::local("CLIENT|NO-EVICT", Connection, Exactly(3))
    .flags(OTHERS)
    .args(ON_OFF)
    .doc("7.0.0", "Protects the connection from being closed to save memory.", "O(1)");

pub(super) const CLIENT_NO_TOUCH: Row = Row::local("CLIENT|NO-TOUCH", Connection, Exactly(3))
    .flags(OWN)
    .args(ON_OFF)
    .doc("7.2.0", "Chooses whether commands mark keys as used.", "O(1)");

pub(super) const CLIENT_TRACKING: Row = Row::local("CLIENT|TRACKING", Connection, AtLeast(3))
    .flags(OWN)
    .args(&[
        Arg::one_of("status", &[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix").token("PREFIX").optional().multiple().multiple_token(),
        Arg::word("bcast", "BCAST").optional(),
        Arg::word("optin", "OPTIN").optional(),
        Arg::word("optout", "OPTOUT").optional(),
        Arg::word("noloop", "NOLOOP").optional(),
    ])
    .doc("6.0.0", "Chooses whether the client is told when keys that it may have cached change.", "O(1)");

pub(super) const CLIENT_CACHING: Row = Row::local("CLIENT|CACHING", Connection, Exactly(3))
    .flags(OWN)
    .args(&[Arg::one_of("mode", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])])
    .doc("6.0.0", "Says whether the keys of the next command are cached.", "O(1)");

pub(super) const CLIENT_GETREDIR: Row = Row::local("CLIENT|GETREDIR", Connection, Exactly(2)).flags(OWN).doc(
    "6.0.0",
    "Returns the id of the connection that is told of changed keys instead.",
    "O(1)",
);

pub(super) const CLIENT_TRACKINGINFO: Row = Row::local("CLIENT|TRACKINGINFO", Connection, Exactly(2))
    .flags(OWN)
    .doc("6.2.0", "Returns how the connection is told of changed keys.", "O(1)");

pub(super) const CLIENT_UNBLOCK: Row = Row::local("CLIENT|UNBLOCK", Connection, AtLeast(3))
    .flags(OTHERS)
    .args(&[
        Arg::integer("client-id"),
        Arg::one_of("timeout_error", &[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")])
            .optional(),
    ])
    .doc("5.0.0", "Ends the waiting of a blocked client.", "O(log N) where N is the number of connections.");

pub(super) const CLIENT_HELP: Row = Row::local("CLIENT|HELP", Connection, Exactly(2))
    .flags(Flags::ANYTIME)
    .doc("5.0.0", "Lists the subcommands of CLIENT.", "O(1)");
