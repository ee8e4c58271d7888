//! Types and services generated from `/proto`, and conversions to the words of the workspace.

#![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated code")]

/// Commands between proxies and shards.
pub mod exec {
    tonic::include_proto!("meridian.exec.v1");
}
