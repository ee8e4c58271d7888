//! How far a replica has applied its log, shared between the apply path and those who watch it.

use std::sync::atomic::{AtomicU64, Ordering};

use meridian_storage::GroupLog;
use tokio::sync::Notify;

use crate::{types::LogId, wire};

/// Entries between two looks at the log's size.
const SIZE_CHECK_ENTRIES: u64 = 32;

/// Written by the apply path only.
pub(crate) struct Progress {
    log: GroupLog,
    term: AtomicU64,
    index: AtomicU64,
    /// Bytes of log at which a snapshot is due.
    snapshot_at: AtomicU64,
    /// An entry of a new term was applied.
    pub(crate) new_term: Notify,
    /// The log has outgrown `snapshot_at`.
    pub(crate) log_is_long: Notify,
}

impl Progress {
    pub(crate) fn new(log: GroupLog, snapshot_at: u64) -> Self {
        Progress {
            log,
            term: AtomicU64::new(0),
            index: AtomicU64::new(0),
            snapshot_at: AtomicU64::new(snapshot_at),
            new_term: Notify::new(),
            log_is_long: Notify::new(),
        }
    }

    pub(crate) fn applied(&self, id: &LogId) {
        let (term, index) = (wire::term_of(id), id.index());
        self.index.store(index, Ordering::Release);
        if self.term.load(Ordering::Relaxed) != term {
            self.term.store(term, Ordering::Release);
            self.new_term.notify_one();
        }
        if index.is_multiple_of(SIZE_CHECK_ENTRIES) && self.is_long() {
            self.log_is_long.notify_one();
        }
    }

    /// The term of the last entry that was applied.
    pub(crate) fn term(&self) -> u64 {
        self.term.load(Ordering::Acquire)
    }

    pub(crate) fn index(&self) -> u64 {
        self.index.load(Ordering::Acquire)
    }

    pub(crate) fn log_bytes(&self) -> u64 {
        self.log.bytes()
    }

    pub(crate) fn is_long(&self) -> bool {
        self.log.bytes() > self.snapshot_at.load(Ordering::Relaxed)
    }

    pub(crate) fn set_snapshot_at(&self, bytes: u64) {
        self.snapshot_at.store(bytes, Ordering::Relaxed);
    }
}
