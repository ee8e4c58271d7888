//! A process that stores data: from an empty directory to a member of a cluster, and down again.
//!
//! A directory belongs to one node of one cluster for ever. A process whose directory belongs to none waits to be
//! initialised or joins through the addresses it was given; from then on its directory says who it is. Several such
//! processes fit into one process of the machine: nothing here is global.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use meridian_meta::{control, state::Refused};
use meridian_proto::{
    admin::{
        JoinRequest,
        admin_service_server::{AdminServiceServer, SERVICE_NAME},
    },
    convert::{bytes_of_u128, u128_of_bytes},
    meta::{self, command::Kind},
};
use meridian_raft::{SNAPSHOT_LOG_BYTES, Timing};
use meridian_router::local::Replicas;
use meridian_rt::{
    clock::{self, Instant},
    disk::Disk,
    net::{self, Dialer, TcpListener},
    random,
};
use meridian_storage::{DataDir, Identity, LogOptions, OpenError};
use meridian_topology::{ClusterId, ClusterMap, Epoch, NodeId, NodeInfo, Region, Zone};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};

use crate::{
    VERSION,
    admin::Admin,
    cache::MapCache,
    durable, exec,
    gate::Gate,
    known::Known,
    member::Member,
    peers::{Peers, within},
    pubsub,
};

/// Name of the file that holds the token with which a process joins.
const TOKEN_FILE: &str = "token";
/// Path prefix of the admin service.
const ADMIN_PREFIX: &str = "/meridian.admin.v1.AdminService/";
/// Path prefix of the service that executes commands.
const EXEC_PREFIX: &str = "/meridian.exec.v1.ExecService/";
/// Pause between attempts to join: first, and at most.
const JOIN_FIRST: Duration = Duration::from_millis(50);
const JOIN_LAST: Duration = Duration::from_secs(1);
/// How long the cluster may take to take a node in.
const JOIN_ANSWER: Duration = Duration::from_secs(5);
/// How long a new meta group may take to elect its only voter.
const FOUNDING: Duration = Duration::from_secs(10);
/// How long requests that are under way may take to end at a shutdown.
const DRAIN: Duration = Duration::from_millis(200);

/// What a node is made of.
pub struct NodeOptions {
    /// Its directory.
    pub data: PathBuf,
    /// The disk that the directory is on.
    pub disk: Arc<dyn Disk>,
    /// `host:port` at which other processes reach its listener.
    pub address: String,
    /// `host:port` at which clients reach the proxy of this process; empty if it has none.
    pub client_address: String,
    /// Where it stands.
    pub region: Region,
    /// Failure domain inside the region.
    pub zone: Zone,
    /// Addresses of nodes of the cluster that it belongs to or is to join.
    pub join: Vec<String>,
    /// The times of failure detection; the same on every node.
    pub timing: Timing,
    /// How it reaches others.
    pub dialer: Dialer,
    /// What its log may take.
    pub limits: LogLimits,
}

/// What the log of a node may take.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    /// Size of a segment file, once the log has grown.
    pub segment_bytes: u64,
    /// Written entries that stay in memory, over all replicas.
    pub cache_bytes: u64,
    /// Log that a replica gathers before it writes a snapshot.
    pub snapshot_log_bytes: u64,
}

impl Default for LogLimits {
    fn default() -> LogLimits {
        let log = LogOptions::default();
        LogLimits {
            segment_bytes: log.segment_bytes,
            cache_bytes: log.cache_bytes,
            snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
        }
    }
}

