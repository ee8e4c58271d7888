//! Hashes and sets in random histories: applied twice, cut by snapshots, and against the time of their fields.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::Protocol;
use meridian_engine::{Effect, Engine, EventClass, ReadError, Restorer};
use proptest::prelude::*;
use support::{apply, call, call_in, entry, read, rest_of_snapshot, run, words};

const SEED: u128 = 0x0fed_cba9_8765_4321_1234_5678_9abc_def0;

fn line() -> impl Strategy<Value = String> {
    let key = || (0..4_u8).prop_map(|n| format!("key:{n}"));
    let element = || {
        prop_oneof![
            4 => (0..12_u8).prop_map(|n| n.to_string()),
            3 => "[a-c]",
            1 => Just("x".repeat(70)),
        ]
    };
    let ms = || (1..40_u32).prop_map(|ms| ms.to_string());
    prop_oneof![
        6 => (key(), element(), element()).prop_map(|(k, f, v)| format!("HSET {k} {f} {v}")),
        4 => (key(), element(), ms()).prop_map(|(k, f, ms)| format!("HPEXPIRE {k} {ms} FIELDS 1 {f}")),
        2 => (key(), element(), ms()).prop_map(|(k, f, ms)| format!("HSETEX {k} PX {ms} FIELDS 1 {f} v")),
        2 => (key(), element()).prop_map(|(k, f)| format!("HPERSIST {k} FIELDS 1 {f}")),
        2 => (key(), element()).prop_map(|(k, f)| format!("HDEL {k} {f}")),
        1 => (key(), element()).prop_map(|(k, f)| format!("HINCRBY {k} {f} 3")),
        1 => key().prop_map(|k| format!("HRANDFIELD {k} 2 WITHVALUES")),
        6 => (key(), element()).prop_map(|(k, m)| format!("SADD {k} {m}")),
        2 => (key(), element()).prop_map(|(k, m)| format!("SREM {k} {m}")),
        2 => key().prop_map(|k| format!("SPOP {k}")),
        1 => (key(), key(), key()).prop_map(|(k, a, b)| format!("SUNIONSTORE {k} {a} {b}")),
        2 => (key(), ms()).prop_map(|(k, ms)| format!("PEXPIRE {k} {ms}")),
        2 => key().prop_map(|k| format!("DEL {k}")),
        1 => (key(), key()).prop_map(|(k, other)| format!("RENAME {k} {other}")),
        1 => (key(), key()).prop_map(|(k, other)| format!("COPY {k} {other} REPLACE")),
        1 => key().prop_map(|k| format!("SET {k} text")),
        1 => Just("FLUSHDB".to_owned()),
    ]
}

fn entries(steps: &[(u64, String)]) -> Vec<bytes::Bytes> {
    let mut time_ms = 1_000_000;
    let steps = steps.iter().enumerate().map(|(n, (elapsed_ms, line))| {
        time_ms += elapsed_ms;
        entry(time_ms, n as u64, 0, &[call_in(0, Protocol::Resp2, &words(line))])
    });
    steps.collect()
}

/// Few elements make a table, so that all forms are met.
fn engine() -> Engine {
    let mut engine = Engine::new(SEED);
    let small = ["hash-max-listpack-entries", "set-max-intset-entries", "set-max-listpack-entries"];
    for name in small {
        set(&mut engine, name, "4");
    }
    engine
}

fn set(engine: &mut Engine, name: &str, value: &str) {
    let mut record = Vec::new();
    let command = meridian_command::EngineCommand::Setting;
    let head = meridian_command::wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
    meridian_command::wire::encode(&mut record, head, [name.as_bytes(), value.as_bytes()].into_iter());
    let applied = apply(engine, &entry(1, 0, 0, &[record]));
    assert!(format!("{applied:?}").contains("+OK"), "{name} {value}: {applied:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_give_one_state_however_a_replica_gets_there(
        steps in prop::collection::vec((prop_oneof![Just(0_u64), 1..12_u64], line()), 1..150),
        begin in 0..150_usize,
        budget in prop_oneof![1..60_usize, 500..5000_usize],
    ) {
        let entries = entries(&steps);
        let begin = begin.min(entries.len());
        let (mut one, mut other) = (engine(), engine());
        for entry in &entries[..begin] {
            apply(&mut one, entry);
            apply(&mut other, entry);
        }
        let at_begin = one.digest();
        one.begin_snapshot();
        let mut chunks = Vec::new();
        let mut replies = Vec::new();
        for entry in &entries[begin..] {
            chunks.extend(one.snapshot_chunk(budget));
            replies.push(apply(&mut one, entry).sections);
            prop_assert_eq!(replies.last(), Some(&apply(&mut other, entry).sections));
        }
        rest_of_snapshot(&mut one, budget, &mut chunks);
        prop_assert_eq!(one.digest(), other.digest());
        let mut restorer = Restorer::new(SEED);
        for chunk in &chunks {
            restorer.feed(chunk).unwrap();
        }
        let mut restored = restorer.finish().unwrap();
        prop_assert_eq!(restored.digest(), at_begin);
        for (entry, replies) in entries[begin..].iter().zip(replies) {
            prop_assert_eq!(apply(&mut restored, entry).sections, replies);
        }
        prop_assert_eq!(restored.digest(), one.digest());
        prop_assert_eq!(restored.next_expiry_ms(), one.next_expiry_ms());
        prop_assert_eq!(restored.stats().keyspaces, one.stats().keyspaces);
    }
}

#[test]
fn a_field_is_gone_when_its_time_has_come() {
    let mut engine = engine();
    set(&mut engine, "notify-keyspace-events", "KEA");
    run(&mut engine, 1000, "HSET h a 1 b 2");
    run(&mut engine, 1000, "HPEXPIRE h 50 FIELDS 1 a");
    assert_eq!(engine.next_expiry_ms(), Some(1050));
    assert_eq!(read(&engine, 1049, "HGET h a").unwrap(), "$1\r\n1\r\n");
    assert!(matches!(read(&engine, 1050, "HLEN h"), Err(ReadError::NeedsTick)));
    let applied = apply(&mut engine, &entry(1050, 1, 0, &[call(&words("HGETALL h"))]));
    let expired =
        |effect: &Effect| matches!(effect, Effect::Event { class: EventClass::Hash, name: "hexpired", .. });
    assert!(applied.effects.iter().any(expired));
    assert_eq!(read(&engine, 1050, "HGETALL h").unwrap(), "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_eq!(engine.next_expiry_ms(), None);
    run(&mut engine, 1050, "HPEXPIRE h 50 FIELDS 1 b");
    assert_eq!(run(&mut engine, 1100, "EXISTS h"), ":0\r\n");
    assert_eq!((engine.next_expiry_ms(), engine.stats().keyspaces.len()), (None, 0));
}
