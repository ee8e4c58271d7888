//! Client-side caching: which keys clients may have cached, and how they hear that those have changed.
//!
//! A key is remembered **before** the read is sent, so no change after the read can be missed. What a shard tells
//! arrives apart from the replies to reads: a change may be heard of while a read that was executed before it is still
//! on its way here. So every batch of a client is a *flight* ([`flight`]) until its replies are put out, and what
//! becomes invalid meanwhile is told at once and again behind the replies. What the client has changed itself is told
//! behind them only.
//!
//! When the way to a shard's leader is lost any key may have changed: all clients that track are told so (null).
//!
//! Order of locks: those of links, then one of this module at a time, then those of outputs, then that of a client's
//! flights: nobody who holds that one takes another.

mod flight;
mod keys;
mod tracked;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use meridian_command::{Access, EngineCommand, Protocol, ReplyWriter};
use meridian_router::{Caches, Router, local::Touched};
use meridian_topology::ShardId;
use parking_lot::{Mutex, RwLock};

use crate::{
    clients::{Client, Registry, Trait},
    config::Config,
    connection::Output,
    stats::Stats,
};

pub(crate) use flight::Flying;
use flight::Invalid;
use keys::Keys;
pub(crate) use tracked::{Mode, Own, Tracked};

/// The channel on which clients that speak RESP2 hear of it.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Whether a command runs a script: which keys that reads, the shard tells.
pub(crate) fn is_script(command: EngineCommand) -> bool {
    use EngineCommand as C;
    matches!(command, C::Eval | C::EvalRo | C::Evalsha | C::EvalshaRo | C::Fcall | C::FcallRo)
}

/// The keys that a call reads itself; `words` is the whole call.
pub(crate) fn keys_read(command: EngineCommand, words: &[&[u8]]) -> Vec<Bytes> {
    let spec = command.spec();
    if spec.access != Access::Read || is_script(command) {
        return Vec::new();
    }
    keys_named(command, words)
}

/// The keys that a call names.
pub(crate) fn keys_named(command: EngineCommand, words: &[&[u8]]) -> Vec<Bytes> {
    let positions = command.spec().key_positions(words).unwrap_or_default();
    positions.into_iter().map(|at| Bytes::copy_from_slice(words[at])).collect()
}

/// What the clients of this process may have cached.
#[derive(Debug)]
pub(crate) struct Tracking {
    router: Arc<Router>,
    registry: Registry,
    config: Arc<Config>,
    stats: Arc<Stats>,
    /// Held while a client begins or ends.
    switching: Mutex<()>,
    clients: RwLock<BTreeMap<u64, Arc<Tracked>>>,
    keys: Mutex<Keys>,
    prefixes: RwLock<BTreeMap<Bytes, BTreeSet<u64>>>,
    /// The shards of which a flush was told since the last one that was told to all: several of them are one FLUSHALL.
    flushed: Mutex<BTreeSet<ShardId>>,
}

/// For `INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) clients: usize,
    pub(crate) keys: usize,
    /// Pairs of a key and a client.
    pub(crate) items: usize,
    pub(crate) prefixes: usize,
}

impl Tracking {
    pub(crate) fn new(
        router: Arc<Router>,
        registry: Registry,
        config: Arc<Config>,
        stats: Arc<Stats>,
    ) -> Arc<Tracking> {
        let tracking = Arc::new(Tracking {
            router: Arc::clone(&router),
            registry,
            config,
            stats,
            switching: Mutex::new(()),
            clients: RwLock::default(),
            keys: Mutex::default(),
            prefixes: RwLock::default(),
            flushed: Mutex::default(),
        });
        let caches: Arc<dyn Caches> = Arc::<Tracking>::clone(&tracking);
        router.attach(Arc::downgrade(&caches));
        tracking
    }

    /// The way to the shards.
    pub(crate) fn router(&self) -> &Arc<Router> {
        &self.router
    }

    pub(crate) fn counts(&self) -> Counts {
        let (keys, items) = {
            let keys = self.keys.lock();
            (keys.len(), keys.items())
        };
        Counts { clients: self.clients.read().len(), keys, items, prefixes: self.prefixes.read().len() }
    }

    /// The client is told from now on, as `mode` says; with BCAST of keys that begin like one of `prefixes` (which join
    /// those it has). It misses nothing once the router says that it tracks.
    pub(crate) fn enable(&self, tracked: &Arc<Tracked>, mode: Mode, redirect: u64, prefixes: &[Bytes]) {
        let _switching = self.switching.lock();
        let id = tracked.client().id;
        tracked.set(mode, redirect);
        if mode.contains(Mode::BCAST) {
            let mut all = self.prefixes.write();
            for prefix in prefixes {
                all.entry(prefix.clone()).or_default().insert(id);
                tracked.add_prefix(prefix.clone());
            }
        }
        let first = {
            let mut clients = self.clients.write();
            clients.insert(id, Arc::clone(tracked));
            clients.len() == 1
        };
        if first {
            self.router.track(true);
        }
    }

