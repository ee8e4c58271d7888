//! A proxy in this process: the router, and the listener for Redis clients.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use meridian_proxy::{Identity, RouterView, Server, ServerOptions, Settings};
use meridian_router::{Router, RouterOptions, local::Replicas};
use meridian_rt::net::Dialer;
use meridian_topology::{ClusterMap, NodeId};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, process};

/// What a proxy is made of.
pub(crate) struct ProxyOptions {
    pub(crate) listen: SocketAddr,
    pub(crate) settings: Settings,
    pub(crate) map: watch::Receiver<Arc<ClusterMap>>,
    pub(crate) local: Option<(NodeId, Arc<dyn Replicas>)>,
    pub(crate) dialer: Dialer,
    pub(crate) command_timeout: Duration,
    pub(crate) config_file: String,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    drain: CancellationToken,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts to serve clients. Must be called in a runtime.
    pub(crate) async fn start(options: ProxyOptions) -> Result<Proxy, Failure> {
        let router = Router::new(RouterOptions {
            map: options.map,
            local: options.local,
            dialer: options.dialer,
            deadline: options.command_timeout,
        });
        let mut settings = options.settings;
        settings.max_clients = process::possible_clients(settings.max_clients);
        let server = ServerOptions {
            identity: Identity::new(env!("CARGO_PKG_VERSION"), options.config_file),
            settings,
            cluster: Arc::new(RouterView::new(Arc::clone(&router))),
            router,
        };
        let server = Server::bind(options.listen, server).await;
        let server = server.map_err(|error| process::cannot_listen(error.address, &error.source))?;
        let (address, drain) = (server.local_addr(), CancellationToken::new());
        let task = tokio::spawn(server.run(drain.clone()));
        Ok(Proxy { address, drain, task })
    }

    /// Lets clients finish what is under way, and ends.
    pub(crate) async fn drain(self) {
        self.drain.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the listener for clients has failed");
        }
    }
}
