//! Measures many groups on three nodes in one process, over real gRPC on loopback and real logs.
//!
//! `cargo run --release -p meridian-raft --example groups -- groups=64 clients=512 ms=1500`
//! `… -- groups=16 mode=idle ms=5000`, `… -- groups=4 mode=failover`
//!
//! "us/write" is the CPU time of all three replicas and the clients per acknowledged write.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use meridian_raft::{
    AddressBook, Group, Host, HostOptions, ProposeError, Reply, SnapshotSource, StateMachine,
};
use meridian_rt::{disk::RealDisk, net};
use meridian_storage::{Log, LogOptions, Snapshots};
use meridian_topology::{ClusterId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY_BYTES: usize = 16;
const RECORD_BYTES: usize = 80;
const KEYS: u64 = 200_000;
/// Commands that wait for company while an entry is under way.
const COMPANY: usize = 32;
const IN_FLIGHT: usize = 8;

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse() -> Self {
        let pairs = std::env::args().skip(1);
        Arguments(pairs.filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.into(), v.into()))).collect())
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.0.get(name).map_or(default, |text| text.parse().unwrap())
    }

    fn mode(&self) -> &str {
        self.0.get("mode").map_or("load", String::as_str)
    }
}

#[derive(Default)]
struct Map {
    entries: Mutex<HashMap<Bytes, Bytes>>,
    applied: AtomicU64,
}

impl StateMachine for Map {
    fn apply(&self, _: u64, payload: &Bytes) -> Reply {
        let mut entries = self.entries.lock();
        for record in payload.chunks_exact(RECORD_BYTES) {
            let (key, value) = record.split_at(KEY_BYTES);
            match entries.get_mut(key) {
                Some(known) => *known = Bytes::copy_from_slice(value),
                None => drop(entries.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))),
            }
        }
        self.applied.fetch_add(1, Ordering::Relaxed);
        Box::new(())
    }

    fn begin_snapshot(&self) -> Box<dyn SnapshotSource> {
        let entries = self.entries.lock().iter().map(|(k, v)| [&k[..], &v[..]].concat()).collect();
        Box::new(Entries(entries))
    }

    fn restore(&self, chunks: &mut dyn Iterator<Item = io::Result<Bytes>>) -> io::Result<()> {
        let mut entries = HashMap::new();
        for chunk in chunks {
            let chunk = chunk?;
            entries.insert(chunk.slice(..KEY_BYTES), chunk.slice(KEY_BYTES..));
        }
        *self.entries.lock() = entries;
        Ok(())
    }
}

struct Entries(Vec<Vec<u8>>);

impl SnapshotSource for Entries {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.0.pop()
    }
}

struct Book(Mutex<BTreeMap<u64, String>>, watch::Sender<u64>);

impl AddressBook for Book {
    fn address(&self, node: NodeId) -> Option<String> {
        self.0.lock().get(&node.0).cloned()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }
}

type Command = (Bytes, oneshot::Sender<Result<(), ProposeError>>);

struct Cluster {
    hosts: Vec<Arc<Host>>,
    servers: Vec<tokio::task::JoinHandle<()>>,
    machines: Vec<Arc<Map>>,
    _directory: tempfile::TempDir,
}

