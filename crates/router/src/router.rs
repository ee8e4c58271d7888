//! Holds the links and peers, follows the cluster map, finds leaders.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use meridian_command::ReplyError;
use meridian_rt::{clock::Instant, net::Dialer};
use meridian_topology::{ClusterId, ClusterMap, DatabaseId, NodeId, ShardId};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{oneshot, watch};
use tonic::transport::Channel;

use crate::{
    Caches, Link, Part, Table, WaitFor, Waiter,
    link::Target,
    local::{Outcome, Replicas, Touched},
    peer::{Peer, PeerEvents},
    pubsub::Hub,
};

/// How often parts are looked through for those that ran out of time.
const EXPIRE_INTERVAL: Duration = Duration::from_millis(50);
/// How long a node may take to say whether it leads a shard.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);
/// Pause between two rounds of questions: first, and at most.
const ROUND_FIRST: Duration = Duration::from_millis(2);
const ROUND_LAST: Duration = Duration::from_millis(20);

/// What a router is made of.
#[derive(Debug)]
pub struct RouterOptions {
    /// The cluster map, as it changes.
    pub map: watch::Receiver<Arc<ClusterMap>>,
    /// The node in this process and its replicas, if there is one.
    pub local: Option<(NodeId, Arc<dyn Replicas>)>,
    /// How other nodes are reached.
    pub dialer: Dialer,
    /// After this long a command without an answer gets an error.
    pub deadline: Duration,
}

/// Finds the way of every command.
#[derive(Debug)]
pub struct Router {
    this: Weak<Router>,
    map: watch::Receiver<Arc<ClusterMap>>,
    local: Option<(NodeId, Arc<dyn Replicas>)>,
    dialer: Dialer,
    deadline: Duration,
    links: RwLock<BTreeMap<ShardId, Arc<Link>>>,
    peers: Mutex<BTreeMap<NodeId, Arc<Peer>>>,
    channels: Mutex<BTreeMap<String, Channel>>,
    watched: Mutex<BTreeSet<ShardId>>,
    table: RwLock<Arc<Table>>,
    version: AtomicU64,
    /// The clients of this process that cache.
    caches: OnceLock<Weak<dyn Caches>>,
    tracks: AtomicBool,
}

/// Looks for the leader of a link's shard and tells the link.
pub(crate) trait Finder: Send + Sync {
    fn find(&self, link: Arc<Link>, hint: Option<NodeId>);

    /// Who hears of keys that change.
    fn caches(&self) -> Option<Arc<dyn Caches>>;
}

struct FinderOf(Weak<Router>);

impl Finder for FinderOf {
    fn find(&self, link: Arc<Link>, hint: Option<NodeId>) {
        tokio::spawn(find_leader(Weak::clone(&self.0), link, hint));
    }

    fn caches(&self) -> Option<Arc<dyn Caches>> {
        self.0.upgrade()?.caches.get()?.upgrade()
    }
}

impl Router {
    /// Starts to follow the map. Must be called inside a tokio runtime.
    pub fn new(options: RouterOptions) -> Arc<Router> {
        let router = Arc::new_cyclic(|this| Router {
            this: Weak::clone(this),
            map: options.map,
            local: options.local,
            dialer: options.dialer,
            deadline: options.deadline,
            links: RwLock::default(),
            peers: Mutex::default(),
            channels: Mutex::default(),
            watched: Mutex::default(),
            table: RwLock::new(Arc::new(Table::new(&ClusterMap::default(), &BTreeMap::new()))),
            version: AtomicU64::new(0),
            caches: OnceLock::new(),
            tracks: AtomicBool::new(false),
        });
        router.rebuild();
        tokio::spawn(follow_map(Arc::downgrade(&router), router.map.clone()));
        tokio::spawn(expire(Arc::downgrade(&router)));
        router
    }

