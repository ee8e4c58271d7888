//! Changes of users: made from what is known here, refused by the meta group if somebody else was faster, made anew.

use std::sync::Arc;

use meridian_command::{ReplyError, acl::User};
use meridian_router::UsersChanged;
use meridian_topology::UserChange;

use super::Accounts;
use crate::Shared;

/// What is to become of one user: its rules, or nothing.
pub(crate) type Edit = (Vec<u8>, Option<User>);

/// Changes users for the whole cluster. `edit` says how, from the users as they are, and what to answer; it may be asked
/// more than once. When this returns, every node that can be reached knows of the change.
///
/// # Errors
/// That of `edit`, or if the meta group does not answer in time.
pub(crate) async fn change<T>(
    shared: &Arc<Shared>,
    edit: impl Fn(&Accounts) -> Result<(Vec<Edit>, T), ReplyError>,
) -> Result<T, ReplyError> {
    loop {
        let accounts = shared.users.load();
        let (edits, answer) = edit(&accounts)?;
        if edits.is_empty() {
            return Ok(answer);
        }
        let changes: Vec<UserChange> = edits
            .into_iter()
            .map(|(name, user)| UserChange {
                revision: accounts.get(&name).map_or(0, |account| account.revision),
                rules: user.map(|user| user.rules()),
                name,
            })
            .collect();
        match shared.cluster.change_users(changes.clone()).await {
            UsersChanged::Made(epoch) => {
                let here = tokio::time::timeout_at(shared.router.deadline(), shared.users.reached(epoch));
                here.await.map_err(|_| ReplyError::USERS_NOT_HERE)?;
                shared.cluster.spread(epoch).await;
                return Ok(answer);
            }
            UsersChanged::Conflict { again, epoch } => {
                let here = tokio::time::timeout_at(shared.router.deadline(), shared.users.reached(epoch));
                here.await.map_err(|_| ReplyError::USERS_NOT_CHANGED)?;
                if again && is_made(&shared.users.load(), &changes) {
                    shared.cluster.spread(epoch).await;
                    return Ok(answer);
                }
            }
            UsersChanged::Unreachable { sent: true } => return Err(ReplyError::USERS_UNKNOWN),
            UsersChanged::Unreachable { sent: false } => return Err(ReplyError::USERS_NOT_CHANGED),
        }
    }
}

/// Whether the users are as a change, whose outcome is not known, would have made them.
fn is_made(accounts: &Accounts, changes: &[UserChange]) -> bool {
    changes
        .iter()
        .all(|change| accounts.get(&change.name).map(|account| account.rules.rules()) == change.rules)
}
