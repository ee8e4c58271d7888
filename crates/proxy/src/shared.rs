//! What all connections of a listener share.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use meridian_router::Router;

use crate::{
    ClusterView, Settings, clients::Registry, config::Config, healing::KnownScripts, held_keys::HeldKeys,
    observe::Observed, pubsub::PubSub, stats::Stats, tracking::Tracking, users::Users,
};

/// Who this process is, for `INFO` and `HELLO`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// 40 hexadecimal digits, drawn when the process starts.
    pub run_id: String,
    /// Where clients connect to.
    pub address: SocketAddr,
    /// The version of the binary.
    pub version: &'static str,
    /// The file that the process was configured from; empty if none.
    pub config_file: String,
}

impl Identity {
    /// An identity with a fresh run id.
    pub fn new(version: &'static str, config_file: String) -> Identity {
        let words = [meridian_rt::random::next_u64(), meridian_rt::random::next_u64()];
        let run_id =
            format!("{:016x}{:016x}{:08x}", words[0], words[1], meridian_rt::random::next_u64() as u32);
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Identity { run_id, address, version, config_file }
    }
}

/// What all connections of a listener share.
pub struct Shared {
    pub(crate) identity: Identity,
    pub(crate) config: Arc<Config>,
    pub(crate) clients: Registry,
    pub(crate) stats: Arc<Stats>,
    pub(crate) pubsub: Arc<PubSub>,
    pub(crate) users: Users,
    /// What clients may have cached.
    pub(crate) tracking: Arc<Tracking>,
    pub(crate) observed: Observed,
    /// What clients watch.
    pub(crate) watched_keys: Arc<HeldKeys>,
    /// What clients wait for.
    pub(crate) blocking_keys: Arc<HeldKeys>,
    /// Of these, those whose removal ends the wait too.
    pub(crate) blocking_keys_on_none: Arc<HeldKeys>,
    /// Which shards know which scripts.
    pub(crate) known_scripts: KnownScripts,
    pub(crate) cluster: Arc<dyn ClusterView>,
    pub(crate) router: Arc<Router>,
    /// Cancelled when connections shall finish what is in flight and close.
    pub(crate) drain: CancellationToken,
}

impl Shared {
    /// Nobody connected yet.
    pub fn new(
        identity: Identity,
        settings: Settings,
        cluster: Arc<dyn ClusterView>,
        router: Arc<Router>,
    ) -> Shared {
        let users = Users::new(&settings.password);
        // Before the first client: a password that was set must not be forgotten even for a moment.
        users.take(&router.map());
        let config = Arc::new(Config::new(settings, identity.address));
        let stats = Arc::new(Stats::new());
        let pubsub = PubSub::new(Arc::clone(&router), Arc::clone(&config), Arc::clone(&stats));
        let clients = Registry::new();
        let tracking =
            Tracking::new(Arc::clone(&router), clients.clone(), Arc::clone(&config), Arc::clone(&stats));
        Shared {
            config,
            users,
            tracking,
            pubsub: Arc::new(pubsub),
            observed: Observed::default(),
            watched_keys: Arc::default(),
            blocking_keys: Arc::default(),
            blocking_keys_on_none: Arc::default(),
            known_scripts: KnownScripts::default(),
            identity,
            clients,
            stats,
            cluster,
            router,
            drain: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("identity", &self.identity).finish_non_exhaustive()
    }
}
