//! Scripts of users who may not do everything: what they may do comes with the call.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::{
    EngineCommand, Protocol, Route,
    acl::{Grant, Refused, Told, User},
    resolve, wire,
};
use meridian_engine::{Engine, SectionResult};
use meridian_topology::DatabaseId;
use support::{apply, entry, unframed};

fn bounds() -> Vec<u8> {
    let mut user = User::default();
    let rules: [&[u8]; 5] = [b"+@all", b"-incr", b"~mine:*", b"%R~public:*", b"&news"];
    user.set_all(&rules, false).unwrap();
    [b"0-16383|".as_slice(), &Grant::encode(b"bob", &user)].concat()
}

fn record(words: &[&str], bounds: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let (command, name) = resolve(&words).unwrap();
    let meridian_command::Command::Engine(command) = command else { panic!("not the engine's") };
    let mut args = words[name..].to_vec();
    if command.spec().route == Route::Script {
        args.insert(0, bounds);
    }
    let mut bytes = Vec::new();
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(&mut bytes, head, args.into_iter());
    bytes
}

/// What was told, and the reply.
fn told(reply: &[u8]) -> (Vec<(Refused, String, u32)>, String) {
    let (told, reply) = Told::split(reply).unwrap_or((Told::default(), reply));
    assert!(told.is_empty() || told.user == b"bob");
    let refused = told.refused.into_iter();
    let refused = refused.map(|(reason, object, count)| (reason, String::from_utf8(object).unwrap(), count));
    (refused.collect(), String::from_utf8(reply.to_vec()).unwrap())
}

fn send(engine: &mut Engine, record: Vec<u8>) -> (Vec<(Refused, String, u32)>, String) {
    let applied = apply(engine, &entry(1, 1, 0, &[record]));
    let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
    told(&unframed(replies)[0])
}

fn eval(engine: &mut Engine, script: &str) -> (Vec<(Refused, String, u32)>, String) {
    send(engine, record(&["EVAL", script, "0"], &bounds()))
}

#[test]
fn inner_calls_are_checked_and_refusals_told() {
    let mut engine = Engine::new(7);
    assert_eq!(eval(&mut engine, "return redis.call('SET', 'mine:1', 'x')"), (vec![], "+OK\r\n".into()));
    let (refused, reply) = eval(&mut engine, "redis.call('SET', 'public:1', 'x')");
    assert_eq!(refused, [(Refused::Key, "public:1".into(), 1)]);
    assert!(
        reply.starts_with("-ERR ACL failure in script: No permissions to access a key script: "),
        "{reply}"
    );
    let (refused, reply) = eval(
        &mut engine,
        "for i = 1, 3 do redis.pcall('INCR', 'mine:n') end return redis.pcall('PUBLISH', 'olds', 'x')",
    );
    assert_eq!(refused, [(Refused::Command, "incr".into(), 3), (Refused::Channel, "olds".into(), 1)]);
    assert_eq!(reply, "-ERR ACL failure in script: No permissions to access a channel\r\n");
    let (_, reply) = eval(&mut engine, "return redis.pcall('INCR', 'mine:n')");
    assert_eq!(
        reply,
        "-ERR ACL failure in script: User bob has no permissions to run the 'incr' command\r\n"
    );
    // What is refused is refused before a script that only reads is told that it may not write.
    let (refused, _) =
        send(&mut engine, record(&["EVAL_RO", "redis.call('INCR', 'mine:n')", "0"], &bounds()));
    assert_eq!(refused, [(Refused::Command, "incr".into(), 1)]);
}

#[test]
fn a_script_may_ask_what_is_permitted() {
    let mut engine = Engine::new(7);
    let asks = |engine: &mut Engine, call: &str| eval(engine, &format!("return redis.acl_check_cmd({call})"));
    assert_eq!(asks(&mut engine, "'GET', 'public:1'"), (vec![], ":1\r\n".into()));
    assert_eq!(asks(&mut engine, "'SET', 'public:1', 'x'"), (vec![], "$-1\r\n".into()));
    assert_eq!(asks(&mut engine, "'INCR', 'mine:1'"), (vec![], "$-1\r\n".into()));
    let (_, reply) = asks(&mut engine, "'NOPE'");
    assert!(reply.starts_with("-ERR Invalid command passed to redis.acl_check_cmd()"), "{reply}");
}

#[test]
fn sort_may_not_look_where_its_user_may_not() {
    let mut engine = Engine::new(7);
    let (refused, reply) = eval(&mut engine, "return redis.pcall('SORT', 'mine:1', 'BY', 'w*')");
    assert_eq!(refused, []);
    assert_eq!(reply, "-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n");
}

#[test]
fn a_transaction_tells_of_all_its_scripts_before_its_reply() {
    let mut engine = Engine::new(7);
    let script = "return redis.pcall('GET', 'other')";
    let records = [
        record(&["EVAL", script, "0"], &bounds()),
        record(&["SET", "a", "1"], b""),
        record(&["EVAL", script, "0"], &bounds()),
    ];
    let mut bytes = Vec::new();
    let head = wire::Head { command: EngineCommand::ExecuteAll, protocol: Protocol::Resp2, numbered: 0 };
    let records = records.concat();
    wire::encode(&mut bytes, head, [&b""[..], &records].into_iter());
    let (refused, reply) = send(&mut engine, bytes);
    assert_eq!(refused, [(Refused::Key, "other".into(), 2)]);
    let error = "-ERR ACL failure in script: No permissions to access a key\r\n";
    assert_eq!(reply, format!("*3\r\n{error}+OK\r\n{error}"));
}

#[test]
fn outside_the_log_it_is_the_same() {
    let mut engine = Engine::new(7);
    let script = record(&["EVAL_RO", "return redis.call('GET', 'other')", "0"], &bounds());
    // The first time the script becomes known.
    send(&mut engine, script.clone());
    let mut replies = Vec::new();
    engine.read(DatabaseId::DEFAULT, 1, &script, &mut replies).unwrap();
    let (refused, reply) = told(&unframed(&replies)[0]);
    assert_eq!(refused, [(Refused::Key, "other".into(), 1)]);
    assert!(reply.starts_with("-ERR ACL failure in script: No permissions to access a key"), "{reply}");
}

#[test]
fn a_grant_that_is_none_is_an_error() {
    let mut engine = Engine::new(7);
    let call = record(&["EVAL", "return 1", "0"], b"0-16383|nonsense");
    let (_, reply) = send(&mut engine, call);
    assert!(reply.starts_with("-ERR internal"), "{reply}");
}
