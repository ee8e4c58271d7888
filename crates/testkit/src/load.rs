//! Writers that never stop, and an exact account of what they were told.
//!
//! Each writer has one connection, sends one write at a time, and never uses a key twice, so every acknowledged write
//! can be asked for at the end. Every tenth write is an increment of the writer's own counter: a write that was applied
//! twice shows there.

mod record;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use meridian_resp::Value;
use rand::{RngExt, rng};

use crate::{CallError, Client, cluster::REPLY_WITHIN, wait::until};

pub use record::{Outcome, Record, Write};

/// Every so many writes one is an increment.
const INCREMENT_EVERY: u64 = 10;
/// How long a writer waits before it connects again.
const RECONNECT_AFTER: Duration = Duration::from_millis(5);

/// What the writers do.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where they connect; writer `i` always to target `i % n`.
    pub targets: Vec<SocketAddr>,
    pub writers: usize,
    /// Writes per second of all of them together.
    pub rate: f64,
    /// How long a reply may take.
    pub timeout: Duration,
    /// What the keys begin with: different for every load on the same cluster.
    pub prefix: String,
    /// Length of a value.
    pub value_bytes: usize,
}

impl LoadOptions {
    /// Two writers per target and 400 writes a second: enough to see a gap of a few milliseconds, and not a burden.
    pub fn new(targets: Vec<SocketAddr>) -> LoadOptions {
        let writers = 2 * targets.len();
        let prefix = format!("load-{:08x}", rng().random::<u32>());
        LoadOptions { targets, writers, rate: 400.0, timeout: REPLY_WITHIN, prefix, value_bytes: 64 }
    }
}

/// Running writers.
#[derive(Debug)]
pub struct Load {
    began: Instant,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<Write>>>,
}

impl Load {
    /// Starts the writers.
    pub fn start(options: LoadOptions) -> Load {
        let began = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let options = Arc::new(options);
        let threads = (0..options.writers)
            .map(|writer| {
                let mut writer = Writer {
                    writer,
                    target: writer % options.targets.len(),
                    began,
                    options: Arc::clone(&options),
                    acknowledged: Arc::clone(&acknowledged),
                    client: None,
                };
                let stop = Arc::clone(&stop);
                thread::spawn(move || writer.run(&stop))
            })
            .collect();
        Load { began, stop, acknowledged, threads }
    }

    /// The time since the writers began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until `count` further writes were acknowledged.
    ///
    /// # Errors
    /// If they are not within `limit`.
    pub fn wait_acknowledged(&self, count: u64, limit: Duration) -> Result<()> {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + count;
        until(limit, "acknowledged writes", || self.acknowledged.load(Ordering::Relaxed) >= wanted)
    }

    /// Stops the writers and waits for the replies that are still to come.
    ///
    /// # Errors
    /// If a writer panicked.
    pub fn stop(mut self) -> Result<Record> {
        self.stop.store(true, Ordering::Relaxed);
        let mut writes = Vec::new();
        for thread in self.threads.drain(..) {
            writes.extend(thread.join().map_err(|_| anyhow!("a writer panicked"))?);
        }
        Ok(Record::new(writes, self.began.elapsed()))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Writer {
    writer: usize,
    target: usize,
    began: Instant,
    options: Arc<LoadOptions>,
    acknowledged: Arc<AtomicU64>,
    client: Option<Client>,
}

impl Writer {
    fn run(&mut self, stop: &AtomicBool) -> Vec<Write> {
        let interval = Duration::from_secs_f64(self.options.writers as f64 / self.options.rate);
        let mut writes = Vec::new();
        let mut due = self.began + interval.mul_f64(self.writer as f64 / self.options.writers as f64);
        for sequence in 0.. {
            // Not a wait for something to happen: this is the pace.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if stop.load(Ordering::Relaxed) {
                break;
            }
            due = (due + interval).max(Instant::now());
            let write = self.write(sequence);
            match &write.outcome {
                Outcome::Acknowledged(_) => {
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Unsent(_) => due = due.max(Instant::now() + RECONNECT_AFTER),
                Outcome::Refused(_) | Outcome::Unknown(_) => {}
            }
            writes.push(write);
        }
        writes
    }

    fn write(&mut self, sequence: u64) -> Write {
        let Writer { writer, options, .. } = self;
        let increment = sequence % INCREMENT_EVERY == INCREMENT_EVERY - 1;
        let (key, value) = if increment {
            (format!("{}:{writer}:count", options.prefix), None)
        } else {
            let value =
                format!("{:x<1$}", format!("{}:{writer}:{sequence}:", options.prefix), options.value_bytes);
            (format!("{}:{writer}:{sequence}", options.prefix), Some(value))
        };
        let sent = self.began.elapsed();
        let outcome = match self.send(&key, value.as_deref()) {
            Ok(Value::Simple(_)) if !increment => Outcome::Acknowledged(None),
            Ok(Value::Integer(count)) if increment => Outcome::Acknowledged(Some(count)),
            Ok(other) => Outcome::Unknown(format!("a reply that does not belong here: {other:?}")),
            Err(error) if error.may_be_applied() => Outcome::Unknown(error.to_string()),
            Err(CallError::Refused(text)) => Outcome::Refused(text),
            Err(error) => Outcome::Unsent(error.to_string()),
        };
        if !matches!(outcome, Outcome::Acknowledged(_) | Outcome::Refused(_)) {
            self.client = None;
        }
        let answered = self.began.elapsed();
        Write { writer: self.writer, target: self.target, key, value, sent, answered, outcome }
    }

    fn send(&mut self, key: &str, value: Option<&str>) -> Result<Value, CallError> {
        let client = match &mut self.client {
            Some(client) => client,
            None => {
                let address = self.options.targets[self.target];
                self.client.insert(Client::connect(address, self.options.timeout)?)
            }
        };
        match value {
            Some(value) => client.call(&["SET", key, value]),
            None => client.call(&["INCR", key]),
        }
    }
}
