//! Users of databases: who has which rules.
//!
//! What rules mean is not looked at: categories of commands differ between versions of the program, and every replica of
//! the map must come to the same state. A change names the revision that it was made from, so that of two changes at the
//! same time one is refused and made anew.

use crate::{ClusterMap, DatabaseId};

/// A user, as it is kept: what its rules mean is known to proxies only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The epoch in which it was made. A user that was removed and made again is another.
    pub made: u64,
    /// The epoch in which it was last changed.
    pub revision: u64,
    /// Its rules; passwords only as hashes.
    pub rules: Vec<Vec<u8>>,
}

/// What is to become of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChange {
    /// Its name.
    pub name: Vec<u8>,
    /// The revision that it has before; 0: there is no such user.
    pub revision: u64,
    /// Its rules afterwards; none: it is removed.
    pub rules: Option<Vec<Vec<u8>>>,
}

/// Why no user was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeUsersError {
    /// There is no such database.
    #[error("the cluster has no such database")]
    UnknownDatabase,
    /// One of the users does not have the revision that was expected.
    #[error("a user was changed by somebody else meanwhile")]
    Changed,
}

impl ClusterMap {
    /// Changes, makes and removes users of a database: all that are named, or none. They get the epoch after the map's
    /// own.
    ///
    /// # Errors
    /// If there is no such database, or a user is not as it was expected to be.
    pub fn change_users(
        &mut self,
        database: DatabaseId,
        changes: Vec<UserChange>,
    ) -> Result<(), ChangeUsersError> {
        let epoch = self.epoch.0 + 1;
        let database = self.databases.get_mut(&database).ok_or(ChangeUsersError::UnknownDatabase)?;
        let users = &mut database.users;
        let expected =
            |change: &UserChange| users.get(&change.name).map_or(0, |user| user.revision) == change.revision;
        if !changes.iter().all(expected) {
            return Err(ChangeUsersError::Changed);
        }
        for UserChange { name, rules, .. } in changes {
            match (users.get_mut(&name), rules) {
                (_, None) => drop(users.remove(&name)),
                (Some(user), Some(rules)) if user.rules == rules => {}
                (Some(user), Some(rules)) => {
                    user.revision = epoch;
                    user.rules = rules;
                }
                (None, Some(rules)) => {
                    users.insert(name, User { made: epoch, revision: epoch, rules });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Epoch, ShardId, SlotMap};

    fn change(name: &[u8], revision: u64, rules: Option<&[u8]>) -> UserChange {
        UserChange { name: name.to_vec(), revision, rules: rules.map(|rule| vec![rule.to_vec()]) }
    }

    #[test]
    fn all_changes_are_made_or_none() {
        let slots = SlotMap::spread(&[ShardId(1)]);
        let database = Database { name: "default".to_owned(), slots, users: Default::default() };
        let databases = [(DatabaseId::DEFAULT, database)].into();
        let mut map = ClusterMap { epoch: Epoch(6), databases, ..ClusterMap::default() };
        let users = |map: &ClusterMap| map.databases[&DatabaseId::DEFAULT].users.clone();
        let apply = |map: &mut ClusterMap, changes: &[UserChange]| {
            let changed = map.change_users(DatabaseId::DEFAULT, changes.to_vec());
            map.epoch.0 += 1;
            changed
        };
        apply(&mut map, &[change(b"a", 0, Some(b"on"))]).expect("new");
        assert_eq!((users(&map)[&b"a"[..]].made, users(&map)[&b"a"[..]].revision), (7, 7));
        apply(&mut map, &[change(b"a", 7, Some(b"off"))]).expect("as expected");
        assert_eq!((users(&map)[&b"a"[..]].made, users(&map)[&b"a"[..]].revision), (7, 8));
        let stale = [change(b"b", 0, Some(b"on")), change(b"a", 7, None)];
        assert_eq!(apply(&mut map, &stale), Err(ChangeUsersError::Changed));
        assert_eq!(users(&map).len(), 1);
        apply(&mut map, &[change(b"a", 8, Some(b"off"))]).expect("nothing new");
        assert_eq!(users(&map)[&b"a"[..]].revision, 8);
        apply(&mut map, &[change(b"a", 8, None)]).expect("as expected");
        apply(&mut map, &[change(b"a", 0, Some(b"on"))]).expect("new again");
        assert_eq!(users(&map)[&b"a"[..]].made, map.epoch.0);
        assert_eq!(map.change_users(DatabaseId(9), Vec::new()), Err(ChangeUsersError::UnknownDatabase));
    }
}
