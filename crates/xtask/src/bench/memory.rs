//! Memory per key of one replica, log excluded, and what redis takes for the same.
//!
//! A log keeps its newest entries in memory, up to a bound. So the same few keys are written, in the same way, until
//! that is full; what the process grows by after that is keys.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Result, bail};
use meridian_testkit::{Client, RedisServer, memory};

use super::{
    Effort, setup,
    table::{Goal, Spread, Table},
};

/// Commands that are sent at once.
const BATCH: u64 = 1000;
/// More than a log keeps in memory.
const LOG_BYTES: u64 = 100 << 20;
/// Bytes of a command besides its value.
const COMMAND_BYTES: u64 = 30;
/// Value lengths with what a key must and should take.
const GOALS: [(usize, Goal); 2] = [(8, Goal::at_most(104.0, 80.0)), (64, Goal::at_most(168.0, 134.0))];

/// Fills a fresh server with keys of 16 bytes, for each length of value.
pub(super) fn measure(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    for (length, goal) in GOALS {
        let cluster = setup(binary, 1, 1).start()?;
        let process = cluster.process_ids()[0];
        let ours = per_key(cluster.client_addresses()[0], process, effort.keys, length)?;
        let Some(redis) = RedisServer::start(&[])? else { bail!("redis-server is not on PATH") };
        let theirs = per_key(redis.address(), redis.process_id(), effort.keys, length)?;
        table.add(&format!("memory per key, {length} B values: bytes"), goal, Spread::of(vec![ours]));
        eprintln!("bench: redis takes {theirs:.0} B");
    }
    Ok(())
}

/// The growth of the process's memory, per key.
fn per_key(address: SocketAddr, process: u32, keys: u64, length: usize) -> Result<f64> {
    let mut client = Client::connect(address, Duration::from_secs(60))?;
    for _ in 0..LOG_BYTES / (COMMAND_BYTES + length as u64) / BATCH {
        fill(&mut client, "warm", BATCH, length)?;
    }
    let before = memory(process)?;
    fill(&mut client, "mem:", keys, length)?;
    Ok(memory(process)?.saturating_sub(before) as f64 / keys as f64)
}

/// Sets so many keys of 16 bytes.
pub(super) fn fill(client: &mut Client, prefix: &str, keys: u64, length: usize) -> Result<()> {
    let value = "v".repeat(length);
    let numbers: Vec<u64> = (0..keys).collect();
    for batch in numbers.chunks(usize::try_from(BATCH)?) {
        let key = |number: &u64| format!("{prefix}{number:012}");
        let commands: Vec<Vec<String>> =
            batch.iter().map(|number| vec!["SET".to_owned(), key(number), value.clone()]).collect();
        for reply in client.pipeline(&commands)? {
            if reply.as_str() != Some("OK") {
                bail!("SET: {reply:?}");
            }
        }
    }
    Ok(())
}
