//! What one connection has chosen and been granted.
//!
//! The session belongs to the connection's task alone. What others may see of it (`CLIENT LIST`) is mirrored in its
//! [`Client`], so everything that both know is set here.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{Command, Protocol};
use meridian_topology::ShardId;

use crate::{
    clients::{Client, Registration, Trait},
    held_keys::Held,
    observe::Monitoring,
    pubsub::Own,
    tracking::{self, Flying, Tracked},
    transaction::{Transaction, Watched},
    users::{Account, Accounts, Users},
};

/// How many numbered databases `SELECT` knows.
pub(crate) const NUMBERED_DATABASES: u8 = 16;

/// The state of a connection between commands.
#[derive(Debug)]
pub(crate) struct Session {
    client: Registration,
    /// The user that it is.
    account: Arc<Account>,
    /// Of the users that `account` is from.
    users: u64,
    authenticated: bool,
    /// Whoever connects may do what `default` may.
    open: bool,
    protocol: Protocol,
    numbered: u8,
    no_touch: bool,
    silence: Silence,
    /// The shards that the connection has sent writes to, in order.
    written: Vec<ShardId>,
    /// There since the first subscription.
    subscriptions: Option<Box<Own>>,
    /// There between MULTI and EXEC.
    transaction: Option<Box<Transaction>>,
    watched: Vec<Watched>,
    /// There while something is watched.
    held: Option<Held>,
    /// The commands of a transaction are being executed: none of them may wait.
    executes: bool,
    monitoring: Option<Monitoring>,
    /// There since the first CLIENT TRACKING ON.
    tracking: Option<Box<tracking::Own>>,
}

/// What `CLIENT REPLY` asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    off: bool,
    /// This command's reply is not sent.
    skip: bool,
    /// The next command's reply is not sent.
    skip_next: bool,
}

impl Session {
    /// A session that has not spoken yet.
    pub(crate) fn new(client: Registration, accounts: &Accounts) -> Session {
        let account = Arc::clone(accounts.default_account());
        client.client().set_account(Arc::clone(&account));
        let open = account.rules.needs_no_password();
        Session {
            client,
            account,
            users: accounts.version(),
            authenticated: open,
            open,
            protocol: Protocol::Resp2,
            numbered: 0,
            no_touch: false,
            silence: Silence::default(),
            written: Vec::new(),
            subscriptions: None,
            transaction: None,
            watched: Vec::new(),
            held: None,
            executes: false,
            monitoring: None,
            tracking: None,
        }
    }

    /// What others see of the connection.
    pub(crate) fn client(&self) -> &Arc<Client> {
        self.client.client()
    }

    /// The id of the connection, unique in this process.
    pub(crate) fn id(&self) -> u64 {
        self.client().id
    }

    /// Whether it may do what its user may.
    pub(crate) fn authenticated(&self) -> bool {
        self.authenticated || self.open
    }

    /// The user that it is.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Becomes a user.
    pub(crate) fn become_user(&mut self, account: &Arc<Account>) {
        self.account = Arc::clone(account);
        self.client().set_account(Arc::clone(account));
        self.authenticated = true;
    }

    /// Takes over what has become of its user. False if there is no such user any more.
    pub(crate) fn follow_users(&mut self, users: &Users) -> bool {
        if self.users == users.version() {
            return true;
        }
        let accounts = users.load();
        self.users = accounts.version();
        self.open = accounts.default_account().rules.needs_no_password();
        match accounts.get(&self.account.name).filter(|next| next.is_still(&self.account)) {
            Some(next) => {
                self.account = Arc::clone(next);
                self.client().set_account(Arc::clone(next));
                true
            }
            None => false,
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client().set_protocol(protocol);
    }

    /// The numbered database that commands go to.
    pub(crate) fn numbered(&self) -> u8 {
        self.numbered
    }

    pub(crate) fn select(&mut self, numbered: u8) {
        debug_assert!(numbered < NUMBERED_DATABASES);
        self.numbered = numbered;
        self.client().set_numbered(numbered);
    }

    /// What the connection subscribes to; made by `make` the first time.
    pub(crate) fn subscriptions(&mut self, make: impl FnOnce(Arc<Client>) -> Own) -> &mut Own {
        let client = Arc::clone(self.client());
        self.subscriptions.get_or_insert_with(|| Box::new(make(client)))
    }

    /// The connection sees every command from now on.
    pub(crate) fn monitor(&mut self, monitoring: Monitoring) {
        self.monitoring = Some(monitoring);
        self.client().set(Trait::MONITOR, true);
    }

    /// How the connection is told of changed keys; made by `make` the first time.
    pub(crate) fn begin_tracking(
        &mut self,
        make: impl FnOnce(Arc<Client>) -> tracking::Own,
    ) -> &Arc<Tracked> {
        let client = Arc::clone(self.client());
        self.tracking.get_or_insert_with(|| Box::new(make(client))).tracked()
    }

    /// How the connection is told of changed keys, if it is.
    pub(crate) fn tracked(&self) -> Option<&Arc<Tracked>> {
        self.tracking.as_ref().map(|own| own.tracked()).filter(|tracked| tracked.is_on())
    }

    /// Whether the client may cache what the next command reads.
    pub(crate) fn remembers(&self) -> bool {
        self.tracking.as_ref().is_some_and(|own| own.tracked().remembers())
    }

    /// Commands are about to be sent: they read these keys, and those that their scripts do.
    pub(crate) fn begin_flight(&self, reads: Vec<Bytes>, scripts: bool) -> Option<Flying> {
        self.tracking.as_ref()?.begin(reads, scripts)
    }

    /// A command is over: what CLIENT CACHING has said, if it was said before it. It holds until EXEC.
    pub(crate) fn end_caching(&self, command: Option<Command>) {
        let is_client = command.is_some_and(|command| command.spec().parent() == Some("CLIENT"));
        if let Some(tracked) = self.tracked()
            && !is_client
            && self.transaction.is_none()
        {
            tracked.set_caching(false);
        }
    }

    /// Whether the connection may only subscribe and unsubscribe: in RESP2 messages could be taken for replies.
    pub(crate) fn only_subscribes(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions.as_ref().is_some_and(|own| own.len() > 0)
    }

    /// Messages that the connection has sent to itself: they follow the reply.
    pub(crate) fn take_messages(&self) -> Vec<u8> {
        self.subscriptions.as_ref().map(|own| own.take_messages()).unwrap_or_default()
    }

    /// The shards that the connection has sent writes to.
    pub(crate) fn written(&self) -> Vec<ShardId> {
        self.written.clone()
    }

    pub(crate) fn note_write(&mut self, shard: ShardId) {
        if let Err(position) = self.written.binary_search(&shard) {
            self.written.insert(position, shard);
        }
    }

    /// MULTI. False if there was one already.
    pub(crate) fn begin_transaction(&mut self) -> bool {
        let begins = self.transaction.is_none();
        if begins {
            self.transaction = Some(Box::default());
            self.client().set(Trait::MULTI, true);
            self.client().set_queued(Some((0, 0)));
        }
        begins
    }

    /// What came since MULTI.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        self.transaction.as_deref_mut()
    }