    /// The client is told no more.
    pub(crate) fn disable(&self, tracked: &Tracked) {
        if !tracked.is_on() {
            return;
        }
        let _switching = self.switching.lock();
        let id = tracked.client().id;
        let mut prefixes = self.prefixes.write();
        for prefix in tracked.clear() {
            if let Some(clients) = prefixes.get_mut(&prefix) {
                clients.remove(&id);
                if clients.is_empty() {
                    prefixes.remove(&prefix);
                }
            }
        }
        drop(prefixes);
        let none = {
            let mut clients = self.clients.write();
            clients.remove(&id);
            clients.is_empty()
        };
        if none {
            self.router.track(false);
            // Nobody hears of their changes any more.
            self.keys.lock().clear();
        }
    }

    /// Commands of the client are about to be sent: they read these keys, and those that their scripts do.
    pub(crate) fn begin(
        self: &Arc<Tracking>,
        tracked: &Arc<Tracked>,
        reads: Vec<Bytes>,
        scripts: bool,
    ) -> Option<Flying> {
        if !tracked.is_on() {
            return None;
        }
        let keeps = !reads.is_empty() || scripts;
        let number = tracked.begin_flight(reads.clone(), scripts);
        // Only now: whoever takes the client for clean has seen the flight.
        if keeps {
            tracked.set_clean(false);
        }
        if !tracked.mode().contains(Mode::BCAST) {
            self.remember(tracked.client().id, &reads);
        }
        Some(Flying::new(Arc::clone(self), Arc::clone(tracked), number))
    }

    fn remember(&self, client: u64, keys: &[Bytes]) {
        if keys.is_empty() {
            return;
        }
        {
            let mut table = self.keys.lock();
            for key in keys {
                table.add(key, client);
            }
        }
        self.limit();
    }

    /// Forgets keys until there are no more than `tracking-table-max-keys`; who has cached them is told as if they had
    /// changed.
    pub(crate) fn limit(&self) {
        let most = self.config.load().tracking_table_max_keys;
        if most == 0 {
            return;
        }
        loop {
            let Some((key, clients)) = self.keys.lock().evict(most) else { return };
            self.invalidate(&key, &clients, 0);
        }
    }

    /// Has a client forget all that it may have cached.
    pub(crate) fn invalidate_all(&self, tracked: &Arc<Tracked>) {
        self.send(tracked, &Invalid::All, false);
    }

    fn client(&self, id: u64) -> Option<Arc<Tracked>> {
        self.clients.read().get(&id).cloned()
    }

    /// Tells the clients that have read a key that it has changed; `by` is the client that has changed it.
    fn invalidate(&self, key: &Bytes, clients: &[u64], by: u64) {
        for id in clients {
            let Some(tracked) = self.client(*id).filter(|tracked| !tracked.mode().contains(Mode::BCAST))
            else {
                continue;
            };
            let own = *id == by;
            if !own || !tracked.mode().contains(Mode::NOLOOP) {
                self.send(&tracked, &Invalid::Keys(vec![key.clone()]), own);
            } else if tracked.is_reading(key) {
                // It knows its own change, but the reply under way may be newer.
                self.keys.lock().add(key, *id);
            }
        }
    }

    /// A flush was told by a shard.
    fn flush(&self, shard: ShardId, by: u64) {
        let is_new = {
            let mut flushed = self.flushed.lock();
            if !flushed.insert(shard) {
                flushed.clear();
                flushed.insert(shard);
            }
            flushed.len() == 1
        };
        self.keys.lock().clear();
        for tracked in self.all() {
            let clean = tracked.set_clean(true);
            if is_new || !clean {
                self.send(&tracked, &Invalid::All, tracked.client().id == by);
            }
        }
    }

    fn all(&self) -> Vec<Arc<Tracked>> {
        self.clients.read().values().cloned().collect()
    }

    /// The keys of a script that a client has called.
    fn read_by_script(&self, client: u64, keys: &[Bytes]) {
        let Some(tracked) = self.client(client) else { return };
        if tracked.add_reads(keys) && !tracked.mode().contains(Mode::BCAST) {
            self.remember(client, keys);
        }
    }

