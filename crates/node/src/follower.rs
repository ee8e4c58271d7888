//! A process without replicas that follows the cluster map: what a proxy on its own needs.

use std::{path::Path, sync::Arc, time::Duration};

use meridian_rt::{disk::Disk, net::Dialer};
use meridian_topology::{ClusterMap, Epoch};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cache::{MapCache, worth_saving},
    follow::follow,
    known::Known,
    node::StartError,
    peers::Peers,
};

/// Pause before a map that the disk has refused is saved again.
const RETRY: Duration = Duration::from_secs(5);

/// Follows the map until it is dropped.
pub struct Follower {
    known: Arc<Known>,
    _stop: DropGuard,
}

impl Follower {
    /// Starts with the map that `data` holds, and follows it through the nodes in it and through `seeds`.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub async fn start(
        disk: Arc<dyn Disk>,
        data: &Path,
        seeds: Vec<String>,
        dialer: Dialer,
    ) -> Result<Follower, StartError> {
        let cache = MapCache::new(Arc::clone(&disk), data.to_owned());
        let (opened, directory) = (cache.clone(), data.to_owned());
        let map = crate::offload(move || {
            disk.create_dir_all(&directory)?;
            opened.load()
        });
        let known = Arc::new(Known::new(map.await.map_err(StartError::Disk)?));
        let peers = Peers::new(Arc::clone(&known), dialer);
        let stop = CancellationToken::new();
        let (following, saving) = (Arc::clone(&known), known.watch());
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped
                .run_until_cancelled(async {
                    tokio::join!(follow(&following, &peers, None, &seeds), save(saving, cache));
                })
                .await
        });
        Ok(Follower { known, _stop: stop.drop_guard() })
    }

    /// The map and its changes.
    pub fn map(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.known.watch()
    }

    /// Returns when there is a map.
    pub async fn ready(&self) {
        let mut map = self.known.watch();
        // The sender lives as long as this does.
        let _ = map.wait_for(|map| map.epoch > Epoch(0)).await;
    }
}

async fn save(mut maps: watch::Receiver<Arc<ClusterMap>>, cache: MapCache) {
    let mut saved = Arc::new(ClusterMap::default());
    loop {
        let map = Arc::clone(&maps.borrow_and_update());
        if worth_saving(&saved, &map) {
            let (cache, next) = (cache.clone(), Arc::clone(&map));
            match crate::offload(move || cache.save(&next)).await {
                Ok(()) => saved = map,
                Err(error) => {
                    tracing::warn!(%error, "the cluster map cannot be saved");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
        }
        if maps.changed().await.is_err() {
            return;
        }
    }
}
