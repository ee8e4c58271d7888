//! Counters of this process, for `INFO`: connections, bytes, commands, errors.
//!
//! Commands are counted per id in fixed arrays of atomics. A connection tallies a whole batch first ([`Tally`]), so that
//! a pipeline of equal commands costs one update.

use std::{
    collections::BTreeMap,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use meridian_command::{Command, EngineCommand, ProxyCommand, ReplyError};
use meridian_rt::clock::Instant;
use parking_lot::Mutex;

use crate::{Counted, observe::Histogram};

/// Codes of errors counted by name; further ones are only in the total.
const ERROR_CODES_MAX: usize = 128;

/// Counters of one command.
#[derive(Debug, Default)]
pub(crate) struct CommandCounter {
    calls: AtomicU64,
    micros: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    /// Made at the first call.
    histogram: OnceLock<Histogram>,
}

/// The values of a [`CommandCounter`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandCount {
    pub(crate) calls: u64,
    pub(crate) micros: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
}

/// Counters of everything else; each is only ever added to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: AtomicU64,
    pub(crate) rejected_connections: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) input_bytes: AtomicU64,
    pub(crate) output_bytes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) error_replies: AtomicU64,
    /// Closed because they did not read their replies.
    pub(crate) output_limit_closed: AtomicU64,
    /// Closed because they sent more than a command may be long.
    pub(crate) query_limit_closed: AtomicU64,
}

/// Rates over the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) commands: f64,
    pub(crate) input_bytes: f64,
    pub(crate) output_bytes: f64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    commands: u64,
    input_bytes: u64,
    output_bytes: u64,
}

/// All counters of a process.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) started: Instant,
    pub(crate) totals: Totals,
    engine: Box<[CommandCounter]>,
    proxy: Box<[CommandCounter]>,
    errors: Mutex<BTreeMap<String, u64>>,
    sampled: Mutex<(Sample, Rates)>,
    /// `latency-tracking`.
    pub(crate) tracks_latency: AtomicBool,
    /// What shards had counted at the last reset.
    counted: Mutex<Counted>,
}

impl Stats {
    /// All zero.
    pub(crate) fn new() -> Stats {
        let started = Instant::now();
        let sample = Sample { at: started, commands: 0, input_bytes: 0, output_bytes: 0 };
        let counters = |last: Option<u16>| {
            let length = last.map_or(0, |id| usize::from(id) + 1);
            std::iter::repeat_with(CommandCounter::default).take(length).collect()
        };
        Stats {
            started,
            totals: Totals::default(),
            engine: counters(EngineCommand::ALL.iter().map(|command| command.id()).max()),
            proxy: counters(ProxyCommand::ALL.iter().map(|command| command.id()).max()),
            errors: Mutex::default(),
            sampled: Mutex::new((sample, Rates::default())),
            tracks_latency: AtomicBool::new(true),
            counted: Mutex::default(),
        }
    }

    fn counter(&self, command: Command) -> Option<&CommandCounter> {
        match command {
            Command::Engine(command) => self.engine.get(usize::from(command.id())),
            Command::Proxy(command) => self.proxy.get(usize::from(command.id())),
        }
    }

    /// Counts calls that were executed; `failed` of them answered an error.
    pub(crate) fn executed(&self, command: Command, calls: u64, took: Duration, failed: u64) {
        self.totals.commands.fetch_add(calls, Ordering::Relaxed);
        let Some(counter) = self.counter(command) else { return };
        counter.calls.fetch_add(calls, Ordering::Relaxed);
        counter.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if calls > 0 && self.tracks_latency.load(Ordering::Relaxed) {
            let each = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / calls;
            counter.histogram.get_or_init(Histogram::default).add(each, calls);
        }
        if failed > 0 {
            counter.failed.fetch_add(failed, Ordering::Relaxed);
        }
    }

    /// Counts a call that was not let through.
    pub(crate) fn rejected(&self, command: Option<Command>) {
        if let Some(counter) = command.and_then(|command| self.counter(command)) {
            counter.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a reply if it is an error (begins with `-`), and says whether it is.
    pub(crate) fn reply(&self, reply: &[u8]) -> bool {
        let Some((b'-', text)) = reply.split_first() else { return false };
        self.totals.error_replies.fetch_add(1, Ordering::Relaxed);
        let code = text.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
        let Ok(code) = std::str::from_utf8(code) else { return true };
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if errors.len() < ERROR_CODES_MAX {
            errors.insert(code.to_owned(), 1);
        }
        true
    }

    /// Whether a reply says that its command was not let through, for want of memory.
    pub(crate) fn is_rejection(reply: &[u8]) -> bool {
        const REFUSED: &str = ReplyError::OUT_OF_MEMORY_TEXT;
        const ABORTED: &[u8] = b"EXECABORT Transaction discarded because of: ";
        let text = reply.strip_prefix(b"-").and_then(|reply| reply.strip_suffix(b"\r\n"));
        text.is_some_and(|text| text == REFUSED.as_bytes() || text.starts_with(ABORTED))
    }

    /// Counters of all commands that were called or rejected.
    pub(crate) fn commands(&self) -> Vec<(Command, CommandCount)> {
        let engine = EngineCommand::ALL.iter().map(|command| Command::Engine(*command));
        let proxy = ProxyCommand::ALL.iter().map(|command| Command::Proxy(*command));
        let counted = engine.chain(proxy).filter_map(|command| {
            let counter = self.counter(command)?;
            let count = CommandCount {
                calls: counter.calls.load(Ordering::Relaxed),
                micros: counter.micros.load(Ordering::Relaxed),
                rejected: counter.rejected.load(Ordering::Relaxed),
                failed: counter.failed.load(Ordering::Relaxed),
            };
            (count != CommandCount::default()).then_some((command, count))
        });
        counted.collect()
    }

    /// How long the calls of every command took that was called.
    pub(crate) fn histograms(&self) -> Vec<(Command, &Histogram)> {
        let engine = EngineCommand::ALL.iter().map(|command| Command::Engine(*command));
        let proxy = ProxyCommand::ALL.iter().map(|command| Command::Proxy(*command));
        let called = engine
            .chain(proxy)
            .filter_map(|command| Some((command, self.counter(command)?.histogram.get()?)));
        called.filter(|(_, histogram)| histogram.calls() > 0).collect()
    }

    /// How often each code of error was answered.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().clone()
    }

    /// Takes a sample for [`Stats::rates`]; called once a second.
    pub(crate) fn sample(&self, now: Instant) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let next = Sample {
            at: now,
            commands: load(&self.totals.commands),
            input_bytes: load(&self.totals.input_bytes),
            output_bytes: load(&self.totals.output_bytes),
        };
        let mut sampled = self.sampled.lock();
        let last = sampled.0;
        let seconds = now.saturating_duration_since(last.at).as_secs_f64();
        if seconds > 0.0 {
            let rate = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
            let rates = Rates {
                commands: rate(last.commands, next.commands),
                input_bytes: rate(last.input_bytes, next.input_bytes),
                output_bytes: rate(last.output_bytes, next.output_bytes),
            };
            *sampled = (next, rates);
        }
    }

