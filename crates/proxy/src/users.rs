//! The users as this process knows them.
//!
//! They come with the cluster map and are changed by the meta group ([`change`]); what follows for connections here is
//! seen to by [`follow`]. A session holds its account and asks before every command whether there are newer ones, which
//! costs one look at a number.

pub(crate) mod change;
pub(crate) mod follow;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use meridian_command::{
    Route,
    acl::{Grant, User},
};
use meridian_topology::{ClusterMap, DatabaseId};
use parking_lot::RwLock;
use tokio::sync::watch;

/// The user that a connection is at first.
pub(crate) const DEFAULT_USER: &[u8] = b"default";

/// A user and its rules.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Vec<u8>,
    /// The epochs in which it was made and last changed; 0 for `default` as it is at first.
    made: u64,
    revision: u64,
    pub(crate) rules: User,
    unrestricted: bool,
    grant: OnceLock<Vec<u8>>,
}

impl Account {
    fn new(name: &[u8], (made, revision): (u64, u64), rules: User) -> Arc<Account> {
        let unrestricted = rules.is_unrestricted();
        Arc::new(Account { name: name.to_vec(), made, revision, rules, unrestricted, grant: OnceLock::new() })
    }

    /// Whether it may do everything.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.unrestricted
    }

    /// Whether this is a later state of the same user; `default` is always the same.
    pub(crate) fn is_still(&self, earlier: &Account) -> bool {
        self.name == earlier.name && (self.made == earlier.made || self.name == DEFAULT_USER)
    }

    /// What the shard that runs a script gets as its slots: those, and what the script may do where that is not
    /// everything.
    pub(crate) fn granted<'s>(&self, route: Route, slots: &'s str) -> Cow<'s, [u8]> {
        if self.unrestricted || route != Route::Script {
            return slots.as_bytes().into();
        }
        let grant = self.grant.get_or_init(|| Grant::encode(&self.name, &self.rules));
        [slots.as_bytes(), b"|", grant].concat().into()
    }
}

/// All users, at one moment.
#[derive(Debug)]
pub(crate) struct Accounts {
    version: u64,
    by_name: BTreeMap<Vec<u8>, Arc<Account>>,
}

impl Accounts {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Arc<Account>> {
        self.by_name.get(name)
    }

    /// All, by name.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Account>> {
        self.by_name.values()
    }

    /// The user that a connection is at first.
    pub(crate) fn default_account(&self) -> &Arc<Account> {
        self.get(DEFAULT_USER).expect("there is always a default user")
    }

    /// Grows with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Users {
    accounts: RwLock<Arc<Accounts>>,
    version: AtomicU64,
    /// The epoch of the map that they are from.
    epoch: watch::Sender<u64>,
    /// `default` as long as nobody has changed it.
    initial: Arc<Account>,
}

impl Users {
    /// `password` is that of `default` as long as nobody has changed that user; empty is none.
    pub(crate) fn new(password: &str) -> Users {
        let password = Some(password.as_bytes()).filter(|password| !password.is_empty());
        let initial = Account::new(DEFAULT_USER, (0, 0), User::all_powerful(password));
        let by_name = [(DEFAULT_USER.to_vec(), Arc::clone(&initial))].into();
        let accounts = RwLock::new(Arc::new(Accounts { version: 0, by_name }));
        Users { accounts, version: AtomicU64::new(0), epoch: watch::Sender::new(0), initial }
    }

    /// The users now.
    pub(crate) fn load(&self) -> Arc<Accounts> {
        Arc::clone(&self.accounts.read())
    }

    /// That of [`Accounts::version`].
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Waits until the users are those of this epoch or later.
    pub(crate) async fn reached(&self, epoch: u64) {
        let mut epochs = self.epoch.subscribe();
        // The sender lives as long as this does.
        let _ = epochs.wait_for(|reached| *reached >= epoch).await;
    }

