//! The deterministic keyspace of one shard: log entries in, replies and effects out.
//!
//! Pure and synchronous: no I/O, no clock, no randomness of its own. State after entry *n* is a function of entries
//! 1 to *n*; time and randomness come from an entry's header. `value` knows data, `family` knows syntax and replies,
//! `keyspace` keeps both apart and everything else (expiry, counters, snapshot, effects) in step.

#![allow(dead_code, reason = "the types of values come one by one")]

mod attention;
mod digest;
mod dispatch;
mod effect;
mod engine;
pub mod entry;
mod eviction;
mod family;
mod garbage;
mod keyspace;
mod random;
mod rdb;
mod scripts;
mod session;
mod settings;
mod snapshot;
mod stats;
mod value;

pub use effect::{Effect, EventClass, KeyAt};
pub use engine::{Applied, Engine, LateReply, ReadError, SectionResult, Waiting};
pub use entry::CorruptEntry;
pub use eviction::{Evictor, MemoryLimit, Victim};
pub use garbage::Garbage;
pub use snapshot::{CorruptSnapshot, Restorer};
pub use stats::{KeyspaceStats, Stats};

/// The bits of `notify-keyspace-events`.
pub use meridian_command::settings::events;
