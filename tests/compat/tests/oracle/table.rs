//! The command table against what Redis tells of its own.

use bytes::Bytes;
use meridian_command::{
    Args, CommandSpec, Protocol, ReplyError, ReplyWriter, introspect, resolve,
    table::{Container, rows},
};
use meridian_resp::{Value, decode};
use meridian_tests_compat::{Client, Redis};

use crate::{redis_knows, redis_knows_all};

/// What of `COMMAND DOCS` is ours: sentences, and which subcommands there are.
const OWN_DOCS: [&str; 4] = ["summary", "complexity", "history", "subcommands"];

/// Rows that differ from those of Redis 7.0, and why.
const OWN_ROWS: [(&str, &str); 9] = [
    ("MIGRATE", "moves nothing, so it writes nothing"),
    ("RESTORE-ASKING", "moves nothing, so it writes nothing and has no keys"),
    ("BLPOP", CALLED_BY_SCRIPTS),
    ("BRPOP", CALLED_BY_SCRIPTS),
    ("BLMOVE", CALLED_BY_SCRIPTS),
    ("BRPOPLPUSH", CALLED_BY_SCRIPTS),
    ("BZPOPMIN", CALLED_BY_SCRIPTS),
    ("BZPOPMAX", CALLED_BY_SCRIPTS),
    ("WAIT", CALLED_BY_SCRIPTS),
];

const CALLED_BY_SCRIPTS: &str = "scripts may call it, as since 8.0; it does not wait there";

/// Arguments that are documented differently, and why.
const OWN_SHAPES: [(&str, &str); 2] =
    [("MIGRATE", "its keys are only words"), ("RESTORE-ASKING", "its key is only a word")];

