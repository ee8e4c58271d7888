//! Consumer groups: what was delivered to whom and is not yet acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::StreamId;

/// Estimates for a place in an ordered map, on the average fill of its nodes.
const PENDING_BYTES: usize = 72;
const OWNED_BYTES: usize = 24;
const CONSUMER_BYTES: usize = size_of::<Consumer>() + 56;

/// A group of consumers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// The last entry that was delivered.
    pub(crate) last_id: StreamId,
    /// How many entries were ever added up to there; `None` if that is not known.
    pub(crate) entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    /// In the place of their number; a vacant place is taken again.
    consumers: Vec<Option<Consumer>>,
    name_bytes: usize,
}

/// A consumer in its group, for as long as it exists. Not part of the state: names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerId(u32);

/// Someone who reads for the group.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) name: Box<[u8]>,
    /// When it last asked for something.
    pub(crate) seen_ms: u64,
    /// When it last got something.
    pub(crate) active_ms: Option<u64>,
    pending: BTreeSet<StreamId>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) delivered_ms: u64,
    pub(crate) deliveries: u64,
    pub(crate) owner: ConsumerId,
}

impl Pending {
    pub(crate) fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.delivered_ms)
    }
}

impl Consumer {
    /// How many entries it has not acknowledged.
    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The ids of those entries from one on.
    pub(crate) fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(start..).copied()
    }
}

impl Group {
    pub(crate) fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// The consumers in the order of their names.
    pub(crate) fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|id| self.consumer(*id))
    }

    /// The consumer of that name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    pub(crate) fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id.0 as usize].as_ref().expect("a consumer goes with all that names it")
    }

    pub(crate) fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id.0 as usize].as_mut().expect("a consumer goes with all that names it")
    }

    /// The consumer of that name, and whether it had to be made.
    pub(crate) fn find_or_make(&mut self, name: &[u8], now_ms: u64) -> (ConsumerId, bool) {
        if let Some(id) = self.find(name) {
            return (id, false);
        }
        let consumer =
            Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending: BTreeSet::new() };
        let vacant = self.consumers.iter().position(Option::is_none).unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        let id = ConsumerId(u32::try_from(vacant).expect("a stream in memory has fewer consumers"));
        self.consumers[vacant] = Some(consumer);
        self.names.insert(name.into(), id);
        self.name_bytes += 2 * name.len();
        (id, true)
    }

    /// Removes a consumer with everything that it has not acknowledged; says how much that was.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        let consumer = self.consumers[id.0 as usize].take()?;
        self.name_bytes -= 2 * name.len();
        for entry in &consumer.pending {
            self.pending.remove(entry);
        }
        while self.consumers.last().is_some_and(Option::is_none) {
            self.consumers.pop();
        }
        Some(consumer.pending.len())
    }

    /// How many entries are not acknowledged.
    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The entries that are not acknowledged, from one on.
    pub(crate) fn pending_from(
        &self,
        start: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        self.pending.range(start..).map(|(id, pending)| (*id, pending))
    }

    /// The first entry behind `after` (or at all) that is not acknowledged.
    pub(crate) fn pending_after(&self, after: Bound<StreamId>) -> Option<(StreamId, Pending)> {
        let (id, pending) = self.pending.range((after, Bound::Unbounded)).next()?;
        Some((*id, *pending))
    }

    pub(crate) fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// Notes that an entry is delivered to a consumer, whoever had it before.
    pub(crate) fn deliver(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        if let Some(before) = before.filter(|before| before.owner != pending.owner) {
            self.consumer_mut(before.owner).pending.remove(&id);
        }
        self.consumer_mut(pending.owner).pending.insert(id);
    }

    /// Forgets a delivery. False if there was none.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumer_mut(pending.owner).pending.remove(&id);
        true
    }

    /// Notes that an entry is delivered once more to the one who has it.
    pub(crate) fn redeliver(&mut self, id: StreamId, now_ms: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_ms = now_ms;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        }
    }

    /// Whether the group still needs an entry: it was not delivered yet, or not acknowledged.
    pub(super) fn needs(&self, id: StreamId) -> bool {
        id > self.last_id || self.pending.contains_key(&id)
    }

    /// Bytes on the heap, as an estimate.
    pub(super) fn heap_size(&self) -> usize {
        self.pending.len() * (PENDING_BYTES + OWNED_BYTES)
            + self.names.len() * CONSUMER_BYTES
            + self.name_bytes
    }
}
