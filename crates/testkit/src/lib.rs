//! What the tests of whole clusters are made of.
//!
//! Blocking and without a runtime: a test should read like what an operator and a client do, one thing after the other.
//! [`Cluster`] starts real processes and hurts them; [`Client`] speaks RESP; [`Load`] writes all the while and keeps
//! count of what was acknowledged; [`History`] records what clients saw, and [`check`] says whether it is linearizable.
//! Nothing here knows the inside of a server: only the binary, its ports and its files.

mod address;
mod client;
mod cluster;
mod dev;
mod external;
mod history;
mod linearize;
mod load;
mod network;
mod process;
mod redis_server;
mod slow_sync;
mod tmpfs;
mod usage;
mod wait;

pub use address::Addresses;
pub use client::{CallError, Client};
pub use cluster::{Cluster, Node, Setup, Shard, Status, binary};
pub use dev::Dev;
pub use external::{External, client_folder};
pub use history::{Event, History, Operation, Recorded};
pub use linearize::{Verdict, check};
pub use load::{Load, LoadOptions, Outcome, Record, Write};
pub use meridian_resp::Value;
pub use network::Network;
pub use process::{Exit, Process};
pub use redis_server::RedisServer;
pub use slow_sync::SlowSync;
pub use tmpfs::Tmpfs;
pub use usage::{cpu_time, memory};
pub use wait::{until, within};
