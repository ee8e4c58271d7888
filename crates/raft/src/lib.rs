//! Raft groups of a node, one per shard: the only crate that names openraft.
//!
//! A [`Host`] holds the groups of a node; a [`Group`] is one replica. What is replicated are opaque bytes, applied to a
//! [`StateMachine`]. All groups share the node's log and one stream to every other node.
//!
//! Invariants: a proposal's outcome is reported exactly once, and *not leader* means that it was certainly not
//! proposed; [`Group::can_read`] is never true on two nodes at once for one shard.

mod compaction;
mod error;
mod group;
mod host;
mod lease;
mod link;
mod log_store;
mod machine;
mod network;
mod offload;
mod progress;
mod pulse;
mod replica;
mod runtime;
mod service;
mod snapshot;
mod timing;
mod types;
mod wire;

pub use error::{BootstrapError, MembershipError, OpenError, ProposeError, TransferError};
pub use group::{Done, Group, GroupStatus, Leadership, Role};
pub use host::{Host, HostOptions, RaftServer, SNAPSHOT_LOG_BYTES};
pub use link::AddressBook;
pub use machine::{Reply, SnapshotSource, StateMachine};
pub use service::Service;
pub use timing::Timing;
