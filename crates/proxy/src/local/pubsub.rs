//! SUBSCRIBE, PUBLISH, PUBSUB and their like.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use meridian_command::{Args, ReplyError, ReplyWriter, glob_match};
use meridian_router::pubsub::{Message, Space};

use super::{Context, Outcome};
use crate::pubsub::Own;

fn own<'c>(context: &'c mut Context<'_>) -> &'c mut Own {
    let (shared, output) = (context.shared, context.output);
    context.session.subscriptions(|client| Own::new(Arc::clone(&shared.pubsub), client, Arc::clone(output)))
}

/// What the first word of a confirmation is.
fn word(space: Space, subscribes: bool) -> &'static [u8] {
    match (space, subscribes) {
        (Space::Channels, true) => b"subscribe",
        (Space::Channels, false) => b"unsubscribe",
        (Space::Patterns, true) => b"psubscribe",
        (Space::Patterns, false) => b"punsubscribe",
        (Space::ShardChannels, true) => b"ssubscribe",
        (Space::ShardChannels, false) => b"sunsubscribe",
    }
}

fn confirm(reply: &mut ReplyWriter<'_>, word: &[u8], name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(word);
    reply.bulk_or_null(name);
    reply.integer(count as i64);
}

/// Subscribes; confirmed once the nodes know of it.
pub(super) fn subscribe(context: &mut Context<'_>, space: Space, args: &Args<'_>) -> Outcome {
    let protocol = context.session.protocol();
    let own = own(context);
    let (mut bytes, mut new) = (Vec::new(), Vec::new());
    let mut reply = ReplyWriter::new(&mut bytes, protocol);
    for name in args.iter() {
        let name = Bytes::copy_from_slice(name);
        if own.add(space, &name) {
            new.push(name.clone());
        }
        confirm(&mut reply, word(space, true), Some(&name), own.shown_count(space));
    }
    let subscriber = Arc::clone(own.subscriber());
    let pubsub = Arc::clone(&context.shared.pubsub);
    Outcome::Push(Box::pin(async move {
        if !new.is_empty() {
            pubsub.follower.known().await;
            // Messages come behind the confirmation.
            subscriber.output.hold();
            pubsub.table.insert(space, &new, &subscriber);
        }
        bytes
    }))
}

/// Unsubscribes from the names given, or from all.
pub(super) fn unsubscribe(context: &mut Context<'_>, space: Space, args: &Args<'_>) -> Outcome {
    let protocol = context.session.protocol();
    let own = own(context);
    let mut bytes = Vec::new();
    let mut reply = ReplyWriter::new(&mut bytes, protocol);
    let names = match args.is_empty() {
        true => own.names(space),
        false => args.iter().map(Bytes::copy_from_slice).collect(),
    };
    for name in &names {
        own.remove(space, name);
        confirm(&mut reply, word(space, false), Some(name), own.shown_count(space));
    }
    if names.is_empty() {
        confirm(&mut reply, word(space, false), None, own.shown_count(space));
    }
    Outcome::Push(Box::pin(std::future::ready(bytes)))
}

pub(super) fn publish(
    context: &Context<'_>,
    space: Space,
    args: &Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let message = Message {
        space,
        channel: Bytes::copy_from_slice(&args[0]),
        payload: Bytes::copy_from_slice(&args[1]),
    };
    let counting = context.shared.pubsub.follower.publish(message, context.session.id());
    match counting.now() {
        Some(count) => {
            reply.integer(count as i64);
            Outcome::Done
        }
        None => {
            Outcome::Async(Box::pin(async move { format!(":{}\r\n", counting.count().await).into_bytes() }))
        }
    }
}

/// The names that have subscribers, in the whole cluster.
pub(super) fn channels(
    context: &Context<'_>,
    space: Space,
    args: &Args<'_>,
    reply: &ReplyWriter<'_>,
) -> Result<Outcome, ReplyError> {
    let pattern = match args.as_slice() {
        [] => b"*".to_vec(),
        [pattern] => pattern.to_vec(),
        _ => {
            let name = if space == Space::ShardChannels { b"SHARDCHANNELS".as_slice() } else { b"CHANNELS" };
            return Err(ReplyError::subcommand_syntax(name, "PUBSUB"));
        }
    };
    let (pubsub, protocol) = (Arc::clone(&context.shared.pubsub), reply.protocol());
    Ok(Outcome::Async(Box::pin(async move {
        let names = pubsub.follower.names(space).await;
        let found: Vec<&Bytes> = names.iter().filter(|name| glob_match(&pattern, name, false)).collect();
        let mut bytes = Vec::new();
        let mut reply = ReplyWriter::new(&mut bytes, protocol);
        reply.array(found.len());
        found.iter().for_each(|name| reply.bulk(name));
        bytes
    })))
}

/// How many patterns have subscribers, in the whole cluster.
pub(super) fn pattern_count(context: &Context<'_>) -> Outcome {
    let pubsub = Arc::clone(&context.shared.pubsub);
    Outcome::Async(Box::pin(async move {
        format!(":{}\r\n", pubsub.follower.names(Space::Patterns).await.len()).into_bytes()
    }))
}

/// How many subscribers channels have, in the whole cluster.
pub(super) fn subscriber_counts(
    context: &Context<'_>,
    space: Space,
    args: &Args<'_>,
    reply: &ReplyWriter<'_>,
) -> Outcome {
    let names: Vec<Bytes> = args.iter().map(Bytes::copy_from_slice).collect();
    let (pubsub, protocol) = (Arc::clone(&context.shared.pubsub), reply.protocol());
    Outcome::Async(Box::pin(async move {
        let counts =
            join_all(names.iter().map(|name| pubsub.follower.census(space, name.clone()).count())).await;
        let mut bytes = Vec::new();
        let mut reply = ReplyWriter::new(&mut bytes, protocol);
        reply.array(names.len() * 2);
        for (name, count) in names.iter().zip(counts) {
            reply.bulk(name);
            reply.integer(count as i64);
        }
        bytes
    }))
}
