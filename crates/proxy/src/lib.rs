//! What Redis clients speak to: the listener, the connections, and the commands answered without asking a shard.
//!
//! A connection is one task ([`connection`]): it reads, parses all complete commands, lets each through the gates
//! ([`gate`]), and either answers it here ([`local`]) or hands it to the shards. What all connections share is in
//! [`Shared`]: settings, the registry of clients, counters, and the view of the cluster.

mod clients;
mod cluster_view;
mod config;
mod connection;
mod gate;
mod healing;
mod held_keys;
mod local;
mod observe;
mod output_limit;
mod pubsub;
mod server;
mod session;
mod shared;
mod stats;
mod tracking;
mod transaction;
mod users;
mod view;

pub use cluster_view::{
    ClusterView, Contents, Counted, KeyspaceStats, Member, MemoryUse, ShardView, Summary, Topology,
};
pub use config::{Kept, OutputLimit, OutputLimits, Settings};
pub use server::{BindError, Server, ServerOptions};
pub use shared::{Identity, Shared};
pub use view::RouterView;

/// The version of Redis that clients are told, because they choose by it what they may use.
pub const REDIS_VERSION: &str = "7.2.0";
