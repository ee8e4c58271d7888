//! Measures what a key costs in memory and what a command costs in time, with the allocator of the real program.
//!
//! `cargo run --release -p meridian-engine --example measure`

#![expect(clippy::print_stdout, reason = "prints its measurements")]

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::{
    Engine, Restorer,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Commands per entry or read.
const BATCH: usize = 64;

fn main() {
    // Memory is measured in a process of its own: `measure memory 64 [expiring]`, `measure memory hash5`.
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next(), args.next()) {
        (Some("memory"), Some(what), None) if what.parse::<usize>().is_err() => collections(&what),
        (Some("memory"), Some(value_bytes), ttl) => memory(value_bytes.parse().unwrap_or(8), ttl.is_some()),
        (Some("print"), Some(what), keys) => print(&what, keys.and_then(|n| n.parse().ok()).unwrap_or(1000)),
        (Some("speed"), Some(keys), commands) => {
            speed(
                keys.parse().unwrap_or(100_000),
                commands.and_then(|n| n.parse().ok()).unwrap_or(2_000_000),
            );
        }
        _ => [100_000, 1_000_000].into_iter().for_each(|keys| speed(keys, 2_000_000)),
    }
}

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = n;
    for digit in key[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn record(batch: &mut Vec<u8>, command: EngineCommand, args: &[&[u8]]) {
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(batch, head, args.iter().copied());
}

/// Batches of one command over keys in a scattered order.
fn batches(keys: usize, commands: usize, each: impl Fn(&mut Vec<u8>, usize)) -> Vec<Vec<u8>> {
    let mut n = 0;
    let scattered = (0..commands / BATCH).map(|_| {
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            n = (n + 7_368_787) % keys;
            each(&mut batch, n);
        }
        batch
    });
    scattered.collect()
}

fn entry(time_ms: u64, sequence: &mut u64, commands: &[u8]) -> bytes::Bytes {
    let mut builder = Builder::new(Header { time_ms, seed: 1 });
    let head = SectionHead {
        session: 1,
        first_sequence: *sequence,
        watermark: *sequence - 1,
        count: BATCH as u32,
        ..SectionHead::default()
    };
    *sequence += BATCH as u64;
    builder.section(head, commands);
    builder.finish()
}

fn apply(engine: &mut Engine, time_ms: u64, sequence: &mut u64, batches: &[Vec<u8>]) {
    for batch in batches {
        let entry = entry(time_ms, sequence, batch);
        engine.apply(1, &entry).expect("well formed");
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn memory(value_bytes: usize, expiring: bool) {
    const KEYS: usize = 1_000_000;
    let mut engine = Engine::new(7);
    let mut sequence = 1;
    let value = vec![b'v'; value_bytes];
    let before = resident_bytes();
    let mut batch = Vec::new();
    for n in 0..KEYS {
        let ttl = (1_000_000 + n * 7_919 % 1_000_003).to_string();
        if expiring {
            record(&mut batch, EngineCommand::Set, &[&key(n), &value, b"PX", ttl.as_bytes()]);
        } else {
            record(&mut batch, EngineCommand::Set, &[&key(n), &value]);
        }
        if (n + 1) % BATCH == 0 {
            let entry = entry(1, &mut sequence, &batch);
            engine.apply(1, &entry).expect("well formed");
            batch.clear();
        }
    }
    settle(&mut engine, &mut sequence, KEYS);
    let (resident, estimate) = per_key(&engine, before, KEYS);
    println!(
        "{value_bytes}-byte values, expiry {expiring}: {resident:.1} B per key resident, {estimate:.1} estimated"
    );
}

/// Waits for the allocator: it gives pages back some time later, and only while it is used.
fn settle(engine: &mut Engine, sequence: &mut u64, keys: usize) {
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let gets = batches(keys, BATCH, |batch, n| record(batch, EngineCommand::Type, &[&key(n)]));
        apply(engine, 1, sequence, &gets);
    }
}

/// Bytes per key: resident, and as the engine estimates.
fn per_key(engine: &Engine, before: usize, keys: usize) -> (f64, f64) {
    let resident = (resident_bytes() - before) as f64 / keys as f64;
    (resident, engine.stats().memory_bytes as f64 / keys as f64)
}

/// Small collections: `hash5`, `set10`, `list10`, `zset10`. `measure print hash5` writes the same commands as lines.
fn collections(what: &str) {
    const KEYS: usize = 512_000;
    let mut engine = Engine::new(7);
    let mut sequence = 1;
    let before = resident_bytes();
    for n in (0..KEYS).step_by(BATCH) {
        let mut batch = Vec::new();
        for n in n..n + BATCH {
            let (command, _, args) = collection(what, n);
            let args: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
            record(&mut batch, command, &args);
        }
        let entry = entry(1, &mut sequence, &batch);
        engine.apply(1, &entry).expect("well formed");
    }
    settle(&mut engine, &mut sequence, KEYS);
    let (resident, estimate) = per_key(&engine, before, KEYS);
    println!("{what}: {resident:.1} B per key resident, {estimate:.1} estimated");
}

fn print(what: &str, keys: usize) {
    for n in 0..keys {
        let (_, name, args) = collection(what, n);
        println!("{name} {}", args.join(" "));
    }
}

/// The command that makes a small collection.
fn collection(what: &str, n: usize) -> (EngineCommand, &'static str, Vec<String>) {
    let mut args = vec![String::from_utf8_lossy(&key(n)).into_owned()];
    let mut add = |count: usize, each: &dyn Fn(usize) -> [String; 2], both: bool| {
        for [first, second] in (0..count).map(each) {
            args.push(first);
            if both {
                args.push(second);
            }
        }
    };
    let (command, name) = match what {
        "hash5" => {
            add(5, &|m| [format!("field{m}"), format!("value{:04}", (n + m) % 10_000)], true);
            (EngineCommand::Hset, "HSET")
        }
        "set10" => {
            add(10, &|m| [(n % 1000 * 100 + m * 7 + 100_000).to_string(), String::new()], false);
            (EngineCommand::Sadd, "SADD")
        }
        "list10" => {
            add(10, &|m| [format!("element{:04}", (n + m) % 10_000), String::new()], false);
            (EngineCommand::Rpush, "RPUSH")
        }
        _ => {
            add(10, &|m| [(n % 1000 + m).to_string(), format!("member{m:04}")], true);
            (EngineCommand::Zadd, "ZADD")
        }
    };
    (command, name, args)
}

/// Time on a processor, so that what else runs on the machine counts less.
fn time<R>(what: &str, count: usize, run: impl FnOnce() -> R) -> R {
    let start = processor_ns();
    let result = run();
    println!("{what:<24} {:>8.1} ns each", (processor_ns() - start) / count as f64);
    result
}

fn processor_ns() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}

