//! Requests per second by `redis-benchmark`, one server and then the other in every round.

use std::{
    fmt,
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use meridian_testkit::{Client, Value, cpu_time};
use rand::{RngExt, rng};

use super::{
    Effort,
    table::{Goal, Spread},
};
use crate::process::output;

/// Keys that are read and written.
const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 64;
/// The most requests of a run: beyond this a faster server is only measured for a shorter time.
const REQUESTS_MAX: u64 = 1_500_000;
/// How many keys are looked at to see that what was counted has happened.
const SAMPLE: usize = 400;
/// Connections and commands per connection when keys are written before a run.
const PREFILL: (usize, u64) = (20, 100);
const REPLY_WITHIN: Duration = Duration::from_secs(30);

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    write: bool,
    clients: u32,
    pipeline: u32,
}

impl Workload {
    pub(super) const fn set(clients: u32, pipeline: u32) -> Workload {
        Workload { write: true, clients, pipeline }
    }

    pub(super) const fn get(clients: u32, pipeline: u32) -> Workload {
        Workload { write: false, clients, pipeline }
    }

    pub(super) fn is_write(&self) -> bool {
        self.write
    }

    fn name(&self) -> &'static str {
        if self.write { "set" } else { "get" }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().to_uppercase();
        match self.clients {
            1 => write!(f, "{name}, one connection"),
            _ => write!(f, "{name} at {}", self.pipeline),
        }
    }
}

/// A workload and what is expected of it.
pub(super) struct Goals {
    pub(super) workload: Workload,
    /// Requests per second against redis.
    pub(super) ratio: Goal,
    /// CPU of all processes per request, in microseconds.
    pub(super) cpu: Option<Goal>,
}

const fn goals(workload: Workload, ratio: Goal, cpu: Option<Goal>) -> Goals {
    Goals { workload, ratio, cpu }
}

/// The table of what must be reached.
pub(super) const GOALS: &[Goals] = &[
    goals(Workload::set(50, 1), Goal::at_least(0.25, 0.40), Some(Goal::at_most(36.0, 20.0))),
    goals(Workload::set(50, 16), Goal::at_least(0.20, 0.35), Some(Goal::at_most(10.0, 5.0))),
    goals(Workload::set(50, 64), Goal::at_least(0.20, 0.35), None),
    goals(Workload::set(1, 1), Goal::at_least(0.14, 0.20), None),
    goals(Workload::get(50, 1), Goal::at_least(0.60, 0.70), None),
    goals(Workload::get(50, 16), Goal::at_least(0.80, 1.1), Some(Goal::at_most(2.5, 1.2))),
    goals(Workload::get(50, 64), Goal::at_least(0.90, 1.5), None),
    goals(Workload::get(1, 1), Goal::at_least(0.45, 0.75), None),
];

/// A server, and what lives as long as it.
pub(super) struct Endpoint<T> {
    name: &'static str,
    address: SocketAddr,
    processes: Vec<u32>,
    /// What every key was last set to, if nothing has been written since.
    filled: Option<String>,
    _keeps: T,
}

impl<T> Endpoint<T> {
    pub(super) fn new(name: &'static str, address: SocketAddr, processes: Vec<u32>, keeps: T) -> Endpoint<T> {
        Endpoint { name, address, processes, filled: None, _keeps: keeps }
    }

    /// The same, and `keeps` lives as long as it.
    pub(super) fn keeping<K>(self, keeps: K) -> Endpoint<K> {
        Endpoint::new(self.name, self.address, self.processes, keeps)
    }

    fn connect(&self) -> Result<Client> {
        Ok(Client::connect(self.address, REPLY_WITHIN)?)
    }

    /// Sets every key to a value that nobody else has, unless they are as the last call left them.
    fn fill(&mut self) -> Result<String> {
        if let Some(value) = &self.filled {
            return Ok(value.clone());
        }
        let value = format!("{:0VALUE_BYTES$x}", rng().random::<u64>());
        let (connections, batch) = PREFILL;
        let mut clients = (0..connections).map(|_| self.connect()).collect::<Result<Vec<_>>>()?;
        let mut keys = (0..KEYS).map(key).peekable();
        while keys.peek().is_some() {
            // All connections at once: a command waits for a disk, but many can wait together.
            let mut sent = vec![0; connections];
            for (client, sent) in clients.iter_mut().zip(&mut sent) {
                for key in keys.by_ref().take(usize::try_from(batch)?) {
                    client.send(&["SET", &key, &value])?;
                    *sent += 1;
                }
            }
            for (client, sent) in clients.iter_mut().zip(sent) {
                for _ in 0..sent {
                    let reply = client.read()?;
                    ensure!(reply == Value::Simple("OK".into()), "{}: SET: {reply:?}", self.name);
                }
            }
        }
        self.filled = Some(value.clone());
        Ok(value)
    }

