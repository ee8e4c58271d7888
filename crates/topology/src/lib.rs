//! The words of the system: identifiers, slots and the cluster map.
//!
//! Pure data, no I/O. Everything here is shared by every other crate, so it names things once:
//! [`Slot`], [`ShardId`], [`NodeId`], [`Region`], [`Zone`], [`Epoch`], [`DatabaseId`].

mod id;
mod map;
mod slot;
mod users;

pub use id::{ClusterId, DatabaseId, Epoch, NodeId, ParseClusterIdError, Region, ShardId, Zone};
pub use map::{ClusterMap, Database, NodeInfo, ReplicaRole, ShardInfo, SlotMap, SlotRange};
pub use slot::{SLOT_COUNT, Slot, slot_of};
pub use users::{ChangeUsersError, User, UserChange};
