//! Groups of three nodes in one process: real gRPC over loopback, real logs and snapshots in temporary directories.

mod elections;
mod harness;
mod ledger;
mod membership;
mod snapshots;