    /// How many of a sample of keys still have the value, and how many another one of the right length.
    fn sample(&self, value: &str) -> Result<(usize, usize)> {
        let keys: Vec<Vec<String>> =
            (0..SAMPLE).map(|_| vec!["GET".to_owned(), key(rng().random_range(0..KEYS))]).collect();
        let replies = self.connect()?.pipeline(&keys)?;
        let same = replies.iter().filter(|reply| reply.as_str() == Some(value)).count();
        let other = |reply: &&Value| {
            matches!(reply, Value::Bulk(bytes) if bytes.len() == VALUE_BYTES) && reply.as_str() != Some(value)
        };
        Ok((same, replies.iter().filter(other).count()))
    }

    /// One run of so many requests.
    fn run(&mut self, workload: Workload, requests: u64) -> Result<Run> {
        let value = self.fill()?;
        if workload.write {
            self.filled = None;
        }
        let before = cpu_time(&self.processes)?;
        let rate = redis_benchmark(self.address, workload, requests).with_context(|| self.name)?;
        let cpu = cpu_time(&self.processes)?.saturating_sub(before);
        let (same, other) = self.sample(&value)?;
        if same + other != SAMPLE {
            bail!("{}: {} of {SAMPLE} keys are lost", self.name, SAMPLE - same - other);
        }
        let written =
            if workload.write { 1.0 - (1.0 - 1.0 / KEYS as f64).powf(requests as f64) } else { 0.0 };
        let found = other as f64 / SAMPLE as f64;
        let chance = 5.0 * (written * (1.0 - written) / SAMPLE as f64).sqrt() + 0.02;
        ensure!(
            (found - written).abs() <= chance,
            "{}: {workload}: {found:.3} of the keys were written, {written:.3} expected",
            self.name
        );
        Ok(Run { rate, cpu_micros: cpu.as_secs_f64() * 1e6 / requests as f64 })
    }
}

/// As redis-benchmark names them.
fn key(number: u64) -> String {
    format!("key:{number:012}")
}

/// What one run showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Requests per second.
    pub(super) rate: f64,
    pub(super) cpu_micros: f64,
}

/// The runs of two servers, round by round.
#[derive(Debug)]
pub(super) struct Pair {
    rounds: Vec<[Run; 2]>,
}

impl Pair {
    pub(super) fn of(rounds: Vec<[Run; 2]>) -> Pair {
        Pair { rounds }
    }

    /// How many times as fast the first is.
    pub(super) fn ratio(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|[ours, theirs]| ours.rate / theirs.rate).collect())
    }

    /// Requests per second of both.
    pub(super) fn rates(&self) -> [f64; 2] {
        [0, 1].map(|index| Spread::of(self.rounds.iter().map(|round| round[index].rate).collect()).median)
    }

    /// Microseconds of CPU per request of the first.
    pub(super) fn cpu_micros(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|[ours, _]| ours.cpu_micros).collect())
    }
}

/// Runs a workload on both, in alternating order.
pub(super) fn compare<A, B>(
    ours: &mut Endpoint<A>,
    theirs: &mut Endpoint<B>,
    workload: Workload,
    effort: Effort,
) -> Result<Pair> {
    let counts = [pilot(ours, workload, effort)?, pilot(theirs, workload, effort)?];
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        rounds.push(if round % 2 == 0 {
            let first = ours.run(workload, counts[0])?;
            [first, theirs.run(workload, counts[1])?]
        } else {
            let first = theirs.run(workload, counts[1])?;
            [ours.run(workload, counts[0])?, first]
        });
    }
    Ok(Pair { rounds })
}

/// How many requests take about as long as a run shall.
fn pilot<T>(endpoint: &mut Endpoint<T>, workload: Workload, effort: Effort) -> Result<u64> {
    let few = 200.max(u64::from(workload.clients * workload.pipeline) * 40);
    let rate = endpoint.run(workload, few)?.rate;
    Ok(((rate * effort.seconds) as u64).clamp(few, REQUESTS_MAX))
}

fn redis_benchmark(address: SocketAddr, workload: Workload, requests: u64) -> Result<f64> {
    let size = ["-r", &KEYS.to_string(), "-d", &VALUE_BYTES.to_string()];
    let what = ["-t", workload.name()];
    let shape = [workload.clients, workload.pipeline];
    benchmark(address, shape, requests, &[&size[..], &what[..]].concat())
}

/// Requests per second of a run by so many clients at such a depth. An error reply fails it.
pub(super) fn benchmark(
    address: SocketAddr,
    [clients, pipeline]: [u32; 2],
    requests: u64,
    what: &[&str],
) -> Result<f64> {
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "--csv"]);
    command.args(["-c", &clients.to_string(), "-P", &pipeline.to_string(), "-n", &requests.to_string()]);
    command.args(what).stdin(Stdio::null());
    parse(&output(&mut command)?)
}

/// The requests per second in the last row of what redis-benchmark prints.
fn parse(csv: &str) -> Result<f64> {
    let row = csv.lines().rfind(|line| line.contains(',')).context("redis-benchmark printed no row")?;
    let field = row.split(',').nth(1).context("redis-benchmark printed a short row")?;
    field.trim_matches('"').parse().with_context(|| format!("redis-benchmark printed {row}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_second_field() {
        let csv = "\"test\",\"rps\",\"avg\"\n\"SET\",\"81967.21\",\"0.4\"\n";
        assert_eq!(parse(csv).expect("a row"), 81967.21);
        parse("").expect_err("no row");
    }
}
