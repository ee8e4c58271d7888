//! Blocked clients: order, chains, cancelling, snapshots.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::{
    Applied, Engine, Restorer, SectionResult, Waiting,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;
use support::{apply, call, rest_of_snapshot, run, unframed, words};

const SESSION: u64 = 9;

struct Shard {
    engine: Engine,
    sequence: u64,
    time_ms: u64,
}

impl Shard {
    fn new() -> Shard {
        Shard { engine: Engine::new(7), sequence: 0, time_ms: 1000 }
    }

    fn apply(&mut self, records: &[u8], count: u32) -> Applied {
        let mut builder = Builder::new(Header { time_ms: self.time_ms, seed: 1 });
        let head = SectionHead {
            database: DatabaseId::DEFAULT,
            session: SESSION,
            first_sequence: self.sequence + 1,
            watermark: self.sequence,
            count,
        };
        self.sequence += u64::from(count);
        builder.section(head, records);
        apply(&mut self.engine, &builder.finish())
    }

    /// Sends a line in the session. Answers its sequence, its reply, and late replies.
    fn send(&mut self, line: &str) -> (u64, String, Vec<(u64, String)>) {
        let applied = self.apply(&call(&words(line)), 1);
        let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
        let reply = String::from_utf8_lossy(&unframed(replies)[0]).into_owned();
        let late = applied
            .late
            .iter()
            .map(|late| (late.sequence, String::from_utf8(unframed(&late.reply).remove(0)).unwrap()));
        (self.sequence, reply, late.collect())
    }

    /// Sends a line that must wait.
    fn park(&mut self, line: &str) -> u64 {
        let (sequence, reply, late) = self.send(line);
        assert!(reply.starts_with('\0') && late.is_empty(), "{line}: {reply:?}");
        sequence
    }

    fn internal(&mut self, command: EngineCommand, args: &[&[u8]]) -> String {
        let mut record = Vec::new();
        let head = wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
        wire::encode(&mut record, head, args.iter().copied());
        let applied = self.apply(&record, 1);
        let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
        String::from_utf8(unframed(replies).remove(0)).unwrap()
    }

    fn cancel(&mut self, sequence: u64, reason: &str) -> String {
        let (session, sequence) = (SESSION.to_le_bytes(), sequence.to_le_bytes());
        self.internal(EngineCommand::CancelWaiter, &[&session, &sequence, reason.as_bytes()])
    }

    fn restored(&mut self) {
        let digest = self.engine.digest();
        self.engine.begin_snapshot();
        let mut chunks = Vec::new();
        rest_of_snapshot(&mut self.engine, 64, &mut chunks);
        let mut restorer = Restorer::new(7);
        chunks.iter().for_each(|chunk| restorer.feed(chunk).unwrap());
        self.engine = restorer.finish().unwrap();
        assert_eq!(self.engine.digest(), digest);
    }
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let mut shard = Shard::new();
    let first = shard.park("BLPOP a b 0");
    let second = shard.park("BLPOP b 0");
    let third = shard.park("BRPOP b a 0");
    shard.restored();
    let (_, reply, late) = shard.send("RPUSH b 1 2");
    assert_eq!(reply, ":2\r\n");
    let element = |value: &str| format!("*2\r\n$1\r\nb\r\n$1\r\n{value}\r\n");
    assert_eq!(late, [(first, element("1")), (second, element("2"))]);
    assert_eq!(shard.engine.waiting(SESSION, third), Waiting::Still);
    shard.restored();
    assert!(matches!(shard.engine.waiting(SESSION, first), Waiting::Answered(_)));
    let (_, _, late) = shard.send("LPUSH a x");
    assert_eq!(late.len(), 1);
    assert_eq!(run(&mut shard.engine, 1000, "EXISTS a b"), ":0\r\n");
}

#[test]
fn one_that_moves_serves_the_next_and_a_wrong_type_wakes_nobody() {
    let mut shard = Shard::new();
    let last = shard.park("BLPOP c 0");
    let middle = shard.park("BLMOVE b c LEFT RIGHT 0");
    let first = shard.park("BRPOPLPUSH a b 0");
    assert!(shard.send("SET a string").2.is_empty());
    shard.send("DEL a");
    let (_, _, late) = shard.send("LPUSH a x");
    let sequences: Vec<u64> = late.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [first, middle, last]);
    assert_eq!(late[0].1, "$1\r\nx\r\n");
    assert_eq!(run(&mut shard.engine, 1000, "EXISTS a b c"), ":0\r\n");
}

