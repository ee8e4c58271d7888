//! What many clients saw of a few keys, while nodes died, is what one register per key could have shown them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, bail, ensure};
use bytes::Bytes;
use meridian_testkit::{
    CallError, Client, Cluster, Event, History, Operation, Recorded, Setup, Value, Verdict, check, until,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::WITHIN;

const CLIENTS: u32 = 8;
const KEYS: u32 = 6;
/// Keys are left for new ones after so many operations: short histories are checked quickly.
const OPERATIONS_PER_KEY: u64 = 400;
/// Operations between one fault and the next.
const BETWEEN_FAULTS: u64 = 1500;
/// How long a reply is waited for before the outcome counts as unknown.
const REPLY_WITHIN: Duration = Duration::from_secs(3);
/// How long the check of one key may take.
const CHECK_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn histories_are_linearizable_while_nodes_are_killed() {
    Setup::new(3).shards(3).run(|cluster| {
        let run = Run::start(&cluster.client_addresses());
        for node in 0..3 {
            run.go_on()?;
            cluster.node(node).kill();
            run.go_on()?;
            cluster.start_node(node)?;
            cluster.wait_ready()?;
        }
        run.go_on()?;
        verify(run.stop()?)
    });
}

#[test]
fn histories_are_linearizable_while_leaders_stand_still() {
    Setup::new(3).shards(3).run(|cluster| {
        let run = Run::start(&cluster.client_addresses());
        for _ in 0..2 {
            let leader: usize = leader(cluster)?;
            run.go_on()?;
            cluster.node(leader).pause()?;
            run.go_on()?;
            cluster.node(leader).resume()?;
            cluster.wait_ready()?;
        }
        run.go_on()?;
        verify(run.stop()?)
    });
}

/// The busiest node, as soon as there is one.
pub(crate) fn leader(cluster: &Cluster) -> Result<usize> {
    until(WITHIN, "leaders", || cluster.busiest().is_ok())?;
    cluster.busiest()
}

/// Clients at work.
pub(crate) struct Run {
    history: Arc<History>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<Result<()>>>,
}

impl Run {
    pub(crate) fn start(targets: &[SocketAddr]) -> Run {
        let history = Arc::new(History::new());
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let threads = (0..CLIENTS)
            .map(|id| {
                let mut worker = Worker {
                    id,
                    target: targets[id as usize % targets.len()],
                    client: None,
                    random: StdRng::seed_from_u64(u64::from(id)),
                    history: Arc::clone(&history),
                    done: Arc::clone(&done),
                    seen: BTreeMap::new(),
                };
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        worker.step()?;
                    }
                    Ok(())
                })
            })
            .collect();
        Run { history, stop, done, threads }
    }

    /// Waits until the clients have got further.
    pub(crate) fn go_on(&self) -> Result<()> {
        let wanted = self.done.load(Ordering::Relaxed) + BETWEEN_FAULTS;
        until(WITHIN, "operations", || {
            self.done.load(Ordering::Relaxed) >= wanted
                || self.threads.iter().any(thread::JoinHandle::is_finished)
        })
    }

    pub(crate) fn stop(self) -> Result<BTreeMap<Bytes, Vec<Event>>> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        let history = Arc::into_inner(self.history).ok_or_else(|| anyhow!("a client still records"))?;
        Ok(history.into_keys())
    }
}

pub(crate) fn verify(keys: BTreeMap<Bytes, Vec<Event>>) -> Result<()> {
    let (mut events, mut unknown) = (0, 0);
    for (key, history) in &keys {
        events += history.len();
        unknown += history.iter().filter(|event| event.recorded == Recorded::Unknown).count();
        match check(history, CHECK_WITHIN) {
            Verdict::Linearizable => {}
            Verdict::Undecided => bail!("{key:?}: {} events are too many to check", history.len()),
            Verdict::Violation(open) => {
                let lines: Vec<String> = open.iter().map(ToString::to_string).collect();
                bail!("{key:?} is not linearizable; the search stopped at\n{}", lines.join("\n"));
            }
        }
    }
    eprintln!("{events} operations on {} keys, {unknown} of unknown outcome: linearizable", keys.len());
    ensure!(unknown < events / 10, "too few outcomes are known to say anything");
    Ok(())
}

/// One client.
struct Worker {
    id: u32,
    target: SocketAddr,
    client: Option<Client>,
    random: StdRng,
    history: Arc<History>,
    done: Arc<AtomicU64>,
    /// What it knows to have stood in the texts.
    seen: BTreeMap<String, Bytes>,
}

