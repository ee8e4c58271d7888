//! The engine against a real Redis: the same random calls to both, and the same bytes back.
//!
//! What may differ, and why:
//! - how long a key has left, or when it expires, by [`CLOCK_SLACK_MS`]: two clocks;
//! - OBJECT IDLETIME and REFCOUNT: Redis keeps one object for all values that are the same small integer, unless it was
//!   copied;
//! - MEMORY USAGE: what a value takes is each one's own, and Redis also tells it of keys that have expired;
//! - the order of hashes and sets, and of KEYS and SCAN, and which key RANDOMKEY draws: both are sets;
//! - BITFIELD with OVERFLOW SAT that sets a value near -2^63 is not tried: Redis' own check overflows there and gives the
//!   largest number instead of the smallest;
//! - BITCOUNT and BITPOS with faulty arguments of a key that is absent or no string: 7.0 looks at the key first;
//! - OBJECT ENCODING of lists: Redis 7.0 has no lists that are listpacks;
//! - OBJECT ENCODING of a sorted set that SORT has looked at: Redis makes a skiplist of it, which changes nothing that
//!   can be read otherwise;
//! - which members ZRANDMEMBER draws;
//! - the payloads of DUMP, whose encodings are a matter of [`crate::dump`];
//! - PFSELFTEST is not tried: Redis takes seconds for it;
//! - commands that may wait are not tried, as nobody would wake them;
//! - DBSIZE where keys fell due: Redis counts those that it has not yet looked at.

use std::{
    collections::BTreeSet,
    env,
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use meridian_command::{CommandSpec, EngineCommand, Flags, Group, Protocol, doc::ArgFlags, resolve};
use meridian_resp::{Value, decode};
use meridian_tests_compat::{Bare, Client, Redis};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    random::{Call, Generator, KEYS},
    redis_knows,
};

/// How far the two clocks may be apart when both look at a key: the machine may be busy.
const CLOCK_SLACK_MS: i64 = 3000;

const SEEDS: u64 = 4;
const CALLS_PER_SEED: usize = 1500;
/// Every so many calls some keys fall due, and everything is compared.
const CALLS_PER_WAVE: usize = 150;
/// The numbered databases that are used.
const NUMBERED: u8 = 3;

/// How replies of a command are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sameness {
    Bytes,
    /// Numbers that count so many milliseconds.
    Time(i64),
    Unordered,
    /// Any two numbers.
    Kind,
    /// Cursors and chunks are each one's own; the whole walk yields the same.
    Walk,
    /// The same once Redis has looked at every key.
    Count,
    /// The same, but for numbers that count milliseconds.
    Near,
    /// Errors are the same; what is told is that of a newer Redis.
    Newer,
    /// Both draw one of the keys, or nothing.
    AnyKey,
    /// The same number of elements, any two texts, or the same error.
    Drawn,
    /// The names that newer versions have too, lists and sets that are listpacks.
    Encoding,
}

fn sameness(spec: &CommandSpec) -> Sameness {
    match spec.name {
        "OBJECT|IDLETIME" | "OBJECT|REFCOUNT" | "MEMORY|USAGE" => Sameness::Kind,
        "TTL" | "EXPIRETIME" => Sameness::Time(1000),
        "PTTL" | "PEXPIRETIME" => Sameness::Time(1),
        "KEYS" => Sameness::Unordered,
        "DBSIZE" => Sameness::Count,
        "HKEYS" | "HVALS" | "HGETALL" | "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" => Sameness::Unordered,
        "SCAN" | "HSCAN" | "SSCAN" => Sameness::Walk,
        "ZRANDMEMBER" | "DUMP" => Sameness::Drawn,
        "OBJECT|ENCODING" => Sameness::Encoding,
        "RANDOMKEY" => Sameness::AnyKey,
        "XPENDING" => Sameness::Near,
        // Since 7.2 consumers have two clocks, and since 7.4 the lag is told in more cases: see the case files.
        "XINFO|CONSUMERS" | "XINFO|GROUPS" | "XINFO|STREAM" => Sameness::Newer,
        _ => Sameness::Bytes,
    }
}

struct Pair {
    bare: Bare,
    redis: Client,
    selected: u8,
    seed: u64,
    trace: Vec<Call>,
}

impl Pair {
    fn new(redis: &Redis, protocol: Protocol, seed: u64) -> Pair {
        let mut client = redis.connect();
        if protocol == Protocol::Resp3 {
            client.call(&[b"HELLO", b"3"]);
        }
        client.call(&[b"FLUSHALL"]);
        Pair { bare: Bare::new(protocol, wall_ms()), redis: client, selected: 0, seed, trace: Vec::new() }
    }

