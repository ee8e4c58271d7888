//! [`Database`].

use std::collections::BTreeMap;

use bytes::Bytes;
use meridian_topology::{Database, DatabaseId, ShardId, Slot, SlotMap, SlotRange, User, UserChange};

use super::Error;
use crate::meta;

impl meta::Database {
    /// The message for a database and its number.
    pub fn of(id: DatabaseId, database: &Database) -> meta::Database {
        let run = |(range, shard): (SlotRange, ShardId)| meta::SlotRun {
            first: range.first.number().into(),
            last: range.last.number().into(),
            shard: shard.0,
        };
        meta::Database {
            id: id.0,
            name: database.name.clone(),
            slots: database.slots.ranges().into_iter().map(run).collect(),
            users: database.users.iter().map(|(name, user)| meta::User::of(name, user)).collect(),
        }
    }
}

impl meta::User {
    /// The message for a user and its name.
    pub fn of(name: &[u8], user: &User) -> meta::User {
        meta::User {
            name: Bytes::copy_from_slice(name),
            made: user.made,
            revision: user.revision,
            rules: user.rules.iter().map(|rule| Bytes::copy_from_slice(rule)).collect(),
        }
    }
}

impl From<meta::User> for User {
    fn from(user: meta::User) -> Self {
        let rules = user.rules.iter().map(|rule| rule.to_vec()).collect();
        User { made: user.made, revision: user.revision, rules }
    }
}

impl From<UserChange> for meta::UserChange {
    fn from(change: UserChange) -> Self {
        meta::UserChange {
            name: change.name.into(),
            revision: change.revision,
            remove: change.rules.is_none(),
            rules: change.rules.into_iter().flatten().map(Bytes::from).collect(),
        }
    }
}

impl From<meta::UserChange> for UserChange {
    fn from(change: meta::UserChange) -> Self {
        let rules = change.rules.iter().map(|rule| rule.to_vec()).collect();
        UserChange {
            name: change.name.to_vec(),
            revision: change.revision,
            rules: (!change.remove).then_some(rules),
        }
    }
}

impl TryFrom<meta::Database> for Database {
    type Error = Error;

    fn try_from(database: meta::Database) -> Result<Self, Error> {
        let slot = |number: u32| u16::try_from(number).ok().and_then(Slot::new);
        let mut runs = Vec::new();
        for run in database.slots {
            let (Some(first), Some(last)) = (slot(run.first), slot(run.last)) else {
                return Err(Error::at("SlotRun.first"));
            };
            runs.push((SlotRange { first, last }, ShardId(run.shard)));
        }
        let slots = SlotMap::from_ranges(runs).ok_or(Error::at("Database.slots"))?;
        let user = |user: meta::User| (user.name.to_vec(), User::from(user));
        let users: BTreeMap<Vec<u8>, User> = database.users.into_iter().map(user).collect();
        Ok(Database { name: database.name, slots, users })
    }
}
