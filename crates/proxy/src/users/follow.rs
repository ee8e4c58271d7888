//! What a change of users means for connections.
//!
//! A connection whose user is gone is closed, and so is a subscriber that listens to what its user may no longer hear; who
//! waits (BLPOP) looks again at whether its user may. Whoever has just removed its own user gets the reply first, and is closed by its own session.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use meridian_router::pubsub::Space;

use crate::{
    Shared,
    clients::{Client, Trait},
    users::Accounts,
};

/// Follows the cluster map until nobody needs the users any more.
pub(crate) async fn run(shared: Weak<Shared>) {
    let Some(mut maps) = shared.upgrade().map(|shared| shared.router.map_changes()) else { return };
    loop {
        let map = Arc::clone(&maps.borrow_and_update());
        let Some(shared) = shared.upgrade() else { return };
        if let Some(before) = shared.users.take(&map) {
            close_revoked(&shared, &before, &shared.users.load());
        }
        drop(shared);
        if maps.changed().await.is_err() {
            return;
        }
    }
}

/// Closes the connections that must not stay.
fn close_revoked(shared: &Shared, before: &Accounts, now: &Accounts) {
    let mut listeners = BTreeSet::new();
    for client in shared.clients.list() {
        let account = client.account();
        let Some(next) = now.get(&account.name).filter(|next| next.is_still(&account)) else {
            close(&client, "its user is gone");
            continue;
        };
        if !Arc::ptr_eq(next, &account) {
            client.users_changed();
        }
        let narrower = before.get(&account.name).is_some_and(|old| old.rules.narrows_channels(&next.rules));
        if narrower && client.traits().contains(Trait::PUBSUB) {
            listeners.insert(client.id);
        }
    }
    if listeners.is_empty() {
        return;
    }
    for (id, space, name) in shared.pubsub.table.names_of(&listeners) {
        let Some(client) = shared.clients.get(id) else { continue };
        let Some(next) = now.get(&client.account().name) else { continue };
        if !next.rules.permits_channel(&name, space == Space::Patterns) {
            close(&client, "its user may not listen to this any more");
        }
    }
}

fn close(client: &Client, reason: &'static str) {
    if !client.traits().contains(Trait::CLOSE_AFTER_REPLY) && !client.is_killed() {
        tracing::info!(client = client.id, reason, "closed");
        client.kill();
    }
}
