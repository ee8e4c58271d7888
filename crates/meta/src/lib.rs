//! The control plane: which nodes there are, which shards, and which replica of which shard stands where.
//!
//! [`state`] is what the meta group replicates, a pure function of its log; [`machine`] puts it under Raft. [`plan`]
//! compares the map with how it should be and names the next steps, pure as well; the driver takes them while this node
//! leads the meta group. [`control`] is the handle to all of it.
//!
//! The map is a promise and a memory at once: it says which replicas a node has to open, and holds the roles and leaders
//! that Raft groups last told of. Raft decides about membership; the map follows it.

pub mod control;
mod driver;
pub mod machine;
pub mod plan;
pub mod state;

pub use control::{Control, Leaders};
pub use machine::Machine;