    /// Takes over the users of a map. Answers those before, if they were others.
    pub(crate) fn take(&self, map: &ClusterMap) -> Option<Arc<Accounts>> {
        let before = self.load();
        let none = BTreeMap::new();
        let kept = map.databases.get(&DatabaseId::DEFAULT).map_or(&none, |database| &database.users);
        let mut by_name = BTreeMap::new();
        for (name, user) in kept {
            let same = before.get(name).filter(|account| account.revision == user.revision);
            let account = same.cloned().unwrap_or_else(|| {
                let rules = User::of_rules(user.rules.iter().map(Vec::as_slice));
                let rules = rules.unwrap_or_else(|error| {
                    let name = name.escape_ascii();
                    tracing::error!(%name, reason = error.text(), "a user is off here: this version of the program does not understand its rules");
                    User::default()
                });
                Account::new(name, (user.made, user.revision), rules)
            });
            by_name.insert(name.clone(), account);
        }
        by_name.entry(DEFAULT_USER.to_vec()).or_insert_with(|| Arc::clone(&self.initial));
        let unchanged = by_name.len() == before.by_name.len()
            && by_name.values().zip(before.by_name.values()).all(|(new, old)| Arc::ptr_eq(new, old));
        if !unchanged {
            let version = before.version + 1;
            *self.accounts.write() = Arc::new(Accounts { version, by_name });
            self.version.store(version, Ordering::Release);
        }
        self.epoch.send_replace(map.epoch.0);
        (!unchanged).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use meridian_topology::{Database, Epoch, ShardId, SlotMap, UserChange};

    use super::*;

    #[test]
    fn a_user_that_was_made_again_is_another_and_the_default_user_stays_itself() {
        let slots = SlotMap::spread(&[ShardId(1)]);
        let database = Database { name: "default".into(), slots, users: BTreeMap::new() };
        let databases = [(DatabaseId::DEFAULT, database)].into();
        let mut map = ClusterMap { epoch: Epoch(3), databases, ..ClusterMap::default() };
        let users = Users::new("secret");
        assert!(users.take(&map).is_none());
        assert!(users.load().default_account().rules.admits(b"secret"));
        let first = Arc::clone(users.load().default_account());
        let change = |map: &mut ClusterMap, name: &[u8], revision, rules: Option<&[u8]>| {
            let rules = rules.map(|rule| vec![b"on".to_vec(), rule.to_vec()]);
            let change = UserChange { name: name.to_vec(), revision, rules };
            map.change_users(DatabaseId::DEFAULT, vec![change]).expect("as expected");
            map.epoch.0 += 1;
        };
        change(&mut map, b"bob", 0, Some(b"+get"));
        assert!(users.take(&map).is_some());
        let bob = Arc::clone(users.load().get(b"bob").expect("there"));
        change(&mut map, b"bob", 4, Some(b"+set"));
        change(&mut map, DEFAULT_USER, 0, Some(b"nopass"));
        users.take(&map).expect("changed");
        assert!(users.load().get(b"bob").expect("there").is_still(&bob));
        assert!(users.load().default_account().is_still(&first));
        assert_eq!(users.version(), 2);
        change(&mut map, b"bob", 5, None);
        change(&mut map, b"bob", 0, Some(b"+set"));
        users.take(&map).expect("changed");
        assert!(!users.load().get(b"bob").expect("there").is_still(&bob));
        let same = Arc::clone(users.load().get(b"bob").expect("there"));
        map.epoch.0 += 1;
        assert!(users.take(&map).is_none());
        assert!(Arc::ptr_eq(&same, users.load().get(b"bob").expect("there")));
    }

    #[test]
    fn only_scripts_of_the_restricted_carry_what_they_may_do() {
        let users = Users::new("");
        let accounts = users.load();
        assert_eq!(&*accounts.default_account().granted(Route::Script, "0-9"), b"0-9");
        let bob = Account::new(b"bob", (1, 1), User::default());
        assert_eq!(&*bob.granted(Route::Keys, "0-9"), b"0-9");
        let granted = bob.granted(Route::Script, "0-9");
        assert_eq!(Grant::decode(&granted[4..]).expect("a grant").name, b"bob");
    }
}
