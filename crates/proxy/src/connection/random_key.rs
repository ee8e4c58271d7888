//! RANDOMKEY over several shards: draws a shard by its number of keys, then a key of it.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{EngineCommand, Protocol, ReplyError, ReplyWriter, wire};
use meridian_router::{Router, Table};
use meridian_rt::random;
use meridian_topology::DatabaseId;

/// Answers the reply to RANDOMKEY.
pub(super) async fn draw(
    router: Arc<Router>,
    table: Arc<Table>,
    database: DatabaseId,
    head: wire::Head,
) -> Vec<u8> {
    let drawn = try_draw(&router, &table, database, head).await;
    drawn.unwrap_or_else(|error| {
        let mut reply = Vec::new();
        error.write(&mut reply);
        reply
    })
}

async fn try_draw(
    router: &Router,
    table: &Table,
    database: DatabaseId,
    head: wire::Head,
) -> Result<Vec<u8>, ReplyError> {
    let count =
        wire::Head { command: EngineCommand::Dbsize, protocol: Protocol::Resp2, numbered: head.numbered };
    let links: Vec<usize> = table.owners(database).collect();
    let counts = links.iter().map(|link| call(router, table, *link, database, count));
    let mut weights = Vec::with_capacity(links.len());
    for reply in futures_util::future::join_all(counts).await {
        weights.push(integer(&reply?)?);
    }
    // A shard whose keys have all expired meanwhile has none to give: another is drawn.
    while let Some(drawn) = by_weight(&weights) {
        let reply = call(router, table, links[drawn], database, head).await?;
        if !matches!(reply.get(..2), Some(b"$-" | b"_\r")) {
            return Ok(reply);
        }
        weights[drawn] = 0;
    }
    let mut reply = Vec::new();
    ReplyWriter::new(&mut reply, head.protocol).null();
    Ok(reply)
}

/// Calls a command without arguments on one shard.
async fn call(
    router: &Router,
    table: &Table,
    link: usize,
    database: DatabaseId,
    head: wire::Head,
) -> Result<Vec<u8>, ReplyError> {
    let mut record = Vec::new();
    wire::encode(&mut record, head, std::iter::empty());
    let replies = router.call(table.link(link), database, false, 1, Bytes::from(record)).await?;
    let reply = replies.split_first_chunk::<4>().map(|(_, reply)| reply.to_vec());
    reply.ok_or(ReplyError::INTERNAL_MALFORMED)
}

fn integer(reply: &[u8]) -> Result<u64, ReplyError> {
    let line = reply.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b"\r\n"));
    let number = line.and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| line.parse().ok());
    number.ok_or(ReplyError::INTERNAL_MALFORMED)
}

fn by_weight(weights: &[u64]) -> Option<usize> {
    let total: u64 = weights.iter().sum();
    let mut left = random::next_u64().checked_rem(total)?;
    weights.iter().position(|weight| {
        let here = left < *weight;
        left = left.saturating_sub(*weight);
        here
    })
}
