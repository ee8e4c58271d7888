//! What clients did and were answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use meridian_testkit::{Event, Operation, Recorded};
use parking_lot::Mutex;

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was answered, at this time.
    Done(u64),
    /// It surely did not happen.
    NotDone,
    /// It may have happened or happen yet.
    Unknown,
}

/// A token that was to be appended to a journal.
#[derive(Clone, Debug)]
pub(crate) struct Appended {
    pub(crate) token: String,
    pub(crate) called: u64,
    pub(crate) fate: Fate,
}

/// Names a command under way.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    key: Bytes,
    index: usize,
}

#[derive(Debug, Default)]
struct Records {
    /// `None`: did not happen.
    registers: BTreeMap<Bytes, Vec<Option<Event>>>,
    journals: BTreeMap<Bytes, Vec<Appended>>,
    /// What stood in the journals at the end.
    contents: BTreeMap<Bytes, Bytes>,
}

/// Everything that clients of a run did, from the moment they began it: what is cut short stays unknown.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Records>);

impl History {
    pub(crate) fn begin(&self, client: u32, key: &Bytes, operation: Operation, called: u64) -> Ticket {
        let mut records = self.0.lock();
        let events = records.registers.entry(key.clone()).or_default();
        let recorded = Recorded::Unknown;
        events.push(Some(Event { client, called, answered: u64::MAX, operation, recorded }));
        Ticket { key: key.clone(), index: events.len() - 1 }
    }

    pub(crate) fn end(&self, ticket: &Ticket, answered: u64, recorded: Recorded) {
        let mut records = self.0.lock();
        let events = records.registers.get_mut(&ticket.key);
        if let Some(Some(event)) = events.and_then(|events| events.get_mut(ticket.index)) {
            event.answered = answered;
            event.recorded = recorded;
        }
    }

    /// It did not happen.
    pub(crate) fn withdraw(&self, ticket: &Ticket) {
        if let Some(events) = self.0.lock().registers.get_mut(&ticket.key) {
            events[ticket.index] = None;
        }
    }

    pub(crate) fn begin_append(&self, key: &Bytes, token: String, called: u64) -> Ticket {
        let mut records = self.0.lock();
        let appended = records.journals.entry(key.clone()).or_default();
        appended.push(Appended { token, called, fate: Fate::Unknown });
        Ticket { key: key.clone(), index: appended.len() - 1 }
    }

    pub(crate) fn end_append(&self, ticket: &Ticket, fate: Fate) {
        if let Some(appended) = self.0.lock().journals.get_mut(&ticket.key) {
            appended[ticket.index].fate = fate;
        }
    }

    pub(crate) fn set_contents(&self, key: &Bytes, contents: Bytes) {
        self.0.lock().contents.insert(key.clone(), contents);
    }

    /// The events of every register.
    pub(crate) fn registers(&self) -> BTreeMap<Bytes, Vec<Event>> {
        let records = self.0.lock();
        let keys = records.registers.iter();
        keys.map(|(key, events)| (key.clone(), events.iter().flatten().cloned().collect())).collect()
    }

    /// The journals: what was appended, and what stood there at the end.
    pub(crate) fn journals(&self) -> Vec<(Bytes, Vec<Appended>, Bytes)> {
        let records = self.0.lock();
        let contents = |key| records.contents.get(key).cloned().unwrap_or_default();
        records.journals.iter().map(|(key, all)| (key.clone(), all.clone(), contents(key))).collect()
    }

    /// How many commands were answered, and how many not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let records = self.0.lock();
        let events = || records.registers.values().flatten().flatten();
        let unknown = events().filter(|event| event.recorded == Recorded::Unknown).count();
        (events().count() - unknown, unknown)
    }
}
