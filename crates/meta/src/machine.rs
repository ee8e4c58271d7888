//! The meta group's state machine: applies commands to the [`State`] and publishes the map.

use std::{io, sync::Arc};

use bytes::Bytes;
use meridian_proto::meta::Command;
use meridian_raft::{Reply, SnapshotSource, StateMachine};
use meridian_topology::ClusterMap;
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::watch;

use crate::state::{Applied, Refused, State};

/// What a command answers to its proposer.
pub type Answer = Result<Applied, Refused>;

/// A snapshot of the map is larger than this only if it is none.
const SNAPSHOT_BYTES: usize = 256 << 20;

/// A replica of the control plane's state.
#[derive(Debug)]
pub struct Machine {
    state: Mutex<State>,
    map: watch::Sender<Arc<ClusterMap>>,
}

impl Default for Machine {
    fn default() -> Self {
        let state = State::default();
        let map = watch::Sender::new(Arc::new(state.map().clone()));
        Machine { state: Mutex::new(state), map }
    }
}

impl Machine {
    /// The map as this replica knows it, as it changes. Starts at epoch 0 and passes through what is replayed.
    pub fn map(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.map.subscribe()
    }

    fn publish(&self, state: &State) {
        let map = Arc::new(state.map().clone());
        self.map.send_replace(map);
    }
}

impl StateMachine for Machine {
    fn apply(&self, index: u64, payload: &Bytes) -> Reply {
        let command = match Command::decode(payload.clone()) {
            Ok(command) if command.kind.is_some() => command,
            // Every replica would have to skip it alike, and none can know that: stop before replicas differ.
            Ok(_) => panic!("meta: entry {index} is of a later version of the program"),
            Err(error) => panic!("meta: entry {index} cannot be applied: {error}"),
        };
        let mut state = self.state.lock();
        let answer = state.apply(command);
        match &answer {
            Ok(applied) if applied.changed => self.publish(&state),
            Ok(_) => {}
            Err(refused) => tracing::info!(index, %refused, "command refused"),
        }
        Box::new(answer)
    }

    fn begin_snapshot(&self) -> Box<dyn SnapshotSource> {
        Box::new(Whole(Some(self.state.lock().encode())))
    }

    fn restore(&self, chunks: &mut dyn Iterator<Item = io::Result<Bytes>>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for chunk in chunks {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() > SNAPSHOT_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the snapshot of the map is too large",
                ));
            }
        }
        let restored =
            State::decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut state = self.state.lock();
        *state = restored;
        self.publish(&state);
        Ok(())
    }
}

/// The state is small: one chunk.
struct Whole(Option<Vec<u8>>);

impl SnapshotSource for Whole {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.0.take()
    }
}
