//! The registry of connections: who is connected, what they do, and how to be rid of them.
//!
//! A [`Client`] is what others may see of a connection. The connection's task writes it with relaxed stores, whoever
//! lists clients reads it: a line may mix moments that lie a few microseconds apart. Killing sets a flag and wakes the
//! task; the task closes the connection itself.

mod filter;
mod line;

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bitflags::bitflags;
use meridian_command::{Command, EngineCommand, Protocol, ProxyCommand};
use meridian_rt::clock::Instant;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::users::Account;

use crate::connection::Output;
pub(crate) use filter::{Filter, Kind};

bitflags! {
    /// What is true of a connection; the letters of `flags=` in `CLIENT LIST`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Trait: u32 {
        const PUBSUB = 1 << 0;
        const MULTI = 1 << 1;
        const BLOCKED = 1 << 2;
        const CLOSE_AFTER_REPLY = 1 << 3;
        const CLOSE_ASAP = 1 << 4;
        const READONLY = 1 << 5;
        const NO_EVICT = 1 << 6;
        const NO_TOUCH = 1 << 7;
        const MONITOR = 1 << 8;
        const TRACKING = 1 << 9;
        const BROKEN_REDIRECT = 1 << 10;
        const BCAST = 1 << 11;
    }
}

/// Sizes of a connection's buffers, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buffers {
    /// Read and not yet executed.
    pub(crate) query: usize,
    /// Room left in the buffer for requests.
    pub(crate) query_free: usize,
    /// Arguments of the command under way.
    pub(crate) argv: usize,
    /// Room of the buffer for replies.
    pub(crate) reply_capacity: usize,
    /// Replies not yet sent.
    pub(crate) unsent: usize,
}

#[derive(Debug, Default)]
struct AtomicBuffers {
    query: AtomicUsize,
    query_free: AtomicUsize,
    argv: AtomicUsize,
    reply_capacity: AtomicUsize,
    reply_peak: AtomicUsize,
    unsent: AtomicUsize,
}

/// Texts that the client has given.
#[derive(Clone, Debug, Default)]
struct Labels {
    name: Vec<u8>,
    library: Vec<u8>,
    library_version: Vec<u8>,
}

/// What others may see of a connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) address: SocketAddr,
    pub(crate) local_address: SocketAddr,
    descriptor: i32,
    created: Instant,
    /// When the client last sent something, in milliseconds after `created`.
    touched_ms: AtomicU64,
    numbered: AtomicU8,
    protocol: AtomicU8,
    traits: AtomicU32,
    /// Queued commands since MULTI; -1 outside.
    queued: AtomicI64,
    queued_bytes: AtomicUsize,
    watched: AtomicUsize,
    command: AtomicU32,
    buffers: AtomicBuffers,
    /// Channels, patterns, shard channels.
    subscriptions: [AtomicU32; 3],
    labels: Mutex<Labels>,
    account: Mutex<Arc<Account>>,
    wake: Notify,
    waiting: Mutex<Waiting>,
    unblocked: Notify,
    /// Who is told which keys change instead of it: 0 for itself, -1 if nobody is told.
    redirect: AtomicI64,
    /// The way out to it.
    output: OnceLock<Weak<Output>>,
}

/// Whether a client waits for another one's command, so that CLIENT UNBLOCK can end it.
#[derive(Debug, Default)]
struct Waiting {
    waits: bool,
    /// Who wants it to end.
    wanted: VecDeque<Unblocking>,
    /// Its user may not be allowed any more what it waits for.
    users_changed: bool,
}

impl Waiting {
    fn interruption(&mut self) -> Option<Interruption> {
        if let Some(unblocking) = self.wanted.pop_front() {
            return Some(Interruption::Unblock(unblocking));
        }
        std::mem::take(&mut self.users_changed).then_some(Interruption::UsersChanged)
    }
}

/// What may end the waiting of a client before its time.
#[derive(Debug)]
pub(crate) enum Interruption {
    Unblock(Unblocking),
    /// Users have changed: its own is to be looked at again.
    UsersChanged,
}

/// A CLIENT UNBLOCK under way.
#[derive(Debug)]
pub(crate) struct Unblocking {
    pub(crate) how: Unblock,
    /// Learns whether it has ended the command; does not if that ended otherwise.
    pub(crate) told: oneshot::Sender<bool>,
}

/// How CLIENT UNBLOCK ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unblock {
    /// As if its time had run out.
    TimeOut,
    /// With an error.
    Error,
}

/// Marks the ids of engine commands in [`Client::command`]; 0 is no command.
const ENGINE_COMMAND: u32 = 1 << 16;
const PROXY_COMMAND: u32 = 2 << 16;

