//! The task that looks after a replica: tells who leads, and keeps the log short.
//!
//! A log that has outgrown its limit is replaced by a snapshot, but for a tail, from which followers that are a little
//! behind are served. The limit grows with the state, so that a large state is not written over and over.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver;

use crate::{
    group::{Leadership, leadership_of},
    replica::{Replica, send_now},
    types::LogId,
};

/// How long a log may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) bytes: u64,
}

impl Limit {
    /// What of the log stays behind a snapshot.
    fn tail(self) -> u64 {
        self.bytes / 4
    }

    /// When the next snapshot is due, given the length of the last.
    fn next(self, snapshot_bytes: u64) -> u64 {
        self.tail() + (self.bytes - self.tail()).max(snapshot_bytes / 2)
    }
}

/// Runs until the replica is closed or has stopped.
pub(crate) async fn look_after(replica: Arc<Replica>, limit: Limit) {
    let mut server = replica.raft.server_metrics();
    let mut snapshots = replica.raft.watch_snapshot_progress();
    loop {
        publish(&replica, leadership_of(&replica));
        tokio::select! {
            biased;
            () = replica.stop.cancelled() => break,
            changed = server.changed() => if changed.is_err() {
                break;
            },
            () = replica.progress.new_term.notified() => {}
            () = replica.progress.log_is_long.notified() => shorten(&replica, limit),
            changed = snapshots.changed() => match changed {
                Ok(()) => cut_off(&replica, limit, snapshots.get()),
                Err(_) => break,
            },
        }
    }
    if !replica.stop.is_cancelled() {
        let why = replica.with_metrics(|metrics| metrics.running_state.clone().err());
        tracing::error!(shard = %replica.shard, ?why, "the replica has stopped");
    }
    let term = replica.leadership.borrow().term;
    publish(&replica, Leadership { term, leader: None, ready: false });
}

fn publish(replica: &Replica, now: Leadership) {
    replica.leadership.send_if_modified(|known| {
        if *known == now {
            return false;
        }
        tracing::info!(shard = %replica.shard, term = now.term, leader = ?now.leader, ready = now.ready, "leadership");
        *known = now;
        true
    });
}

/// Begins a snapshot, if the log is still long.
fn shorten(replica: &Replica, limit: Limit) {
    if !replica.progress.is_long() {
        return;
    }
    // If the log cannot be cut off afterwards, because it is being sent to somebody, not at once again.
    replica.progress.set_snapshot_at(replica.progress.log_bytes() + limit.bytes);
    if send_now(replica.raft.trigger().snapshot()).is_none() {
        tracing::warn!(shard = %replica.shard, "no snapshot: the replica is overloaded or has stopped");
    }
}

/// Cuts off what a snapshot holds, but for a tail.
fn cut_off(replica: &Replica, limit: Limit, snapshot: Option<LogId>) {
    let Some(snapshot) = snapshot else {
        return;
    };
    replica.progress.set_snapshot_at(limit.next(replica.snapshots.length()));
    let (first, last) = replica.with_metrics(|metrics| {
        let first = metrics.purged.as_ref().map_or(0, |purged| purged.index() + 1);
        (first, metrics.last_log_index.map_or(0, |last| last + 1))
    });
    let entries = last.saturating_sub(first).max(1);
    let entry_bytes = (replica.progress.log_bytes() / entries).max(1);
    let upto = snapshot.index().saturating_sub(limit.tail() / entry_bytes);
    if upto >= first && send_now(replica.raft.trigger().purge_log(upto)).is_none() {
        tracing::warn!(shard = %replica.shard, "log not cut: the replica is overloaded or has stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_state_is_written_less_often() {
        let limit = Limit { bytes: 1000 };
        assert_eq!(limit.next(0), 1000);
        assert_eq!(limit.next(1000), 1000);
        assert_eq!(limit.next(10_000), 5250);
    }
}