impl NodeOptions {
    /// The node as the map is to know it, without its id.
    pub(crate) fn describe(&self, generation: u64) -> NodeInfo {
        NodeInfo {
            id: NodeId::default(),
            address: self.address.clone(),
            region: self.region.clone(),
            zone: self.zone.clone(),
            client_address: self.client_address.clone(),
            version: VERSION.to_owned(),
            generation,
        }
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its directory cannot be used.
    #[error(transparent)]
    Storage(OpenError),
    /// A file in its directory cannot be used.
    #[error(transparent)]
    Disk(io::Error),
    /// It is being stopped.
    #[error("the process is stopping")]
    Stopping,
}

/// Why a process does not become the first node of a new cluster.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// It belongs to a cluster already.
    #[error("this process belongs to the cluster {0} already")]
    Member(ClusterId),
    /// It was told to join one.
    #[error("this process is joining a cluster through {0}: initialise one that joins nobody")]
    Joining(String),
    /// The cluster was not made.
    #[error("{0}")]
    Refused(String),
    /// The directory cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// The state of a process, shared with its admin service.
pub(crate) struct Process {
    pub(crate) options: NodeOptions,
    pub(crate) started: Instant,
    pub(crate) member: watch::Sender<Option<Arc<Member>>>,
    /// Given up when the process stops, so that another may have it.
    directory: Mutex<Option<DataDir>>,
    gate: OnceLock<Gate>,
    /// Held while the process becomes a member.
    becoming: tokio::sync::Mutex<()>,
}

/// A running node.
pub struct Node {
    process: Arc<Process>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Node {
    /// Opens the directory and serves on `listener`. Must be called in a runtime.
    ///
    /// # Errors
    /// If the directory cannot be used: it is another process's, another cluster's, or damaged.
    pub async fn start(options: NodeOptions, listener: TcpListener) -> Result<Node, StartError> {
        let (disk, data) = (Arc::clone(&options.disk), options.data.clone());
        let opened = crate::offload(move || DataDir::open(disk, &data)).await;
        let process = Arc::new(Process {
            options,
            started: Instant::now(),
            member: watch::Sender::new(None),
            directory: Mutex::new(Some(opened.map_err(StartError::Storage)?)),
            gate: OnceLock::new(),
            becoming: tokio::sync::Mutex::default(),
        });
        let admin = Routes::new(AdminServiceServer::new(Admin(Arc::clone(&process))));
        let gate = Gate::new(admin, ADMIN_PREFIX);
        debug_assert!(ADMIN_PREFIX.contains(SERVICE_NAME));
        let _ = process.gate.set(gate.clone());
        let stop = CancellationToken::new();
        if let Some((cluster, node)) = process.identity() {
            process.become_member(cluster, node).await?;
        } else if !process.options.join.is_empty() {
            let joining = Arc::clone(&process);
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(joining.join()).await });
        }
        let server = tokio::spawn(serve(gate, listener, stop.clone()));
        Ok(Node { process, stop, server })
    }

    /// Makes a new cluster with this process as its first node. Asking again after a failure is safe.
    ///
    /// # Errors
    /// If the process belongs to a cluster or is joining one.
    pub async fn init(&self, shards: u32, replication: u32) -> Result<(ClusterId, NodeId), InitError> {
        self.process.init(shards, replication).await
    }

    /// The process's part in a cluster, once it has one.
    pub async fn member(&self) -> Arc<Member> {
        let mut member = self.process.member.subscribe();
        let found = member.wait_for(Option::is_some).await.map(|member| member.clone());
        found.ok().flatten().expect("the process outlives the wait and is waited for until it is a member")
    }

    /// The process's part in a cluster, if it has one by now.
    pub fn member_now(&self) -> Option<Arc<Member>> {
        self.process.member.borrow().clone()
    }

    /// Hands over what it leads, lets requests end, and stops.
    pub async fn shutdown(self) {
        if let Some(member) = self.member_now() {
            member.hand_over().await;
        }
        self.halt().await;
    }

    /// Stops without handing anything over: for when the whole cluster stops.
    pub async fn halt(self) {
        self.stop.cancel();
        // Whoever is being made a member right now becomes one first.
        let _becoming = self.process.becoming.lock().await;
        if let Some(member) = self.member_now() {
            member.halt().await;
        }
        let mut server = self.server;
        if tokio::time::timeout(DRAIN, &mut server).await.is_err() {
            // Streams between processes have no end of their own.
            server.abort();
        }
        self.process.directory.lock().take();
    }
}

async fn serve(gate: Gate, listener: TcpListener, stop: CancellationToken) {
    let served =
        net::server().serve_with_incoming_shutdown(gate, net::incoming(listener), stop.cancelled()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the gRPC server has failed");
    }
}

impl Process {
    /// See [`Node::init`].
    pub(crate) async fn init(&self, shards: u32, replication: u32) -> Result<(ClusterId, NodeId), InitError> {
        if let Some(seed) = self.options.join.first() {
            return Err(InitError::Joining(seed.clone()));
        }
        let _becoming = self.becoming.lock().await;
        let existing = self.member.borrow().clone();
        let member = match existing {
            Some(member) => member,
            None => self.found().await?,
        };
        // A member without a map was made by an attempt that did not come to its end.
        if member.known.map().epoch > Epoch(0) {
            return Err(InitError::Member(member.cluster));
        }
        let refused = |error: &dyn std::fmt::Display| InitError::Refused(error.to_string());
        let group = member.hosting.open_meta().await.map_err(|error| refused(&error))?;
        match group.bootstrap([member.id].into()).await {
            Ok(()) | Err(meridian_raft::BootstrapError::NotEmpty) => {}
            Err(error) => return Err(refused(&error)),
        }
        let mut leadership = group.leadership();
        let leads = tokio::time::timeout(FOUNDING, leadership.wait_for(|now| now.ready)).await;
        leads
            .map_err(|_| refused(&"the meta group has no leader"))?
            .map_err(|_| refused(&"the process stops"))?;
        let control = member.control().ok_or_else(|| refused(&"the process stops"))?;
        let node = meta::Node::from(&self.options.describe(clock::wall_ms()));
        let command = meta::Initialise {
            cluster: bytes_of_u128(member.cluster.0),
            hash_seed: bytes_of_u128(random::next_u128()),
            shards,
            replication,
            node: Some(node),
            token: bytes_of_u128(random::next_u128()),
        };
        match control.propose(Kind::Initialise(command)).await {
            Ok(_) => {
                tracing::info!(cluster = %member.cluster, shards, replication, "cluster initialised");
                Ok((member.cluster, member.id))
            }
            Err(control::Error::Refused(Refused::AlreadyInitialised)) => {
                Err(InitError::Member(member.cluster))
            }
            Err(error) => Err(refused(&error)),
        }
    }