    /// Tells a client, at once and behind those replies under way that may be older; what it has changed itself only
    /// behind them.
    fn send(&self, tracked: &Arc<Tracked>, invalid: &Invalid, own: bool) {
        if own && tracked.tell_later(invalid) {
            return;
        }
        tracked.tell_again(invalid);
        self.deliver(tracked, invalid);
    }

    /// Puts a message out, to the client or where it has it redirected.
    fn deliver(&self, tracked: &Arc<Tracked>, invalid: &Invalid) {
        let client = tracked.client();
        let redirect = client.redirect();
        let redirected = redirect > 0;
        let (target, output) = if redirected {
            let target = self.registry.get(redirect.unsigned_abs()).filter(|target| !target.is_leaving());
            match target.and_then(|target| target.output().map(|output| (target, output))) {
                Some(found) => found,
                None => return self.tell_broken(tracked, redirect),
            }
        } else {
            (Arc::clone(client), Arc::clone(tracked.output()))
        };
        let mut bytes = Vec::new();
        let mut message = ReplyWriter::new(&mut bytes, target.protocol());
        if target.protocol() == Protocol::Resp3 {
            message.push(2);
            message.bulk(b"invalidate");
        } else if redirected && target.traits().contains(Trait::PUBSUB) {
            message.push(3);
            message.bulk(b"message");
            message.bulk(CHANNEL);
        } else {
            return;
        }
        invalid.write(&mut message);
        self.put_out(&target, &output, &bytes);
    }

    /// Nobody is left where the messages go.
    fn tell_broken(&self, tracked: &Tracked, redirect: i64) {
        let client = tracked.client();
        client.set(Trait::BROKEN_REDIRECT, true);
        if client.protocol() == Protocol::Resp3 {
            let mut bytes = Vec::new();
            let mut message = ReplyWriter::new(&mut bytes, Protocol::Resp3);
            message.push(2);
            message.bulk(b"tracking-redir-broken");
            message.integer(redirect);
            self.put_out(client, tracked.output(), &bytes);
        }
    }

    fn put_out(&self, client: &Client, output: &Output, message: &[u8]) {
        let waiting = output.send_message(message);
        let limits = self.config.load().output_limits;
        let is_subscriber = client.traits().contains(Trait::PUBSUB);
        let limit = if is_subscriber { limits.pubsub } else { limits.normal };
        if limit.hard > 0 && waiting >= limit.hard && !client.is_killed() {
            self.stats.totals.output_limit_closed.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = client.id, "closed: a client that does not read what has changed");
            client.kill();
        }
    }

    /// Tells the clients that follow prefixes of the keys that an entry has changed, prefix by prefix.
    fn broadcast(&self, clients: &[u64], touched: &[Touched]) {
        let matching: Vec<(BTreeSet<u64>, BTreeMap<Bytes, u64>)> = {
            let prefixes = self.prefixes.read();
            let keys = |prefix: &Bytes| {
                let all = clients.iter().zip(touched);
                let keys = all.flat_map(|(by, one)| one.changed.iter().map(move |key| (key.clone(), *by)));
                keys.filter(|(key, _)| key.starts_with(prefix)).collect::<BTreeMap<_, _>>()
            };
            let found = prefixes.iter().map(|(prefix, ids)| (ids.clone(), keys(prefix)));
            found.filter(|(_, keys)| !keys.is_empty()).collect()
        };
        for (ids, keys) in matching {
            for tracked in ids.into_iter().filter_map(|id| self.client(id)) {
                let id = tracked.client().id;
                let quiet = tracked.mode().contains(Mode::NOLOOP);
                let told = keys.iter().filter(|(_, by)| !quiet || **by != id).map(|(key, _)| key.clone());
                let told: Vec<Bytes> = told.collect();
                if !told.is_empty() {
                    let own = !quiet && keys.values().any(|by| *by == id);
                    self.send(&tracked, &Invalid::Keys(told), own);
                }
            }
        }
    }
}

impl Caches for Tracking {
    fn touched(&self, shard: ShardId, clients: &[u64], touched: &[Touched]) {
        for (by, one) in clients.iter().zip(touched) {
            if *by != 0 && !one.read.is_empty() {
                self.read_by_script(*by, &one.read);
            }
            for key in &one.changed {
                let readers = self.keys.lock().remove(key);
                if let Some(readers) = readers {
                    self.invalidate(key, &readers, *by);
                }
            }
            if one.flushed {
                self.flush(shard, *by);
            }
        }
        self.broadcast(clients, touched);
    }

    fn lost(&self, shard: ShardId) {
        tracing::debug!(%shard, "keys may have changed unseen");
        self.keys.lock().clear();
        for tracked in self.all() {
            if !tracked.set_clean(true) {
                self.send(&tracked, &Invalid::All, false);
            }
        }
    }
}
