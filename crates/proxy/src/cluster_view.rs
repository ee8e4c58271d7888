//! What the proxy must know of the cluster to answer `INFO`, `CLUSTER` and `WAIT`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use meridian_router::UsersChanged;
use meridian_topology::{ShardId, UserChange};

/// Numbers of one numbered database, added up over all shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceStats {
    /// 0 to 15.
    pub numbered: u8,
    pub keys: u64,
    /// How many of them expire.
    pub expires: u64,
    /// Mean of what is left to live, of those that expire.
    pub avg_ttl_ms: u64,
    /// How many are hashes of which a field expires.
    pub subexpiry: u64,
}

/// What all shards tell of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The numbered databases that have keys, in order.
    pub numbered: Vec<KeyspaceStats>,
    pub counted: Counted,
    pub memory: MemoryUse,
}

/// What data takes, and what it may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes on the node that has the most, of those that lead.
    pub used: u64,
    /// What a node may have; 0 is no limit.
    pub limit: u64,
    /// Which keys go then.
    pub policy: String,
}

/// What leaders have counted since they started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Keys whose time had come.
    pub expired_keys: u64,
    /// Fields of hashes whose time had come.
    pub expired_fields: u64,
    /// Keys that were looked for and there.
    pub hits: u64,
    /// Keys that were looked for and not there.
    pub misses: u64,
    /// Keys that had to go for want of memory.
    pub evicted_keys: u64,
    /// Commands that changed something.
    pub changes: u64,
}

/// What the cluster map says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The id of the node in this process (or of the proxy), as 40 hexadecimal digits.
    pub id: String,
    /// Version of the map.
    pub epoch: u64,
    pub nodes: u64,
    pub shards: u64,
    /// How many slots have a shard.
    pub slots_assigned: u64,
    /// How many slots have a shard with a known leader.
    pub slots_served: u64,
    /// Replicas besides the leader, of the shard that has the fewest.
    pub followers_min: u64,
    /// Shards led by the node in this process.
    pub led: u64,
}

/// A node as clients may reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// As in [`Summary::id`].
    pub id: String,
    /// Where clients reach it; empty if it serves none.
    pub host: String,
    pub port: u16,
}

/// A shard and who has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardView {
    /// 40 hexadecimal digits.
    pub id: String,
    /// First and last slot of its runs, in order.
    pub runs: Vec<(u16, u16)>,
    /// The leader's place among [`Topology::members`].
    pub leader: Option<usize>,
    /// Places of all others that have a replica.
    pub followers: Vec<usize>,
}

/// Who serves what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub members: Vec<Member>,
    /// The place among them of the node in this process.
    pub own: Option<usize>,
    pub shards: Vec<ShardView>,
}

/// The cluster as the proxy sees it.
pub trait ClusterView: Send + Sync + 'static {
    /// The map in short.
    fn summary(&self) -> Summary;

    /// The nodes, and which shards they have.
    fn topology(&self) -> Topology;

    /// Asks all shards.
    fn contents(&self) -> BoxFuture<'static, Contents>;

    /// Waits until `wanted` replicas besides the leader have all that is applied on these shards now (none named: on
    /// all shards), or the
    /// time is over; answers how many have it.
    fn replicas(
        &self,
        shards: Vec<ShardId>,
        wanted: u64,
        timeout: Option<Duration>,
    ) -> BoxFuture<'static, u64>;

    /// Changes users for the whole cluster.
    fn change_users(&self, changes: Vec<UserChange>) -> BoxFuture<'static, UsersChanged>;

    /// Waits until every node that can be reached has the map of that epoch.
    fn spread(&self, epoch: u64) -> BoxFuture<'static, ()>;
}
