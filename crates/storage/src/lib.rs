//! What a node keeps on disk: the write-ahead log that all its groups share, snapshot files, and the data directory.
//!
//! Nothing here knows Raft: a group is a number, an entry is bytes with a term and an index. Nothing found on disk is
//! trusted before its checksum was verified, and nothing is acknowledged before it is durable.

mod directory;
mod error;
mod log;
mod snapshot;

pub use directory::{DataDir, Identity};
pub use error::OpenError;
pub use log::{
    Completions, Done, GroupLog, GroupState, Latency, Log, LogEntry, LogOptions, LogPosition, LogStats,
    Runner,
};
pub use snapshot::{SnapshotFile, SnapshotReader, SnapshotWriter, Snapshots};
