//! Keys, and fields of hashes, that fall due at a fixed rate: whether memory follows, and whether others wait meanwhile.
//!
//! Two probes send a read and a write every few milliseconds, first while nothing falls due and then while it does:
//! what else runs on the machine disturbs both alike. A third connection looks at keys that are due and at some that
//! are not, and at how much memory is taken.

use std::{
    net::SocketAddr,
    path::Path,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use meridian_testkit::{Client, Value};
use rand::{RngExt, rng};

use super::{
    Effort, setup,
    table::{Goal, Spread, Table},
};

/// What falls due per second.
const RATE: u64 = 100_000;
/// Connections that write before, and commands that each has under way.
const WRITERS: u64 = 4;
const BATCH: u64 = 500;
/// Hashes that fields are spread over.
const HASHES: u64 = 1000;
/// Between two requests of a probe, and between two looks at what is there.
const PROBE_EVERY: Duration = Duration::from_millis(4);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Keys at which one look looks.
const LOOKED_AT: usize = 20;
/// Memory has followed when no more than this share of it is left.
const LEFT: f64 = 0.01;
const WITHIN: Duration = Duration::from_secs(60);

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Keys,
    Fields,
}

/// When what falls due: the n-th at `begin_ms` and n / [`RATE`] seconds.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    kind: Kind,
    begin_ms: u64,
    count: u64,
}

impl Schedule {
    fn due_ms(&self, number: u64) -> u64 {
        self.begin_ms + number * 1000 / RATE
    }

    fn end_ms(&self) -> u64 {
        self.due_ms(self.count)
    }

    /// What share of it is not due yet.
    fn share_left(&self, now_ms: u64) -> f64 {
        let left = self.end_ms().saturating_sub(now_ms) as f64;
        (left / (self.end_ms() - self.begin_ms) as f64).min(1.0)
    }

    fn write(&self, number: u64) -> Vec<String> {
        let due = self.due_ms(number).to_string();
        match self.kind {
            Kind::Keys => vec!["SET".into(), key(number), "v".repeat(16), "PXAT".into(), due],
            Kind::Fields => {
                let (hash, field) = (hash(number), key(number));
                ["HSETEX", &hash, "PXAT", &due, "FIELDS", "1", &field, "vvvvvvvvvvvvvvvv"]
                    .map(str::to_owned)
                    .to_vec()
            }
        }
    }

    fn read(&self, number: u64) -> Vec<String> {
        match self.kind {
            Kind::Keys => vec!["GET".into(), key(number)],
            Kind::Fields => vec!["HGET".into(), hash(number), key(number)],
        }
    }
}

fn key(number: u64) -> String {
    format!("due:{number:012}")
}