    /// Has others see how much is queued.
    pub(crate) fn show_transaction(&self) {
        let size = self.transaction.as_ref().map(|transaction| (transaction.len(), transaction.bytes()));
        self.client().set_queued(size);
    }

    /// Ends MULTI.
    pub(crate) fn take_transaction(&mut self) -> Option<Transaction> {
        self.client().set(Trait::MULTI, false);
        self.client().set_queued(None);
        self.transaction.take().map(|transaction| *transaction)
    }

    /// The keys that EXEC depends on.
    pub(crate) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Takes over what is watched from now on.
    pub(crate) fn set_watched(&mut self, watched: Vec<Watched>, held: Held) {
        self.held = Some(held);
        self.watched = watched;
    }

    /// Nothing is watched any more.
    pub(crate) fn take_watched(&mut self) -> Vec<Watched> {
        self.client().set_watched(0);
        self.held = None;
        std::mem::take(&mut self.watched)
    }

    /// Whether the commands of a transaction are being executed.
    pub(crate) fn executes(&self) -> bool {
        self.executes
    }

    pub(crate) fn set_executes(&mut self, executes: bool) {
        self.executes = executes;
    }

    /// Whether commands leave the keys' last use alone.
    pub(crate) fn no_touch(&self) -> bool {
        self.no_touch
    }

    pub(crate) fn set_no_touch(&mut self, on: bool) {
        self.no_touch = on;
        self.client().set(Trait::NO_TOUCH, on);
    }

    pub(crate) fn set_no_evict(&mut self, on: bool) {
        self.client().set(Trait::NO_EVICT, on);
    }

    /// `CLIENT REPLY ON` and `OFF`.
    pub(crate) fn set_replies(&mut self, on: bool) {
        self.silence.off = !on;
        if on {
            self.silence.skip = false;
        }
    }

    /// `CLIENT REPLY SKIP`.
    pub(crate) fn skip_next_reply(&mut self) {
        self.silence.skip_next = !self.silence.off;
    }

    /// Ends a command (after a local one has run, when any other is sent off) and says whether its reply is sent.
    pub(crate) fn finish_command(&mut self) -> bool {
        let silent = self.silence.off || self.silence.skip;
        self.silence.skip = std::mem::take(&mut self.silence.skip_next);
        !silent
    }

    /// Makes the session as it was when the connection was opened.
    pub(crate) fn reset(&mut self, accounts: &Accounts) {
        self.select(0);
        self.set_protocol(Protocol::Resp2);
        self.become_user(accounts.default_account());
        self.authenticated = self.account.rules.needs_no_password();
        self.set_no_touch(false);
        self.set_no_evict(false);
        self.silence = Silence::default();
        self.subscriptions = None;
        self.tracking = None;
        self.take_transaction();
        self.monitoring = None;
        self.client().set(Trait::MONITOR, false);
        self.client().set_name(&[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Registry;

    #[test]
    fn skip_silences_the_next_reply_only_and_off_all_until_on() {
        let registry = Registry::new();
        let address = "127.0.0.1:1".parse().expect("an address");
        let accounts = Users::new("").load();
        let account = Arc::clone(accounts.default_account());
        let mut session = Session::new(registry.register(address, address, -1, account), &accounts);
        assert!(session.finish_command());
        session.skip_next_reply();
        assert!(session.finish_command(), "CLIENT REPLY SKIP itself writes nothing");
        assert!(!session.finish_command());
        assert!(session.finish_command());
        session.set_replies(false);
        session.skip_next_reply();
        assert!(!session.finish_command());
        assert!(!session.finish_command());
        session.set_replies(true);
        assert!(session.finish_command());
        assert!(session.finish_command());
    }
}
