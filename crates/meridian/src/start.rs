//! `meridian start`: one process of a cluster.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use meridian_node::{Follower, LogLimits, Node, NodeOptions};
use meridian_proxy::Settings as ClientSettings;
use meridian_raft::Timing;
use meridian_router::local::Replicas;
use meridian_rt::{disk::RealDisk, net::Dialer};
use meridian_topology::{Region, Zone};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Role},
    failure::Failure,
    logging, process,
    serve::{Proxy, ProxyOptions},
    signals,
};

/// Runs the process until a signal ends it.
pub(crate) fn run(config: &Config, file: Option<&Path>) -> Result<(), Failure> {
    logging::begin(config.log_format, &config.log)?;
    let file = file.map(|path| path.display().to_string()).unwrap_or_default();
    let runtime = process::server_runtime(config.threads)?;
    runtime.block_on(async {
        match config.has_role(Role::Node) {
            true => run_node(config, file).await,
            false => run_proxy(config, file).await,
        }
    })
}

/// What is to be done when a process has ended well.
enum End {
    /// It was asked to stop.
    Stop,
    /// It was out of service, and can go on if it begins anew.
    Restart,
}

async fn run_node(config: &Config, file: String) -> Result<(), Failure> {
    let stop = signals::watch().map_err(Failure::running)?;
    loop {
        match run_node_once(config, file.clone(), stop.clone()).await? {
            End::Stop => return Ok(()),
            End::Restart => tracing::info!("starting anew"),
        }
    }
}

async fn run_node_once(config: &Config, file: String, stop: CancellationToken) -> Result<End, Failure> {
    let listener = process::listen(process::resolve("listen", &config.listen).await?).await?;
    let address =
        advertised("advertise", &config.advertise, listener.local_addr().map_err(Failure::running)?)?;
    let clients = client_addresses(config).await?;
    let options = NodeOptions {
        data: config.data.clone(),
        disk: Arc::new(RealDisk),
        address: address.clone(),
        client_address: clients.as_ref().map(|clients| clients.advertised.clone()).unwrap_or_default(),
        region: Region(config.region.as_str().into()),
        zone: Zone(config.zone.as_str().into()),
        // An address of a list that is the same everywhere may be this process's own.
        join: config
            .join
            .iter()
            .filter(|peer| **peer != address && **peer != config.listen)
            .cloned()
            .collect(),
        timing: Timing::for_round_trip(config.round_trip.0),
        dialer: Dialer::direct(),
        limits: LogLimits::default(),
    };
    if config.join.is_empty() {
        tracing::info!(%address, "listening for other processes");
    } else {
        tracing::info!(%address, join = ?config.join, "listening for other processes");
    }
    let node = Node::start(options, listener).await.map_err(Failure::usage)?;
    let result = serve(config, file, &node, clients, stop).await;
    node.shutdown().await;
    result
}

/// Serves clients once the node belongs to a cluster, until the process is asked to stop.
async fn serve(
    config: &Config,
    file: String,
    node: &Node,
    clients: Option<ClientAddresses>,
    stop: CancellationToken,
) -> Result<End, Failure> {
    let member = tokio::select! {
        member = node.member() => member,
        () = stop.cancelled() => return Ok(End::Stop),
    };
    let proxy = match clients {
        Some(clients) => {
            let shards: Arc<dyn Replicas> = Arc::<meridian_node::Shards>::clone(&member.shards);
            let options =
                proxy_options(config, file, clients.listen, member.map(), Some((member.id, shards)));
            Some(Proxy::start(options).await?)
        }
        None => None,
    };
    let result = tokio::select! {
        () = stop.cancelled() => Ok(End::Stop),
        () = member.to_restart() => Ok(End::Restart),
        task = member.failed() => Err(Failure::running(format!("the task {task} has failed by a bug; the log says more"))),
        stranger = member.met_stranger() => {
            let data = config.data.display();
            Err(Failure::usage(format!("{data} belongs to the cluster {}, but {stranger}", member.cluster)))
        }
    };
    // Leaders first: clients that are still here follow them to where they go.
    member.hand_over().await;
    if let Some(proxy) = proxy {
        proxy.drain().await;
    }
    result
}

async fn run_proxy(config: &Config, file: String) -> Result<(), Failure> {
    let stop = signals::watch().map_err(Failure::running)?;
    let listen = process::resolve("client_listen", &config.client_listen).await?;
    drop(process::listen(listen).await?);
    let follower = Follower::start(Arc::new(RealDisk), &config.data, config.join.clone(), Dialer::direct());
    let follower = follower.await.map_err(Failure::usage)?;
    tokio::select! {
        () = follower.ready() => {}
        () = stop.cancelled() => return Ok(()),
    }
    let proxy = Proxy::start(proxy_options(config, file, listen, follower.map(), None)).await?;
    stop.cancelled().await;
    proxy.drain().await;
    Ok(())
}

fn proxy_options(
    config: &Config,
    config_file: String,
    listen: SocketAddr,
    map: tokio::sync::watch::Receiver<Arc<meridian_topology::ClusterMap>>,
    local: Option<(meridian_topology::NodeId, Arc<dyn Replicas>)>,
) -> ProxyOptions {
    let seconds = |duration: Duration| duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    ProxyOptions {
        listen,
        settings: ClientSettings {
            max_clients: config.max_clients,
            timeout_seconds: seconds(config.idle_timeout.0),
            max_bulk: config.max_value.0,
            password: config.password.clone(),
            shutdown_timeout_seconds: seconds(config.drain_timeout.0),
            ..ClientSettings::default()
        },
        map,
        local,
        dialer: Dialer::direct(),
        command_timeout: config.command_timeout.0,
        config_file,
    }
}

struct ClientAddresses {
    listen: SocketAddr,
    advertised: String,
}

/// Where clients are served, if they are.
async fn client_addresses(config: &Config) -> Result<Option<ClientAddresses>, Failure> {
    if !config.has_role(Role::Proxy) {
        return Ok(None);
    }
    let listen = process::resolve("client_listen", &config.client_listen).await?;
    // Clients are let in once the process belongs to a cluster; that the port is taken is better said now.
    drop(process::listen(listen).await?);
    let advertised = advertised("client_advertise", &config.client_advertise, listen)?;
    Ok(Some(ClientAddresses { listen, advertised }))
}

/// How others reach an address that is listened on.
fn advertised(setting: &str, given: &str, listen: SocketAddr) -> Result<String, Failure> {
    match given {
        "" if listen.ip().is_unspecified() => {
            Err(Failure::usage(format!("{setting}: needed, as {listen} is no address that others could use")))
        }
        "" => Ok(listen.to_string()),
        given
            if given
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) =>
        {
            Ok(given.to_owned())
        }
        given => Err(Failure::usage(format!("{setting}: {given:?} is no HOST:PORT"))),
    }
}
