//! Random histories: against a naive model, applied twice, and cut by snapshots.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::Protocol;
use meridian_engine::{Engine, Restorer, SectionResult, entry::Builder, entry::Header, entry::SectionHead};
use meridian_topology::DatabaseId;
use proptest::prelude::*;
use support::{
    apply, call_in, entry,
    model::{Model, Step},
    rest_of_snapshot, unframed,
};

const SEED: u128 = 0x1234_5678_9abc_def0_0fed_cba9_8765_4321;

/// Some keys share a slot.
fn key() -> impl Strategy<Value = String> {
    (0..30_u8).prop_map(|n| if n < 20 { format!("{{tag}}{n}") } else { format!("key:{n}") })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (-5..500_i32).prop_map(|n| n.to_string()),
        2 => "[a-z]{0,8}",
        1 => (0..600_usize).prop_map(|length| "x".repeat(length)),
    ]
}

fn line() -> impl Strategy<Value = Vec<String>> {
    let ms = (1..60_u32).prop_map(|ms| ms.to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    prop_oneof![
        6 => (key(), value()).prop_map(move |(k, v)| words(&["SET", &k, &v])),
        4 => (key(), value(), ms.clone()).prop_map(move |(k, v, ms)| words(&["SET", &k, &v, "PX", &ms])),
        2 => (key(), value()).prop_map(move |(k, v)| words(&["SET", &k, &v, "KEEPTTL"])),
        3 => key().prop_map(move |k| words(&["GET", &k])),
        3 => key().prop_map(move |k| words(&["DEL", &k])),
        3 => key().prop_map(move |k| words(&["INCR", &k])),
        3 => (key(), value()).prop_map(move |(k, v)| words(&["APPEND", &k, &v])),
        2 => (key(), ms).prop_map(move |(k, ms)| words(&["PEXPIRE", &k, &ms])),
        2 => key().prop_map(move |k| words(&["PERSIST", &k])),
        2 => key().prop_map(move |k| words(&["PTTL", &k])),
        2 => (key(), key()).prop_map(move |(k, other)| words(&["RENAME", &k, &other])),
        1 => (key(), key()).prop_map(move |(k, other)| words(&["COPY", &k, &other, "DB", "1", "REPLACE"])),
        1 => key().prop_map(move |k| words(&["MOVE", &k, "1"])),
        1 => Just(words(&["RANDOMKEY"])),
        1 => Just(words(&["FLUSHDB"])),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![8 => Just((0, 0)), 1 => Just((0, 1)), 1 => Just((7, 0))];
    let elapsed_ms = prop_oneof![6 => Just(0_u64), 3 => 1..10_u64, 1 => 50..100_u64];
    (place, elapsed_ms, line()).prop_map(|((database, numbered), elapsed_ms, words)| Step {
        database,
        numbered,
        elapsed_ms,
        words,
    })
}

/// The entries of a history; time is part of it.
fn entries(steps: &[Step]) -> Vec<bytes::Bytes> {
    let mut time_ms = 1_000_000;
    let steps = steps.iter().enumerate().map(|(n, step)| {
        time_ms += step.elapsed_ms;
        let words: Vec<&[u8]> = step.words.iter().map(|word| word.as_bytes()).collect();
        entry(time_ms, n as u64, step.database, &[call_in(step.numbered, Protocol::Resp2, &words)])
    });
    steps.collect()
}

fn reply(result: &SectionResult) -> String {
    let SectionResult::Done(replies) = result else { panic!("{result:?}") };
    String::from_utf8(unframed(replies).remove(0)).unwrap()
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..200)
}

fn check_counts(engine: &Engine, model: &Model) {
    let stats = engine.stats();
    let visible: usize = stats.keyspaces.iter().map(|keyspace| keyspace.keys).sum();
    assert_eq!(visible, model.keys.len());
    let expiring: usize = stats.keyspaces.iter().map(|keyspace| keyspace.expiring).sum();
    assert_eq!(expiring, model.keys.values().filter(|(_, expiry)| expiry.is_some()).count());
    let first = model.keys.values().filter_map(|(_, expiry)| *expiry).min();
    assert_eq!(engine.next_expiry_ms(), first);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replies_are_those_of_a_naive_model(steps in history()) {
        let mut engine = Engine::new(SEED);
        let mut model = Model::default();
        for (step, entry) in steps.iter().zip(entries(&steps)) {
            let result = apply(&mut engine, &entry).sections.remove(0);
            if let Some(expected) = model.run(step, engine.time_ms()) {
                prop_assert_eq!(reply(&result), expected, "{:?}", step);
            }
            check_counts(&engine, &model);
        }
        for ((database, numbered, key), (value, _)) in &model.keys {
            let mut replies = Vec::new();
            let get = call_in(*numbered, Protocol::Resp2, &[b"GET", key.as_bytes()]);
            engine.read(DatabaseId(*database), engine.time_ms(), &get, &mut replies).unwrap();
            let expected = format!("${}\r\n{value}\r\n", value.len());
            prop_assert_eq!(unframed(&replies), [expected.into_bytes()]);
        }
    }

    #[test]
    fn a_log_applied_twice_gives_the_same_replies_and_state(steps in history()) {
        let (mut one, mut other) = (Engine::new(SEED), Engine::new(SEED));
        for entry in entries(&steps) {
            prop_assert_eq!(apply(&mut one, &entry).sections, apply(&mut other, &entry).sections);
        }
        prop_assert_eq!(one.digest(), other.digest());
    }

    /// A snapshot is the state at its beginning, whatever is applied until its end; with the rest of the log it becomes
    /// the state at the end, and every later reply is the same.
    #[test]
    fn a_snapshot_and_the_tail_give_the_same_state(
        steps in history(),
        begin in 0..200_usize,
        budget in prop_oneof![1..40_usize, 100..5000_usize],
        chunks_per_entry in 0..3_usize,
    ) {
        let entries = entries(&steps);
        let begin = begin.min(entries.len());
        let mut engine = Engine::new(SEED);
        for entry in &entries[..begin] {
            apply(&mut engine, entry);
        }
        let at_begin = engine.digest();
        engine.begin_snapshot();
        let mut chunks = Vec::new();
        let mut replies = Vec::new();
        let mut over = false;
        for entry in &entries[begin..] {
            for _ in 0..chunks_per_entry {
                if !over {
                    match engine.snapshot_chunk(budget) {
                        Some(chunk) => chunks.push(chunk),
                        None => over = true,
                    }
                }
            }
            replies.push(apply(&mut engine, entry).sections);
        }
        if !over {
            rest_of_snapshot(&mut engine, budget, &mut chunks);
        }
        let mut restorer = Restorer::new(SEED);
        for chunk in &chunks {
            restorer.feed(chunk).unwrap();
        }
        let mut restored = restorer.finish().unwrap();
        prop_assert_eq!(restored.digest(), at_begin);
        prop_assert_eq!(restored.index(), begin as u64);
        for (entry, replies) in entries[begin..].iter().zip(replies) {
            prop_assert_eq!(apply(&mut restored, entry).sections, replies);
        }
        prop_assert_eq!(restored.digest(), engine.digest());
        prop_assert_eq!(restored.stats().keyspaces, engine.stats().keyspaces);
    }

    /// Nothing that a disk may hold makes restoring panic.
    #[test]
    fn a_damaged_snapshot_is_an_error(
        steps in history(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut engine = Engine::new(SEED);
        for entry in entries(&steps) {
            apply(&mut engine, &entry);
        }
        engine.begin_snapshot();
        let whole = engine.snapshot_chunk(usize::MAX).unwrap();
        prop_assert!(engine.snapshot_chunk(usize::MAX).is_none());
        let mut restorer = Restorer::new(SEED);
        let cut = cut.index(whole.len());
        prop_assert!(restorer.feed(&whole[..cut]).is_err() || restorer.finish().is_err());
        let mut damaged = whole;
        for (at, byte) in damage {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        let mut restorer = Restorer::new(SEED);
        if restorer.feed(&damaged).is_ok() && let Ok(mut engine) = restorer.finish() {
            apply(&mut engine, &Builder::new(Header { time_ms: 2_000_000, seed: 0 }).finish());
        }
    }
}

/// Sessions are part of a snapshot: what was executed before it is answered after it.
#[test]
fn a_restored_engine_answers_resent_commands() {
    let mut engine = Engine::new(SEED);
    let mut builder = Builder::new(Header { time_ms: 10, seed: 0 });
    let head = SectionHead { session: 3, first_sequence: 1, count: 2, ..SectionHead::default() };
    let calls = ["INCR", "INCR"].map(|name| call_in(0, Protocol::Resp2, &[name.as_bytes(), b"n"])).concat();
    builder.section(head, &calls);
    let entry = builder.finish();
    let replies = apply(&mut engine, &entry).sections;
    engine.begin_snapshot();
    let mut chunks = Vec::new();
    rest_of_snapshot(&mut engine, 1, &mut chunks);
    let mut restorer = Restorer::new(SEED);
    for chunk in chunks {
        restorer.feed(&chunk).unwrap();
    }
    let mut restored = restorer.finish().unwrap();
    assert_eq!(apply(&mut restored, &entry).sections, replies);
    assert_eq!(restored.session_sequence(3), Some(2));
    assert_eq!(restored.digest(), engine.digest());
}