impl Client {
    /// Notes that the client has sent something, at `now`.
    pub(crate) fn touch(&self, now: Instant) {
        let since = now.saturating_duration_since(self.created).as_millis();
        self.touched_ms.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long it has been connected.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created)
    }

    /// How long the client has sent nothing.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        let touched = Duration::from_millis(self.touched_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(self.created).saturating_sub(touched)
    }

    pub(crate) fn set_command(&self, command: Command) {
        let number = match command {
            Command::Engine(command) => ENGINE_COMMAND | u32::from(command.id()),
            Command::Proxy(command) => PROXY_COMMAND | u32::from(command.id()),
        };
        self.command.store(number, Ordering::Relaxed);
    }

    fn command(&self) -> Option<Command> {
        let number = self.command.load(Ordering::Relaxed);
        let id = number as u16;
        match number & !u32::from(u16::MAX) {
            ENGINE_COMMAND => EngineCommand::from_id(id).map(Command::Engine),
            PROXY_COMMAND => ProxyCommand::from_id(id).map(Command::Proxy),
            _ => None,
        }
    }

    pub(crate) fn set_numbered(&self, numbered: u8) {
        self.numbered.store(numbered, Ordering::Relaxed);
    }

    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        self.protocol.store(if protocol == Protocol::Resp3 { 3 } else { 2 }, Ordering::Relaxed);
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self.protocol.load(Ordering::Relaxed) {
            3 => Protocol::Resp3,
            _ => Protocol::Resp2,
        }
    }

    pub(crate) fn set_subscriptions(&self, counts: [usize; 3]) {
        for (own, count) in self.subscriptions.iter().zip(counts) {
            own.store(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }

    pub(crate) fn set(&self, what: Trait, on: bool) {
        if on {
            self.traits.fetch_or(what.bits(), Ordering::AcqRel);
        } else {
            self.traits.fetch_and(!what.bits(), Ordering::AcqRel);
        }
    }

    /// How many commands are queued since MULTI and how many bytes they take; none outside.
    pub(crate) fn set_queued(&self, queued: Option<(usize, usize)>) {
        let (count, bytes) = queued.map_or((-1, 0), |(count, bytes)| (count as i64, bytes));
        self.queued.store(count, Ordering::Relaxed);
        self.queued_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Whether it watches any keys.
    pub(crate) fn watches(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// How many keys it watches.
    pub(crate) fn set_watched(&self, count: usize) {
        self.watched.store(count, Ordering::Relaxed);
    }

    pub(crate) fn traits(&self) -> Trait {
        Trait::from_bits_truncate(self.traits.load(Ordering::Acquire))
    }

    pub(crate) fn set_buffers(&self, buffers: Buffers) {
        let own = &self.buffers;
        own.query.store(buffers.query, Ordering::Relaxed);
        own.query_free.store(buffers.query_free, Ordering::Relaxed);
        own.argv.store(buffers.argv, Ordering::Relaxed);
        own.reply_capacity.store(buffers.reply_capacity, Ordering::Relaxed);
        own.unsent.store(buffers.unsent, Ordering::Relaxed);
        own.reply_peak.fetch_max(buffers.unsent, Ordering::Relaxed);
    }

    /// Replies not yet sent, and the room of the buffer for requests.
    pub(crate) fn memory(&self) -> (usize, usize) {
        let query =
            self.buffers.query.load(Ordering::Relaxed) + self.buffers.query_free.load(Ordering::Relaxed);
        (self.buffers.unsent.load(Ordering::Relaxed), query)
    }

    pub(crate) fn name(&self) -> Vec<u8> {
        self.labels.lock().name.clone()
    }

    pub(crate) fn set_name(&self, name: &[u8]) {
        self.labels.lock().name = name.to_vec();
    }

    pub(crate) fn set_library(&self, library: &[u8]) {
        self.labels.lock().library = library.to_vec();
    }

    pub(crate) fn set_library_version(&self, version: &[u8]) {
        self.labels.lock().library_version = version.to_vec();
    }

    /// The user that it is.
    pub(crate) fn account(&self) -> Arc<Account> {
        Arc::clone(&self.account.lock())
    }

    pub(crate) fn set_account(&self, account: Arc<Account>) {
        *self.account.lock() = account;
    }

    /// Whether it waits for another client's command.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.set(Trait::BLOCKED, blocked);
        let mut waiting = self.waiting.lock();
        waiting.waits = blocked;
        if !blocked {
            *waiting = Waiting::default();
        }
    }

    /// Ends its waiting: resolves once the command is over, to whether it was this that ended it.
    pub(crate) fn unblock(&self, how: Unblock) -> impl Future<Output = bool> + use<> {
        let (told, ended) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.waits {
            waiting.wanted.push_back(Unblocking { how, told });
            self.unblocked.notify_one();
        }
        async { ended.await.unwrap_or(false) }
    }

    /// Has it look whether its user may still have what it waits for.
    pub(crate) fn users_changed(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.waits {
            waiting.users_changed = true;
            self.unblocked.notify_one();
        }
    }

    /// Resolves when its waiting may have to end. Only its own task may wait here.
    pub(crate) async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(interruption) = self.waiting.lock().interruption() {
                return interruption;
            }
            self.unblocked.notified().await;
        }
    }

    /// Where it has what it is told of changed keys sent: 0 is to itself, -1 nowhere.
    pub(crate) fn redirect(&self) -> i64 {
        self.redirect.load(Ordering::Acquire)
    }

    pub(crate) fn set_redirect(&self, id: i64) {
        self.redirect.store(id, Ordering::Release);
    }

    /// The way out to it, as long as it is connected.
    pub(crate) fn output(&self) -> Option<Arc<Output>> {
        self.output.get()?.upgrade()
    }

    pub(crate) fn set_output(&self, output: &Arc<Output>) {
        // A connection has one.
        drop(self.output.set(Arc::downgrade(output)));
    }

    /// Whether the connection is about to be closed.
    pub(crate) fn is_leaving(&self) -> bool {
        self.traits().intersects(Trait::CLOSE_AFTER_REPLY | Trait::CLOSE_ASAP)
    }

    /// Has the connection closed, as soon as its task sees it.
    pub(crate) fn kill(&self) {
        self.set(Trait::CLOSE_ASAP, true);
        self.wake.notify_one();
    }

    /// Whether the connection is to be closed.
    pub(crate) fn is_killed(&self) -> bool {
        self.traits().contains(Trait::CLOSE_ASAP)
    }

    /// Resolves when the connection is to be closed. Only its own task may wait here.
    pub(crate) async fn killed(&self) {
        while !self.is_killed() {
            self.wake.notified().await;
        }
    }
}

