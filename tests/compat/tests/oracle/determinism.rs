//! The state after an entry is a function of the entries: two engines that apply the same ones answer the same bytes,
//! have the same effects and make the same snapshots, byte for byte, also where one of them was restored from a snapshot
//! on the way.
//!
//! Every command of the table takes part (from the generators of [`crate::random`]), in numbered databases, with and
//! without sessions, in transactions, in scripts and functions, waiting for keys, while settings change and keys expire.

use bytes::Bytes;
use meridian_command::{Command, EngineCommand, Flags, Protocol, Route, resolve, wire};
use meridian_engine::{
    Applied, Effect, Engine, Restorer, SectionResult,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::random::{Call, Generator, KEYS};

const SEEDS: u64 = 4;
const ENTRIES: usize = 2500;
/// Every so many entries one of the engines is made anew from a snapshot.
const PER_SNAPSHOT: usize = 250;
/// So many are applied while it is made.
const WHILE_SNAPSHOT: usize = 20;
const HASH_SEED: u128 = 11;
const START_MS: u64 = 1_790_000_000_000;

/// What a script or function does; its first key is `KEYS[1]`, its first argument `ARGV[1]`.
const BODIES: [&str; 14] = [
    "return redis.call('incr', KEYS[1])",
    "redis.call('set', KEYS[1], ARGV[1]) return redis.pcall('lpush', KEYS[1], 'x')",
    "redis.call('sadd', KEYS[1], 1, 2, 3, 'a', 'b') return redis.call('spop', KEYS[1])",
    "return redis.pcall('srandmember', KEYS[1], -5)",
    "return {math.random(), math.random(100), redis.call('time')}",
    "local t = {} for i = 1, 20 do t['k' .. i] = i end local s = '' for k, v in pairs(t) do s = s .. k end return s",
    "redis.call('publish', 'ch', ARGV[1]) redis.call('spublish', 'sch', ARGV[1]) return redis.status_reply('DONE')",
    "redis.call('set', KEYS[1], 'before') error('half way')",
    "return tostring({}) .. tostring(print) .. cjson.encode({b = 1, a = 2, c = {}})",
    "redis.setresp(3) return redis.pcall('hgetall', KEYS[1])",
    "return redis.pcall('xadd', KEYS[1], '*', 'f', ARGV[1])",
    "redis.call('select', 1) return redis.pcall('append', KEYS[1], ARGV[1])",
    "return redis.pcall('blpop', KEYS[1], 0)",
    "redis.call('pexpire', KEYS[1], 30) return redis.pcall('zadd', KEYS[1], math.random(), ARGV[1])",
];

/// Calls of those who wait, and of those who are waited for.
const WAITING: [&[&str]; 14] = [
    &["BLPOP", "w1", "w2", "0"],
    &["BRPOP", "w2", "0"],
    &["BLMOVE", "w1", "w2", "LEFT", "LEFT", "0"],
    &["BZPOPMIN", "wz", "0"],
    &["BZMPOP", "0", "2", "wz", "none", "MAX", "COUNT", "2"],
    &["XREAD", "BLOCK", "0", "STREAMS", "ws", "$"],
    &["XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "ws", ">"],
    &["XGROUP", "CREATE", "ws", "g", "$", "MKSTREAM"],
    &["RPUSH", "w1", "a", "b"],
    &["LPUSH", "w2", "c"],
    &["LMOVE", "w2", "w1", "RIGHT", "RIGHT"],
    &["ZADD", "wz", "1", "a", "2", "b"],
    &["XADD", "ws", "*", "f", "v"],
    &["DEL", "ws"],
];

/// One entry that was applied, and what came of it.
struct Step {
    entry: Bytes,
    applied: Applied,
}

struct Log {
    random: StdRng,
    engine: Engine,
    steps: Vec<Step>,
    time_ms: u64,
    /// The last sequence of the session.
    sequence: u64,
    /// What SCRIPT LOAD and EVAL have made known, by their SHA-1.
    shas: Vec<Vec<u8>>,
    /// Watched keys with their moments.
    watched: Vec<(u8, Vec<u8>, u64)>,
    seen: Seen,
}

/// That the test tests something.
#[derive(Default)]
struct Seen {
    published: usize,
    late: usize,
    failed_transactions: usize,
    ran: usize,
}

const SESSION: u64 = 9;

/// When a key was last used and what memory it takes is each replica's own, which scripts are not told. PFSELFTEST takes
/// seconds.
const NOT_TRIED: [&str; 4] = ["OBJECT|IDLETIME", "OBJECT|FREQ", "MEMORY|USAGE", "PFSELFTEST"];

fn engine() -> Engine {
    let mut engine = Engine::new(HASH_SEED);
    engine.collect_effects(true);
    engine
}

fn record(numbered: u8, protocol: Protocol, call: &Call) -> Option<Vec<u8>> {
    let words: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
    let Ok((Command::Engine(command), name)) = resolve(&words) else { return None };
    let routed = match command.spec().route {
        Route::Cursor => Some(&b"16383"[..]),
        Route::Script => Some(&b"0-16383"[..]),
        _ => None,
    };
    let args: Vec<&[u8]> = routed.into_iter().chain(words[name..].iter().copied()).collect();
    Some(internal(command, numbered, protocol, &args))
}

fn internal(command: EngineCommand, numbered: u8, protocol: Protocol, args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::encode(&mut bytes, wire::Head { command, protocol, numbered }, args.iter().copied());
    bytes
}

fn texts(words: &[&str]) -> Call {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The replies of a section, each without its length.
fn replies(section: &SectionResult) -> Vec<&[u8]> {
    let SectionResult::Done(bytes) = section else { return Vec::new() };
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (reply, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
        found.push(reply);
        rest = tail;
    }
    found
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Log {
    fn new(seed: u64) -> Log {
        Log {
            random: StdRng::seed_from_u64(seed),
            engine: engine(),
            steps: Vec::new(),
            time_ms: START_MS,
            sequence: 0,
            shas: Vec::new(),
            watched: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn key(&mut self) -> String {
        KEYS[self.random.random_range(0..KEYS.len())].to_owned()
    }

    /// A call of a script or function, or of one of the commands about them.
    fn scripting(&mut self) -> Call {
        let (key, body) = (self.key(), BODIES[self.random.random_range(0..BODIES.len())]);
        let name = format!("lib{}", self.random.random_range(0..3));
        let function = format!("f{}", self.random.random_range(0..4));
        match self.random.random_range(0..40) {
            0..16 => texts(&["EVAL", body, "1", &key, "5"]),
            16..18 => texts(&["EVAL_RO", "return redis.call('exists', KEYS[1])", "1", &key]),
            18..20 => texts(&["SCRIPT", "LOAD", body]),
            20..26 if !self.shas.is_empty() => {
                let sha = self.shas[self.random.random_range(0..self.shas.len())].clone();
                let name = ["EVALSHA", "EVALSHA_RO"][self.random.random_range(0..2)];
                [vec![name.into(), sha], texts(&["1", &key, "6"])].concat()
            }
            26..30 => {
                let code = format!(
                    "#!lua name={name}\nredis.register_function('{function}', function(KEYS, ARGV) {body} end)"
                );
                texts(&["FUNCTION", "LOAD", "REPLACE", &code])
            }
            30..36 => texts(&["FCALL", &function, "1", &key, "7"]),
            36 => texts(&["FUNCTION", "DELETE", &name]),
            37 if self.random.random_bool(0.2) => texts(&["SCRIPT", "FLUSH"]),
            38 if self.random.random_bool(0.2) => texts(&["FUNCTION", "FLUSH"]),
            _ => texts(&["FUNCTION", "LIST", "WITHCODE"]),
        }
    }

    /// A call of any command of the table.
    fn any(&mut self) -> Call {
        if self.random.random_bool(0.2) {
            return self.scripting();
        }
        if self.random.random_bool(0.1) {
            return texts(WAITING[self.random.random_range(0..WAITING.len())]);
        }
        if self.random.random_bool(0.05) {
            let (key, span) = (self.key(), self.random.random_range(1..300).to_string());
            return texts(&["PEXPIRE", &key, &span]);
        }
        loop {
            let command = EngineCommand::ALL[self.random.random_range(0..EngineCommand::ALL.len())];
            let spec = command.spec();
            let empties =
                matches!(command, EngineCommand::Flushall | EngineCommand::Flushdb | EngineCommand::Swapdb);
            let is_called_otherwise = spec.name.starts_with("EVAL") || spec.name.starts_with("FCALL");
            let is_left_out = spec.flags.contains(Flags::INTERNAL)
                || NOT_TRIED.contains(&spec.name)
                || is_called_otherwise
                || (empties && self.random.random_bool(0.95));
            if !is_left_out {
                let now_ms = i64::try_from(self.time_ms).expect("a time");
                return Generator { random: &mut self.random, now_ms }.call(spec);
            }
        }
    }

    fn any_record(&mut self) -> (Vec<u8>, Call) {
        loop {
            let call = self.any();
            let numbered = u8::from(self.random.random_bool(0.2)) * 2;
            let protocol = if self.random.random_bool(0.5) { Protocol::Resp2 } else { Protocol::Resp3 };
            if let Some(record) = record(numbered, protocol, &call) {
                return (record, call);
            }
        }
    }

    /// A transaction, with watched keys if there are some.
    fn transaction(&mut self) -> Vec<u8> {
        let mut conditions = Vec::new();
        for (numbered, key, moment) in std::mem::take(&mut self.watched) {
            conditions.push(numbered);
            put_varint(&mut conditions, moment);
            put_varint(&mut conditions, key.len() as u64);
            conditions.extend_from_slice(&key);
        }
        let count = self.random.random_range(0..6);
        let records: Vec<u8> = (0..count).flat_map(|_| self.any_record().0).collect();
        internal(EngineCommand::ExecuteAll, 0, Protocol::Resp2, &[&conditions, &records])
    }

    /// What proxies send besides what clients call.
    fn of_proxies(&mut self) -> Vec<u8> {
        let (session, sequence) =
            (SESSION.to_le_bytes(), self.random.random_range(0..=self.sequence).to_le_bytes());
        let key = self.key().into_bytes();
        let setting = ["4", "128", "1", "512"][self.random.random_range(0..4)].as_bytes();
        let name = ["hash-max-listpack-entries", "set-max-intset-entries", "zset-max-listpack-entries"];
        let name = name[self.random.random_range(0..3)].as_bytes();
        let make = |command, args: &[&[u8]]| internal(command, 0, Protocol::Resp2, args);
        match self.random.random_range(0..6) {
            0 => make(EngineCommand::Setting, &[name, setting]),
            1 => make(EngineCommand::Setting, &[b"notify-keyspace-events", b"KEA"]),
            2 => make(EngineCommand::UnwatchKeys, &[&key]),
            3 => make(EngineCommand::CancelWaiter, &[&session, &sequence, b"timeout"]),
            4 => make(EngineCommand::ScriptLearn, &[b"0", b"return 1"]),
            _ => make(EngineCommand::RenewWaiters, &[b"", b""]),
        }
    }

    /// Makes an entry of a few sections and applies it.
    fn step(&mut self) {
        self.time_ms += match self.random.random_range(0..100) {
            0 => 20 * 60_000,
            1 | 2 => 61_000,
            _ => self.random.random_range(0..40),
        };
        let mut builder = Builder::new(Header { time_ms: self.time_ms, seed: self.random.random() });
        let mut watches = None;
        for section in 0..self.random.random_range(0..3) {
            let watched = self.key().into_bytes();
            let mut records = Vec::new();
            let count = self.random.random_range(1..4);
            for _ in 0..count {
                records.extend(match self.random.random_range(0..20) {
                    0 => self.of_proxies(),
                    1 | 2 => self.transaction(),
                    _ => self.any_record().0,
                });
            }
            let watch = watches.is_none() && self.random.random_bool(0.2);
            if watch {
                records.extend(internal(EngineCommand::WatchKeys, 0, Protocol::Resp2, &[&watched]));
                watches = Some((section, watched));
            }
            let count = count + u32::from(watch);
            let with_session = self.random.random_bool(0.5);
            let first = self.sequence + 1;
            let head = SectionHead {
                database: DatabaseId::DEFAULT,
                session: if with_session { SESSION } else { 0 },
                first_sequence: if with_session { first } else { 0 },
                watermark: if with_session { self.random.random_range(0..first) } else { 0 },
                count,
            };
            if with_session {
                self.sequence += u64::from(count);
            }
            builder.section(head, &records);
        }
        let entry = builder.finish();
        let applied = self.engine.apply(self.engine.index() + 1, &entry).expect("a well-formed entry");
        self.learn(&applied, watches);
        self.steps.push(Step { entry, applied });
    }

    /// Notes what later entries build on.
    fn learn(&mut self, applied: &Applied, watches: Option<(usize, Vec<u8>)>) {
        if applied.sections.contains(&SectionResult::SessionExpired) {
            self.sequence = 0;
        }
        for reply in applied.sections.iter().flat_map(replies) {
            self.seen.failed_transactions += usize::from(reply == b"*-1\r\n");
            self.seen.ran += usize::from(reply == b"+DONE\r\n");
            if let Some(sha) = reply.strip_prefix(b"$40\r\n") {
                self.shas.push(sha[..40].to_vec());
            }
        }
        let published = |effect: &&Effect| matches!(effect, Effect::Published { .. });
        self.seen.published += applied.effects.iter().filter(published).count();
        self.seen.late += applied.late.len();
        if let Some((section, key)) = watches
            && let Some(reply) = applied.sections.get(section).and_then(|section| replies(section).pop())
            && let Some(moment) = reply.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b"\r\n"))
        {
            let moment = std::str::from_utf8(moment).ok().and_then(|text| text.parse().ok());
            self.watched.push((0, key, moment.expect("a moment")));
        }
    }
}

/// A flush is also told of databases in which there were keys once. A restored engine does not know of those.
fn is_flush(effect: &Effect) -> bool {
    matches!(effect, Effect::Flushed { .. })
}

/// Applies an entry and compares what comes of it.
fn follow(engine: &mut Engine, at: usize, step: &Step) {
    let applied = engine.apply(at as u64 + 1, &step.entry).expect("the entry was applied before");
    let shown = || step.entry.escape_ascii().to_string();
    assert_eq!(applied.sections, step.applied.sections, "replies of entry {at}: {}", shown());
    assert_eq!(applied.late, step.applied.late, "late replies of entry {at}");
    let told =
        |applied: &Applied| applied.effects.iter().filter(|effect| !is_flush(effect)).cloned().collect();
    let (ours, theirs): (Vec<Effect>, Vec<Effect>) = (told(&applied), told(&step.applied));
    assert_eq!(ours, theirs, "effects of entry {at}");
}

fn snapshot(engine: &mut Engine) -> Vec<Vec<u8>> {
    engine.begin_snapshot();
    std::iter::from_fn(|| engine.snapshot_chunk(1 << 16)).collect()
}

fn run(seed: u64) -> Seen {
    let mut log = Log::new(seed);
    let mut second = engine();
    let (mut followed, mut chunks, mut snapshot_at) = (0, Vec::new(), None);
    for at in 0..ENTRIES {
        log.step();
        follow(&mut second, at, &log.steps[at]);
        followed += 1;
        if followed % PER_SNAPSHOT == 0 {
            second.begin_snapshot();
            (chunks, snapshot_at) = (Vec::new(), Some(at + 1));
        }
        let Some(begun) = snapshot_at else { continue };
        chunks.extend(second.snapshot_chunk(256));
        if at < begun + WHILE_SNAPSHOT {
            continue;
        }
        chunks.extend(std::iter::from_fn(|| second.snapshot_chunk(256)));
        let mut restorer = Restorer::new(HASH_SEED);
        for chunk in &chunks {
            restorer.feed(chunk).expect("a whole chunk");
        }
        second = restorer.finish().expect("a whole snapshot");
        second.collect_effects(true);
        for (at, step) in log.steps.iter().enumerate().skip(begun) {
            follow(&mut second, at, step);
        }
        assert_eq!(second.digest(), log.engine.digest(), "seed {seed}: after the snapshot at {begun}");
        snapshot_at = None;
    }
    let (ours, theirs) = (snapshot(&mut log.engine), snapshot(&mut second));
    assert!(ours == theirs, "seed {seed}: the snapshots differ");
    log.seen
}

#[test]
fn the_same_entries_make_the_same_bytes() {
    for seed in crate::engine::seeds().unwrap_or(0..SEEDS) {
        let seen = run(seed);
        let all = [seen.published, seen.late, seen.failed_transactions, seen.ran];
        assert!(all.iter().all(|count| *count > 0), "seed {seed}: {all:?}");
    }
}