impl Cluster {
    async fn start(groups: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let book = Arc::new(Book(Mutex::default(), watch::Sender::new(0)));
        let mut cluster =
            Cluster { hosts: Vec::new(), servers: Vec::new(), machines: Vec::new(), _directory: directory };
        for node in 1..=3 {
            let disk = Arc::new(RealDisk);
            let path = cluster._directory.path().join(node.to_string());
            let log = Log::open(disk.clone(), &path.join("log"), options()).unwrap();
            let snapshots = Snapshots::open(disk, &path.join("snapshots")).unwrap();
            let host = Host::new(HostOptions::new(ClusterId(1), NodeId(node), log, snapshots, book.clone()));
            let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            book.0.lock().insert(node, listener.local_addr().unwrap().to_string());
            let serving =
                net::server().add_service(host.service()).serve_with_incoming(net::incoming(listener));
            cluster.servers.push(tokio::spawn(async move { serving.await.unwrap() }));
            for group in 0..groups {
                let machine = Arc::new(Map::default());
                host.open(ShardId(group), machine.clone()).await.unwrap();
                cluster.machines.push(machine);
            }
            cluster.hosts.push(host);
        }
        let voters: std::collections::BTreeSet<NodeId> = [1, 2, 3].map(NodeId).into();
        for group in 0..groups {
            cluster.group(group as usize % 3, group).bootstrap(voters.clone()).await.unwrap();
        }
        for group in 0..groups {
            cluster.leader(group).await;
        }
        cluster
    }

    fn group(&self, host: usize, group: u32) -> Group {
        self.hosts[host].group(ShardId(group)).unwrap()
    }

