//! A log as a leader makes it: random entries of all commands, in numbered databases, with and without sessions, in
//! transactions, in scripts and functions, waiting for keys, evicting, refusing for want of memory, while settings change
//! and keys expire.

use std::collections::BTreeSet;

use bytes::Bytes;
use meridian_command::{Command, EngineCommand, Flags, Protocol, Route, resolve, wire};
use meridian_engine::{
    Applied, Effect, Engine, EventClass, Evictor, SectionResult,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::engine;
use crate::random::{Call, Generator, KEYS};

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

/// Calls of commands that need more than one key of the right type, which random calls seldom find.
const WELL_FORMED: [&str; 53] = [
    "FLUSHDB",
    "FLUSHALL",
    "XINFO STREAM x",
    "BLMPOP 0 1 rl LEFT",
    "BLPOP rl 0",
    "BZMPOP 0 1 z MIN",
    "ZADD z 1 a 2 b",
    "JSON.SET j $.n 4",
    "XPENDING x g",
    "SWAPDB 0 2",
    "MSETEX 1 ms v EX 100",
    "DEL h x j rl",
    "HSET h f 1 g 2 i 3",
    "HEXPIRE h 100 FIELDS 1 f",
    "HPEXPIRE h 30 FIELDS 1 g",
    "HEXPIREAT h 1900000000 FIELDS 1 i",
    "HPEXPIREAT h 1900000000000 FIELDS 1 i",
    "HGETEX h PX 50 FIELDS 1 f",
    "HSETEX h PX 40 FIELDS 1 f v",
    "RPUSH rl a b c",
    "LSET rl 0 x",
    "PFADD pf a b",
    "PFDEBUG ENCODING pf",
    "XADD x * f v",
    "XADD x * f w",
    "XSETID x 18446744073709551615-1",
    "XGROUP CREATE x g 0 MKSTREAM",
    "XGROUP SETID x g 0",
    "XGROUP CREATECONSUMER x g c",
    "XGROUP DELCONSUMER x g c",
    "XREADGROUP GROUP g d STREAMS x >",
    "XCLAIM x g c 0 1-1 FORCE",
    "XAUTOCLAIM x g e 0 0",
    "XACKDEL x g DELREF IDS 1 1-1",
    "XINFO GROUPS x",
    "XINFO CONSUMERS x g",
    "JSON.MSET j $ {\"n\":1,\"s\":\"t\",\"b\":true,\"a\":[1,2,3]}",
    "JSON.MERGE j $.a {\"x\":null}",
    "JSON.CLEAR j $.a",
    "JSON.TOGGLE j $.b",
    "JSON.NUMINCRBY j $.n 1.5",
    "JSON.NUMMULTBY j $.n 3",
    "JSON.NUMPOWBY j $.n 0.5",
    "JSON.STRAPPEND j $.s \"x\"",
    "JSON.ARRAPPEND j $.a 4 {\"k\":[]}",
    "JSON.ARRINDEX j $.a 2",
    "JSON.ARRINSERT j $.a 0 0",
    "JSON.ARRPOP j $.a",
    "JSON.ARRTRIM j $.a 0 2",
    "JSON.DEL j $.a[0]",
    "GETEX ms PX 60",
    "SPOP sp 2",
    "SADD sp a b c d e 1 2",
];

/// One entry that was applied, and what came of it.
pub(super) struct Step {
    pub(super) entry: Bytes,
    pub(super) applied: Applied,
}

/// The leader: it makes the entries and applies them first.
pub(super) struct Log {
    random: StdRng,
    pub(super) engine: Engine,
    evictor: Evictor,
    pub(super) steps: Vec<Step>,
    time_ms: u64,
    /// The last sequence of the session.
    sequence: u64,
    /// What SCRIPT LOAD and EVAL have made known, by their SHA-1.
    shas: Vec<Vec<u8>>,
    /// Watched keys with their moments.
    watched: Vec<(u8, Vec<u8>, u64)>,
    pub(super) seen: Seen,
}

/// That the test tests something.
#[derive(Default)]
pub(super) struct Seen {
    published: usize,
    late: usize,
    failed_transactions: usize,
    ran: usize,
    evicted: usize,
    refused: usize,
    expired: usize,
    /// Commands that were answered by something else than an error.
    pub(super) answered: BTreeSet<&'static str>,
}

impl Seen {
    /// How often each of what must happen has happened.
    pub(super) fn counts(&self) -> [(&'static str, usize); 7] {
        [
            ("published", self.published),
            ("late replies", self.late),
            ("failed transactions", self.failed_transactions),
            ("scripts", self.ran),
            ("evicted", self.evicted),
            ("refused for want of memory", self.refused),
            ("expired", self.expired),
        ]
    }
}

const SESSION: u64 = 9;

/// When a key was last used and what memory it takes is each replica's own, which scripts are not told. PFSELFTEST takes
/// seconds.
pub(super) const NOT_TRIED: [&str; 4] = ["OBJECT|IDLETIME", "OBJECT|FREQ", "MEMORY|USAGE", "PFSELFTEST"];

fn record(numbered: u8, protocol: Protocol, call: &Call) -> Option<(EngineCommand, Vec<u8>)> {
    let words: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
    let Ok((Command::Engine(command), name)) = resolve(&words) else { return None };
    let routed = match command.spec().route {
        Route::Cursor => Some(&b"16383"[..]),
        Route::Script => Some(&b"0-16383"[..]),
        _ => None,
    };
    let args: Vec<&[u8]> = routed.into_iter().chain(words[name..].iter().copied()).collect();
    Some((command, internal(command, numbered, protocol, &args)))
}

fn internal(command: EngineCommand, numbered: u8, protocol: Protocol, args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::encode(&mut bytes, wire::Head { command, protocol, numbered }, args.iter().copied());
    bytes
}

fn make(command: EngineCommand, args: &[&[u8]]) -> (EngineCommand, Vec<u8>) {
    (command, internal(command, 0, Protocol::Resp2, args))
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
    pub(super) fn new(seed: u64) -> Log {
        Log {
            random: StdRng::seed_from_u64(seed),
            engine: engine(),
            evictor: Evictor::new(seed),
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
        if self.random.random_bool(0.15) {
            let call = WELL_FORMED[self.random.random_range(0..WELL_FORMED.len())];
            return call.split(' ').map(|word| word.as_bytes().to_vec()).collect();
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
                return Generator { random: &mut self.random, now_ms, newer: true }.call(spec);
            }
        }
    }

    fn any_record(&mut self) -> (EngineCommand, Vec<u8>) {
        loop {
            let call = self.any();
            let numbered = u8::from(self.random.random_bool(0.2)) * 2;
            let protocol = if self.random.random_bool(0.5) { Protocol::Resp2 } else { Protocol::Resp3 };
            if let Some(record) = record(numbered, protocol, &call) {
                return record;
            }
        }
    }

    /// A transaction, with watched keys if there are some.
    fn transaction(&mut self) -> (EngineCommand, Vec<u8>) {
        let mut conditions = Vec::new();
        for (numbered, key, moment) in std::mem::take(&mut self.watched) {
            conditions.push(numbered);
            put_varint(&mut conditions, moment);
            put_varint(&mut conditions, key.len() as u64);
            conditions.extend_from_slice(&key);
        }
        let count = self.random.random_range(0..6);
        let records: Vec<u8> = (0..count).flat_map(|_| self.any_record().1).collect();
        make(EngineCommand::ExecuteAll, &[&conditions, &records])
    }

    /// What proxies send besides what clients call.
    fn of_proxies(&mut self) -> (EngineCommand, Vec<u8>) {
        let (session, sequence) =
            (SESSION.to_le_bytes(), self.random.random_range(0..=self.sequence).to_le_bytes());
        let key = self.key().into_bytes();
        let setting = ["4", "128", "1", "512"][self.random.random_range(0..4)].as_bytes();
        let name = ["hash-max-listpack-entries", "set-max-intset-entries", "zset-max-listpack-entries"];
        let name = name[self.random.random_range(0..3)].as_bytes();
        let policy = ["allkeys-random", "volatile-ttl", "allkeys-lfu", "volatile-lru", "noeviction"];
        let policy = policy[self.random.random_range(0..5)].as_bytes();
        match self.random.random_range(0..8) {
            0 => make(EngineCommand::Setting, &[name, setting]),
            1 => make(EngineCommand::Setting, &[b"notify-keyspace-events", b"KEA"]),
            2 => make(EngineCommand::UnwatchKeys, &[&key]),
            3 => make(EngineCommand::CancelWaiter, &[&session, &sequence, b"timeout"]),
            4 => make(EngineCommand::ScriptLearn, &[b"0", b"return 1"]),
            5 => make(EngineCommand::Setting, &[b"maxmemory-policy", policy]),
            6 => make(EngineCommand::Settings, &[]),
            _ => make(EngineCommand::RenewWaiters, &[b"", b""]),
        }
    }

    /// What a leader does for want of memory, at the beginning of an entry: keys go, or what needs memory is refused.
    fn relief(&mut self) -> Vec<(EngineCommand, Vec<u8>)> {
        if self.random.random_bool(0.03) {
            return vec![make(EngineCommand::MemoryFull, &[])];
        }
        if !self.random.random_bool(0.1) {
            return Vec::new();
        }
        let victims = self.engine.victims(&mut self.evictor, self.time_ms, 200, 3);
        let records = victims.iter().map(|victim| {
            let args: [&[u8]; 1] = [&victim.key];
            (EngineCommand::Evict, internal(EngineCommand::Evict, victim.numbered, Protocol::Resp2, &args))
        });
        let records = records.collect();
        self.evictor.settled(victims);
        records
    }

    /// What clients send in one section.
    fn commands(&mut self) -> Vec<(EngineCommand, Vec<u8>)> {
        let count = self.random.random_range(1..4);
        let one = |log: &mut Log| match log.random.random_range(0..20) {
            0 => log.of_proxies(),
            1 | 2 => log.transaction(),
            _ => log.any_record(),
        };
        (0..count).map(|_| one(self)).collect()
    }

    /// Of the session that commands are in, or of none.
    fn head(&mut self, count: u32) -> SectionHead {
        let head = SectionHead { database: DatabaseId::DEFAULT, count, ..SectionHead::default() };
        if self.random.random_bool(0.5) {
            return head;
        }
        let first = self.sequence + 1;
        self.sequence += u64::from(count);
        let watermark = self.random.random_range(0..first);
        SectionHead { session: SESSION, first_sequence: first, watermark, ..head }
    }

    /// Makes an entry of a few sections and applies it.
    pub(super) fn step(&mut self) {
        self.time_ms += match self.random.random_range(0..100) {
            0 => 20 * 60_000,
            1 | 2 => 61_000,
            _ => self.random.random_range(0..40),
        };
        let mut builder = Builder::new(Header { time_ms: self.time_ms, seed: self.random.random() });
        let (mut watches, mut called) = (None, Vec::new());
        let relief = self.relief();
        let clients = self.random.random_range(0..3);
        for section in 0..usize::from(!relief.is_empty()) + clients {
            let is_relief = section == 0 && !relief.is_empty();
            let mut commands = if is_relief { relief.clone() } else { self.commands() };
            let watched = self.key().into_bytes();
            if !is_relief && watches.is_none() && self.random.random_bool(0.2) {
                commands.push(make(EngineCommand::WatchKeys, &[&watched]));
                watches = Some((section, watched));
            }
            let count = u32::try_from(commands.len()).expect("a few");
            let head = if is_relief {
                SectionHead { database: DatabaseId::DEFAULT, count, ..SectionHead::default() }
            } else {
                self.head(count)
            };
            let (names, records): (Vec<EngineCommand>, Vec<Vec<u8>>) = commands.into_iter().unzip();
            called.push(names);
            builder.section(head, &records.concat());
        }
        let entry = builder.finish();
        let applied = self.engine.apply(self.engine.index() + 1, &entry).expect("a well-formed entry");
        self.learn(&applied, &called, watches);
        self.steps.push(Step { entry, applied });
    }

    /// Notes what later entries build on.
    fn learn(&mut self, applied: &Applied, called: &[Vec<EngineCommand>], watches: Option<(usize, Vec<u8>)>) {
        if applied.sections.contains(&SectionResult::SessionExpired) {
            self.sequence = 0;
        }
        for (section, called) in applied.sections.iter().zip(called) {
            let answered = replies(section).into_iter().zip(called);
            let answered = answered.filter(|(reply, _)| !reply.starts_with(b"-"));
            self.seen.answered.extend(answered.map(|(_, command)| command.spec().name));
        }
        for reply in applied.sections.iter().flat_map(replies) {
            self.seen.refused += usize::from(reply.starts_with(b"-OOM "));
            self.seen.failed_transactions += usize::from(reply == b"*-1\r\n");
            self.seen.ran += usize::from(reply == b"+DONE\r\n");
            if let Some(sha) = reply.strip_prefix(b"$40\r\n") {
                self.shas.push(sha[..40].to_vec());
            }
        }
        for effect in &applied.effects {
            self.seen.published += usize::from(matches!(effect, Effect::Published { .. }));
            self.seen.expired += usize::from(matches!(effect, Effect::Expired(_)));
            let class = EventClass::Evicted;
            self.seen.evicted +=
                usize::from(matches!(effect, Effect::Event { class: of, .. } if *of == class));
        }
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
