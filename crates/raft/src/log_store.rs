//! A shard's part of the node's log, as openraft wants it.

use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
};

use futures_util::{Stream, stream};
use meridian_storage::{Done, GroupLog, LogPosition};
use openraft::{
    LogState, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
};
use tokio::sync::oneshot;

use crate::{
    types::{Entry, LogId, Types, Vote},
    wire,
};

/// How much log is read in one go: what one message to a follower holds, or one step of applying.
const READ_BYTES: usize = 1 << 20;
/// How many entries may be committed before that is written down. Only a restart profits from it: entries up to the
/// mark are applied at once, later ones when a leader confirms them.
const COMMITTED_STEP: u64 = 64;

/// The log of one shard.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: GroupLog,
    /// The last committed position that was written down.
    committed: u64,
}

impl LogStore {
    pub(crate) fn new(log: GroupLog) -> Self {
        LogStore { log, committed: 0 }
    }

    fn read(&self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let entries = self.log.entries(start..end, READ_BYTES)?;
        entries.into_iter().map(|entry| Ok(wire::entry_from_log(entry)?)).collect()
    }

    fn bounds(&self, range: &impl RangeBounds<u64>) -> (u64, u64) {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        let state = self.log.state();
        let first = state.purged.map_or(0, |purged| purged.index + 1);
        let next = state.last.map_or(first, |last| last.index + 1);
        (start.max(first), end.min(next))
    }
}

/// Runs an operation of the log and waits until it is done.
async fn wait(operation: impl FnOnce(Done)) -> io::Result<()> {
    let (sender, receiver) = oneshot::channel();
    operation(Box::new(move |result| {
        // Nobody waits any more: the replica has stopped.
        let _ = sender.send(result);
    }));
    receiver.await.unwrap_or_else(|_| Err(io::Error::other("the log has stopped")))
}

fn id_of(position: &LogPosition) -> LogId {
    wire::log_id(position.term, position.index)
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (mut start, end) = self.bounds(&range);
        let mut entries = Vec::new();
        while start < end {
            let some = self.read(start, end)?;
            if some.is_empty() {
                return Err(io::Error::other(format!("the log has lost entry {start}")));
            }
            start += some.len() as u64;
            entries.extend(some);
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start, end)
    }

    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = io::Result<Entry>> + Send
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (start, end) = self.bounds(&range);
        let reader = self.clone();
        let pieces = stream::try_unfold((reader, start), move |(reader, start)| async move {
            if start >= end {
                return Ok(None);
            }
            let some = reader.read(start, end)?;
            if some.is_empty() {
                return Err(io::Error::other(format!("the log has lost entry {start}")));
            }
            let next = start + some.len() as u64;
            Ok(Some((stream::iter(some.into_iter().map(Ok)), (reader, next))))
        });
        Box::pin(futures_util::TryStreamExt::try_flatten(pieces))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.state().vote.map(|bytes| Ok(wire::vote_from_log(&bytes)?)).transpose()
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.log.state();
        let purged = state.purged.as_ref().map(id_of);
        let last = state.last.as_ref().map(id_of).or(purged);
        Ok(LogState { last_purged_log_id: purged, last_log_id: last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = wire::vote_to_log(vote);
        wait(|done| self.log.save_vote(vote, done)).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        if let Some(committed) = committed
            && committed.index() >= self.committed + COMMITTED_STEP
        {
            self.committed = committed.index();
            self.log.save_committed(wire::position_to_log(&committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.log.state().committed.map(|bytes| Ok(wire::position_from_log(&bytes)?)).transpose()
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let entries = entries.into_iter().map(wire::entry_to_log).collect();
        self.log.append(entries, Box::new(move |result| callback.io_completed(result)));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        wait(|done| self.log.truncate_after(last.map(|last| last.index()), done)).await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let upto = LogPosition { term: wire::term_of(&upto), index: upto.index() };
        wait(|done| self.log.purge(upto, done)).await
    }
}
