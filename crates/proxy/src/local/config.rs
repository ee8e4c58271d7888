//! CONFIG.
//!
//! Some settings are this process' own ([`crate::Settings`]); others are part of every shard's state
//! ([`meridian_command::settings`]). A change of both kinds is checked as a whole before anything is changed.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{
    Args, EngineCommand, Protocol, ReplyError, ReplyWriter,
    acl::{User, password_hash},
    glob_match,
    settings::{self, SETTINGS, Setting},
    wire,
};
use meridian_topology::DatabaseId;

use super::{Answer, Context, Outcome};
use crate::{
    Shared,
    users::{DEFAULT_USER, change::change},
};

/// The setting that is the password of the user `default`.
const PASSWORD: &[u8] = b"requirepass";

/// Answers the settings that match; asks a shard for those that shards have.
pub(super) fn get(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut found = context.shared.config.get(args.as_slice());
    for (name, value) in &mut found {
        if name.eq_ignore_ascii_case(PASSWORD) {
            *value = shown_password(&context.shared.users.load().default_account().rules, value);
        }
    }
    let replicated: Vec<(Vec<u8>, &'static Setting)> = SETTINGS
        .iter()
        .flat_map(|setting| setting.names().map(move |name| (name, setting)))
        .filter_map(|(name, setting)| Some((asked_for(args, name)?, setting)))
        .collect();
    if replicated.is_empty() {
        write_pairs(&found, reply);
        return Outcome::Done;
    }
    let (shared, protocol) = (Arc::clone(context.shared), reply.protocol());
    Outcome::Async(Box::pin(async move {
        let mut bytes = Vec::new();
        let mut reply = ReplyWriter::new(&mut bytes, protocol);
        match values_of_a_shard(&shared).await {
            Ok(values) => {
                found.extend(replicated.into_iter().map(|(name, setting)| {
                    let value = values.iter().find(|(known, _)| *known == setting.name);
                    (name, value.map(|(_, value)| value.clone()).unwrap_or_default())
                }));
                write_pairs(&found, &mut reply);
            }
            Err(error) => reply.error(&error),
        }
        bytes
    }))
}

/// The password of the user `default`, as far as it is known: only hashes are kept, but the process that it was told to
/// remembers it. A hash is shown as ACL shows it.
fn shown_password(user: &User, told: &str) -> String {
    match user.passwords() {
        [hash, ..] if !user.passwords().contains(&password_hash(told.as_bytes())) => format!("#{hash}"),
        [_, ..] => told.to_owned(),
        [] => String::new(),
    }
}

/// The name as it is answered, if a pattern asks for it.
fn asked_for(args: &Args<'_>, name: &str) -> Option<Vec<u8>> {
    args.iter().find_map(|pattern| {
        let literal = !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        if literal {
            pattern.eq_ignore_ascii_case(name.as_bytes()).then(|| pattern.to_vec())
        } else {
            glob_match(pattern, name.as_bytes(), true).then(|| name.as_bytes().to_vec())
        }
    })
}

fn write_pairs(pairs: &[(Vec<u8>, String)], reply: &mut ReplyWriter<'_>) {
    reply.map(pairs.len());
    for (name, value) in pairs {
        reply.bulk(name);
        reply.bulk(value.as_bytes());
    }
}

/// Names and values of the replicated settings, from the first shard.
async fn values_of_a_shard(shared: &Shared) -> Result<Vec<(String, String)>, ReplyError> {
    let table = shared.router.table();
    let link = table.owners(DatabaseId::DEFAULT).next().ok_or(ReplyError::NO_MAP)?;
    let call = record(EngineCommand::Settings, &[]);
    let replies = shared.router.call(table.link(link), DatabaseId::DEFAULT, false, 1, call).await?;
    let text = std::str::from_utf8(replies.get(4..).unwrap_or_default()).unwrap_or_default();
    if let Some(error) = text.strip_prefix('-') {
        return Err(ReplyError::from_text(error));
    }
    // Names and values hold no line break: of an array of bulk strings every second line is one of them.
    let texts: Vec<&str> = text.split("\r\n").skip(2).step_by(2).collect();
    Ok(texts.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect())
}

/// Sets all of the named settings, or none; a shard that does not answer in time makes it an error.
pub(super) fn set(
    context: &Context<'_>,
    args: &Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<Outcome, ReplyError> {
    let (pairs, []) = args.as_slice().as_chunks::<2>() else { return Err(ReplyError::SYNTAX) };
    let (mut own, mut replicated) = (Vec::new(), Vec::<(&'static Setting, &[u8])>::new());
    let mut checked = settings::Settings::default();
    let mut names = Vec::<Vec<u8>>::new();
    for [name, value] in pairs {
        let Some(setting) = settings::find(name) else {
            own.push((*name, *value));
            continue;
        };
        if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(ReplyError::setting_refused(name, "duplicate parameter"));
        }
        setting.set(&mut checked, value).map_err(|reason| ReplyError::setting_refused(name, &reason))?;
        names.push(name.to_vec());
        replicated.push((setting, *value));
    }
    context.shared.config.set(&own)?;
    let tracks = context.shared.config.load().latency_tracking;
    context.shared.stats.tracks_latency.store(tracks, std::sync::atomic::Ordering::Relaxed);
    context.shared.tracking.limit();
    let password = own.iter().find(|(name, _)| name.eq_ignore_ascii_case(PASSWORD));
    let password = password.map(|(_, password)| password.to_vec());
    if replicated.is_empty() && password.is_none() {
        reply.ok();
        return Ok(Outcome::Done);
    }
    let mut calls = Vec::new();
    for (setting, value) in &replicated {
        calls.extend_from_slice(&record(EngineCommand::Setting, &[setting.name.as_bytes(), value]));
    }
    let (calls, count) = (Bytes::from(calls), replicated.len() as u32);
    let (shared, protocol) = (Arc::clone(context.shared), reply.protocol());
    Ok(Outcome::Async(Box::pin(async move {
        let mut bytes = Vec::new();
        let mut reply = ReplyWriter::new(&mut bytes, protocol);
        let set = async {
            if let Some(password) = password {
                set_password(&shared, &password).await?;
            }
            if count > 0 { set_on_all_shards(&shared, &calls, count).await } else { Ok(()) }
        };
        match set.await {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(&error),
        }
        bytes
    })))
}

/// Gives the user `default` this password instead of all others; none if it is empty.
async fn set_password(shared: &Arc<Shared>, password: &[u8]) -> Result<(), ReplyError> {
    let set = change(shared, |accounts| {
        let before = &accounts.default_account().rules;
        let mut user = before.clone();
        user.set_password(Some(password).filter(|password| !password.is_empty()));
        let edits = if *before == user { vec![] } else { vec![(DEFAULT_USER.to_vec(), Some(user))] };
        Ok((edits, ()))
    });
    set.await
}

async fn set_on_all_shards(shared: &Shared, calls: &Bytes, count: u32) -> Result<(), ReplyError> {
    let table = shared.router.table();
    let sent = (0..table.link_count())
        .map(|link| shared.router.call(table.link(link), DatabaseId::DEFAULT, true, count, calls.clone()));
    for replies in futures_util::future::join_all(sent).await {
        let replies = replies?;
        let text = replies.get(4..).unwrap_or_default();
        if let Some(error) = text.strip_prefix(b"-") {
            let end = error.iter().position(|byte| *byte == b'\r').unwrap_or(error.len());
            return Err(ReplyError::from_bytes(error[..end].to_vec()));
        }
    }
    Ok(())
}

fn record(command: EngineCommand, args: &[&[u8]]) -> Bytes {
    let mut bytes = Vec::new();
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(&mut bytes, head, args.iter().copied());
    Bytes::from(bytes)
}

pub(super) fn reset_statistics(context: &Context<'_>) -> Outcome {
    let shared = Arc::clone(context.shared);
    Outcome::Async(Box::pin(async move {
        shared.stats.reset(shared.cluster.contents().await.counted);
        b"+OK\r\n".to_vec()
    }))
}

/// What was set at run time is this process' and is gone with it: no file is written.
pub(super) fn rewrite() -> Answer {
    Err(ReplyError::NO_CONFIG_FILE)
}
