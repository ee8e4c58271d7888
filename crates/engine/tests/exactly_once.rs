//! What the node relies on: replies in order, sections executed once, reads that never see the wrong side of an expiry.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::wire;
use meridian_engine::{
    Effect, Engine, ReadError, SectionResult,
    entry::{Builder, Header, SectionHead, check_commands},
};
use meridian_topology::DatabaseId;
use support::{apply, call, entry, read, run, words};

fn framed(replies: &[&str]) -> Vec<u8> {
    replies
        .iter()
        .flat_map(|reply| [&(reply.len() as u32).to_le_bytes()[..], reply.as_bytes()].concat())
        .collect()
}

fn section(engine: &mut Engine, time_ms: u64, head: SectionHead, calls: &[Vec<u8>]) -> SectionResult {
    let mut builder = Builder::new(Header { time_ms, seed: 1 });
    builder.section(SectionHead { count: calls.len() as u32, ..head }, &calls.concat());
    apply(engine, &builder.finish()).sections.remove(0)
}

#[test]
fn a_resent_section_is_answered_and_not_repeated() {
    let mut engine = Engine::new(1);
    let head = SectionHead { session: 5, first_sequence: 1, ..SectionHead::default() };
    let calls = ["SET k 1", "GET k", "INCR k", "MSET k 1 j"].map(|line| call(&words(line)));
    let arity = "-ERR wrong number of arguments for 'mset' command\r\n";
    let first = section(&mut engine, 1, head, &calls[..2]);
    assert_eq!(first, SectionResult::Done(framed(&["+OK\r\n", "$1\r\n1\r\n"]).into()));
    let both = section(&mut engine, 1, head, &calls);
    assert_eq!(both, SectionResult::Done(framed(&["+OK\r\n", "$1\r\n1\r\n", ":2\r\n", arity]).into()));
    let digest = engine.digest();
    assert_eq!(section(&mut engine, 1, head, &calls), both);
    assert_eq!(engine.digest(), digest);
    assert_eq!(engine.session_sequence(5), Some(4));
    let gap = SectionHead { first_sequence: 9, ..head };
    assert_eq!(section(&mut engine, 1, gap, &calls), SectionResult::Gap { expected: 5 });
    assert_eq!(
        section(&mut engine, 1, SectionHead { session: 6, ..gap }, &calls),
        SectionResult::SessionExpired
    );
    assert_eq!(read(&engine, 1, "GET k").unwrap(), "$1\r\n2\r\n");
    let idle = section(&mut engine, 20 * 60 * 1000, SectionHead { first_sequence: 5, ..head }, &calls);
    assert_eq!(idle, SectionResult::SessionExpired);
}

#[test]
fn a_section_that_is_not_what_it_says_is_refused_before_it_is_proposed() {
    let calls = [call(&words("SET k 1")), call(&words("GET k"))].concat();
    assert!(check_commands(&calls, 2));
    assert!(!check_commands(&calls, 1) && !check_commands(&calls, 3));
    assert!(!check_commands(&calls[..calls.len() - 1], 2));
    let mut builder = Builder::new(Header::default());
    builder.section(SectionHead { count: 3, ..SectionHead::default() }, &calls);
    assert!(Engine::new(1).apply(1, &builder.finish()).is_err());
}

#[test]
fn a_read_between_the_last_entry_and_an_expiry_asks_for_a_tick() {
    let mut engine = Engine::new(1);
    run(&mut engine, 1000, "SET k v PX 500");
    assert_eq!(engine.next_expiry_ms(), Some(1500));
    for line in ["GET k", "TTL k", "EXISTS k", "KEYS *", "SCAN 0", "RANDOMKEY", "TYPE k", "OBJECT ENCODING k"]
    {
        assert!(read(&engine, 1499, line).is_ok(), "{line}");
        assert_eq!(read(&engine, 1500, line), Err(ReadError::NeedsTick), "{line}");
    }
    apply(&mut engine, &Builder::new(Header { time_ms: 1500, seed: 0 }).finish());
    assert_eq!(read(&engine, 1500, "GET k").unwrap(), "$-1\r\n");
    assert_eq!((engine.next_expiry_ms(), engine.stats().expired_keys), (None, 1));
    // A clock that is behind brings nothing back.
    assert_eq!(read(&engine, 1000, "GET k").unwrap(), "$-1\r\n");
    assert_eq!(run(&mut engine, 1000, "SET k v PX 100"), "+OK\r\n");
    assert_eq!((engine.time_ms(), engine.next_expiry_ms()), (1500, Some(1600)));
}

