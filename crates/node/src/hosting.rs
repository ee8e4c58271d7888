//! Keeps the replicas that are open here equal to those that the map places here.
//!
//! The map is on disk before a replica that it places is opened, so a restart opens the same ones. A replica's data is
//! removed only when a later map no longer places it here; the driver takes a replica out of the map after its group has
//! voted it out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use meridian_meta::{Control, Leaders, Machine};
use meridian_raft::{BootstrapError, Group, Host, OpenError};
use meridian_router::local::Replicas;
use meridian_topology::{ClusterMap, Epoch, NodeId, ReplicaRole, ShardId, ShardInfo};
use parking_lot::{Mutex, RwLock};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    cache::{MapCache, worth_saving},
    known::Known,
    regroup::Fences,
    shard::{Shard, ShardState, Shards},
    tasks::Tasks,
};

/// Pause before what the disk has refused is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The replicas of a node.
pub(crate) struct Hosting {
    pub(crate) node: NodeId,
    pub(crate) known: Arc<Known>,
    pub(crate) host: Arc<Host>,
    pub(crate) shards: Arc<Shards>,
    pub(crate) leaders: Arc<dyn Leaders>,
    pub(crate) cache: MapCache,
    /// The meta group's replica, if one is placed here.
    pub(crate) control: watch::Sender<Option<Control>>,
    /// What drives while the meta group is led here.
    pub(crate) driver: Mutex<Option<AbortHandle>>,
    pub(crate) tasks: Tasks,
    /// All open groups, meta among them.
    pub(crate) groups: RwLock<BTreeMap<ShardId, Group>>,
    /// Changes when a replica was opened or closed.
    pub(crate) opened: watch::Sender<()>,
    /// Keeps changes of one group apart.
    pub(crate) fences: Fences,
    /// The shards that this node leads and is ready to serve, and the term in which it does.
    pub(crate) leading: Arc<watch::Sender<BTreeMap<ShardId, u64>>>,
}

/// Why a replica is not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Bootstrap(BootstrapError),
}

impl Hosting {
    /// Follows the map. `found` are the groups that the log holds at the start.
    pub(crate) async fn run(self: Arc<Self>, mut found: Vec<ShardId>) {
        let mut maps = self.known.watch();
        // The map at the start is saved too: it has this start's address.
        let mut saved = Arc::new(ClusterMap::default());
        loop {
            let map = Arc::clone(&maps.borrow_and_update());
            let mut done = self.take_over(&map, &mut saved).await;
            if done && map.epoch > Epoch(0) {
                // What an earlier run was about to remove when it ended.
                done = self.forget(&map, &mut found).await;
            }
            let retry = async {
                match done {
                    true => std::future::pending().await,
                    false => tokio::time::sleep(RETRY).await,
                }
            };
            tokio::select! {
                changed = maps.changed() => if changed.is_err() { return },
                () = retry => {}
            }
        }
    }

    async fn take_over(&self, map: &Arc<ClusterMap>, saved: &mut Arc<ClusterMap>) -> bool {
        if worth_saving(saved, map) {
            let (cache, next) = (self.cache.clone(), Arc::clone(map));
            if let Err(error) = crate::offload(move || cache.save(&next)).await {
                tracing::error!(%error, "the cluster map cannot be saved");
                return false;
            }
            *saved = Arc::clone(map);
        }
        let open = |shard: &ShardId| self.groups.read().contains_key(shard);
        let missing = map.shards.iter().filter(|(shard, _)| self.placed(map, **shard) && !open(shard));
        let opened = join_all(missing.map(|(shard, info)| async move {
            self.open(map, *shard, info).await.map_err(|error| (*shard, error))
        }))
        .await;
        let mut done = true;
        if !opened.is_empty() {
            self.opened.send_replace(());
        }
        for (shard, error) in opened.into_iter().filter_map(Result::err) {
            done = false;
            if !matches!(error, Error::Open(OpenError::ShuttingDown)) {
                tracing::error!(%shard, %error, "a replica cannot be opened");
            }
        }
        if map.epoch > Epoch(0) {
            let held: Vec<ShardId> = self.groups.read().keys().copied().collect();
            for shard in held.into_iter().filter(|shard| !self.placed(map, *shard)) {
                self.close(shard).await;
            }
        }
        done
    }

