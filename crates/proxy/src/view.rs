//! The cluster as the router knows it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use meridian_router::{Link, Router, UsersChanged};
use meridian_rt::clock::Instant;
use meridian_topology::{DatabaseId, NodeId, ShardId, Slot, UserChange};

use crate::{ClusterView, Contents, Counted, KeyspaceStats, Member, MemoryUse, ShardView, Summary, Topology};

/// Answers what INFO, CLUSTER and WAIT want to know from the router's map and the leaders of the shards.
#[derive(Clone, Debug)]
pub struct RouterView {
    router: Arc<Router>,
}

impl RouterView {
    /// The view of this router.
    pub fn new(router: Arc<Router>) -> RouterView {
        RouterView { router }
    }

    fn links(&self, shards: &[ShardId]) -> Vec<Arc<Link>> {
        let table = self.router.table();
        let links = (0..table.link_count()).map(|index| table.link(index));
        links.filter(|link| shards.is_empty() || shards.contains(&link.shard())).cloned().collect()
    }
}

impl ClusterView for RouterView {
    fn summary(&self) -> Summary {
        let map = self.router.map();
        let table = self.router.table();
        let node = self.router.node();
        let data = map.shards.iter().filter(|(shard, _)| **shard != ShardId::META);
        let followers_min = data.clone().map(|(_, info)| info.voters().count().saturating_sub(1)).min();
        let leader = |shard: &ShardId| self.router.leader(*shard);
        let led_links: Vec<bool> =
            (0..table.link_count()).map(|link| leader(&table.link(link).shard()).is_some()).collect();
        let owners: Vec<usize> =
            Slot::all().filter_map(|slot| table.owner(DatabaseId::DEFAULT, slot)).collect();
        let served = owners.iter().filter(|link| led_links[**link]);
        let led = data.clone().filter(|(shard, _)| node.is_some() && leader(shard) == node);
        Summary {
            id: format!("{:032x}{:08x}", map.cluster.0, node.unwrap_or_default().0),
            epoch: map.epoch.0,
            nodes: map.nodes.len() as u64,
            shards: data.clone().count() as u64,
            slots_assigned: owners.len() as u64,
            slots_served: served.count() as u64,
            followers_min: followers_min.unwrap_or(0) as u64,
            led: led.count() as u64,
        }
    }

    fn topology(&self) -> Topology {
        let map = self.router.map();
        let place = |node: NodeId| map.nodes.keys().position(|known| *known == node);
        let members = map.nodes.values().map(|node| {
            let (host, port) = node.client_address.rsplit_once(':').unwrap_or_default();
            Member {
                id: format!("{:032x}{:08x}", map.cluster.0, node.id.0),
                host: host.trim_matches(['[', ']']).to_owned(),
                port: port.parse().unwrap_or_default(),
            }
        });
        let slots = map.databases.get(&DatabaseId::DEFAULT).map(|database| &database.slots);
        let runs: Vec<_> = slots.map(|slots| slots.ranges()).unwrap_or_default();
        let data = map.shards.iter().filter(|(shard, _)| **shard != ShardId::META);
        let shards = data.map(|(shard, info)| {
            let leader = self.router.leader(*shard).or(info.leader_hint);
            let own = runs.iter().filter(|(_, owner)| owner == shard);
            ShardView {
                id: format!("{:032x}{:08x}", !map.cluster.0, shard.0),
                runs: own.map(|(run, _)| (run.first.number(), run.last.number())).collect(),
                leader: leader.and_then(place),
                followers: info
                    .replicas
                    .keys()
                    .filter(|node| Some(**node) != leader)
                    .filter_map(|node| place(*node))
                    .collect(),
            }
        });
        Topology {
            members: members.collect(),
            own: self.router.node().and_then(place),
            shards: shards.collect(),
        }
    }

    fn contents(&self) -> BoxFuture<'static, Contents> {
        let router = Arc::clone(&self.router);
        Box::pin(async move {
            let mut sums: BTreeMap<u8, KeyspaceStats> = BTreeMap::new();
            let mut counted = Counted::default();
            let mut memory = MemoryUse { policy: "noeviction".to_owned(), ..MemoryUse::default() };
            for shard in router.statistics().await {
                counted.expired_keys += shard.expired_keys;
                counted.expired_fields += shard.expired_fields;
                counted.evicted_keys += shard.evicted_keys;
                memory.used = memory.used.max(shard.node_data_bytes);
                memory.limit = shard.maxmemory;
                memory.policy = shard.maxmemory_policy;
                counted.hits += shard.hits;
                counted.misses += shard.misses;
                counted.changes += shard.changes;
                for keyspace in shard.keyspaces {
                    if keyspace.database != DatabaseId::DEFAULT.0 || keyspace.keys == 0 {
                        continue;
                    }
                    let Ok(numbered) = u8::try_from(keyspace.numbered) else { continue };
                    let sum = sums
                        .entry(numbered)
                        .or_insert(KeyspaceStats { numbered, ..KeyspaceStats::default() });
                    sum.keys += keyspace.keys;
                    sum.expires += keyspace.expiring;
                    sum.subexpiry += keyspace.expiring_parts;
                }
            }
            Contents { numbered: sums.into_values().collect(), counted, memory }
        })
    }

    fn replicas(
        &self,
        shards: Vec<ShardId>,
        wanted: u64,
        timeout: Option<Duration>,
    ) -> BoxFuture<'static, u64> {
        let router = Arc::clone(&self.router);
        let links = self.links(&shards);
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        Box::pin(async move {
            let answers = links.iter().map(|link| router.await_replicas(link, wanted, deadline));
            join_all(answers).await.into_iter().min().map_or(0, u64::from)
        })
    }

    fn change_users(&self, changes: Vec<UserChange>) -> BoxFuture<'static, UsersChanged> {
        let router = Arc::clone(&self.router);
        Box::pin(async move { router.change_users(DatabaseId::DEFAULT, changes).await })
    }

    fn spread(&self, epoch: u64) -> BoxFuture<'static, ()> {
        let router = Arc::clone(&self.router);
        Box::pin(async move { router.spread(epoch).await })
    }
}
