//! What clients did to keys and what they saw, with the times of both.

use std::{collections::BTreeMap, fmt, sync::Mutex, time::Instant};

use bytes::Bytes;

/// What a client asks of one key. `None` is the absent key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads the value.
    Get,
    /// Writes the value, whatever it was.
    Set(Bytes),
    /// Writes the value and answers the old one.
    Swap(Option<Bytes>),
    /// Adds to the value as a number and answers the sum.
    Increment(i64),
    /// Appends to the value and answers the new length.
    Append(Bytes),
    /// Writes `new` if the value is `expected`, and answers whether it was.
    CompareAndSet { expected: Option<Bytes>, new: Option<Bytes> },
}

/// What a client was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Done, and nothing was said about the value.
    Done,
    /// A value, or that there is none.
    Value(Option<Bytes>),
    /// A number: a sum, a length.
    Number(i64),
    /// Whether a condition held.
    Held(bool),
    /// Nothing, or an error that leaves open whether it happened: it may take effect at any later time, or never.
    Unknown,
}

/// One operation with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose it was.
    pub client: u32,
    /// When it was sent, in any unit.
    pub called: u64,
    /// When it was answered.
    pub answered: u64,
    pub operation: Operation,
    pub recorded: Recorded,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "client {} {}..{} {:?} -> {:?}",
            self.client, self.called, self.answered, self.operation, self.recorded
        )
    }
}

/// Collects events of many clients; keys are apart, because linearizability is a property of each.
#[derive(Debug)]
pub struct History {
    began: Instant,
    events: Mutex<BTreeMap<Bytes, Vec<Event>>>,
}

impl Default for History {
    fn default() -> History {
        History::new()
    }
}

impl History {
    /// An empty one, whose time begins now.
    pub fn new() -> History {
        History { began: Instant::now(), events: Mutex::new(BTreeMap::new()) }
    }

    /// The time since the beginning, for [`History::record`].
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).expect("a test of less than centuries")
    }

    /// Adds what happened to `key`. An operation that surely did not happen is no event.
    pub fn record(&self, key: Bytes, event: Event) {
        self.events.lock().expect("no test panics while it records").entry(key).or_default().push(event);
    }

    /// All events of each key.
    pub fn into_keys(self) -> BTreeMap<Bytes, Vec<Event>> {
        self.events.into_inner().expect("no test panics while it records")
    }
}