#[test]
fn a_cancelled_waiter_gets_nothing_and_one_that_was_served_its_reply() {
    let mut shard = Shard::new();
    let timed_out = shard.park("BLMOVE a b LEFT LEFT 1.5");
    let unblocked = shard.park("BLPOP a 0");
    let served = shard.park("BLPOP a 0");
    assert_eq!(shard.cancel(timed_out, "TIMEOUT"), "*-1\r\n");
    assert!(shard.cancel(unblocked, "ERROR").starts_with("-UNBLOCKED"));
    assert_eq!(shard.send("LPUSH a x").2.len(), 1);
    assert_eq!(shard.cancel(served, "TIMEOUT"), "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_eq!(shard.cancel(served, "TIMEOUT"), "\u{1}");
    assert_eq!(shard.engine.waiting(SESSION, served), Waiting::Unknown);
}

#[test]
fn a_command_that_changed_something_counts_once_and_one_that_served_a_waiter_for_itself() {
    let mut shard = Shard::new();
    let mut counts = |line: &str, waits: bool| {
        let before = shard.engine.stats().changes;
        if waits {
            shard.park(line);
        } else {
            shard.send(line);
        }
        shard.engine.stats().changes - before
    };
    assert_eq!(counts("SETBIT bits 7 1", false), 1);
    assert_eq!(counts("SETBIT bits 7 1", false), 0);
    assert_eq!(counts("BITFIELD bits SET u8 0 1", false), 0);
    assert_eq!(counts("DEL bits", false), 1);
    assert_eq!(counts("DEL bits", false), 0);
    assert_eq!(counts("BLPOP a 0", true), 0);
    assert_eq!(counts("LPUSH a x", false), 2);
    assert_eq!(counts("BLMOVE a b LEFT LEFT 0", true), 0);
    assert_eq!(counts("LPUSH a x", false), 2);
    assert_eq!(counts("LPUSH a x y", false), 1);
    assert_eq!(counts("LMOVE a b LEFT LEFT", false), 1);
    assert_eq!(counts("INCR a", false), 0);
    assert_eq!(counts("XGROUP CREATE s g 0 MKSTREAM", false), 1);
    assert_eq!(counts("XADD s 1-1 f v", false), 1);
    assert_eq!(counts("XREADGROUP GROUP g me STREAMS s >", false), 1);
    assert_eq!(counts("XREADGROUP GROUP g me STREAMS s 0", false), 0);
    assert_eq!(counts("XREADGROUP GROUP g other STREAMS s 0", false), 1);
    assert_eq!(counts("FLUSHALL", false), 1);
    assert_eq!(counts("FLUSHALL", false), 0);
}

#[test]
fn fields_that_expire_are_counted_and_so_are_their_hashes() {
    let mut shard = Shard::new();
    let held =
        |shard: &Shard| shard.engine.stats().keyspaces.first().map(|one| (one.keys, one.expiring_parts));
    shard.send("HSET h a 1 b 2 c 3");
    shard.send("HSET other a 1");
    shard.send("HPEXPIRE h 100 FIELDS 2 a b");
    shard.send("HPEXPIRE other 200 FIELDS 1 a");
    assert_eq!(held(&shard), Some((2, 2)));
    shard.time_ms += 100;
    assert_eq!(shard.send("HLEN h").1, ":1\r\n");
    assert_eq!((held(&shard), shard.engine.stats().expired_fields), (Some((2, 1)), 2));
    shard.send("HPERSIST other FIELDS 1 a");
    assert_eq!((held(&shard), shard.engine.stats().expired_fields), (Some((2, 0)), 2));
}

#[test]
fn a_waiter_whose_proxy_is_gone_gets_nothing() {
    let mut shard = Shard::new();
    let renewed = shard.park("BLPOP a 0");
    let forgotten = shard.park("BLPOP a 0");
    shard.time_ms += 20_000;
    let origin = [SESSION.to_le_bytes(), renewed.to_le_bytes()].concat();
    shard.internal(EngineCommand::RenewWaiters, &[&origin, b""]);
    shard.time_ms += 20_000;
    shard.restored();
    let (_, _, late) = shard.send("RPUSH a 1 2");
    assert_eq!(late.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [renewed]);
    assert_eq!(shard.engine.waiting(SESSION, forgotten), Waiting::Unknown);
    assert_eq!(run(&mut shard.engine, shard.time_ms, "LLEN a"), ":1\r\n");
    shard.internal(EngineCommand::RenewWaiters, &[b"", &origin]);
    assert_eq!(shard.engine.waiting(SESSION, renewed), Waiting::Unknown);
}

#[test]
fn a_transaction_never_waits_and_serves_when_it_is_over() {
    let mut shard = Shard::new();
    let waits = shard.park("BLPOP a 0");
    let records: Vec<u8> = ["BLPOP b 0", "LPUSH a x", "LPOP a", "RPUSH a y", "BLMOVE b c LEFT LEFT 0"]
        .iter()
        .flat_map(|line| call(&words(line)))
        .collect();
    let mut record = Vec::new();
    let head = wire::Head { command: EngineCommand::ExecuteAll, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(&mut record, head, [&b""[..], &records].into_iter());
    let applied = shard.apply(&record, 1);
    let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
    let reply = String::from_utf8(unframed(replies).remove(0)).unwrap();
    assert_eq!(reply, "*5\r\n*-1\r\n:1\r\n$1\r\nx\r\n:1\r\n$-1\r\n");
    assert_eq!(applied.late.len(), 1);
    assert_eq!(applied.late[0].sequence, waits);
    assert_eq!(unframed(&applied.late[0].reply)[0], b"*2\r\n$1\r\na\r\n$1\r\ny\r\n");
}

#[test]
fn without_a_session_nobody_waits() {
    let mut engine = Engine::new(7);
    assert_eq!(run(&mut engine, 1, "BLPOP a 0"), "*-1\r\n");
    assert_eq!(run(&mut engine, 1, "BLPOP a -1"), "-ERR timeout is negative\r\n");
    assert_eq!(run(&mut engine, 1, "BLPOP a x"), "-ERR timeout is not a float or out of range\r\n");
}

#[test]
fn those_who_are_tried_again_in_vain_do_not_wake_each_other() {
    let mut shard = Shard::new();
    shard.send("XGROUP CREATE k g $ MKSTREAM");
    let first = shard.park("XREADGROUP GROUP g c BLOCK 0 STREAMS k >");
    shard.park("XREADGROUP GROUP g c BLOCK 0 STREAMS k >");
    shard.park("XREADGROUP GROUP g other BLOCK 0 STREAMS k >");
    let (_, _, late) = shard.send("XADD k 1-1 f v");
    assert_eq!(late.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [first]);
    let (_, _, late) = shard.send("XGROUP DESTROY k g");
    assert_eq!(late.len(), 2);
    assert!(late.iter().all(|(_, reply)| reply.starts_with("-NOGROUP")));
}