    /// Rates between the last two samples.
    pub(crate) fn rates(&self) -> Rates {
        self.sampled.lock().1
    }

    /// Takes off what shards had counted at the last reset. A new leader counts from its own start: what it has counted
    /// since is less than that.
    pub(crate) fn since_reset(&self, counted: &mut Counted) {
        let before = *self.counted.lock();
        let since = |now: &mut u64, before: u64| *now = now.checked_sub(before).unwrap_or(*now);
        since(&mut counted.expired_keys, before.expired_keys);
        since(&mut counted.expired_fields, before.expired_fields);
        since(&mut counted.evicted_keys, before.evicted_keys);
        since(&mut counted.hits, before.hits);
        since(&mut counted.misses, before.misses);
    }

    /// `CONFIG RESETSTAT`; shards go on counting from `counted`.
    pub(crate) fn reset(&self, counted: Counted) {
        *self.counted.lock() = counted;
        for counter in self.engine.iter().chain(&self.proxy) {
            for value in [&counter.calls, &counter.micros, &counter.rejected, &counter.failed] {
                value.store(0, Ordering::Relaxed);
            }
            if let Some(histogram) = counter.histogram.get() {
                histogram.reset();
            }
        }
        let totals = &self.totals;
        for value in [
            &totals.connections,
            &totals.rejected_connections,
            &totals.commands,
            &totals.input_bytes,
            &totals.output_bytes,
            &totals.reads,
            &totals.writes,
            &totals.error_replies,
            &totals.output_limit_closed,
            &totals.query_limit_closed,
        ] {
            value.store(0, Ordering::Relaxed);
        }
        self.errors.lock().clear();
    }
}

/// Counts of a batch, handed to [`Stats`] when the command changes or the batch ends.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    command: Option<Command>,
    calls: u64,
    failed: u64,
    took: Duration,
}

impl Tally {
    /// Counts one executed call.
    pub(crate) fn add(&mut self, stats: &Stats, command: Command, took: Duration, failed: bool) {
        if self.command != Some(command) {
            self.flush(stats);
            self.command = Some(command);
        }
        self.calls += 1;
        self.failed += u64::from(failed);
        self.took += took;
    }

    /// Hands over what was counted.
    pub(crate) fn flush(&mut self, stats: &Stats) {
        let Tally { command, calls, failed, took } = std::mem::take(self);
        if let Some(command) = command {
            stats.executed(command, calls, took, failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_counted_as_if_one_by_one() {
        let stats = Stats::new();
        let get = Command::Engine(EngineCommand::Get);
        let ping = Command::Proxy(ProxyCommand::Ping);
        let mut tally = Tally::default();
        for (command, failed) in [(get, false), (get, true), (ping, false), (get, false)] {
            tally.add(&stats, command, Duration::from_micros(2), failed);
        }
        tally.flush(&stats);
        tally.flush(&stats);
        stats.rejected(Some(ping));
        stats.rejected(None);
        assert_eq!(
            stats.commands(),
            [
                (get, CommandCount { calls: 3, micros: 6, rejected: 0, failed: 1 }),
                (ping, CommandCount { calls: 1, micros: 2, rejected: 1, failed: 0 }),
            ]
        );
        assert_eq!(stats.totals.commands.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn errors_are_counted_by_code_and_the_codes_are_bounded() {
        let stats = Stats::new();
        assert!(!stats.reply(b"+OK\r\n"));
        assert!(stats.reply(b"-ERR no\r\n"));
        assert!(stats.reply(b"-NOCODE\r\n"));
        for number in 0..1000 {
            assert!(stats.reply(format!("-E{number} x\r\n").as_bytes()));
        }
        let errors = stats.errors();
        assert_eq!(errors.get("ERR"), Some(&1));
        assert_eq!(errors.get("NOCODE"), Some(&1));
        assert_eq!(errors.len(), ERROR_CODES_MAX);
        assert_eq!(stats.totals.error_replies.load(Ordering::Relaxed), 1002);
        stats.reset(Counted::default());
        assert!(stats.errors().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn rates_are_per_second() {
        let stats = Stats::new();
        stats.executed(Command::Proxy(ProxyCommand::Ping), 30, Duration::ZERO, 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        stats.sample(Instant::now());
        assert!((stats.rates().commands - 15.0).abs() < 0.1);
    }
}
