//! What shards tell of calls that they have refused to scripts: it is noted, and taken off the reply.

use meridian_command::acl::Told;

use crate::{
    Shared,
    clients::Client,
    observe::{Place, Reason, Subject},
};

/// Takes what is told off the reply that begins at `start`.
pub(super) fn hear(replies: &mut Vec<u8>, start: usize, shared: &Shared, client: &Client) {
    let Some((told, reply)) = replies.get(start..).and_then(Told::split) else { return };
    let prefix = replies.len() - start - reply.len();
    replies.drain(start..start + prefix);
    let settings = shared.config.load();
    for (refused, object, count) in told.refused {
        let user = told.user.clone();
        let subject = Subject { reason: Reason::Denied(refused), place: Place::Lua, object, user };
        shared.observed.refusals.add(&settings, client, subject, u64::from(count));
    }
}
