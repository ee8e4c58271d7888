//! ACL SETUSER and DELUSER.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use meridian_command::{
    Args, ReplyError, ReplyWriter,
    acl::{User, is_word},
};

use super::{super::Outcome, Context};
use crate::{
    clients::Trait,
    users::{DEFAULT_USER, change::change},
};

pub(crate) fn set_user(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let name = args[0].to_vec();
    if !is_word(&name) {
        return Err(ReplyError::new("ERR Usernames can't contain spaces or null characters"));
    }
    let rules: Vec<Vec<u8>> = args.from(1).iter().map(<[u8]>::to_vec).collect();
    let all_channels = context.shared.config.load().new_users_have_channels;
    let shared = Arc::clone(context.shared);
    Ok(answered(context, async move {
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        change(&shared, |accounts| {
            let known = accounts.get(&name).map(|account| account.rules.clone());
            let before = known.clone();
            let mut user = known.unwrap_or_else(|| User::new(all_channels));
            user.set_all(&rules, all_channels)
                .map_err(|error| ReplyError::from_bytes([b"ERR ", error.as_slice()].concat()))?;
            let edits =
                if before.as_ref() == Some(&user) { vec![] } else { vec![(name.clone(), Some(user))] };
            Ok((edits, ()))
        })
        .await?;
        Ok(b"+OK\r\n".to_vec())
    }))
}

pub(crate) fn delete_users(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let mut names: Vec<Vec<u8>> = args.iter().map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    names.dedup();
    if names.iter().any(|name| name == DEFAULT_USER) {
        return Err(ReplyError::new("ERR The 'default' user cannot be removed"));
    }
    let client = Arc::clone(context.session.client());
    // Whoever removes its own user gets the reply first.
    let own = names.contains(&context.session.account().name);
    client.set(Trait::CLOSE_AFTER_REPLY, own);
    let shared = Arc::clone(context.shared);
    Ok(answered(context, async move {
        let removed = change(&shared, |accounts| {
            let there = names.iter().filter(|name| accounts.get(name).is_some());
            let edits: Vec<_> = there.map(|name| (name.clone(), None)).collect();
            let count = edits.len();
            Ok((edits, count))
        });
        let removed = removed.await.inspect_err(|_| client.set(Trait::CLOSE_AFTER_REPLY, false))?;
        Ok(format!(":{removed}\r\n").into_bytes())
    }))
}

/// The reply of something that may fail.
fn answered(
    context: &Context<'_>,
    reply: impl Future<Output = Result<Vec<u8>, ReplyError>> + Send + 'static,
) -> Outcome {
    let protocol = context.session.protocol();
    let reply: BoxFuture<'static, Vec<u8>> = Box::pin(async move {
        reply.await.unwrap_or_else(|error| {
            let mut bytes = Vec::new();
            ReplyWriter::new(&mut bytes, protocol).error(&error);
            bytes
        })
    });
    Outcome::Async(reply)
}
