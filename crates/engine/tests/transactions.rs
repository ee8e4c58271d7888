//! EXEC and WATCH as proxies send them.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::{Engine, Restorer, SectionResult};
use support::{apply, call, call_in, entry, rest_of_snapshot, run, unframed, words};

fn internal(command: EngineCommand, numbered: u8, args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered };
    wire::encode(&mut bytes, head, args.iter().copied());
    bytes
}

fn send(engine: &mut Engine, time_ms: u64, record: Vec<u8>) -> String {
    let applied = apply(engine, &entry(time_ms, 1, 0, &[record]));
    let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
    String::from_utf8(unframed(replies).remove(0)).unwrap()
}

fn watch(engine: &mut Engine, time_ms: u64, key: &str) -> u8 {
    let reply = send(engine, time_ms, internal(EngineCommand::WatchKeys, 0, &[key.as_bytes()]));
    reply.trim_start_matches(':').trim().parse().unwrap()
}

fn exec(engine: &mut Engine, time_ms: u64, watched: &[(&str, u8)], lines: &[&str]) -> String {
    let mut conditions = Vec::new();
    for (key, moment) in watched {
        conditions.extend([0, *moment, key.len() as u8]);
        conditions.extend_from_slice(key.as_bytes());
    }
    let records: Vec<u8> = lines.iter().flat_map(|line| call(&words(line))).collect();
    send(engine, time_ms, internal(EngineCommand::ExecuteAll, 0, &[&conditions, &records]))
}

fn restored(engine: &mut Engine) -> Engine {
    engine.begin_snapshot();
    let mut chunks = Vec::new();
    rest_of_snapshot(engine, 64, &mut chunks);
    let mut restorer = Restorer::new(7);
    chunks.iter().for_each(|chunk| restorer.feed(chunk).unwrap());
    restorer.finish().unwrap()
}

#[test]
fn a_transaction_answers_an_array_and_errors_do_not_end_it() {
    let mut engine = Engine::new(7);
    let reply = exec(&mut engine, 1, &[], &["SET a x", "INCR a", "GET a"]);
    assert_eq!(reply, "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n$1\r\nx\r\n");
    assert_eq!(exec(&mut engine, 1, &[], &[]), "*0\r\n");
    let cut = &call(&words("SET a x"))[..5];
    let reply = send(&mut engine, 1, internal(EngineCommand::ExecuteAll, 0, &[b"", cut]));
    assert!(reply.starts_with("-ERR internal"), "{reply}");
}

#[test]
fn a_watched_key_that_changes_ends_the_transaction() {
    let changes: [(&str, &[&str]); 6] = [
        ("SET", &["SET a 2"]),
        ("DEL", &["DEL a"]),
        ("expiry", &["PEXPIRE a 100000"]),
        ("rename", &["RENAME b a"]),
        ("flush", &["FLUSHALL"]),
        ("swap", &["SWAPDB 0 1"]),
    ];
    for (what, lines) in changes {
        let mut engine = Engine::new(7);
        run(&mut engine, 1, "SET a 1");
        run(&mut engine, 1, "SET b 1");
        let (other, moment) = (watch(&mut engine, 1, "b"), watch(&mut engine, 1, "a"));
        for line in lines {
            run(&mut engine, 2, line);
        }
        let mut second = restored(&mut engine);
        for engine in [&mut engine, &mut second] {
            let reply = exec(engine, 3, &[("b", other), ("a", moment)], &["SET c 1"]);
            assert_eq!(reply, "*-1\r\n", "{what}");
            assert_eq!(run(engine, 3, "EXISTS c"), ":0\r\n", "{what}");
        }
        assert_eq!(engine.digest(), second.digest());
    }
}

#[test]
fn what_leaves_a_watched_key_alone_does_not() {
    let mut engine = Engine::new(7);
    run(&mut engine, 1, "SET a 1");
    let moment = watch(&mut engine, 1, "a");
    let absent = watch(&mut engine, 1, "none");
    for line in ["GET a", "SET other 1", "DEL none", "PERSIST a", "SWAPDB 2 3"] {
        run(&mut engine, 2, line);
    }
    let mut second = restored(&mut engine);
    for engine in [&mut engine, &mut second] {
        let reply = exec(engine, 3, &[("a", moment), ("none", absent)], &["SET c 1"]);
        assert_eq!(reply, "*1\r\n+OK\r\n");
    }
    assert_eq!(exec(&mut engine, 3, &[("a", moment)], &["SET c 1"]), "*-1\r\n", "a watch is used up");
}

#[test]
fn expiry_of_a_watched_key_is_a_change_and_of_one_gone_before_is_not() {
    let mut engine = Engine::new(7);
    run(&mut engine, 1, "SET a 1 PX 10");
    let moment = watch(&mut engine, 1, "a");
    assert_eq!(exec(&mut engine, 11, &[("a", moment)], &["PING"].map(|_| "GET a")), "*-1\r\n");
    run(&mut engine, 20, "SET a 1 PX 10");
    let moment = watch(&mut engine, 30, "a");
    assert_eq!(exec(&mut engine, 31, &[("a", moment)], &["EXISTS a"]), "*1\r\n:0\r\n");
}

#[test]
fn a_watch_that_was_ended_and_begun_anew_does_not_count() {
    let mut engine = Engine::new(7);
    let moment = watch(&mut engine, 1, "a");
    send(&mut engine, 1, internal(EngineCommand::UnwatchKeys, 0, &[b"a"]));
    watch(&mut engine, 1, "a");
    assert_eq!(exec(&mut engine, 1, &[("a", moment)], &[]), "*-1\r\n");
}

#[test]
fn a_snapshot_taken_across_a_swap_is_the_state_before() {
    let mut engine = Engine::new(7);
    for n in 0..50 {
        run(&mut engine, 1, &format!("SET zero:{n} 0"));
        let set = call_in(1, Protocol::Resp2, &[b"SET", format!("one:{n}").as_bytes(), b"1", b"PX", b"1000"]);
        send(&mut engine, 1, set);
    }
    let digest = engine.digest();
    for swapped_after in [0, 1, 3, 10] {
        engine.begin_snapshot();
        let mut chunks = Vec::new();
        for _ in 0..swapped_after {
            chunks.extend(engine.snapshot_chunk(64));
        }
        run(&mut engine, 1, "SWAPDB 0 1");
        run(&mut engine, 1, "SET one:3 changed");
        run(&mut engine, 1, "DEL one:4");
        run(&mut engine, 1, "SWAPDB 1 2");
        rest_of_snapshot(&mut engine, 64, &mut chunks);
        let mut restorer = Restorer::new(7);
        chunks.iter().for_each(|chunk| restorer.feed(chunk).unwrap());
        engine = restorer.finish().unwrap();
        assert_eq!(engine.digest(), digest, "after {swapped_after}");
    }
}
