//! A node: the replicas it hosts and the services by which proxies and other nodes reach them.
//!
//! [`shard`] turns commands into log entries and replies, [`exec`] is the gRPC face of it.

pub mod exec;
pub mod shard;
