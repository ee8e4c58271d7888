//! A whole process with its control plane: it founds the cluster or joins it, and hosts what the map places on it.

use std::{sync::Arc, time::Duration};

use meridian_node::{InitError, LogLimits, Member, Node, NodeOptions};
use meridian_raft::Timing;
use meridian_router::{Router, RouterOptions, local::Replicas};
use meridian_rt::net::{Dialer, TcpListener};
use meridian_topology::{Epoch, NodeId, Region, Zone};
use tokio::sync::mpsc;

use super::{DATA, Failed, Order, obey, report_readers, wired::CACHE_BYTES};
use crate::{
    client,
    scenario::node_name,
    world::{PORT, Running, World, address},
};

/// Pause before the cluster is founded again, if that failed.
const FOUND_AGAIN: Duration = Duration::from_millis(200);
/// The process that founds the cluster.
const FOUNDER: NodeId = NodeId(1);

/// Starts, and obeys until the simulation ends it.
pub(super) async fn live(world: &Arc<World>, host: NodeId) -> Result<(), Failed> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let node = Node::start(options(world, host), listener).await?;
    if host == FOUNDER {
        found(world, &node).await;
    }
    let member = node.member().await;
    world.note(format!("node {host} is {}", member.id));
    let orders = start(world, host, &member).await;
    serve(world, host, node, &member, orders).await;
    Ok(())
}

fn options(world: &World, host: NodeId) -> NodeOptions {
    let others = world.scenario.node_ids().filter(|other| *other != host);
    NodeOptions {
        data: DATA.into(),
        disk: world.disk(host).mount(),
        address: address(host),
        client_address: String::new(),
        region: Region("here".into()),
        zone: Zone(host.to_string().into()),
        join: if host == FOUNDER { Vec::new() } else { others.map(address).collect() },
        timing: Timing::default(),
        dialer: Dialer::direct(),
        limits: LogLimits {
            segment_bytes: world.scenario.segment_bytes,
            cache_bytes: CACHE_BYTES,
            snapshot_log_bytes: world.scenario.snapshot_log_bytes,
        },
    }
}

/// Makes the cluster, unless an earlier life has.
async fn found(world: &World, node: &Node) {
    let shards = world.scenario.shards.len() as u32;
    loop {
        let founded = node.init(shards, world.scenario.replication).await;
        world.note(format!("founded: {founded:?}"));
        match founded {
            Ok(_) | Err(InitError::Member(_)) => return,
            // Members of the cluster that has been founded may have to start first.
            Err(_) => tokio::time::sleep(FOUND_AGAIN).await,
        }
    }
}

/// Starts the clients of this process, once it has a map.
async fn start(world: &Arc<World>, host: NodeId, member: &Arc<Member>) -> mpsc::UnboundedReceiver<Order> {
    tokio::spawn(report_readers(Arc::clone(world), host, Arc::clone(&member.shards)));
    let orders =
        world.runs(host, Running::new(member.id, Arc::clone(&member.shards), Some(Arc::clone(member))));
    let (world, member) = (Arc::clone(world), Arc::clone(member));
    tokio::spawn(async move {
        let mut map = member.map();
        // The member keeps the sender.
        let _ = map.wait_for(|map| map.epoch > Epoch(0)).await;
        let router = Router::new(RouterOptions {
            map: member.map(),
            local: Some((member.id, Arc::clone(&member.shards) as Arc<dyn Replicas>)),
            dialer: Dialer::direct(),
            deadline: world.scenario.deadline,
        });
        client::start(&world, &node_name(host), &router);
    });
    orders
}

async fn serve(
    world: &Arc<World>,
    host: NodeId,
    node: Node,
    member: &Member,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    while let Some(order) = orders.recv().await {
        match order {
            Order::ShutDown => {
                node.shutdown().await;
                for shard in member.shards.all() {
                    member.shards.remove(shard.id());
                }
                world.note(format!("node {host}: shut down"));
                return;
            }
            // The control plane decides who votes.
            Order::Voters(..) => {}
            order => obey(world, host, &member.shards, order),
        }
    }
}
