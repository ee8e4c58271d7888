//! Shards in memory, and a server in front of them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use meridian_command::{EngineCommand, ReplyError, ReplyWriter, wire::Head};
use meridian_proxy::{
    ClusterView, Identity, KeyspaceStats, Server, ServerOptions, Settings, Summary, Upstream,
};
use tokio::{net::TcpStream, sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;

/// Values by numbered database and key.
type Keys = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// GET and SET over a map. A GET of `gate` waits for a permit of the gate.
#[derive(Clone)]
pub(crate) struct Memory {
    keys: Arc<Mutex<Keys>>,
    pub(crate) gate: Arc<Semaphore>,
}

impl Upstream for Memory {
    fn execute(&self, _connection: u64, head: Head, args: &[&[u8]]) -> BoxFuture<'static, Vec<u8>> {
        let memory = self.clone();
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
        Box::pin(async move {
            if args[0] == b"gate" {
                memory.gate.acquire().await.unwrap().forget();
            }
            let mut bytes = Vec::new();
            let mut reply = ReplyWriter::new(&mut bytes, head.protocol);
            let mut keys = memory.keys.lock().unwrap();
            let key = (head.numbered, args[0].clone());
            match head.command {
                EngineCommand::Get => reply.bulk_or_null(keys.get(&key).map(Vec::as_slice)),
                EngineCommand::Set => {
                    keys.insert(key, args[1].clone());
                    reply.ok();
                }
                _ => reply.error(&ReplyError::WRONG_TYPE),
            }
            bytes
        })
    }
}

struct View;

impl ClusterView for View {
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

    fn keyspace(&self) -> BoxFuture<'static, Vec<KeyspaceStats>> {
        let stats = KeyspaceStats { numbered: 3, keys: 5, expires: 2, avg_ttl_ms: 1500 };
        Box::pin(async move { vec![stats] })
    }

    fn replicas(&self, _connection: u64, wanted: u64, timeout: Option<Duration>) -> BoxFuture<'static, u64> {
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
    pub(crate) memory: Memory,
    pub(crate) drain: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Running {
        let memory = Memory { keys: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
        let options = ServerOptions {
            identity: Identity::new("0.0.0-test", String::new()),
            settings,
            cluster: Arc::new(View),
            upstream: Arc::new(memory.clone()),
        };
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options).await.unwrap();
        let address = server.local_addr();
        let drain = CancellationToken::new();
        let task = tokio::spawn(server.run(drain.clone()));
        Running { address, memory, drain, task }
    }

    pub(crate) async fn connect(&self) -> Peer<TcpStream> {
        Peer::new(TcpStream::connect(self.address).await.unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
