//! The way of a command from a proxy to the shards and of the replies back.
//!
//! [`plan`] and [`merge`] are pure. A [`Link`] keeps the order and the exactly-once promise towards one shard: it sends
//! to whichever node leads, finds the leader again when that changes, and resends what has no answer. A peer carries the
//! requests of all links to one node over one stream.
//!
//! Exactly once (design §5.6): what goes through a shard's log carries (session, sequence); a link has one session, its
//! sequences are contiguous, and the shard answers a repeated one from memory. So resending is always safe.

mod link;
pub mod local;
pub mod merge;
mod peer;
pub mod plan;
pub mod pubsub;
mod router;
mod table;
mod users;
mod view;

pub use link::{Awaited, Caches, Late, Link, Part, WaitFor, Waiter};
pub use router::{Router, RouterOptions};
pub use table::Table;
pub use users::UsersChanged;
