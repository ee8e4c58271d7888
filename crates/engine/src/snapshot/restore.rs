//! From a snapshot back to an engine. Trusts nothing: every length is checked against what is there.

use meridian_topology::Slot;

use super::{
    ATTENTION, END, HEAD, MAGIC, RECORDS, SCRIPTS, VERSION, WITHOUT_SETTINGS,
    codec::{self, Input},
};
use crate::{
    Engine,
    attention::Attention,
    keyspace::{Database, NUMBERED_COUNT, Store},
    scripts::Scripts,
    session::Sessions,
};

/// Why the bytes are no snapshot that this build can restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptSnapshot {
    /// Cut short, out of order, or lengths that do not add up.
    #[error("malformed snapshot")]
    Malformed,
    /// Written by a newer build.
    #[error("snapshot of unknown version {0}")]
    Version(u8),
    /// A value of a type that this build does not know.
    #[error("snapshot holds a value of unknown kind {0}")]
    Kind(u8),
    /// A key that is in the snapshot twice, or in a slot that is not its own.
    #[error("snapshot holds a key out of place")]
    Misplaced,
    /// The end is missing.
    #[error("snapshot is incomplete")]
    Incomplete,
    /// The end tells another number of keys.
    #[error("snapshot should hold {expected} keys, found {found}")]
    Count {
        /// What the end says.
        expected: u64,
        /// What was read.
        found: u64,
    },
}

/// Builds an engine from the chunks of a snapshot, fed in the order and with the boundaries in which they were made.
#[derive(Debug)]
pub struct Restorer {
    store: Store,
    sessions: Sessions,
    time_ms: u64,
    index: u64,
    seed: u128,
    keys: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Records,
    Ended,
}

impl Restorer {
    /// Begins with an empty state; `hash_seed` as for [`Engine::new`].
    pub fn new(hash_seed: u128) -> Restorer {
        Restorer {
            store: Store::new(hash_seed),
            sessions: Sessions::default(),
            time_ms: 0,
            index: 0,
            seed: hash_seed,
            keys: 0,
            state: State::Start,
        }
    }

    /// Takes the next chunk in. After an error the restorer is of no more use.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), CorruptSnapshot> {
        let mut input = Input::new(chunk);
        while !input.is_empty() {
            match (self.state, input.byte()?) {
                (State::Start, HEAD) => self.head(&mut input)?,
                (State::Records, RECORDS) => self.records(&mut input)?,
                (State::Records, ATTENTION) => self.store.shared.attention = Attention::decode(&mut input)?,
                (State::Records, SCRIPTS) => self.scripts(&mut input)?,
                (State::Records, END) => {
                    let expected = input.u64()?;
                    if expected != self.keys {
                        return Err(CorruptSnapshot::Count { expected, found: self.keys });
                    }
                    self.state = State::Ended;
                }
                _ => return Err(CorruptSnapshot::Malformed),
            }
        }
        Ok(())
    }

    /// The engine, if the snapshot is whole.
    pub fn finish(self) -> Result<Engine, CorruptSnapshot> {
        if self.state != State::Ended {
            return Err(CorruptSnapshot::Incomplete);
        }
        Ok(Engine::restored(self.seed, self.store, self.sessions, self.time_ms, self.index))
    }

    fn scripts(&mut self, input: &mut Input<'_>) -> Result<(), CorruptSnapshot> {
        self.store.shared.scripts = Scripts::decode(input)?;
        // A database may know scripts and have no keys.
        for id in self.store.shared.scripts.databases() {
            self.store.databases.entry(id).or_insert_with(|| Database::new(id));
        }
        Ok(())
    }

    fn head(&mut self, input: &mut Input<'_>) -> Result<(), CorruptSnapshot> {
        if input.array::<4>()? != MAGIC {
            return Err(CorruptSnapshot::Malformed);
        }
        let version = input.byte()?;
        if !(WITHOUT_SETTINGS..=VERSION).contains(&version) {
            return Err(CorruptSnapshot::Version(version));
        }
        self.time_ms = input.u64()?;
        self.index = input.u64()?;
        if version != WITHOUT_SETTINGS {
            self.store.shared.settings.decode(input)?;
            self.store.shared.follow_settings();
        }
        self.sessions = codec::decode_sessions(input)?;
        self.state = State::Records;
        Ok(())
    }

    fn records(&mut self, input: &mut Input<'_>) -> Result<(), CorruptSnapshot> {
        let database = u32::from_le_bytes(input.array()?);
        let numbered = input.byte()?;
        let slot = Slot::new(u16::from_le_bytes(input.array()?)).ok_or(CorruptSnapshot::Malformed)?;
        if numbered >= NUMBERED_COUNT {
            return Err(CorruptSnapshot::Malformed);
        }
        for _ in 0..u32::from_le_bytes(input.array()?) {
            let record = codec::decode_record(input)?;
            if !self.store.restore(database, numbered, slot, self.time_ms, record) {
                return Err(CorruptSnapshot::Misplaced);
            }
            self.keys += 1;
        }
        Ok(())
    }
}