    /// Grows whenever [`Router::table`] changes.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Where slots go now.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read())
    }

    /// The cluster map as this process knows it.
    pub fn map(&self) -> Arc<ClusterMap> {
        Arc::clone(&self.map.borrow())
    }

    /// The cluster map, as it changes.
    pub fn map_changes(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.map.clone()
    }

    /// Where messages are published in this process, if it is a node.
    pub fn hub(&self) -> Option<Arc<Hub>> {
        self.local.as_ref().map(|(_, replicas)| replicas.hub())
    }

    /// When a command that arrives now has run out of time.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// The node in this process.
    pub fn node(&self) -> Option<NodeId> {
        self.local.as_ref().map(|(node, _)| *node)
    }

    /// Who hears of keys that change, once [`Router::track`] has asked for it. Counts once.
    pub fn attach(&self, caches: Weak<dyn Caches>) {
        // A process has one table of what its clients cache.
        drop(self.caches.set(caches));
    }

    /// Has the leaders of all shards tell which keys change, or no more.
    pub fn track(&self, wanted: bool) {
        self.tracks.store(wanted, Ordering::Release);
        for link in self.all_links() {
            link.track(wanted);
        }
    }

    /// Returns once every shard tells which keys change.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn tracked(&self) -> Result<(), ReplyError> {
        let deadline = self.deadline();
        for link in self.all_links() {
            let begun = tokio::time::timeout_at(deadline, link.tracked()).await;
            begun.map_err(|_| ReplyError::NOT_APPLIED_NO_LEADER)?;
        }
        Ok(())
    }

    fn all_links(&self) -> Vec<Arc<Link>> {
        self.links.read().values().cloned().collect()
    }

    /// Executes commands of one shard and waits for their replies.
    ///
    /// # Errors
    /// The error reply if there is no answer in time.
    pub async fn call(
        &self,
        link: &Link,
        database: DatabaseId,
        logged: bool,
        count: u32,
        commands: Bytes,
    ) -> Result<Bytes, ReplyError> {
        self.call_for(0, link, database, logged, count, commands).await
    }

    /// As [`Router::call`], for a client of this process.
    ///
    /// # Errors
    /// The same.
    pub async fn call_for(
        &self,
        client: u64,
        link: &Link,
        database: DatabaseId,
        logged: bool,
        count: u32,
        commands: Bytes,
    ) -> Result<Bytes, ReplyError> {
        let (sender, receiver) = oneshot::channel();
        let target = Arc::new(Call { sender: Mutex::new(Some(sender)) });
        let waiter = Waiter { target, part: 0 };
        let epoch = self.table().epoch().0;
        let deadline = self.deadline();
        link.submit(Part { database, logged, count, commands, epoch, deadline, client, waiter });
        receiver.await.unwrap_or(Err(ReplyError::OUTCOME_UNKNOWN))
    }

    /// A channel to a node for calls that are not commands.
    pub fn channel(&self, node: NodeId) -> Option<Channel> {
        let address = self.address(node)?;
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(&address) {
            return Some(channel.clone());
        }
        let channel = self.dialer.channel(&address).ok()?;
        channels.insert(address, channel.clone());
        Some(channel)
    }

    /// The node that a shard's commands are sent to, if it is known.
    pub fn leader(&self, shard: ShardId) -> Option<NodeId> {
        self.links.read().get(&shard)?.target()
    }

    fn rebuild(&self) {
        let map = self.map();
        let links = {
            let mut links = self.links.write();
            for shard in map.shards.keys().filter(|shard| **shard != ShardId::META) {
                let finder = || Arc::new(FinderOf(Weak::clone(&self.this)));
                links.entry(*shard).or_insert_with(|| Link::new(*shard, finder()));
            }
            links.clone()
        };
        *self.table.write() = Arc::new(Table::new(&map, &links));
        self.version.fetch_add(1, Ordering::AcqRel);
        for (shard, link) in &links {
            self.watch_replica(*shard, link);
            if self.tracks.load(Ordering::Acquire) {
                link.track(true);
            }
            let hint = map.shards.get(shard).and_then(|info| info.leader_hint);
            match (hint, link.target()) {
                (Some(hint), Some(target)) if hint != target => {
                    tokio::spawn(verify(Weak::clone(&self.this), Arc::clone(link), hint));
                }
                (_, Some(_)) => {}
                // The first command need not wait for it, and CLUSTER INFO tells of shards that nobody has used yet.
                (hint, None) => link.seek(hint),
            }
        }
    }

    /// Follows the replica in this process: it hears of a new leader first.
    fn watch_replica(&self, shard: ShardId, link: &Arc<Link>) {
        let Some((_, replicas)) = &self.local else { return };
        if self.watched.lock().contains(&shard) {
            return;
        }
        let Some(replica) = replicas.replica(shard) else { return };
        self.watched.lock().insert(shard);
        let mut changes = replica.leader_changes();
        drop(replica);
        let link = Arc::clone(link);
        let this = Weak::clone(&self.this);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let leader = *changes.borrow_and_update();
                let Some(leader) = leader.filter(|leader| link.target() != Some(*leader)) else { continue };
                verify(Weak::clone(&this), Arc::clone(&link), leader).await;
            }
            if let Some(router) = this.upgrade() {
                router.watched.lock().remove(&shard);
            }
        });
    }

    fn peer(&self, node: NodeId) -> Arc<Peer> {
        let mut peers = self.peers.lock();
        let peer = peers.entry(node).or_insert_with(|| {
            let this: Weak<dyn PeerEvents> = Weak::clone(&self.this) as _;
            Peer::spawn(node, self.dialer.clone(), this)
        });
        Arc::clone(peer)
    }

    /// Asks one node; the answer is a target, or who leads instead.
    async fn ask(&self, shard: ShardId, node: NodeId) -> Result<Target, Option<NodeId>> {
        if let Some((this, replicas)) = &self.local
            && *this == node
        {
            let replica = replicas.replica(shard).ok_or(None)?;
            return replica.leads().map(|()| Target::Local(replica));
        }
        let peer = self.peer(node);
        let answer = tokio::time::timeout(PROBE_TIMEOUT, peer.probe(shard)).await;
        match answer {
            Ok(Some(Outcome::Done(_))) => Ok(Target::Remote(peer)),
            Ok(Some(Outcome::NotLeader(hint))) => Err(hint),
            _ => Err(None),
        }
    }

    /// Asks every node that has a replica, at the same time; the first that leads is it.
    async fn ask_all(&self, shard: ShardId) -> Option<(NodeId, Target)> {
        let map = self.map();
        let nodes: Vec<NodeId> = map.shards.get(&shard)?.replicas.keys().copied().collect();
        let mut questions: FuturesUnordered<_> =
            nodes.into_iter().map(|node| async move { (node, self.ask(shard, node).await) }).collect();
        while let Some((node, answer)) = questions.next().await {
            if let Ok(target) = answer {
                return Some((node, target));
            }
        }
        None
    }
}

