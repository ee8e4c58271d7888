//! A replica in memory, and a server in front of it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use meridian_command::{
    EngineCommand, ReplyError, ReplyWriter,
    wire::{Record, Records},
};
use meridian_proxy::{
    ClusterView, Contents, Counted, Identity, KeyspaceStats, Member, MemoryUse, Server, ServerOptions,
    Settings, ShardView, Summary, Topology,
};
use meridian_router::{
    Router, RouterOptions, UsersChanged,
    local::{Batch, Outcome, ReadAnswer, Replica, Replicas, Touched, Tracker},
    pubsub::Hub,
};
use meridian_topology::{
    ClusterMap, Database, DatabaseId, Epoch, NodeId, ReplicaRole, ShardId, ShardInfo, SlotMap, UserChange,
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;

const NODE: NodeId = NodeId(1);
const SHARD: ShardId = ShardId(1);

/// Values by numbered database and key.
type Keys = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// GET and SET over a map; batches run one after the other. A GET of `gate` waits for a permit of the gate.
#[derive(Debug)]
struct Memory {
    keys: Arc<Mutex<Keys>>,
    queue: mpsc::Sender<Batch>,
    leader: watch::Sender<Option<NodeId>>,
    trackers: Trackers,
}

type Trackers = Arc<Mutex<Vec<Arc<dyn Tracker>>>>;

impl Memory {
    fn new(gate: Arc<Semaphore>) -> Memory {
        let (queue, batches) = mpsc::channel(1024);
        let (keys, trackers) = (Arc::default(), Trackers::default());
        tokio::spawn(execute_all(Arc::clone(&keys), gate, Arc::clone(&trackers), batches));
        Memory { keys, queue, leader: watch::channel(Some(NODE)).0, trackers }
    }
}

/// Tells who tracks what somebody did.
fn tell(trackers: &Trackers, touched: &Touched) {
    let all = trackers.lock().expect("nobody panics").clone();
    all.iter().for_each(|tracker| tracker.touched(std::slice::from_ref(touched)));
}

/// The keys that a SET of the batch changes.
fn changed(batch: &Batch) -> Vec<Touched> {
    let records = records(&batch.commands);
    let sets = (batch.first_sequence..).zip(&records);
    let sets = sets.filter(|(_, record)| record.head.command == EngineCommand::Set);
    let told = sets.map(|(sequence, record)| Touched {
        session: batch.session,
        sequence,
        changed: vec![Bytes::copy_from_slice(&record.args()[0])],
        ..Touched::default()
    });
    told.collect()
}

async fn execute_all(
    keys: Arc<Mutex<Keys>>,
    gate: Arc<Semaphore>,
    trackers: Trackers,
    mut batches: mpsc::Receiver<Batch>,
) {
    while let Some(batch) = batches.recv().await {
        for record in records(&batch.commands).iter().filter(|record| is_gate(record)) {
            gate.acquire().await.expect("never closed").forget();
            assert_eq!(record.head.command, EngineCommand::Get);
        }
        let mut replies = Vec::new();
        execute(&keys, &batch.commands, &mut replies);
        changed(&batch).iter().for_each(|touched| tell(&trackers, touched));
        batch.ticket.sink.complete(batch.ticket.number, Outcome::Done(Bytes::from(replies)));
    }
}

fn records(commands: &[u8]) -> Vec<Record<'_>> {
    Records::new(commands).map(|record| record.expect("well formed")).collect()
}

fn is_gate(record: &Record<'_>) -> bool {
    record.args().get(0) == Some(b"gate")
}

fn execute(keys: &Mutex<Keys>, commands: &[u8], replies: &mut Vec<u8>) {
    let mut keys = keys.lock().expect("nobody panics");
    execute_records(&mut keys, commands, replies);
}

