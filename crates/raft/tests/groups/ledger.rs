//! A toy state machine: remembers the last payload of each key, and a digest of everything in order.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    io,
};

use bytes::{Buf, Bytes};
use meridian_raft::{Reply, SnapshotSource, StateMachine};
use parking_lot::Mutex;

/// The state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) digest: u64,
    pub(crate) count: u64,
    pub(crate) last: BTreeMap<u64, Bytes>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    applied: Mutex<Option<u64>>,
    pub(crate) restored: Mutex<u64>,
}

/// A payload that belongs to a key.
pub(crate) fn entry(key: u64, value: &[u8]) -> Bytes {
    [&key.to_le_bytes()[..], value].concat().into()
}

impl Ledger {
    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    fn in_order(&self, index: u64) {
        let mut applied = self.applied.lock();
        assert!(applied.is_none_or(|applied| applied + 1 == index), "{applied:?} then {index}");
        *applied = Some(index);
    }
}

impl StateMachine for Ledger {
    fn apply(&self, index: u64, payload: &Bytes) -> Reply {
        self.in_order(index);
        let mut state = self.state.lock();
        let mut hasher = DefaultHasher::new();
        (state.digest, payload).hash(&mut hasher);
        state.digest = hasher.finish();
        state.count += 1;
        let key = (&payload[..8]).get_u64_le();
        state.last.insert(key, payload.slice(8..));
        Box::new(state.count)
    }

    fn applied_other(&self, index: u64) {
        self.in_order(index);
    }

    fn begin_snapshot(&self) -> Box<dyn SnapshotSource> {
        let state = self.state();
        let mut head = self.applied.lock().unwrap_or(0).to_le_bytes().to_vec();
        head.extend(state.digest.to_le_bytes());
        head.extend(state.count.to_le_bytes());
        let mut chunks = VecDeque::from([head]);
        chunks.extend(state.last.into_iter().map(|(key, value)| entry(key, &value).to_vec()));
        Box::new(Chunks(chunks))
    }

    fn restore(&self, chunks: &mut dyn Iterator<Item = io::Result<Bytes>>) -> io::Result<()> {
        let mut head = chunks.next().ok_or_else(|| io::Error::other("no head"))??;
        *self.applied.lock() = Some(head.get_u64_le());
        let mut state = State { digest: head.get_u64_le(), count: head.get_u64_le(), ..State::default() };
        for chunk in chunks {
            let mut chunk = chunk?;
            state.last.insert(chunk.get_u64_le(), chunk);
        }
        *self.state.lock() = state;
        *self.restored.lock() += 1;
        Ok(())
    }
}

struct Chunks(VecDeque<Vec<u8>>);

impl SnapshotSource for Chunks {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.0.pop_front()
    }
}