    async fn leader(&self, group: u32) -> Group {
        loop {
            let mut groups = self.hosts.iter().filter_map(|host| host.group(ShardId(group)));
            if let Some(leader) = groups.find(Group::can_read) {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Completions of one sync run together as one task of the runtime: one wake across threads.
fn options() -> LogOptions {
    let runtime = tokio::runtime::Handle::current();
    LogOptions {
        runner: Some(Arc::new(move |completions: meridian_storage::Completions| {
            runtime.spawn(async move { completions.run() });
        })),
        ..LogOptions::default()
    }
}

/// Puts what has gathered into one entry: at once if none is under way, otherwise in company.
async fn propose(group: Group, mut commands: mpsc::UnboundedReceiver<Command>, proposed: Arc<AtomicU64>) {
    let in_flight = Arc::new(AtomicUsize::new(0));
    let landed = Arc::new(Notify::new());
    let mut waiting: Vec<Command> = Vec::new();
    while commands.recv_many(&mut waiting, 4096).await > 0 {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        loop {
            let flying = in_flight.load(Ordering::Acquire);
            if flying == 0 || flying < IN_FLIGHT && waiting.len() >= COMPANY {
                break;
            }
            tokio::select! {
                () = landed.notified() => {}
                _ = commands.recv_many(&mut waiting, 4096), if flying < IN_FLIGHT => {}
            }
        }
        while waiting.len() < 8192
            && let Ok(command) = commands.try_recv()
        {
            waiting.push(command);
        }
        let mut payload = BytesMut::with_capacity(waiting.len() * RECORD_BYTES);
        let mut replies = Vec::with_capacity(waiting.len());
        for (record, reply) in waiting.drain(..) {
            payload.extend_from_slice(&record);
            replies.push(reply);
        }
        in_flight.fetch_add(1, Ordering::AcqRel);
        proposed.fetch_add(1, Ordering::Relaxed);
        let (in_flight, landed) = (in_flight.clone(), landed.clone());
        let done = move |outcome: Result<Reply, ProposeError>| {
            for reply in replies {
                let _ = reply.send(outcome.as_ref().map(drop).map_err(|error| *error));
            }
            in_flight.fetch_sub(1, Ordering::AcqRel);
            landed.notify_one();
        };
        group.propose(payload.freeze(), Box::new(done));
    }
}

fn record(random: &mut u64, keys: u64) -> Bytes {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let mut record = [b'v'; RECORD_BYTES];
    record[..KEY_BYTES].copy_from_slice(format!("key:{:012}", (*random >> 20) % keys).as_bytes());
    Bytes::copy_from_slice(&record)
}

/// Seconds of CPU that this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn load(cluster: &Cluster, groups: u32, clients: u64, window: Duration) {
    let proposed = Arc::new(AtomicU64::new(0));
    let mut queues = Vec::new();
    for group in 0..groups {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(propose(cluster.leader(group).await, receiver, proposed.clone()));
        queues.push(sender);
    }
    let (counting, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let refused = Arc::new(AtomicU64::new(0));
    let mut running = Vec::new();
    for client in 1..=clients {
        let (queues, counting, stop) = (queues.clone(), counting.clone(), stop.clone());
        let refused = refused.clone();
        running.push(tokio::spawn(async move {
            let mut random = client.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let record = record(&mut random, KEYS / queues.len() as u64);
                let start = Instant::now();
                let queue = &queues[(random % queues.len() as u64) as usize];
                loop {
                    let (sender, reply) = oneshot::channel();
                    queue.send((record.clone(), sender)).unwrap();
                    match reply.await.unwrap() {
                        Ok(()) => break,
                        // The lease has run out on a busy machine; nobody else was elected.
                        Err(ProposeError::NotLeader { .. }) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(ProposeError::Unknown) => panic!("a write was lost from sight"),
                    }
                }
                if counting.load(Ordering::Relaxed) {
                    latencies.push(start.elapsed());
                }
            }
            latencies
        }));
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let (before, start, entries) = (cpu(), Instant::now(), proposed.load(Ordering::Relaxed));
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(window).await;
    counting.store(false, Ordering::Relaxed);
    let (used, elapsed) = (cpu() - before, start.elapsed().as_secs_f64());
    let entries = proposed.load(Ordering::Relaxed) - entries;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in running {
        latencies.extend(client.await.unwrap());
    }
    latencies.sort_unstable();
    let count = latencies.len().max(1);
    println!(
        "groups={groups} clients={clients} writes/s={:.0} p50={:?} p99={:?} commands/entry={:.1} us/write={:.2} cpu={:.0}% refused={}",
        count as f64 / elapsed,
        latencies[count / 2],
        latencies[count * 99 / 100],
        count as f64 / entries.max(1) as f64,
        used * 1e6 / count as f64,
        used / elapsed * 100.0,
        refused.load(Ordering::Relaxed),
    );
}

async fn idle(groups: u32, window: Duration) {
    let (before, start) = (cpu(), Instant::now());
    tokio::time::sleep(window).await;
    let share = (cpu() - before) / start.elapsed().as_secs_f64();
    println!(
        "groups={groups} idle: {:.2}% of a core per node, {:.0} us/s per replica",
        share * 100.0 / 3.0,
        share * 1e6 / f64::from(3 * groups)
    );
}

/// Loses the node that leads group 0 and measures how long its groups are without writes.
async fn failover(cluster: &mut Cluster, groups: u32) {
    let lost = (0..3).find(|host| cluster.group(*host, 0).can_read()).unwrap();
    let led: Vec<u32> = (0..groups).filter(|group| cluster.group(lost, *group).can_read()).collect();
    cluster.servers[lost].abort();
    let start = Instant::now();
    cluster.hosts[lost].halt().await;
    let mut gaps = Vec::new();
    for group in &led {
        loop {
            let (sender, outcome) = oneshot::channel();
            let done = |outcome: Result<Reply, ProposeError>| sender.send(outcome.is_ok()).unwrap();
            let record = record(&mut u64::from(group + 1), KEYS);
            cluster.leader(*group).await.propose(record, Box::new(done));
            if outcome.await.unwrap() {
                break;
            }
        }
        gaps.push(start.elapsed());
    }
    println!("groups={groups} lost the leader of {}: writes again after {gaps:?}", led.len());
}

fn main() {
    let arguments = Arguments::parse();
    let groups = arguments.number("groups", 4) as u32;
    let workers = arguments.number("workers", 2) as usize;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut cluster = Cluster::start(groups).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let window = Duration::from_millis(arguments.number("ms", 1500));
        match arguments.mode() {
            "idle" => idle(groups, window).await,
            "failover" => failover(&mut cluster, groups).await,
            _ => load(&cluster, groups, arguments.number("clients", 512), window).await,
        }
        let applied: u64 = cluster.machines.iter().map(|map| map.applied.load(Ordering::Relaxed)).sum();
        println!("entries applied on all replicas: {applied}");
    });
}