fn execute_records(keys: &mut Keys, commands: &[u8], replies: &mut Vec<u8>) {
    for record in records(commands) {
        let (head, args) = (record.head, record.args());
        let mut bytes = Vec::new();
        let mut reply = ReplyWriter::new(&mut bytes, head.protocol);
        let key = args.get(0).map(|key| (head.numbered, key.to_vec())).unwrap_or_default();
        match head.command {
            EngineCommand::Get => reply.bulk_or_null(keys.get(&key).map(Vec::as_slice)),
            EngineCommand::Set => {
                keys.insert(key, args[1].to_vec());
                reply.ok();
            }
            EngineCommand::WatchKeys => reply.integer(1),
            EngineCommand::UnwatchKeys => reply.ok(),
            // Nothing that is watched ever changes here.
            EngineCommand::ExecuteAll => {
                let mut nested = Vec::new();
                execute_records(keys, &args[1], &mut nested);
                reply.array(records(&args[1]).len());
                let mut rest = &nested[..];
                while let Some((length, tail)) = rest.split_first_chunk::<4>() {
                    let (one, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
                    reply.raw(one);
                    rest = tail;
                }
            }
            _ => reply.error(&ReplyError::WRONG_TYPE),
        }
        replies.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        replies.extend_from_slice(&bytes);
    }
}

impl Replica for Memory {
    fn read(&self, _: DatabaseId, commands: &[u8], replies: &mut Vec<u8>) -> ReadAnswer {
        if records(commands).iter().any(is_gate) {
            return ReadAnswer::Queue;
        }
        execute(&self.keys, commands, replies);
        ReadAnswer::Done
    }

    fn enqueue(&self, batch: Batch) -> Result<(), Outcome> {
        self.queue.try_send(batch).map_err(|_| Outcome::Busy)
    }

    fn track(&self, tracker: Arc<dyn Tracker>) -> Result<(), Option<NodeId>> {
        self.trackers.lock().expect("nobody panics").push(tracker);
        Ok(())
    }

    fn untrack(&self, tracker: &Arc<dyn Tracker>) {
        self.trackers.lock().expect("nobody panics").retain(|known| !Arc::ptr_eq(known, tracker));
    }

    fn leads(&self) -> Result<(), Option<NodeId>> {
        Ok(())
    }

    fn leader_changes(&self) -> watch::Receiver<Option<NodeId>> {
        self.leader.subscribe()
    }
}

#[derive(Debug)]
struct One(Arc<Memory>, Arc<Hub>);

impl Replicas for One {
    fn replica(&self, shard: ShardId) -> Option<Arc<dyn Replica>> {
        (shard == SHARD).then(|| Arc::clone(&self.0) as _)
    }

    fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.1)
    }
}

/// The map is its to change.
struct View(watch::Sender<Arc<ClusterMap>>);

