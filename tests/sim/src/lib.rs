//! Whole clusters in simulated time.
//!
//! [`Scenario`] draws from a seed what happens: how many nodes, how far apart, and which faults when. [`run`] lets it
//! happen to real replicas, routers and logs over turmoil's sockets and `rt`'s disk, while clients keep a history; then
//! all faults end and the cluster must come to work again. [`invariants`] are what must hold, one file each.
//!
//! Everything runs on one thread, and everything random comes from the seed: the same seed gives the same [`Trace`].

#[cfg(not(tokio_unstable))]
compile_error!(
    "tests/sim must be built with --cfg tokio_unstable, or runs do not repeat; cargo finds the flag in \
     tests/sim/.cargo/config.toml when it is started in this folder and RUSTFLAGS is not set"
);

mod client;
mod draw;
mod history;
pub mod invariants;
mod node;
mod run;
mod scenario;
mod trace;
mod workload;
mod world;

pub use run::{Failure, Report, run};
pub use scenario::{Fault, Scenario, Stop};
pub use trace::Trace;