impl Worker {
    fn step(&mut self) -> Result<()> {
        let number = self.done.load(Ordering::Relaxed);
        let generation = number / (OPERATIONS_PER_KEY * u64::from(KEYS));
        let which = self.random.random_range(0..KEYS);
        let key = format!("h:{generation}:{which}");
        let value = format!("{}-{}", self.id, self.random.random::<u32>());
        // Half of the keys are counters: texts would make increments fail.
        let (args, operation) = if which < KEYS / 2 { self.number(&key) } else { self.text(&key, value) };
        let called = self.history.now();
        let reply = self.call(&args);
        let answered = self.history.now();
        let recorded = match reply {
            Ok(value) => record(&operation, value)?,
            Err(error) if error.may_be_applied() => Recorded::Unknown,
            // Surely not applied: as if it had never been asked.
            Err(_) => return Ok(()),
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.remember(key.clone(), &operation, &recorded);
        let event = Event { client: self.id, called, answered, operation, recorded };
        self.history.record(key.into(), event);
        Ok(())
    }

    fn number(&mut self, key: &str) -> (Vec<String>, Operation) {
        let by = self.random.random_range(1..10_i64);
        match self.random.random_range(0..6) {
            0..3 => (command(&["GET", key]), Operation::Get),
            3 => (command(&["SET", key, &by.to_string()]), Operation::Set(by.to_string().into())),
            _ => (command(&["INCRBY", key, &by.to_string()]), Operation::Increment(by)),
        }
    }

    fn text(&mut self, key: &str, value: String) -> (Vec<String>, Operation) {
        let bytes = Bytes::from(value.clone());
        match self.random.random_range(0..12) {
            0..4 => (command(&["GET", key]), Operation::Get),
            4 | 5 => (command(&["SET", key, &value]), Operation::Set(bytes)),
            6 => (command(&["APPEND", key, "+"]), Operation::Append("+".into())),
            7 => (command(&["GETSET", key, &value]), Operation::Swap(Some(bytes))),
            8 => (command(&["GETDEL", key]), Operation::Swap(None)),
            9 => {
                let operation = Operation::CompareAndSet { expected: None, new: Some(bytes) };
                (command(&["SETNX", key, &value]), operation)
            }
            _ => {
                let expected = self.seen.get(key).cloned().unwrap_or_default();
                let text = String::from_utf8_lossy(&expected).into_owned();
                let operation = Operation::CompareAndSet { expected: Some(expected), new: Some(bytes) };
                (command(&["SET", key, &value, "IFEQ", &text]), operation)
            }
        }
    }

    fn remember(&mut self, key: String, operation: &Operation, recorded: &Recorded) {
        let value = match (operation, recorded) {
            (Operation::Get, Recorded::Value(Some(value))) => value,
            (Operation::Set(value), Recorded::Done) => value,
            (Operation::CompareAndSet { new: Some(value), .. }, Recorded::Held(true)) => value,
            _ => return,
        };
        self.seen.insert(key, value.clone());
    }

    fn call(&mut self, args: &[String]) -> Result<Value, CallError> {
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(Client::connect(self.target, REPLY_WITHIN)?),
        };
        let reply = client.call(args);
        if reply.as_ref().is_err_and(|error| matches!(error, CallError::Unknown(_))) {
            self.client = None;
        }
        reply
    }
}

fn command(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

/// What a reply says about the key.
fn record(operation: &Operation, reply: Value) -> Result<Recorded> {
    Ok(match (operation, reply) {
        (Operation::Get | Operation::Swap(_), Value::Null) => Recorded::Value(None),
        (Operation::Get | Operation::Swap(_), Value::Bulk(value)) => Recorded::Value(Some(value)),
        (Operation::Set(_), Value::Simple(_)) => Recorded::Done,
        (Operation::Increment(_) | Operation::Append(_), Value::Integer(number)) => Recorded::Number(number),
        (Operation::CompareAndSet { .. }, Value::Integer(held)) => Recorded::Held(held == 1),
        (Operation::CompareAndSet { .. }, Value::Simple(_)) => Recorded::Held(true),
        (Operation::CompareAndSet { .. }, Value::Null) => Recorded::Held(false),
        (operation, reply) => bail!("{reply:?} is no reply to {operation:?}"),
    })
}
