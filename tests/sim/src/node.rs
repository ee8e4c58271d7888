//! One life of a node: real log, snapshots, replicas and services, on what the simulation gives it.
//!
//! [`wired`] nodes are put together here, with a map that never changes: their groups' members change at any time.
//! [`managed`] ones are whole processes with a control plane: they join, and their members change as it decides.

mod managed;
mod wired;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use meridian_node::Shards;
use meridian_raft::{Group, MembershipError};
use meridian_topology::{NodeId, ShardId};

use crate::{
    invariants::Violation,
    world::{World, now},
};

/// How long an order may be tried again.
const ORDER_TIMEOUT: Duration = Duration::from_secs(3);
/// Where a node has its data.
const DATA: &str = "/data";

/// What a node is told to do.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Transfer(ShardId, NodeId),
    Voters(ShardId, BTreeSet<NodeId>),
    Snapshot(ShardId),
    ShutDown,
}

/// Why a node does not start.
type Failed = Box<dyn std::error::Error>;

/// Lives until the simulation ends it.
pub(crate) async fn live(world: Arc<World>, node: NodeId) -> turmoil::Result {
    world.skew(node).use_here();
    world.note(format!("node {node} starts"));
    let disk = world.disk(node).mount();
    let lived = if world.scenario.managed {
        Box::pin(managed::live(&world, node)).await
    } else {
        Box::pin(wired::live(&world, node)).await
    };
    // Whoever has no disk any more is about to be stopped.
    if let Err(error) = lived
        && disk.list(Path::new("/")).is_ok()
    {
        let what = format!("node {node}: {error}");
        world.demand(Err(Violation::new("a node starts on what a crash left", what)));
    }
    std::future::pending().await
}

/// Says every millisecond which shards may be read here.
async fn report_readers(world: Arc<World>, node: NodeId, shards: Arc<Shards>) {
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    loop {
        tick.tick().await;
        for shard in shards.all().into_iter().filter(|shard| shard.group().can_read()) {
            world.demand(world.one_reader.lock().watch(shard.id(), node, now() / 1000));
        }
    }
}

/// Carries out an order that concerns one replica, in the background.
fn obey(world: &Arc<World>, node: NodeId, shards: &Shards, order: Order) {
    let (Order::Transfer(shard, _) | Order::Voters(shard, _) | Order::Snapshot(shard)) = &order else {
        return;
    };
    let Some(group) = shards.get(*shard).map(|shard| shard.group().clone()) else { return };
    let (world, shard) = (Arc::clone(world), *shard);
    tokio::spawn(async move {
        let result = match &order {
            Order::Transfer(_, to) => format!("{:?}", group.transfer(*to).await),
            Order::Voters(_, voters) => {
                let change = change_voters(&group, voters);
                format!("{:?}", tokio::time::timeout(ORDER_TIMEOUT, change).await)
            }
            _ => {
                group.trigger_snapshot();
                "asked for".to_owned()
            }
        };
        world.note(format!("node {node} shard {shard}: {order:?}: {result}"));
    });
}

/// New voters follow first, as the control plane does it.
async fn change_voters(group: &Group, voters: &BTreeSet<NodeId>) -> Result<(), MembershipError> {
    loop {
        match try_voters(group, voters).await {
            Err(MembershipError::InProgress) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other,
        }
    }
}

async fn try_voters(group: &Group, voters: &BTreeSet<NodeId>) -> Result<(), MembershipError> {
    let status = group.status();
    for node in voters {
        if !status.voters.contains(node) && !status.learners.contains(node) {
            group.add_learner(*node).await?;
        }
    }
    group.change_voters(voters.clone()).await
}
