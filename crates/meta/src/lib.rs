//! The control plane: which nodes there are, which shards, and which replica of which shard stands where.
//!
//! [`state`] is what the meta group replicates, a pure function of its log. [`plan`] compares the map with how it should
//! be and names the next steps, pure as well.

pub mod plan;
pub mod state;
