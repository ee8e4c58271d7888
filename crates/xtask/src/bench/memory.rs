//! Memory per key of one replica, log excluded, against what redis takes for the same.
//!
//! A log keeps its newest entries in memory, up to a bound. So the same few keys are written until that is full; what
//! the process grows by after that is keys. Redis' figure is the growth of what it says that it uses, which leaves out
//! what its allocator adds: ours leaves out nothing.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Result, bail};
use meridian_testkit::{Client, RedisServer, Value, memory};

use super::{
    Effort,
    expiry::used_memory,
    setup,
    table::{Goal, Spread, Table},
};

/// Commands that are sent at once.
const BATCH: u64 = 1000;
/// More than a log keeps in memory.
const LOG_BYTES: u64 = 100 << 20;
/// Bytes of a command besides its value.
const COMMAND_BYTES: u64 = 30;
/// The length of values that fill the log.
const WARM_BYTES: usize = 64;
/// How often a process is looked at until its memory has come to rest.
const SETTLES: usize = 10;

/// What makes a key, and what it may take.
struct Shape {
    name: &'static str,
    command: fn(key: String, number: u64) -> Vec<String>,
    goal: Goal,
    /// The goal is a multiple of what redis takes, not a number of bytes.
    is_relative: bool,
}

const fn string(name: &'static str, command: fn(String, u64) -> Vec<String>, must: f64, want: f64) -> Shape {
    Shape { name, command, goal: Goal::at_most(must, want), is_relative: false }
}

const fn collection(name: &'static str, command: fn(String, u64) -> Vec<String>) -> Shape {
    Shape { name, command, goal: Goal::at_most(1.0, 0.8), is_relative: true }
}

const SHAPES: &[Shape] = &[
    string("8 B values", |key, _| set(&key, 8), 104.0, 80.0),
    string("64 B values", |key, _| set(&key, 64), 168.0, 134.0),
    collection("hashes of 5 fields", |key, number| {
        words("HSET", key, 5, |n| [format!("field{n}"), format!("value{:04}", (number + n) % 10_000)])
    }),
    collection("sets of 10 integers", |key, number| {
        words("SADD", key, 10, |n| [(number % 1000 * 100 + n * 7 + 100_000).to_string()])
    }),
    collection("lists of 10", |key, number| {
        words("RPUSH", key, 10, |n| [format!("element{:04}", (number + n) % 10_000)])
    }),
    collection("sorted sets of 10", |key, number| {
        words("ZADD", key, 10, |n| [(number % 1000 + n).to_string(), format!("member{n:04}")])
    }),
];

fn set(key: &str, length: usize) -> Vec<String> {
    vec!["SET".to_owned(), key.to_owned(), "v".repeat(length)]
}

fn words<const N: usize>(
    name: &str,
    key: String,
    count: u64,
    element: impl Fn(u64) -> [String; N],
) -> Vec<String> {
    [name.to_owned(), key].into_iter().chain((0..count).flat_map(element)).collect()
}

/// Fills fresh servers with keys of 16 bytes, for each shape.
pub(super) fn measure(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    for shape in SHAPES {
        let cluster = setup(binary, 1, 1).start()?;
        let process = cluster.process_ids()[0];
        let [ours, _] = per_key(cluster.client_addresses()[0], process, effort.keys, shape)?;
        let Some(redis) = RedisServer::start(&[])? else { bail!("redis-server is not on PATH") };
        let [resident, used] = per_key(redis.address(), redis.process_id(), effort.keys, shape)?;
        let note = format!("{ours:.0} B; redis uses {used:.0} B, {resident:.0} B resident");
        let (unit, figure) = if shape.is_relative { ("of redis'", ours / used) } else { ("bytes", ours) };
        let name = format!("memory per key, {}: {unit}", shape.name);
        table.noted(&name, shape.goal, Spread::of(vec![figure]), note);
    }
    Ok(())
}

/// The growth per key of the process's memory, and of what the server says that it uses.
fn per_key(address: SocketAddr, process: u32, keys: u64, shape: &Shape) -> Result<[f64; 2]> {
    let mut client = Client::connect(address, Duration::from_secs(60))?;
    for _ in 0..LOG_BYTES / (COMMAND_BYTES + WARM_BYTES as u64) / BATCH {
        fill(&mut client, "warm", BATCH, WARM_BYTES)?;
    }
    let before = [memory(process)?, used_memory(&mut client)?];
    fill_with(&mut client, "mem:", keys, shape.command)?;
    // The allocator gives pages back some time later, and only while it is used.
    for _ in 0..SETTLES {
        fill(&mut client, "warm", BATCH, WARM_BYTES)?;
    }
    let after = [memory(process)?, used_memory(&mut client)?];
    let growth = |index: usize| after[index].saturating_sub(before[index]) as f64 / keys as f64;
    Ok([growth(0), growth(1)])
}

/// Sets so many keys of 16 bytes.
pub(super) fn fill(client: &mut Client, prefix: &str, keys: u64, length: usize) -> Result<()> {
    fill_with(client, prefix, keys, |key, _| set(&key, length))
}

fn fill_with(
    client: &mut Client,
    prefix: &str,
    keys: u64,
    command: impl Fn(String, u64) -> Vec<String>,
) -> Result<()> {
    let numbers: Vec<u64> = (0..keys).collect();
    for batch in numbers.chunks(usize::try_from(BATCH)?) {
        let commands: Vec<Vec<String>> =
            batch.iter().map(|number| command(format!("{prefix}{number:012}"), *number)).collect();
        for reply in client.pipeline(&commands)? {
            let done = matches!(reply, Value::Integer(_)) || reply.as_str() == Some("OK");
            if !done {
                bail!("{}: {reply:?}", commands[0][0]);
            }
        }
    }
    Ok(())
}
