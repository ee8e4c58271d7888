//! `meridian dev`: a whole cluster in this process, over real groups, logs and connections.

mod wan;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{join_all, select_all};
use meridian_node::{InitError, LogLimits, Member, Node, NodeOptions};
use meridian_proxy::Settings as ClientSettings;
use meridian_raft::Timing;
use meridian_router::local::Replicas;
use meridian_rt::{
    disk::RealDisk,
    net::{Dialer, TcpListener},
};
use meridian_topology::{ClusterMap, Region, ReplicaRole, ShardId, Zone};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::Failure,
    logging::{self, LogFormat},
    output, process,
    serve::{Proxy, ProxyOptions},
    signals,
};

use wan::Wan;

/// How long the cluster may take to form.
const FORMING: Duration = Duration::from_secs(60);
/// Voters of a shard.
const REPLICATION: u32 = 3;
/// How long a command may wait for its shard.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Port for Redis clients, on the loopback interface; 0: any free one
    #[arg(long, default_value_t = 6379)]
    port: u16,
    /// Keep the data here, and go on with it next time; without it the data is removed at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many nodes; each is put into the next region
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=31))]
    nodes: u64,
    /// The regions
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", default_values = ["us-east", "us-west", "eu-west"])]
    regions: Vec<String>,
    /// Shards over which the slots are spread; what `--data` holds keeps its own
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: u32,
    /// Emulate the round trips between regions: those of well-known regions, or your own as `a:b=80ms,…` or a TOML
    /// file with lines like "a:b" = "80ms"
    #[arg(long, value_name = "TABLE", num_args = 0..=1, default_missing_value = "")]
    wan: Option<String>,
    /// What is logged: warn, info, or finer, like info,meridian_raft=debug
    #[arg(long, value_name = "FILTER", default_value = "warn", env = "MERIDIAN_LOG", hide_env = true)]
    log: String,
    /// How a line of the log looks
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "MERIDIAN_LOG_FORMAT", hide_env = true)]
    log_format: LogFormat,
}

/// Runs the cluster until a signal ends it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    logging::begin(arguments.log_format, &arguments.log)?;
    let wan = arguments.wan.as_deref().map(|table| Wan::parse(table, &arguments.regions)).transpose()?;
    if arguments.regions.iter().any(String::is_empty) {
        return Err(Failure::usage("regions: a region has no name"));
    }
    process::server_runtime(0)?.block_on(async {
        let stop = signals::watch().map_err(Failure::running)?;
        let begun = Instant::now();
        let data = Data::open(arguments)?;
        // The port first: with it in use there is no point in starting anything.
        let listen = process::resolve("port", &format!("127.0.0.1:{}", arguments.port)).await?;
        drop(process::listen(listen).await?);
        let cluster = Cluster::start(arguments, &data, wan.as_ref()).await?;
        let result = tokio::select! {
            result = cluster.serve(arguments, &data, begun, &stop) => result,
            () = stop.cancelled() => Ok(()),
        };
        cluster.stop().await;
        result
    })
}

/// Where the data is.
struct Data {
    path: PathBuf,
    /// Removes the directory at the end.
    temporary: Option<tempfile::TempDir>,
}