    fn select(&mut self, numbered: u8) {
        self.bare.numbered = numbered;
        if self.selected != numbered {
            self.redis.call(&[b"SELECT", numbered.to_string().as_bytes()]);
            self.selected = numbered;
        }
    }

    /// Sends a call to both and compares what comes back.
    fn call(&mut self, spec: &CommandSpec, call: &Call) {
        let args: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
        self.bare.now_ms = wall_ms();
        let ours = self.bare.call(&args);
        let theirs = self.redis.call(&args);
        self.compare(spec, call, ours, theirs);
    }

    /// Sends reads to both, together.
    fn read_all(&mut self, lines: &[Vec<&[u8]>]) {
        let lines: Vec<&[&[u8]]> = lines.iter().map(Vec::as_slice).collect();
        self.bare.now_ms = wall_ms();
        let theirs = self.redis.call_all(&lines);
        for (line, theirs) in lines.into_iter().zip(theirs) {
            let (command, _) = resolve(line).expect("a well-formed call");
            let ours = self.bare.call(line);
            self.compare(command.spec(), &owned(line), ours, theirs);
        }
    }

    fn compare(&mut self, spec: &CommandSpec, call: &Call, ours: Vec<u8>, mut theirs: Vec<u8>) {
        let args: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
        self.trace.push(call.clone());
        let sameness = match sameness(spec) {
            // Without FULL it tells of no consumer.
            Sameness::Newer if spec.name == "XINFO|STREAM" && call.len() == 3 => Sameness::Bytes,
            sameness => sameness,
        };
        if sameness == Sameness::Count && ours != theirs {
            self.redis.call(&[b"SCAN", b"0", b"COUNT", b"100000"]);
            theirs = self.redis.call(&args);
        }
        if ours[0] == b'-' && theirs[0] == b'-' && is_reworded(&value(&ours), &value(&theirs)) {
            return;
        }
        if matches!(spec.name, "BITCOUNT" | "BITPOS") && ours[0] == b'-' && ours != theirs {
            // Since 8.0 the arguments are looked at first.
            let of_key: [&[u8]; 3] = [b":0\r\n", b":-1\r\n", b"-WRONGTYPE"];
            if of_key.iter().any(|reply| theirs.starts_with(reply)) {
                return;
            }
        }
        if spec.name == "MEMORY|USAGE" && theirs[0] == b':' && matches!(ours[0], b'$' | b'_') {
            // Of a key that has expired, and that nobody has looked at since.
            return;
        }
        if spec.name == "OBJECT|ENCODING" && theirs == b"$8\r\nskiplist\r\n" && self.was_sorted(args[2]) {
            return;
        }
        if sameness == Sameness::AnyKey && self.draws_exist(&ours, &theirs) {
            return;
        }
        if sameness == Sameness::Walk && ours[0] == b'*' && theirs[0] == b'*' {
            // A cursor from nowhere: where it stands is each one's own.
            if args[cursor_position(&args)] != b"0" {
                return;
            }
            let ours = walk(&args, ours, |call| self.bare.call(call));
            let theirs = walk(&args, theirs, |call| self.redis.call(call));
            if ours != theirs {
                self.fail(&format!("{ours:?}"), &format!("{theirs:?}"));
            }
            return;
        }
        if ours == theirs || is_same(sameness, &ours, &theirs) {
            return;
        }
        self.fail(&ours.escape_ascii().to_string(), &theirs.escape_ascii().to_string());
    }

    fn fail(&self, ours: &str, theirs: &str) -> ! {
        panic!(
            "seed {}, {:?}, numbered database {}\nours:   {ours}\ntheirs: {theirs}\nbefore it:\n{}",
            self.seed,
            self.bare.protocol,
            self.selected,
            self.shown_trace(),
        );
    }

    /// Whether SORT has looked at the key.
    fn was_sorted(&self, key: &[u8]) -> bool {
        let sorts = |call: &&Call| {
            call.len() > 1 && call[0].to_ascii_uppercase().starts_with(b"SORT") && call[1] == key
        };
        self.trace.iter().any(|call| sorts(&call))
    }

    /// Whether both drew a key, and each side has what the other drew.
    fn draws_exist(&mut self, ours: &[u8], theirs: &[u8]) -> bool {
        let (Value::Bulk(ours), Value::Bulk(theirs)) = (value(ours), value(theirs)) else { return false };
        let (in_redis, in_ours) =
            (self.redis.call(&[b"EXISTS", &ours]), self.bare.call(&[b"EXISTS", &theirs]));
        in_redis == b":1\r\n" && in_ours == b":1\r\n"
    }

    /// The calls that share an argument with the last one, latest last.
    fn shown_trace(&self) -> String {
        let Some((last, before)) = self.trace.split_last() else { return String::new() };
        let related = before.iter().filter(|call| call[1..].iter().any(|arg| last[1..].contains(arg)));
        let mut shown: Vec<_> = related.rev().take(25).map(shown).collect();
        shown.reverse();
        shown.push(shown_last(last));
        shown.join("\n")
    }

