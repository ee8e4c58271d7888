//! Scripts that one shard knows and another does not.
//!
//! SCRIPT LOAD tells all shards, but EVAL only the one that runs it; in Redis either makes a script known for good. So a
//! call by SHA-1 that goes to a shard of which this process does not know that it has the script first asks it, and then
//! the others, and tells it the text. Of what is known to be there nothing is asked: a script costs one question per shard
//! and process. Such a call can still find its script gone, where it was flushed meanwhile and run elsewhere again:
//! then the shard is told, and called once more ([`again`]).
//!
//! Where a database has one shard there is nobody to ask.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;
use meridian_command::{EngineCommand, Protocol, ReplyError, wire};
use meridian_resp::{Value, decode};
use meridian_router::{Link, Router, Table};
use meridian_topology::{DatabaseId, ShardId};
use parking_lot::Mutex;

/// So many are known at most; then all are forgotten, and asked for anew.
const KNOWN_MAX: usize = 100_000;
/// What a shard says that does not know a script.
pub(crate) const NO_SCRIPT: &[u8] = b"-NOSCRIPT ";

/// Which shards were found to know which scripts.
#[derive(Debug, Default)]
pub(crate) struct KnownScripts {
    known: Mutex<BTreeSet<(ShardId, Vec<u8>)>>,
}

impl KnownScripts {
    fn has(&self, shard: ShardId, sha: &[u8]) -> bool {
        self.known.lock().contains(&(shard, sha.to_ascii_lowercase()))
    }

    fn note(&self, shard: ShardId, sha: &[u8]) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert((shard, sha.to_ascii_lowercase()));
    }
}

/// A call of a script by its SHA-1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BySha<'a> {
    pub(crate) table: &'a Table,
    pub(crate) database: DatabaseId,
    /// The link that it goes to.
    pub(crate) link: usize,
    pub(crate) sha: &'a [u8],
}

impl BySha<'_> {
    /// Whether the shard may have to be told the script first.
    pub(crate) fn is_in_doubt(&self, known: &KnownScripts) -> bool {
        self.has_others() && !known.has(self.table.link(self.link).shard(), self.sha)
    }

    /// Whether there are other shards that may know it. What is no SHA-1 is known to nobody.
    pub(crate) fn has_others(&self) -> bool {
        self.sha.len() == 40 && self.table.owners(self.database).len() > 1
    }

    /// Sees to it that the shard knows the script if any shard does.
    ///
    /// # Errors
    /// If one of the shards that had to be asked does not answer.
    pub(crate) async fn heal(&self, router: &Router, known: &KnownScripts) -> Result<(), ReplyError> {
        let here = self.table.link(self.link);
        if text_at(router, here, self.database, self.sha).await?.is_none() {
            let others = self.table.owners(self.database).filter(|link| *link != self.link);
            let asked = others.map(|link| text_at(router, self.table.link(link), self.database, self.sha));
            let (mut found, mut failed) = (None, None);
            for answer in join_all(asked).await {
                match answer {
                    Ok(Some(told)) => found = Some(told),
                    Ok(None) => {}
                    Err(error) => failed = Some(error),
                }
            }
            let Some((loaded, text)) = found else { return failed.map_or(Ok(()), Err) };
            let told = [&b"0"[..], b"1"][usize::from(loaded)];
            let args = [told, &text[..]].into_iter();
            let reply = call(router, here, self.database, EngineCommand::ScriptLearn, args).await?;
            if reply != b"+OK\r\n" {
                return Err(ReplyError::INTERNAL_MALFORMED);
            }
        }
        known.note(here.shard(), self.sha);
        Ok(())
    }
}

/// Whether a shard has been told a script by SCRIPT LOAD, and its text.
///
/// # Errors
/// If it does not answer.
pub(crate) async fn text_at(
    router: &Router,
    link: &Link,
    database: DatabaseId,
    sha: &[u8],
) -> Result<Option<(bool, Bytes)>, ReplyError> {
    let reply = call(router, link, database, EngineCommand::ScriptText, std::iter::once(sha)).await?;
    match decode(&Bytes::from(reply)) {
        Ok(Some((Value::Array(parts), _))) => match <[Value; 2]>::try_from(parts) {
            Ok([Value::Integer(loaded), Value::Bulk(text)]) => Ok(Some((loaded != 0, text))),
            _ => Err(ReplyError::INTERNAL_MALFORMED),
        },
        Ok(Some((Value::Null, _))) => Ok(None),
        _ => Err(ReplyError::INTERNAL_MALFORMED),
    }
}

/// Whether a reply says that the shard does not know the script.
pub(crate) fn is_missing(reply: &[u8]) -> bool {
    reply.starts_with(NO_SCRIPT)
}

/// Tells a shard a script, if others know it, and calls it: `record` is the whole call.
pub(crate) async fn again(
    router: &Router,
    known: &KnownScripts,
    client: u64,
    by_sha: BySha<'_>,
    record: Bytes,
) -> Vec<u8> {
    let answered = async {
        by_sha.heal(router, known).await?;
        let link = by_sha.table.link(by_sha.link);
        unframed(router.call_for(client, link, by_sha.database, true, 1, record).await?)
    };
    answered.await.unwrap_or_else(|error| {
        let mut reply = Vec::new();
        error.write(&mut reply);
        reply
    })
}

/// Calls a command of one shard.
///
/// # Errors
/// If the shard does not answer.
pub(crate) async fn call<'a>(
    router: &Router,
    link: &Link,
    database: DatabaseId,
    command: EngineCommand,
    args: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
) -> Result<Vec<u8>, ReplyError> {
    let mut record = Vec::new();
    wire::encode(&mut record, wire::Head { command, protocol: Protocol::Resp2, numbered: 0 }, args);
    let logged = command.spec().is_write();
    unframed(router.call(link, database, logged, 1, Bytes::from(record)).await?)
}

fn unframed(replies: Bytes) -> Result<Vec<u8>, ReplyError> {
    let reply = replies.split_first_chunk::<4>().map(|(_, reply)| reply.to_vec());
    reply.ok_or(ReplyError::INTERNAL_MALFORMED)
}