impl PeerEvents for Router {
    fn answered(&self, shard: ShardId, ticket: u64, outcome: Outcome) {
        let link = self.links.read().get(&shard).cloned();
        if let Some(link) = link {
            link.complete(ticket, outcome);
        }
    }

    fn touched(&self, shard: ShardId, touched: Vec<Touched>) {
        let link = self.links.read().get(&shard).cloned();
        if let Some(link) = link {
            link.touched(&touched);
        }
    }

    fn lost(&self, node: NodeId) {
        for link in self.all_links() {
            link.lost(node);
        }
    }

    fn address(&self, node: NodeId) -> Option<String> {
        self.map.borrow().nodes.get(&node).map(|info| info.address.clone())
    }

    fn cluster(&self) -> ClusterId {
        self.map.borrow().cluster
    }
}

async fn find_leader(router: Weak<Router>, link: Arc<Link>, mut hint: Option<NodeId>) {
    let mut pause = ROUND_FIRST;
    loop {
        let Some(held) = router.upgrade() else { return };
        let found = match hint.take() {
            Some(node) => match held.ask(link.shard(), node).await {
                Ok(target) => Some((node, target)),
                Err(next) => {
                    hint = next.filter(|next| *next != node);
                    None
                }
            },
            None => held.ask_all(link.shard()).await,
        };
        held.watch_replica(link.shard(), &link);
        drop(held);
        if let Some((node, target)) = found {
            tracing::debug!(shard = %link.shard(), %node, "leader found");
            link.retarget(node, target);
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(ROUND_LAST);
    }
}

/// Sends a link to a node that is said to lead, if the node says so too.
async fn verify(router: Weak<Router>, link: Arc<Link>, node: NodeId) {
    let Some(router) = router.upgrade() else { return };
    if let Ok(target) = router.ask(link.shard(), node).await
        && link.target() != Some(node)
    {
        link.retarget(node, target);
    }
}

async fn follow_map(router: Weak<Router>, mut map: watch::Receiver<Arc<ClusterMap>>) {
    while map.changed().await.is_ok() {
        let Some(router) = router.upgrade() else { return };
        router.rebuild();
    }
}

async fn expire(router: Weak<Router>) {
    loop {
        tokio::time::sleep(EXPIRE_INTERVAL).await;
        let Some(router) = router.upgrade() else { return };
        let links = router.all_links();
        let now = Instant::now();
        for link in links {
            link.expire(now);
        }
    }
}

/// One call that somebody awaits.
#[derive(Debug)]
struct Call {
    sender: Mutex<Option<oneshot::Sender<Result<Bytes, ReplyError>>>>,
}

impl WaitFor for Call {
    fn part_done(self: Arc<Self>, _: usize, result: Result<Bytes, ReplyError>) {
        if let Some(sender) = self.sender.lock().take() {
            // Whoever called may have gone away.
            drop(sender.send(result));
        }
    }
}
