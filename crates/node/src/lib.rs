//! A node: the replicas it hosts and the services by which proxies and other nodes reach them.
//!
//! [`shard`] turns commands into log entries and replies, [`exec`] is the gRPC face of it. Around them: [`Node`] takes a
//! process from an empty directory into a cluster and down again; a [`Member`] follows the map, opens and closes replicas
//! as it says, announces where it is and reports what it leads. A [`Follower`] only follows the map.

mod admin;
mod cache;
mod durable;
pub mod exec;
mod follow;
mod follower;
mod gate;
mod hosting;
mod known;
mod member;
mod node;
mod notify;
mod peers;
mod pubsub;
mod regroup;
mod report;
pub mod shard;
mod status;
mod tasks;

pub use follower::Follower;
pub use member::Member;
pub use node::{InitError, LogLimits, Node, NodeOptions, StartError};
pub use shard::Shards;

/// The version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs what blocks on the disk away from the threads that run tasks; in place where there is one thread only, as in a
/// simulation.
async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};

    if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Cancelled: the runtime is going down, and this task with it.
        Err(_) => std::future::pending().await,
    }
}

/// Frees what takes a while away from the threads that run tasks; in place where there is one thread only, as in a
/// simulation.
fn discard<T: Send + 'static>(waste: T) {
    use tokio::runtime::{Handle, RuntimeFlavor};

    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            drop(handle.spawn_blocking(move || drop(waste)));
        }
        _ => drop(waste),
    }
}