    async fn open(&self, map: &ClusterMap, shard: ShardId, info: &ShardInfo) -> Result<(), Error> {
        let group = if shard == ShardId::META {
            self.open_meta().await?
        } else {
            let state = ShardState::new(shard, map.hash_seed, Arc::clone(self.shards.memory()));
            let group = self.host.open(shard, Arc::<ShardState>::clone(&state)).await?;
            self.shards.insert(Shard::start(shard, self.node, state, group.clone(), self.shards.hub()));
            self.watch(shard, group.clone());
            group
        };
        tracing::debug!(%shard, "replica opened");
        if self.founds(info) {
            match group.bootstrap([self.node].into()).await {
                // A restart, and the map has not heard of the group's leader yet.
                Ok(()) | Err(BootstrapError::NotEmpty) => {}
                Err(error) => return Err(Error::Bootstrap(error)),
            }
        }
        Ok(())
    }

    /// Whether the group begins with this replica: it has never had a leader, and nobody else has one.
    fn founds(&self, info: &ShardInfo) -> bool {
        info.leader_term == 0
            && info.replicas.len() == 1
            && info.replicas.get(&self.node) == Some(&ReplicaRole::Voter)
    }

    /// Opens the meta group's replica, if it is not open.
    pub(crate) async fn open_meta(&self) -> Result<Group, OpenError> {
        if let Some(group) = self.groups.read().get(&ShardId::META) {
            return Ok(group.clone());
        }
        let machine = Arc::new(Machine::default());
        let group = self.host.open(ShardId::META, Arc::<Machine>::clone(&machine)).await?;
        self.watch(ShardId::META, group.clone());
        let control = Control::new(machine, group.clone());
        let driver = self.tasks.spawn("driver", control.clone().drive(Arc::clone(&self.leaders)));
        *self.driver.lock() = Some(driver);
        self.control.send_replace(Some(control));
        Ok(group)
    }

    /// Registers an open group and follows its leadership until it is closed.
    fn watch(&self, shard: ShardId, group: Group) {
        let mut leadership = group.leadership();
        let leading = Arc::clone(&self.leading);
        self.groups.write().insert(shard, group);
        tokio::spawn(async move {
            loop {
                let now = *leadership.borrow_and_update();
                leading.send_if_modified(|leading| match now.ready {
                    true => leading.insert(shard, now.term) != Some(now.term),
                    false => leading.remove(&shard).is_some(),
                });
                if leadership.changed().await.is_err() {
                    leading.send_if_modified(|leading| leading.remove(&shard).is_some());
                    return;
                }
            }
        });
    }

    /// Removes what is on disk of replicas that are not placed here.
    async fn forget(&self, map: &ClusterMap, found: &mut Vec<ShardId>) -> bool {
        while let Some(shard) = found.pop() {
            if self.placed(map, shard) {
                continue;
            }
            tracing::info!(%shard, "removing what is left of a replica that is no longer placed here");
            if let Err(error) = self.host.close(shard, true).await {
                tracing::error!(%shard, %error, "the replica's data could not be removed");
                found.push(shard);
                return false;
            }
        }
        true
    }

    fn placed(&self, map: &ClusterMap, shard: ShardId) -> bool {
        map.shards.get(&shard).is_some_and(|info| info.replicas.contains_key(&self.node))
    }

    async fn close(&self, shard: ShardId) {
        tracing::info!(%shard, "the replica is no longer placed here: removing it");
        self.groups.write().remove(&shard);
        self.shards.remove(shard);
        if shard == ShardId::META {
            if let Some(driver) = self.driver.lock().take() {
                driver.abort();
            }
            self.control.send_replace(None);
        }
        if let Err(error) = self.host.close(shard, true).await {
            tracing::error!(%shard, %error, "the replica's data could not be removed");
        }
    }

    /// An open group.
    pub(crate) fn group(&self, shard: ShardId) -> Option<Group> {
        self.groups.read().get(&shard).cloned()
    }
}
