//! Latency at a fixed rate, counted from when each request was due: a server that stalls does not slow the clock.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use rand::{RngExt, rng};

use super::{Effort, table::Spread};

const RATE: u32 = 1000;
const CONNECTIONS: usize = 50;
const KEYS: u64 = 100_000;
const REPLY: &[u8] = b"+OK\r\n";
/// A reply that takes longer is a stall.
const REPLY_WITHIN: Duration = Duration::from_secs(30);

/// Median and 99th percentile in milliseconds, over the rounds.
pub(super) fn measure(address: SocketAddr, effort: Effort) -> Result<[Spread; 2]> {
    let mut percentiles = [Vec::new(), Vec::new()];
    for _ in 0..effort.rounds {
        let mut latencies = round(address, Duration::from_secs_f64(effort.seconds * 2.0))?;
        latencies.sort();
        for (figures, part) in percentiles.iter_mut().zip([50, 99]) {
            let index = (latencies.len() * part / 100).min(latencies.len() - 1);
            figures.push(latencies[index].as_secs_f64() * 1e3);
        }
    }
    Ok(percentiles.map(Spread::of))
}

/// The latencies of all requests of one round.
fn round(address: SocketAddr, lasts: Duration) -> Result<Vec<Duration>> {
    let mut senders = Vec::new();
    let mut readers = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_WITHIN))?;
        let (due, dues) = mpsc::channel::<Instant>();
        let mut replies = stream.try_clone()?;
        readers.push(thread::spawn(move || -> Result<Vec<Duration>> {
            let mut latencies = Vec::new();
            for due in dues {
                let mut reply = [0; REPLY.len()];
                replies.read_exact(&mut reply)?;
                latencies.push(due.elapsed());
                ensure!(reply == REPLY, "open loop: {:?}", String::from_utf8_lossy(&reply));
            }
            Ok(latencies)
        }));
        senders.push((stream, due));
    }
    let value = "o".repeat(64);
    let interval = Duration::from_secs(1) / RATE;
    let begun = Instant::now();
    let count = u32::try_from(lasts.as_millis() * u128::from(RATE) / 1000)?;
    for request in 0..count {
        let due = begun + interval * request;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let (stream, dues) = &mut senders[request as usize % CONNECTIONS];
        let key = format!("key:{:012}", rng().random_range(0..KEYS));
        let bytes = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len());
        dues.send(due).map_err(|_| anyhow!("open loop: a reader has ended early"))?;
        stream.write_all(bytes.as_bytes())?;
    }
    let streams: Vec<TcpStream> = senders.into_iter().map(|(stream, _)| stream).collect();
    let mut latencies = Vec::new();
    for reader in readers {
        latencies.extend(reader.join().map_err(|_| anyhow!("open loop: a reader panicked"))??);
    }
    for stream in streams {
        stream.shutdown(Shutdown::Both).context("open loop: close")?;
    }
    Ok(latencies)
}