impl Data {
    fn open(arguments: &Arguments) -> Result<Data, Failure> {
        let Some(path) = &arguments.data else {
            let temporary =
                tempfile::Builder::new().prefix("meridian-dev-").tempdir().map_err(Failure::running)?;
            return Ok(Data { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        let name = path.display();
        let held = match std::fs::read_dir(path) {
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::usage(format!("{name}: {error}"))),
        };
        let nodes = held.iter().filter(|entry| entry.starts_with("node-")).count() as u64;
        if nodes == 0 && !held.is_empty() {
            return Err(Failure::usage(format!(
                "{name} holds something else than the data of `meridian dev`"
            )));
        }
        if nodes > arguments.nodes {
            return Err(Failure::usage(format!(
                "{name} holds a cluster of {nodes} nodes: run it with --nodes {nodes}"
            )));
        }
        Ok(Data { path: path.clone(), temporary: None })
    }

    fn node(&self, number: u64) -> PathBuf {
        self.path.join(format!("node-{number}"))
    }
}

/// The nodes of this process.
struct Cluster {
    nodes: Vec<Node>,
    dialers: Vec<Dialer>,
    addresses: Vec<String>,
}

impl Cluster {
    /// Starts the nodes one after the other: the first founds the cluster, the others join it, unless they belong to it
    /// already.
    async fn start(arguments: &Arguments, data: &Data, wan: Option<&Wan>) -> Result<Cluster, Failure> {
        let mut listeners = Vec::new();
        for _ in 0..arguments.nodes {
            let address = process::resolve("listen", "127.0.0.1:0").await?;
            listeners.push(process::listen(address).await?);
        }
        let addresses = listeners.iter().map(|listener| Ok(listener.local_addr()?.to_string()));
        let addresses: Vec<String> = addresses.collect::<std::io::Result<_>>().map_err(Failure::running)?;
        let region = |index: usize| arguments.regions[index % arguments.regions.len()].as_str();
        let placed =
            addresses.iter().enumerate().map(|(index, address)| (address.clone(), region(index).to_owned()));
        let placed: BTreeMap<String, String> = placed.collect();
        let dialer = |index| wan.map_or_else(Dialer::direct, |wan| wan.dialer(region(index), placed.clone()));
        let dialers: Vec<Dialer> = (0..addresses.len()).map(dialer).collect();
        let timing = wan.map_or_else(Timing::default, |wan| Timing::for_round_trip(wan.longest()));
        let mut cluster = Cluster { nodes: Vec::new(), dialers, addresses };
        for (index, listener) in listeners.into_iter().enumerate() {
            let own = cluster.addresses[index].clone();
            let others =
                cluster.addresses.iter().filter(|other| index > 0 && **other != own).cloned().collect();
            let options = NodeOptions {
                data: data.node(index as u64 + 1),
                disk: Arc::new(RealDisk),
                address: own,
                client_address: String::new(),
                region: Region(region(index).into()),
                zone: Zone(zone(index / arguments.regions.len()).into()),
                join: others,
                timing,
                dialer: cluster.dialers[index].clone(),
                limits: LogLimits::default(),
            };
            if let Err(failure) = cluster.add(options, listener, arguments.shards).await {
                cluster.stop().await;
                return Err(failure);
            }
        }
        Ok(cluster)
    }

    async fn add(&mut self, options: NodeOptions, listener: TcpListener, shards: u32) -> Result<(), Failure> {
        let node = Node::start(options, listener).await.map_err(Failure::usage)?;
        let first = self.nodes.is_empty();
        self.nodes.push(node);
        let node = &self.nodes[self.nodes.len() - 1];
        if first {
            match node.init(shards, REPLICATION).await {
                Ok(_) | Err(InitError::Member(_)) => return Ok(()),
                Err(error) => return Err(Failure::running(error)),
            }
        }
        let joined = tokio::time::timeout(FORMING, node.member()).await;
        let member = joined.map_err(|_| Failure::running("a node could not join; --log info says why"))?;
        match self.nodes[0].member_now() {
            Some(founder) if founder.cluster != member.cluster => {
                Err(Failure::usage(format!("node {} belongs to another cluster than node 1", member.id)))
            }
            _ => Ok(()),
        }
    }

    /// Forms the cluster, or waits until it is back, and serves clients until it is told to stop.
    async fn serve(
        &self,
        arguments: &Arguments,
        data: &Data,
        begun: Instant,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let members = join_all(self.nodes.iter().map(Node::member)).await;
        let formed = tokio::time::timeout(FORMING, settle(&members)).await;
        formed.map_err(|_| Failure::running("the cluster did not form in time; --log info says why"))?;
        let first = &members[0];
        let shards: Arc<dyn Replicas> = Arc::<meridian_node::Shards>::clone(&first.shards);
        let proxy = Proxy::start(ProxyOptions {
            listen: process::resolve("port", &format!("127.0.0.1:{}", arguments.port)).await?,
            settings: ClientSettings::default(),
            map: first.map(),
            local: Some((first.id, shards)),
            dialer: self.dialers[0].clone(),
            command_timeout: COMMAND_TIMEOUT,
            config_file: String::new(),
        });
        let proxy = proxy.await?;
        output::print(&self.greeting(&first.map().borrow(), proxy.address.port(), data, begun))?;
        stop.cancelled().await;
        proxy.drain().await;
        Ok(())
    }

    fn greeting(&self, map: &ClusterMap, port: u16, data: &Data, begun: Instant) -> String {
        let shards = map.shards.len() - 1;
        let mut text = format!(
            "meridian: {}, {}, ready after {:.1} s\n\n",
            counted(self.nodes.len(), "node"),
            counted(shards, "shard"),
            begun.elapsed().as_secs_f64()
        );
        text += &format!("  clients   127.0.0.1:{port}\n");
        for (node, address) in map.nodes.values().zip(&self.addresses) {
            text += &format!("  node {:<4} {address}  {}\n", node.id.0, node.region);
        }
        let kept = if data.temporary.is_some() { "  (removed at the end; --data DIR keeps it)" } else { "" };
        text += &format!("  data      {}{kept}\n\n", data.path.display());
        text += &format!("  try       redis-cli -p {port} set greeting hello\n");
        text += &format!("            {} status --address {}\n", process::program(), self.addresses[0]);
        text
    }

    async fn stop(self) {
        // Nobody is left to hand anything over to.
        join_all(self.nodes.into_iter().map(Node::halt)).await;
    }
}

/// So many of what is called so.
fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// Zones are called a, b, c, …
fn zone(number: usize) -> String {
    let letter = u8::try_from(number).ok().and_then(|number| b'a'.checked_add(number)).unwrap_or(b'z');
    char::from(letter).to_string()
}

/// Returns when every shard has its voters and a leader that is ready.
async fn settle(members: &[Arc<Member>]) {
    let mut map = members[0].map();
    let mut leading: Vec<_> = members.iter().map(|member| member.leading()).collect();
    loop {
        let done = {
            let map = map.borrow_and_update();
            let led: BTreeSet<ShardId> = leading
                .iter_mut()
                .flat_map(|leading| leading.borrow_and_update().keys().copied().collect::<Vec<_>>())
                .collect();
            is_settled(&map, &led, members.len())
        };
        if done {
            return;
        }
        let led = select_all(leading.iter_mut().map(|leading| Box::pin(leading.changed())));
        tokio::select! {
            _ = map.changed() => {}
            _ = led => {}
        }
    }
}

fn is_settled(map: &ClusterMap, led: &BTreeSet<ShardId>, nodes: usize) -> bool {
    let voters = match nodes.min(map.replication as usize) {
        2 => 1,
        other => other,
    };
    map.nodes.len() == nodes
        && map.shards.len() > 1
        && map.shards.iter().all(|(shard, info)| {
            let settled = info.replicas.values().all(|role| *role == ReplicaRole::Voter);
            led.contains(shard) && settled && info.replicas.len() >= voters
        })
}