    /// Lets some keys fall due on both sides, and looks at them before anything else does.
    fn wave(&mut self, random: &mut StdRng) {
        let due: Vec<&[u8]> =
            KEYS.iter().filter(|_| random.random_bool(0.4)).map(|key| key.as_bytes()).collect();
        for key in &due {
            self.call(EngineCommand::Pexpire.spec(), &owned(&[b"PEXPIRE", key, b"1"]));
        }
        let after = wall_ms() + 2;
        while wall_ms() <= after {
            std::thread::yield_now();
        }
        let of_one_key = EngineCommand::ALL
            .iter()
            .filter(|command| !matches!(command, EngineCommand::Dump | EngineCommand::MemoryUsage))
            .map(|command| command.spec())
            .filter(|spec| !spec.keys.is_empty() && is_tried(spec));
        let of_one_key: Vec<_> = of_one_key.collect();
        for key in &due {
            let spec = of_one_key[random.random_range(0..of_one_key.len())];
            let now_ms = wall_ms() as i64;
            let mut call = Generator { random: &mut *random, now_ms, newer: false }.call(spec);
            let args: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
            for position in spec.key_positions(&args).unwrap_or_default() {
                call[position] = key.to_vec();
            }
            if is_comparable(spec, &call) {
                self.call(spec, &call);
            }
        }
    }

    /// Compares everything that can be seen of every key. Looking also makes Redis forget what has expired.
    fn compare_state(&mut self) {
        for numbered in 0..NUMBERED {
            self.select(numbered);
            let mut lines: Vec<Vec<&[u8]>> = Vec::new();
            for key in KEYS.map(str::as_bytes) {
                let of_key: [&[u8]; 6] = [b"TYPE", b"GET", b"PTTL", b"STRLEN", b"HGETALL", b"SMEMBERS"];
                lines.extend(of_key.map(|name| vec![name, key]));
                lines.push(vec![b"OBJECT", b"ENCODING", key]);
                lines.push(vec![b"LRANGE", key, b"0", b"-1"]);
                lines.push(vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]);
                lines.extend([vec![&b"XRANGE"[..], key, b"-", b"+"], vec![b"XINFO", b"STREAM", key]]);
                lines.extend([&b"g"[..], b"h"].map(|group| vec![&b"XPENDING"[..], key, group]));
            }
            lines.extend([vec![&b"KEYS"[..], b"*"], vec![b"DBSIZE"]]);
            self.read_all(&lines);
        }
    }
}

/// Whether calls of the command are compared. What is drawn at random is each one's own; the case files have the rest.
fn is_tried(spec: &CommandSpec) -> bool {
    // Those of streams are only told to wait for a moment.
    let waits = spec.flags.contains(Flags::BLOCKING) && spec.group != Group::Stream;
    !waits
        && !spec.flags.contains(Flags::INTERNAL)
        && spec.group != Group::Scripting
        && spec.group != Group::Cluster
        && redis_knows(spec)
        && !["SPOP", "SRANDMEMBER", "HRANDFIELD", "PFSELFTEST"].contains(&spec.name)
}

/// Where options were added since, too many arguments for Redis 7.0 are refused for another reason here.
fn is_comparable(spec: &CommandSpec, call: &Call) -> bool {
    let needed = 1 + spec.docs.args.iter().filter(|arg| !arg.flags.contains(ArgFlags::OPTIONAL)).count();
    crate::redis_knows_all(spec) || call.len() <= needed
}

fn owned(line: &[&[u8]]) -> Call {
    line.iter().map(|arg| arg.to_vec()).collect()
}

fn shown(call: &Call) -> String {
    call.iter().map(|arg| format!("\"{}\"", arg.escape_ascii())).collect::<Vec<_>>().join(" ")
}

fn shown_last(call: &Call) -> String {
    format!("> {}", shown(call))
}

fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_millis() as u64
}

fn value(reply: &[u8]) -> Value {
    decode(&Bytes::copy_from_slice(reply)).expect("well formed").expect("complete").0
}

