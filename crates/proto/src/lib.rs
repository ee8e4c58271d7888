//! Types and services generated from `/proto`, and conversions to the words of the workspace.

#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    unreachable_pub,
    unused_qualifications,
    reason = "generated code"
)]

pub mod convert;

/// Header of every call of the exec service: the cluster that the caller means, as 32 hexadecimal digits. An address
/// may have passed to a node of another cluster.
pub const CLUSTER_HEADER: &str = "meridian-cluster";

/// Commands between proxies and shards.
pub mod exec {
    tonic::include_proto!("meridian.exec.v1");
}

/// The control plane's state and commands.
pub mod meta {
    pub use v1::*;

    pub mod v1 {
        tonic::include_proto!("meridian.meta.v1");
    }
}

/// Administration of nodes.
pub mod admin {
    pub use v1::*;

    pub mod v1 {
        tonic::include_proto!("meridian.admin.v1");
    }
}

/// Between the replicas of a shard.
pub mod raft {
    tonic::include_proto!("meridian.raft.v1");
}

/// Messages on channels, between processes.
pub mod pubsub {
    tonic::include_proto!("meridian.pubsub.v1");
}