fn speed(keys: usize, commands: usize) {
    println!("{keys} keys of 16 bytes, 64-byte values, {BATCH} commands per batch");
    let value = [b'v'; 64];
    let mut engine = Engine::new(7);
    let mut sequence = 1;
    let set = |batch: &mut Vec<u8>, n| record(batch, EngineCommand::Set, &[&key(n), &value]);
    let fill = batches(keys, keys, set);
    time("SET, new keys", keys, || apply(&mut engine, 1, &mut sequence, &fill));
    let sets = batches(keys, commands, set);
    time("SET, same size", commands, || apply(&mut engine, 1, &mut sequence, &sets));
    let other = |batch: &mut Vec<u8>, n| record(batch, EngineCommand::Set, &[&key(n), &value[..50 + n % 10]]);
    let others = batches(keys, commands, other);
    time("SET, other size", commands, || apply(&mut engine, 1, &mut sequence, &others));
    let px = |batch: &mut Vec<u8>, n: usize| {
        record(
            batch,
            EngineCommand::Set,
            &[&key(n), &value, b"PX", (90_000 + n % 9000).to_string().as_bytes()],
        );
    };
    let expiring = batches(keys, commands, px);
    time("SET PX", commands, || apply(&mut engine, 1, &mut sequence, &expiring));
    let numbers = |batch: &mut Vec<u8>, n: usize| record(batch, EngineCommand::Set, &[&key(n), b"1000"]);
    apply(&mut engine, 1, &mut sequence, &batches(keys, keys, numbers));
    let incrs = batches(keys, commands, |batch, n| record(batch, EngineCommand::Incr, &[&key(n)]));
    time("INCR", commands, || apply(&mut engine, 1, &mut sequence, &incrs));
    apply(&mut engine, 1, &mut sequence, &fill);
    let gets = batches(keys, commands, |batch, n| record(batch, EngineCommand::Get, &[&key(n)]));
    let mut replies = Vec::new();
    time("GET", commands, || {
        for batch in &gets {
            replies.clear();
            engine.read(DatabaseId::DEFAULT, 1, batch, &mut replies).expect("reads");
        }
    });
    time("digest", keys, || engine.digest());
    engine.begin_snapshot();
    let chunks: Vec<_> =
        time("snapshot", keys, || std::iter::from_fn(|| engine.snapshot_chunk(1 << 20)).collect());
    time("restore", keys, || {
        let mut restorer = Restorer::new(7);
        chunks.iter().for_each(|chunk| restorer.feed(chunk).expect("whole"));
        restorer.finish().expect("whole")
    });
}