    /// Makes this directory the first node of a cluster that has no map yet.
    async fn found(&self) -> Result<Arc<Member>, InitError> {
        let (cluster, node) = match self.identity() {
            Some(identity) => identity,
            None => (ClusterId(random::next_u128()), NodeId(1)),
        };
        self.claim(cluster, node)?;
        Ok(self.become_member(cluster, node).await?)
    }

    /// Whose directory it is, if it is anybody's.
    fn identity(&self) -> Option<(ClusterId, NodeId)> {
        let identity = self.directory.lock().as_ref()?.identity()?;
        Some((ClusterId(identity.cluster), NodeId(identity.node)))
    }

    /// Makes the directory that of this node.
    fn claim(&self, cluster: ClusterId, node: NodeId) -> Result<(), StartError> {
        let wanted = Identity { cluster: cluster.0, node: node.0 };
        match &mut *self.directory.lock() {
            Some(directory) => directory.claim(wanted).map_err(StartError::Storage),
            None => Err(StartError::Stopping),
        }
    }

    async fn become_member(&self, cluster: ClusterId, node: NodeId) -> Result<Arc<Member>, StartError> {
        let member = Member::start(&self.options, cluster, node).await?;
        if member.known.map().epoch == Epoch(0) {
            // The first node, whose map was not saved before a crash: meta's log may have it.
            if let Err(error) = member.hosting.open_meta().await {
                tracing::error!(%error, "the meta group's replica cannot be opened");
            }
        }
        let rest = Routes::new(member.raft.service())
            .add_service(exec::service(Arc::clone(&member.shards)))
            .add_service(pubsub::service(member.shards.hub()));
        let gate = self.gate.get().expect("the gate is made before the process becomes a member");
        gate.open(rest, EXEC_PREFIX, cluster);
        self.member.send_replace(Some(Arc::clone(&member)));
        tracing::info!(%cluster, %node, address = self.options.address, "node started");
        Ok(member)
    }

    /// Joins the cluster through any of the addresses, for as long as it takes.
    async fn join(&self) {
        let _becoming = self.becoming.lock().await;
        let peers = Peers::new(Arc::new(Known::new(ClusterMap::default())), self.options.dialer.clone());
        let mut pause = JOIN_FIRST;
        let mut told = String::new();
        loop {
            for address in &self.options.join {
                match self.join_through(&peers, address).await {
                    Ok(()) => return,
                    // Said once for every reason: the others may take a while to start.
                    Err(status) if status.message() != told => {
                        status.message().clone_into(&mut told);
                        tracing::info!(address, reason = status.message(), "not joined yet");
                    }
                    Err(_) => {}
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(JOIN_LAST);
        }
    }

    async fn join_through(&self, peers: &Peers, address: &str) -> Result<(), Status> {
        let internal = |error: &dyn std::fmt::Display| Status::internal(error.to_string());
        if let Some((cluster, node)) = self.identity() {
            // Taken in already; only the rest has failed.
            let became = self.become_member(cluster, node).await;
            return became.map(|_| ()).map_err(|error| internal(&error));
        }
        let token = self.token().map_err(|error| internal(&error))?;
        let node = meta::Node::from(&self.options.describe(clock::wall_ms()));
        let request = JoinRequest { node: Some(node), token: bytes_of_u128(token) };
        let answer = within(JOIN_ANSWER, peers.at(address)?.join(request)).await?;
        let map = answer.map.ok_or_else(|| internal(&"the answer holds no map"))?;
        let map = ClusterMap::try_from(map).map_err(|error| internal(&error))?;
        let (cluster, node) = (map.cluster, NodeId(answer.node));
        // The map first: a directory with an identity always knows its cluster.
        let cache = MapCache::new(Arc::clone(&self.options.disk), self.options.data.clone());
        cache.save(&map).map_err(|error| internal(&error))?;
        self.claim(cluster, node).map_err(|error| internal(&error))?;
        self.become_member(cluster, node).await.map_err(|error| internal(&error))?;
        Ok(())
    }

    /// Drawn once for the directory: however often it asks, it becomes one node.
    fn token(&self) -> io::Result<u128> {
        let (disk, data) = (&*self.options.disk, &self.options.data);
        if let Some(token) = durable::read(disk, data, TOKEN_FILE)?.and_then(|bytes| u128_of_bytes(&bytes)) {
            return Ok(token);
        }
        let token = random::next_u128();
        durable::write(disk, data, TOKEN_FILE, &token.to_be_bytes())?;
        Ok(token)
    }
}