impl ClusterView for View {
    fn change_users(&self, changes: Vec<UserChange>) -> BoxFuture<'static, UsersChanged> {
        let mut map = ClusterMap::clone(&self.0.borrow());
        let changed = map.change_users(DatabaseId::DEFAULT, changes);
        map.epoch.0 += 1;
        let epoch = map.epoch.0;
        self.0.send_replace(Arc::new(map));
        let changed = match changed {
            Ok(()) => UsersChanged::Made(epoch),
            Err(_) => UsersChanged::Conflict { again: false, epoch },
        };
        Box::pin(std::future::ready(changed))
    }

    fn spread(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn summary(&self) -> Summary {
        Summary {
            id: "07c37dfeb235213a872192d90877d0cd55635b91".into(),
            epoch: 7,
            nodes: 3,
            shards: 4,
            slots_assigned: 16_384,
            slots_served: 16_384,
            followers_min: 2,
            led: 1,
        }
    }

    fn topology(&self) -> Topology {
        let member = |id: u8, host: &str| Member { id: format!("{id:040}"), host: host.into(), port: 7000 };
        Topology {
            members: vec![member(1, "10.0.0.1"), member(2, "10.0.0.2"), member(3, "")],
            own: Some(0),
            shards: vec![
                ShardView {
                    id: "a".repeat(40),
                    runs: vec![(0, 8000), (16_383, 16_383)],
                    leader: Some(1),
                    followers: vec![0, 2],
                },
                ShardView {
                    id: "b".repeat(40),
                    runs: vec![(8001, 16_382)],
                    leader: Some(2),
                    followers: vec![0, 1],
                },
            ],
        }
    }

    fn contents(&self) -> BoxFuture<'static, Contents> {
        let stats = KeyspaceStats { numbered: 3, keys: 5, expires: 2, avg_ttl_ms: 1500, subexpiry: 1 };
        let counted =
            Counted { expired_keys: 1, expired_fields: 6, evicted_keys: 5, hits: 2, misses: 3, changes: 4 };
        Box::pin(async move { Contents { numbered: vec![stats], counted, memory: MemoryUse::default() } })
    }

    fn replicas(
        &self,
        _shards: Vec<ShardId>,
        wanted: u64,
        timeout: Option<Duration>,
    ) -> BoxFuture<'static, u64> {
        Box::pin(async move {
            if wanted > 2 {
                match timeout {
                    Some(timeout) => tokio::time::sleep(timeout).await,
                    None => std::future::pending().await,
                }
            }
            2
        })
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Semaphore>,
    trackers: Trackers,
    pub(crate) drain: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Running {
        let gate = Arc::new(Semaphore::new(0));
        let (map, receiver) = watch::channel(Arc::new(map()));
        let memory = Arc::new(Memory::new(Arc::clone(&gate)));
        let trackers = Arc::clone(&memory.trackers);
        let router = Router::new(RouterOptions {
            map: receiver,
            local: Some((NODE, Arc::new(One(memory, Arc::default())))),
            dialer: meridian_rt::net::Dialer::default(),
            deadline: Duration::from_secs(60),
        });
        let options = ServerOptions {
            identity: Identity::new("0.0.0-test", String::new()),
            settings,
            cluster: Arc::new(View(map)),
            router,
        };
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options).await.unwrap();
        let address = server.local_addr();
        let drain = CancellationToken::new();
        let task = tokio::spawn(server.run(drain.clone()));
        Running { address, gate, trackers, drain, task }
    }

    /// Somebody elsewhere has changed a key.
    pub(crate) fn touch(&self, key: &'static str) {
        let changed = vec![Bytes::from_static(key.as_bytes())];
        tell(&self.trackers, &Touched { changed, ..Touched::default() });
    }

    /// A shard has flushed.
    pub(crate) fn flush(&self) {
        tell(&self.trackers, &Touched { flushed: true, ..Touched::default() });
    }

    /// The leader tells no more.
    pub(crate) fn end_tracking(&self) {
        let all = std::mem::take(&mut *self.trackers.lock().expect("nobody panics"));
        all.iter().for_each(|tracker| tracker.ended());
    }

    /// How many hear of changes.
    pub(crate) fn tracker_count(&self) -> usize {
        self.trackers.lock().expect("nobody panics").len()
    }

    pub(crate) async fn connect(&self) -> Peer<TcpStream> {
        Peer::new(TcpStream::connect(self.address).await.unwrap())
    }
}

fn map() -> ClusterMap {
    let info = ShardInfo {
        replicas: BTreeMap::from([(NODE, ReplicaRole::Voter)]),
        leader_hint: Some(NODE),
        ..ShardInfo::default()
    };
    let database =
        Database { name: "default".into(), slots: SlotMap::spread(&[SHARD]), users: BTreeMap::new() };
    ClusterMap {
        epoch: Epoch(1),
        shards: BTreeMap::from([(SHARD, info)]),
        databases: BTreeMap::from([(DatabaseId::DEFAULT, database)]),
        ..ClusterMap::default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