fn is_same(sameness: Sameness, ours: &[u8], theirs: &[u8]) -> bool {
    let value =
        |reply: &[u8]| decode(&Bytes::copy_from_slice(reply)).expect("well formed").expect("complete").0;
    match (sameness, value(ours), value(theirs)) {
        (Sameness::Time(unit_ms), Value::Integer(ours), Value::Integer(theirs)) => {
            ours >= 0 && theirs >= 0 && (ours - theirs).abs() * unit_ms <= CLOCK_SLACK_MS
        }
        (Sameness::Kind, Value::Integer(ours), Value::Integer(theirs)) => ours >= 0 && theirs >= 0,
        (Sameness::Drawn, Value::Array(ours), Value::Array(theirs)) => ours.len() == theirs.len(),
        (Sameness::Drawn, Value::Bulk(_), Value::Bulk(_)) => true,
        (Sameness::Encoding, Value::Bulk(ours), Value::Bulk(theirs)) => {
            &ours[..] == b"listpack" && [&b"quicklist"[..], b"hashtable"].contains(&&theirs[..])
        }
        (Sameness::Near, ours, theirs) => is_near(&ours, &theirs),
        (Sameness::Newer, ours, theirs) => {
            !matches!(ours, Value::Error(_)) && !matches!(theirs, Value::Error(_))
        }
        (Sameness::Unordered, ours, theirs) => unordered(ours) == unordered(theirs),
        _ => false,
    }
}

/// Errors that Redis 7.0 words differently from later ones, or that quote how a subcommand was written, which the
/// engine does not know.
fn is_reworded(ours: &Value, theirs: &Value) -> bool {
    let parts = ["unknown subcommand or wrong number", "list of streams: for each stream key"];
    let (Value::Error(ours), Value::Error(theirs)) = (ours, theirs) else { return false };
    parts.iter().any(|part| ours.contains(part) && theirs.contains(part))
}

fn is_near(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Integer(ours), Value::Integer(theirs)) => (ours - theirs).abs() <= CLOCK_SLACK_MS,
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_near(ours, theirs))
        }
        (ours, theirs) => ours == theirs,
    }
}

/// The elements of an array as text, sorted.
fn unordered(value: Value) -> BTreeSet<String> {
    match value {
        Value::Array(parts) | Value::Set(parts) => {
            parts.into_iter().map(|part| format!("{part:?}")).collect()
        }
        Value::Map(pairs) => pairs.into_iter().map(|pair| format!("{pair:?}")).collect(),
        other => BTreeSet::from([format!("{other:?}")]),
    }
}

/// Where the cursor of a SCAN, HSCAN or SSCAN stands.
fn cursor_position(call: &[&[u8]]) -> usize {
    if call[0].eq_ignore_ascii_case(b"SCAN") { 1 } else { 2 }
}

/// All that a SCAN yields whose first reply is known.
fn walk(call: &[&[u8]], mut reply: Vec<u8>, mut next: impl FnMut(&[&[u8]]) -> Vec<u8>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let at = cursor_position(call);
    loop {
        let parts = match value(&reply) {
            Value::Array(parts) => parts,
            other => panic!("a walk that began ends in {other:?}"),
        };
        let [Value::Bulk(cursor), chunk] = &parts[..] else { panic!("a cursor and keys: {parts:?}") };
        found.extend(unordered(chunk.clone()));
        if &cursor[..] == b"0" {
            return found;
        }
        let mut call = call.to_vec();
        call[at] = cursor;
        reply = next(&call);
    }
}

fn run(redis: &Redis, protocol: Protocol, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut pair = Pair::new(redis, protocol, seed);
    for step in 1..=CALLS_PER_SEED {
        if random.random_bool(0.1) {
            pair.select(random.random_range(0..NUMBERED));
        }
        pair.bare.read_outside = random.random_bool(0.5);
        let command = EngineCommand::ALL[random.random_range(0..EngineCommand::ALL.len())];
        let spec = command.spec();
        if !is_tried(spec) {
            continue;
        }
        // Emptying everything as often as anything else would leave little to see.
        let empties = matches!(command, EngineCommand::Flushall | EngineCommand::Flushdb);
        if empties && random.random_bool(0.9) {
            continue;
        }
        let now_ms = wall_ms() as i64;
        let call = Generator { random: &mut random, now_ms, newer: false }.call(spec);
        if is_comparable(spec, &call) {
            pair.call(spec, &call);
        }
        if step % CALLS_PER_WAVE == 0 {
            pair.wave(&mut random);
            pair.compare_state();
        }
    }
    pair.bare.check_determinism();
}

#[test]
fn random_calls_are_answered_like_redis() {
    let Some(redis) = Redis::start("the engine") else { return };
    let seeds = seeds().unwrap_or(0..SEEDS);
    for seed in seeds {
        let protocol = if seed % 2 == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
        run(&redis, protocol, seed);
    }
}

/// `MERIDIAN_SEEDS=7` or `MERIDIAN_SEEDS=0..200`.
pub(crate) fn seeds() -> Option<Range<u64>> {
    let text = env::var("MERIDIAN_SEEDS").ok()?;
    let (first, end) = match text.split_once("..") {
        Some((first, end)) => (first.parse().ok()?, end.parse().ok()?),
        None => (text.parse().ok()?, text.parse::<u64>().ok()? + 1),
    };
    Some(first..end)
}