/// All connections of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
}

impl Registry {
    /// Nobody is connected.
    pub(crate) fn new() -> Registry {
        Registry::default()
    }

    /// Enters a connection; it leaves when the registration is dropped.
    pub(crate) fn register(
        &self,
        address: SocketAddr,
        local: SocketAddr,
        descriptor: i32,
        account: Arc<Account>,
    ) -> Registration {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client {
            id,
            address,
            local_address: local,
            descriptor,
            created: Instant::now(),
            touched_ms: AtomicU64::new(0),
            numbered: AtomicU8::new(0),
            protocol: AtomicU8::new(2),
            traits: AtomicU32::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            command: AtomicU32::new(0),
            buffers: AtomicBuffers::default(),
            subscriptions: Default::default(),
            labels: Mutex::default(),
            account: Mutex::new(account),
            wake: Notify::new(),
            waiting: Mutex::default(),
            unblocked: Notify::new(),
            redirect: AtomicI64::new(-1),
            output: OnceLock::new(),
        });
        self.inner.clients.lock().insert(id, Arc::clone(&client));
        Registration { client, registry: Arc::clone(&self.inner) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.clients.lock().len()
    }

    /// All of them, in the order of their ids.
    pub(crate) fn list(&self) -> Vec<Arc<Client>> {
        self.inner.clients.lock().values().cloned().collect()
    }

    /// The one of that id.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.inner.clients.lock().get(&id).cloned()
    }

    /// Has all closed that have sent nothing for `longest`.
    pub(crate) fn kill_idle(&self, longest: Duration, now: Instant) {
        let spared = Trait::BLOCKED | Trait::PUBSUB;
        for client in self.list() {
            if client.idle(now) > longest && !client.traits().intersects(spared) {
                tracing::debug!(client = client.id, "closed for being idle");
                client.kill();
            }
        }
    }
}

/// A connection's place in the registry, given up when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    client: Arc<Client>,
    registry: Arc<Inner>,
}

impl Registration {
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.clients.lock().remove(&self.client.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::Users;

    fn account() -> Arc<Account> {
        Arc::clone(Users::new("").load().default_account())
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn ids_are_never_reused_and_a_dropped_registration_is_gone() {
        let registry = Registry::new();
        let first = registry.register(address(1), address(9), 3, account());
        assert_eq!(first.client().id, 1);
        drop(first);
        let second = registry.register(address(2), address(9), 3, account());
        assert_eq!(second.client().id, 2);
        assert_eq!(registry.len(), 1);
        assert!(registry.get(1).is_none());
    }

    #[tokio::test]
    async fn a_kill_wakes_whoever_waits_and_is_not_lost_on_whoever_waits_later() {
        let registry = Registry::new();
        let registration = registry.register(address(1), address(9), 3, account());
        let client = Arc::clone(registration.client());
        let waiting = tokio::spawn(async move { client.killed().await });
        tokio::task::yield_now().await;
        registration.client().kill();
        waiting.await.expect("the task ends");
        registration.client().killed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_idle_are_killed() {
        let registry = Registry::new();
        let [quiet, busy, blocked] =
            [1, 2, 3].map(|port| registry.register(address(port), address(9), 3, account()));
        blocked.client().set(Trait::BLOCKED, true);
        tokio::time::advance(Duration::from_secs(11)).await;
        let now = Instant::now();
        busy.client().touch(now);
        registry.kill_idle(Duration::from_secs(10), now);
        assert_eq!([quiet, busy, blocked].map(|one| one.client().is_killed()), [true, false, false]);
    }
}
