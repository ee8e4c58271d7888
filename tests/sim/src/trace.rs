//! What happened in a run, in order: two runs of one seed must have equal traces.

use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::Mutex;

/// The events of one run.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<String>>);

impl Trace {
    /// Adds an event at a time of the simulation, in microseconds.
    pub(crate) fn add(&self, at: u64, what: impl AsRef<str>) {
        let event = format!("{:>4}.{:06} {}", at / 1_000_000, at % 1_000_000, what.as_ref());
        tracing::debug!(target: "sim", "{event}");
        self.0.lock().push(event);
    }

    /// A short name for all of it.
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.lock().hash(&mut hasher);
        hasher.finish()
    }

    /// The events so far.
    pub fn events(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}