#[test]
fn a_read_of_what_cannot_be_read_changes_nothing() {
    let mut engine = Engine::new(1);
    run(&mut engine, 1, "SET k v");
    let mut replies = b"before".to_vec();
    let calls = [call(&words("GET k")), call(&words("SET k w"))].concat();
    let database = DatabaseId::DEFAULT;
    assert_eq!(engine.read(database, 1, &calls, &mut replies), Err(ReadError::NotARead));
    assert_eq!(engine.read(database, 1, &calls[..9], &mut replies), Err(ReadError::Malformed));
    assert_eq!(replies, b"before");
    assert_eq!(read(&engine, 1, "GET k").unwrap(), "$1\r\nv\r\n");
}

/// More keys than one entry reclaims fall due at once: none is visible, and ticks take the rest away.
#[test]
fn what_is_due_is_invisible_before_it_is_reclaimed() {
    let mut engine = Engine::new(1);
    let calls: Vec<_> = (0..2500).map(|n| call(&words(&format!("SET key:{n} v PX 10")))).collect();
    apply(&mut engine, &entry(100, 1, 0, &calls));
    assert_eq!(read(&engine, 109, "DBSIZE").unwrap(), ":2500\r\n");
    let tick = Builder::new(Header { time_ms: 200, seed: 0 }).finish();
    apply(&mut engine, &tick);
    assert_eq!(read(&engine, 200, "KEYS *").unwrap(), "*0\r\n");
    assert_eq!(read(&engine, 200, "RANDOMKEY").unwrap(), "$-1\r\n");
    assert_eq!(read(&engine, 200, "DBSIZE").unwrap(), ":1500\r\n");
    assert_eq!(engine.next_expiry_ms(), Some(110));
    apply(&mut engine, &tick);
    apply(&mut engine, &tick);
    assert_eq!((engine.next_expiry_ms(), engine.stats().keyspaces.len()), (None, 0));
}

#[test]
fn effects_tell_what_changed() {
    let mut engine = Engine::new(1);
    engine.collect_effects(true);
    let calls = ["SET a 1 PX 5", "SET b 1", "DEL b", "GET a"].map(|line| call(&words(line)));
    let effects = apply(&mut engine, &entry(10, 1, 0, &calls)).effects;
    let [
        Effect::By { session: 0, sequence: 0 },
        Effect::Changed(a),
        Effect::By { .. },
        Effect::Changed(b),
        Effect::By { .. },
        Effect::Removed(c),
        Effect::By { sequence: 3, .. },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!([&*a.key, &*b.key, &*c.key], [b"a", b"b", b"b"]);
    let effects = apply(&mut engine, &entry(20, 1, 0, &[call(&words("FLUSHDB"))])).effects;
    assert!(
        matches!(&effects[..], [Effect::Expired(_), Effect::By { .. }, Effect::Flushed { .. }]),
        "{effects:?}"
    );
}

#[test]
fn effects_name_the_keys_that_scripts_read() {
    let mut engine = Engine::new(1);
    engine.collect_effects(true);
    let script: [&[u8]; 6] = [b"EVAL", b"0-16383", b"redis.call('get', KEYS[1])", b"2", b"a", b"b"];
    let effects = apply(&mut engine, &entry(10, 1, 0, &[call(&script)])).effects;
    let [Effect::By { .. }, Effect::Read(key)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(&*key.key, b"a");
}

#[test]
fn a_record_of_another_numbered_database_is_refused_politely() {
    let mut engine = Engine::new(1);
    let mut bytes = Vec::new();
    let head = wire::Head {
        command: meridian_command::EngineCommand::Dbsize,
        protocol: meridian_command::Protocol::Resp3,
        numbered: 16,
    };
    wire::encode(&mut bytes, head, [].into_iter());
    let applied = apply(&mut engine, &entry(1, 1, 0, &[bytes]));
    let expected = SectionResult::Done(framed(&["-ERR DB index is out of range\r\n"]).into());
    assert_eq!(applied.sections, [expected]);
}
