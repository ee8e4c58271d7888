//! Commands of every data type, scripts and transactions.
//!
//! Writes are held against a redis-server that syncs every write (`appendfsync always`), reads against a plain one.

use std::{
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail, ensure};
use meridian_testkit::{Client, RedisServer, Value};

use super::{
    Effort, setup,
    table::{Goal, Table},
    throughput::{Pair, Run, benchmark},
};

const CLIENTS: u32 = 50;
const DEPTHS: [u32; 2] = [1, 16];
/// Keys that the commands are spread over.
const KEYS: &str = "10000";
/// The most requests of a run.
const REQUESTS_MAX: u64 = 500_000;
const REPLY_WITHIN: Duration = Duration::from_secs(30);
/// Connections that send transactions.
const TRANSACTION_CLIENTS: usize = 16;

/// One command; `__rand_int__` stands for a random number.
struct Workload {
    name: &'static str,
    write: bool,
    command: &'static [&'static str],
}

const fn write(name: &'static str, command: &'static [&'static str]) -> Workload {
    Workload { name, write: true, command }
}

const fn read(name: &'static str, command: &'static [&'static str]) -> Workload {
    Workload { name, write: false, command }
}

const R: &str = "k:__rand_int__";

const WORKLOADS: &[Workload] = &[
    write("LPUSH", &["LPUSH", "list:__rand_int__", "xxxxxxxx"]),
    write("LPOP", &["LPOP", "list:__rand_int__"]),
    write("SADD", &["SADD", "set:__rand_int__", "member:__rand_int__"]),
    write("HSET", &["HSET", "hash:__rand_int__", "field:__rand_int__", "xxxxxxxx"]),
    write("ZADD", &["ZADD", "zset:__rand_int__", "__rand_int__", "member:__rand_int__"]),
    write("XADD", &["XADD", "stream:__rand_int__", "MAXLEN", "~", "1000", "*", "field", "xxxxxxxx"]),
    write("EVAL", &["EVAL", "return redis.call('incr', KEYS[1])", "1", "count:__rand_int__"]),
    write(
        "MSET of 10",
        &["MSET", R, "x", R, "x", R, "x", R, "x", R, "x", R, "x", R, "x", R, "x", R, "x", R, "x"],
    ),
    read("MGET of 10", &["MGET", R, R, R, R, R, R, R, R, R, R]),
    read("LRANGE 100", &["LRANGE", "long-list", "0", "99"]),
    read("ZRANGE 100", &["ZRANGE", "long-zset", "0", "99"]),
];

/// Measures all of them.
pub(super) fn measure(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    let cluster = setup(binary, 3, 4).start()?;
    let ours = cluster.client_addresses()[0];
    let synced = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"])?;
    let plain = RedisServer::start(&[])?;
    let (Some(synced), Some(plain)) = (synced, plain) else { bail!("redis-server is not on PATH") };
    for address in [ours, plain.address()] {
        fill(address)?;
    }
    for workload in WORKLOADS {
        let theirs = if workload.write { synced.address() } else { plain.address() };
        for depth in DEPTHS {
            let run = |address, requests| {
                benchmark(address, [CLIENTS, depth], requests, &[&["-r", KEYS], workload.command].concat())
            };
            let pair = compare(ours, theirs, effort, u64::from(CLIENTS * depth), run)?;
            row(table, &format!("{} at {depth}", workload.name), workload.write, depth, &pair);
        }
    }
    for depth in DEPTHS {
        let run = |address, requests| transactions(address, depth, requests);
        let pair = compare(ours, synced.address(), effort, u64::from(CLIENTS * depth), run)?;
        row(table, &format!("MULTI of 5 at {depth}"), true, depth, &pair);
    }
    Ok(())
}

fn row(table: &mut Table, name: &str, write: bool, depth: u32, pair: &Pair) {
    match (write, depth) {
        (true, 16) => table.ratio(name, Goal::at_least(0.5, 1.0), pair),
        (true, _) => table.comparison(name, pair),
        (false, _) => table.ratio(name, Goal::at_least(0.4, 0.8), pair),
    }
}

/// What the reads look at.
fn fill(address: SocketAddr) -> Result<()> {
    let mut client = Client::connect(address, REPLY_WITHIN)?;
    for number in 0..100 {
        let number = number.to_string();
        for call in [vec!["RPUSH", "long-list", &number], vec!["ZADD", "long-zset", &number, &number]] {
            client.send(&call)?;
            let reply = client.read()?;
            ensure!(matches!(reply, Value::Integer(_)), "{call:?}: {reply:?}");
        }
    }
    Ok(())
}

fn compare(
    ours: SocketAddr,
    theirs: SocketAddr,
    effort: Effort,
    least: u64,
    run: impl Fn(SocketAddr, u64) -> Result<f64>,
) -> Result<Pair> {
    let pilot = |address| -> Result<u64> {
        let few = 200.max(least * 20);
        Ok(((run(address, few)? * effort.seconds) as u64).clamp(few, REQUESTS_MAX))
    };
    let counts = [pilot(ours)?, pilot(theirs)?];
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        let ours = || run(ours, counts[0]);
        let theirs = || run(theirs, counts[1]);
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours()?;
            (ours, theirs()?)
        } else {
            let theirs = theirs()?;
            (ours()?, theirs)
        };
        rounds.push([ours, theirs].map(|rate| Run { rate, cpu_micros: 0.0 }));
    }
    Ok(Pair::of(rounds))
}

/// Transactions of five commands per second, each connection with `depth` of them under way.
fn transactions(address: SocketAddr, depth: u32, requests: u64) -> Result<f64> {
    let each = requests.div_ceil(TRANSACTION_CLIENTS as u64).div_ceil(u64::from(depth));
    let began = Instant::now();
    let threads: Vec<_> = (0..TRANSACTION_CLIENTS)
        .map(|number| thread::spawn(move || transact(address, number, depth, each)))
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow!("a client has failed"))??;
    }
    let done = each * u64::from(depth) * TRANSACTION_CLIENTS as u64;
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

fn transact(address: SocketAddr, number: usize, depth: u32, times: u64) -> Result<()> {
    let mut client = Client::connect(address, REPLY_WITHIN)?;
    let keys: Vec<String> = (0..5).map(|key| format!("{{t{number}}}{key}")).collect();
    for _ in 0..times {
        for _ in 0..depth {
            client.send(&["MULTI"])?;
            for key in &keys {
                client.send(&["INCR", key])?;
            }
            client.send(&["EXEC"])?;
        }
        for _ in 0..depth {
            for _ in 0..6 {
                client.read()?;
            }
            let reply = client.read()?;
            let whole = matches!(&reply, Value::Array(replies) if replies.len() == 5);
            ensure!(whole, "EXEC: {reply:?}");
        }
    }
    Ok(())
}
