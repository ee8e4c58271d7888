//! The listener: accepts connections, refuses those beyond the limit, and drains them all at the end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use meridian_command::ReplyError;
use meridian_rt::{
    clock::Instant,
    net::{TcpListener, TcpStream},
};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{ClusterView, Identity, Settings, Shared, connection, users::follow};
use meridian_router::Router;

/// How often idle clients are looked for and rates are measured.
const TICK: Duration = Duration::from_secs(1);
/// Pause after a failed accept: out of file descriptors, accepting at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long connections that were told to close at once may take to do so.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a refused connection may take to receive the reason.
const REFUSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Nobody can listen on the address.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    pub address: SocketAddr,
    pub source: io::Error,
}

/// What a server is made of.
pub struct ServerOptions {
    /// Its address is replaced by the one that is listened on.
    pub identity: Identity,
    pub settings: Settings,
    pub cluster: Arc<dyn ClusterView>,
    /// The way to the shards.
    pub router: Arc<Router>,
}

/// A listener for Redis clients, and what its connections share.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens on the address; port 0 is any free one.
    ///
    /// # Errors
    /// If that is not possible.
    pub async fn bind(address: SocketAddr, options: ServerOptions) -> Result<Server, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let identity = Identity { address, ..options.identity };
        let shared = Arc::new(Shared::new(identity, options.settings, options.cluster, options.router));
        tokio::spawn(follow::run(Arc::downgrade(&shared)));
        Ok(Server { listener, address, shared })
    }

    /// The address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `drain` is cancelled. Then nobody new is accepted, commands under way are finished and answered,
    /// and whoever is not done after `shutdown-timeout` is cut off.
    pub async fn run(self, drain: CancellationToken) {
        let Server { listener, address, shared } = self;
        let connections = TaskTracker::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tracing::info!(%address, "listening for clients");
        loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                _ = tick.tick() => look_after(&shared, Instant::now()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => accept(&shared, &connections, stream, peer),
                    Err(error) => {
                        tracing::info!(%error, "accept failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        finish(&shared, &connections).await;
        tracing::info!(%address, "no clients left");
    }
}

fn look_after(shared: &Shared, now: Instant) {
    shared.stats.sample(now);
    let timeout = shared.config.load().timeout_seconds;
    if timeout > 0 {
        shared.clients.kill_idle(Duration::from_secs(timeout), now);
    }
}

fn accept(shared: &Arc<Shared>, connections: &TaskTracker, stream: TcpStream, peer: SocketAddr) {
    let settings = shared.config.load();
    let count = |counter: &std::sync::atomic::AtomicU64| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    if shared.clients.len() as u64 >= settings.max_clients {
        count(&shared.stats.totals.rejected_connections);
        connections.spawn(refuse(stream));
        return;
    }
    let prepared = prepare(&stream, settings.tcp_keepalive_seconds);
    let local = match prepared.and_then(|()| stream.local_addr()) {
        Ok(local) => local,
        Err(error) => {
            tracing::debug!(%error, %peer, "a connection was gone before it was served");
            return;
        }
    };
    count(&shared.stats.totals.connections);
    let account = Arc::clone(shared.users.load().default_account());
    let registration = shared.clients.register(peer, local, descriptor(&stream), account);
    connections.spawn(connection::run(stream, registration, Arc::clone(shared)));
}

async fn refuse(mut stream: TcpStream) {
    let mut reply = Vec::new();
    ReplyError::MAX_CLIENTS.write(&mut reply);
    let written = tokio::time::timeout(REFUSE_TIMEOUT, stream.write_all(&reply)).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::debug!("a refused connection did not take the reason");
    }
}

/// Lets connections finish, for a bounded time.
async fn finish(shared: &Shared, connections: &TaskTracker) {
    shared.drain.cancel();
    connections.close();
    let patience = Duration::from_secs(shared.config.load().shutdown_timeout_seconds);
    if tokio::time::timeout(patience, connections.wait()).await.is_ok() {
        return;
    }
    let left = shared.clients.list();
    tracing::info!(connections = left.len(), "cut off: not done in time");
    for client in left {
        client.kill();
    }
    if tokio::time::timeout(KILL_TIMEOUT, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections did not close");
    }
}

#[cfg(not(feature = "sim"))]
fn prepare(stream: &TcpStream, keepalive_seconds: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if keepalive_seconds > 0 {
        let time = Duration::from_secs(keepalive_seconds);
        // Three unanswered questions within one more such time, and the peer is gone.
        let interval = Duration::from_secs((keepalive_seconds / 3).max(1));
        let keepalive = socket2::TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(3);
        socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}

#[cfg(feature = "sim")]
fn prepare(stream: &TcpStream, _keepalive_seconds: u64) -> io::Result<()> {
    stream.set_nodelay(true)
}

#[cfg(not(feature = "sim"))]
fn descriptor(stream: &TcpStream) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(stream)
}

#[cfg(feature = "sim")]
fn descriptor(_stream: &TcpStream) -> i32 {
    -1
}