/// The commands that differ, and how.
#[derive(Default)]
struct Differences(Vec<(&'static str, String)>);

impl Differences {
    fn note(&mut self, name: &'static str, ours: &Value, theirs: &Value) {
        if ours != theirs {
            self.0.push((name, format!("{name}\n  ours:   {ours:?}\n  theirs: {theirs:?}")));
        }
    }

    /// Fails unless exactly the commands differ that are listed with a reason.
    fn check(self, listed: &[(&str, &str)]) {
        let is_listed = |name: &str| listed.iter().any(|(listed, _)| *listed == name);
        let unlisted: Vec<&str> =
            self.0.iter().filter(|(name, _)| !is_listed(name)).map(|(_, how)| &how[..]).collect();
        assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
        for (name, reason) in listed {
            assert!(self.0.iter().any(|(differs, _)| differs == name), "{name} does not differ: {reason}");
        }
    }
}

type Writes = fn(Args<'_>, &mut ReplyWriter<'_>) -> Result<(), ReplyError>;

fn ours(write: Writes, protocol: Protocol, args: &[&[u8]]) -> Vec<u8> {
    let mut buffer = Vec::new();
    let mut reply = ReplyWriter::new(&mut buffer, protocol);
    if let Err(error) = write(Args::new(args), &mut reply) {
        reply.error(&error);
    }
    buffer
}

fn value(reply: Vec<u8>) -> Value {
    decode(&Bytes::from(reply)).expect("well formed").expect("complete").0
}

fn connect(redis: &Redis, protocol: Protocol) -> Client {
    let mut client = redis.connect();
    if protocol == Protocol::Resp3 {
        client.call(&[b"HELLO", b"3"]);
    }
    client
}

fn compared() -> impl Iterator<Item = &'static CommandSpec> {
    rows().filter(|spec| redis_knows_all(spec))
}

/// Replaces the list of subcommands, of which we have fewer.
fn without_subcommands(mut info: Value) -> Value {
    if let Value::Array(rows) = &mut info {
        for row in rows {
            if let Value::Array(fields) = row {
                fields.pop();
            }
        }
    }
    info
}

fn without_own_docs(docs: Value) -> Value {
    let Value::Map(commands) = docs else { return docs };
    let strip = |(name, docs): (Value, Value)| match docs {
        Value::Map(fields) => {
            let own = |(key, _): &(Value, Value)| key.as_str().is_some_and(|key| OWN_DOCS.contains(&key));
            (name, Value::Map(fields.into_iter().filter(|field| !own(field)).collect()))
        }
        other => (name, other),
    };
    Value::Map(commands.into_iter().map(strip).collect())
}

/// Without the arguments that later versions of Redis brought.
fn without_newer(docs: Value) -> Value {
    match docs {
        Value::Array(parts) => {
            Value::Array(parts.into_iter().filter(|part| !is_newer(part)).map(without_newer).collect())
        }
        Value::Map(fields) => {
            Value::Map(fields.into_iter().map(|(name, value)| (name, without_newer(value))).collect())
        }
        other => other,
    }
}

fn is_newer(arg: &Value) -> bool {
    let Value::Map(fields) = arg else { return false };
    let since = fields.iter().find(|(name, _)| name.as_str() == Some("since"));
    since.and_then(|(_, version)| version.as_str()).is_some_and(|version| !crate::is_of_redis(version))
}

#[test]
fn rows_equal_those_of_redis() {
    let Some(redis) = Redis::start("the command table") else { return };
    let mut client = connect(&redis, Protocol::Resp3);
    let mut differences = Differences::default();
    for spec in compared() {
        let name = spec.name.as_bytes();
        let ours = value(ours(introspect::info, Protocol::Resp3, &[name]));
        let theirs = value(client.call(&[b"COMMAND", b"INFO", name]));
        differences.note(spec.name, &without_subcommands(ours), &without_subcommands(theirs));
    }
    differences.check(&OWN_ROWS);
}

#[test]
fn documentation_has_the_shape_of_redis() {
    let Some(redis) = Redis::start("COMMAND DOCS") else { return };
    let mut client = connect(&redis, Protocol::Resp3);
    let mut differences = Differences::default();
    for spec in compared() {
        let name = spec.name.as_bytes();
        let ours = value(ours(introspect::docs, Protocol::Resp3, &[name]));
        let theirs = value(client.call(&[b"COMMAND", b"DOCS", name]));
        differences.note(spec.name, &without_newer(without_own_docs(ours)), &without_own_docs(theirs));
    }
    differences.check(&OWN_SHAPES);
}

#[test]
fn calls_are_refused_with_the_words_of_redis() {
    let Some(redis) = Redis::start("errors of names and arities") else { return };
    let mut client = redis.connect();
    let mut differing = Vec::new();
    let mut check = |call: &[&[u8]]| {
        if let Err(error) = resolve(call) {
            let mut ours = Vec::new();
            error.write(&mut ours);
            let ours = String::from_utf8_lossy(&ours).into_owned();
            let theirs = String::from_utf8_lossy(&client.call(call)).into_owned();
            if ours != theirs {
                differing.push(format!("  ours:   {ours}  theirs: {theirs}"));
            }
        }
    };
    let long = [b'x'; 300];
    for spec in compared() {
        let name: Vec<&[u8]> = spec.name.split('|').map(str::as_bytes).collect();
        for count in 0..8 {
            let call: Vec<&[u8]> =
                name.iter().copied().chain(std::iter::repeat_n(&b"1"[..], count)).collect();
            // What is accepted would be executed: only refusals are sent.
            check(&call);
        }
    }
    for container in Container::ALL.iter().filter(|container| redis_knows(container.spec())) {
        check(&[container.spec().name.to_ascii_lowercase().as_bytes(), b"nope", b"x"]);
        check(&[container.spec().name.as_bytes(), &long]);
    }
    check(&[b"nope"]);
    check(&[b"", b"x"]);
    check(&[b"client|id"]);
    check(&[b"nope\r\n", b"a\nb", b"c\0d", b"\xff\xfe"]);
    check(&[&long, &long, &long]);
    check(&[b"nope", &long[..100], &long[..50], b"z"]);
    check(&[b"nope", &long[..125], b"y", b"z"]);
    assert!(differing.is_empty(), "\n{}", differing.join(""));
}

/// Subcommands of COMMAND with arguments for them.
const CALLS: [(&str, Writes, &[&str]); 4] = [
    (
        "GETKEYS",
        introspect::keys,
        &[
            "get a",
            "get a b",
            "mget a b",
            "mset a 1 b 2",
            "mset a 1 b",
            "bitop and d a b",
            "rename a b",
            "copy a b db 1",
            "lcs a b len",
            "object encoding a",
            "object nope a",
            "object|encoding a",
            "nope a",
            "ping a",
            "client id",
            "bitfield a get u8 0 set u8 0 1",
        ],
    ),
    (
        "GETKEYSANDFLAGS",
        introspect::keys_and_flags,
        &[
            "set a b",
            "set a b get",
            "set a b nx get ex 10",
            "getset a b",
            "bitfield a get u8 0",
            "bitfield a overflow sat get u8 0",
            "bitfield a get u8 0 set u8 0 1",
            "bitop not a b",
            "renamenx a b",
            "del a b",
            "unlink a",
            "dbsize a",
            "append a b",
            "object freq a",
        ],
    ),
    ("INFO", introspect::info, &["nope", "get nope client|id", "get|x"]),
    (
        "LIST",
        introspect::list,
        &["filterby", "filterby module x", "filterby aclcat nope", "filterby pattern a b", "x"],
    ),
];

#[test]
fn commands_about_commands_answer_alike() {
    let Some(redis) = Redis::start("COMMAND") else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut client = connect(&redis, protocol);
        for (sub, write, lines) in CALLS {
            for line in lines {
                let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
                let call: Vec<&[u8]> =
                    [&b"COMMAND"[..], sub.as_bytes()].into_iter().chain(args.clone()).collect();
                let ours = resolve(&call).map_or_else(
                    |error| {
                        let mut line = Vec::new();
                        error.write(&mut line);
                        line
                    },
                    |_| ours(write, protocol, &args),
                );
                let theirs = client.call(&call);
                assert_eq!(
                    String::from_utf8_lossy(&ours),
                    String::from_utf8_lossy(&theirs),
                    "COMMAND {sub} {line}"
                );
            }
        }
    }
}
