//! Groups of three nodes in one process: real gRPC over loopback, real logs and snapshots in temporary directories.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod elections;
mod harness;
mod ledger;
mod membership;
mod protocol;
mod snapshots;