fn hash(number: u64) -> String {
    format!("hash:{}", number % HASHES)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn sleep_until_ms(at_ms: u64) {
    thread::sleep(Duration::from_millis(at_ms.saturating_sub(now_ms())));
}

/// Measures both kinds.
pub(super) fn measure(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    for (kind, name) in [(Kind::Keys, "keys"), (Kind::Fields, "fields")] {
        let cluster = setup(binary, 3, 4).start()?;
        let run = run(&cluster.client_addresses(), kind, effort)?;
        let row = format!("100,000 {name}/s fall due");
        let behind = Spread::of(vec![run.behind_ms]);
        table.add(&format!("{row}: memory behind, ms"), Goal::at_most(1000.0, 250.0), behind);
        for (what, quiet, busy) in
            [("GET", &run.quiet.reads, &run.busy.reads), ("SET", &run.quiet.writes, &run.busy.writes)]
        {
            let note = format!(
                "ms at p50, p99, p99.9, most: {}; while nothing falls due {}",
                quantiles(busy),
                quantiles(quiet)
            );
            let more = (quantile(busy, 0.99) - quantile(quiet, 0.99)).max(0.0);
            let name = format!("{row}: {what} p99, more ms than before");
            table.noted(&name, Goal::at_most(5.0, 1.0), Spread::of(vec![more]), note);
        }
    }
    Ok(())
}

/// Sorted latencies in milliseconds.
#[derive(Debug, Default)]
struct Latencies {
    reads: Vec<f64>,
    writes: Vec<f64>,
}

#[derive(Debug)]
struct Run {
    quiet: Latencies,
    busy: Latencies,
    /// How long after its time the last of a share of memory was free, at most.
    behind_ms: f64,
}

fn run(addresses: &[SocketAddr], kind: Kind, effort: Effort) -> Result<Run> {
    let seconds = (effort.seconds * 2.0).max(1.0);
    let count = (RATE as f64 * seconds) as u64;
    let mut looker = Client::connect(addresses[0], WITHIN)?;
    looker.call(&["SET", "probe", "v"])?;
    // How fast keys are written says how long before its time the first has to be.
    let began = Instant::now();
    let pilot = Schedule { kind, begin_ms: now_ms() + 1000, count: count / 20 };
    write(addresses, pilot)?;
    let needed = began.elapsed().mul_f64(30.0) + Duration::from_secs_f64(seconds + 2.0);
    until_gone(&mut looker, pilot)?;
    let empty = used_memory(&mut looker)?;
    let schedule = Schedule { kind, begin_ms: now_ms() + u64::try_from(needed.as_millis())?, count };
    write(addresses, schedule)?;
    let full = used_memory(&mut looker)?;
    let spare = Duration::from_millis(schedule.begin_ms.saturating_sub(now_ms()));
    ensure!(spare > Duration::from_secs_f64(seconds), "keys were written too slowly: the machine is busy");
    sleep_until_ms(schedule.begin_ms - (seconds * 1000.0) as u64);
    let quiet = probe(addresses, schedule.begin_ms)?;
    let probes = start_probes(addresses, schedule.end_ms())?;
    let behind_ms = follow(&mut looker, schedule, empty, full)?;
    Ok(Run { quiet, busy: finish(probes)?, behind_ms })
}

/// Writes all of a schedule.
fn write(addresses: &[SocketAddr], schedule: Schedule) -> Result<()> {
    let writer = |writer: u64| {
        let address = addresses[writer as usize % addresses.len()];
        thread::spawn(move || -> Result<()> {
            let mut client = Client::connect(address, WITHIN)?;
            let numbers: Vec<u64> = (writer..schedule.count).step_by(WRITERS as usize).collect();
            for batch in numbers.chunks(BATCH as usize) {
                let commands: Vec<Vec<String>> = batch.iter().map(|number| schedule.write(*number)).collect();
                for reply in client.pipeline(&commands)? {
                    ensure!(!matches!(reply, Value::Error(_)), "{:?}: {reply:?}", schedule.write(batch[0]));
                }
            }
            Ok(())
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| anyhow!("a writer panicked"))?)
}

type Probe = JoinHandle<Result<Vec<f64>>>;

/// A reading and a writing probe until a time.
fn start_probes(addresses: &[SocketAddr], until_ms: u64) -> Result<[Probe; 2]> {
    let start = |command: &'static [&'static str]| -> Result<Probe> {
        let mut client = Client::connect(addresses[0], WITHIN)?;
        Ok(thread::spawn(move || {
            let mut latencies = Vec::new();
            let mut due = Instant::now();
            while now_ms() < until_ms {
                due += PROBE_EVERY;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                client.call(command)?;
                // From when it was due: who is held up is late with the next request as well.
                latencies.push(due.elapsed().as_secs_f64() * 1e3);
            }
            latencies.sort_by(f64::total_cmp);
            Ok(latencies)
        }))
    };
    Ok([start(&["GET", "probe"])?, start(&["SET", "probe", "v"])?])
}

fn finish(probes: [Probe; 2]) -> Result<Latencies> {
    let [reads, writes] = probes.map(|probe| probe.join().map_err(|_| anyhow!("a probe panicked"))?);
    Ok(Latencies { reads: reads?, writes: writes? })
}

fn probe(addresses: &[SocketAddr], until_ms: u64) -> Result<Latencies> {
    finish(start_probes(addresses, until_ms)?)
}

/// Looks at keys and memory until all is gone; how far memory was behind at most, in milliseconds.
fn follow(looker: &mut Client, schedule: Schedule, empty: u64, full: u64) -> Result<f64> {
    let lasts_ms = (schedule.end_ms() - schedule.begin_ms) as f64;
    let mut behind_ms = 0.0_f64;
    loop {
        look(looker, schedule)?;
        let before_ms = now_ms();
        let used =
            used_memory(looker)?.saturating_sub(empty) as f64 / full.saturating_sub(empty).max(1) as f64;
        let late_ms = before_ms.saturating_sub(schedule.end_ms()) as f64;
        if before_ms > schedule.begin_ms && used > LEFT {
            behind_ms = behind_ms.max((used - schedule.share_left(before_ms)) * lasts_ms + late_ms);
        }
        if used <= LEFT && late_ms > 0.0 {
            return Ok(behind_ms);
        }
        ensure!(late_ms < WITHIN.as_secs_f64() * 1e3, "{:.1} % of the memory is not freed", used * 100.0);
        thread::sleep(LOOK_EVERY);
    }
}

/// Looks at some keys: those that are due must be gone, those that are not must be there.
fn look(looker: &mut Client, schedule: Schedule) -> Result<()> {
    let numbers: Vec<u64> = (0..LOOKED_AT).map(|_| rng().random_range(0..schedule.count)).collect();
    let commands: Vec<Vec<String>> = numbers.iter().map(|number| schedule.read(*number)).collect();
    let before_ms = now_ms();
    let replies = looker.pipeline(&commands)?;
    let after_ms = now_ms();
    for (number, reply) in numbers.into_iter().zip(replies) {
        let due_ms = schedule.due_ms(number);
        match reply {
            Value::Null => ensure!(due_ms <= after_ms, "{number} was gone {} ms early", due_ms - after_ms),
            Value::Bulk(_) => {
                ensure!(due_ms > before_ms, "{number} was there {} ms late", before_ms - due_ms)
            }
            other => bail!("{:?}: {other:?}", schedule.read(number)),
        }
    }
    Ok(())
}

/// Waits until all of a schedule is gone, and its memory is free.
fn until_gone(looker: &mut Client, schedule: Schedule) -> Result<()> {
    sleep_until_ms(schedule.end_ms());
    meridian_testkit::within(WITHIN, "what is due is reclaimed", || {
        let reply = looker.call(&["DBSIZE"]).ok()?;
        (reply == Value::Integer(1)).then_some(())
    })
}

/// What the server says that data takes.
pub(super) fn used_memory(client: &mut Client) -> Result<u64> {
    let reply = client.call(&["INFO", "memory"])?;
    let text = reply.as_str().context("INFO is no text")?;
    let line = text.lines().find_map(|line| line.strip_prefix("used_memory:")).context("no used_memory")?;
    Ok(line.trim().parse()?)
}

/// Of sorted figures.
fn quantile(figures: &[f64], part: f64) -> f64 {
    let index = (figures.len() as f64 * part) as usize;
    figures.get(index.min(figures.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn quantiles(figures: &[f64]) -> String {
    [0.5, 0.99, 0.999, 1.0].map(|part| format!("{:.1}", quantile(figures, part))).join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_the_schedule() {
        let schedule = Schedule { kind: Kind::Keys, begin_ms: 1000, count: 2 * RATE };
        assert_eq!([0, 1000, 2000, 3000, 4000].map(|at| schedule.share_left(at)), [1.0, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(schedule.due_ms(RATE / 2), 1500);
    }

    #[test]
    fn quantiles_are_of_what_is_there() {
        let figures: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.999, 1.0].map(|part| quantile(&figures, part)), [0.0, 500.0, 999.0, 999.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
