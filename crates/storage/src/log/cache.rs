//! Bounds the payloads that stay in memory after they were written, over all groups; the oldest go first.

use std::{collections::VecDeque, sync::Arc};

use super::{LogEntry, group::Cell, record::record_bytes};

struct Cached {
    cell: Arc<Cell>,
    first: u64,
    end: u64,
    bytes: u64,
}

/// The order in which payloads were written. Purged ones count until their turn comes.
pub(super) struct Cache {
    limit: u64,
    bytes: u64,
    oldest_first: VecDeque<Cached>,
}

impl Cache {
    pub(super) fn new(limit: u64) -> Cache {
        Cache { limit, bytes: 0, oldest_first: VecDeque::new() }
    }

    /// Adds entries that were just written, and forgets older ones if there are too many bytes.
    pub(super) fn add(&mut self, cell: &Arc<Cell>, entries: &[LogEntry]) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let bytes = entries.iter().map(|entry| record_bytes(entry.data.len())).sum();
        self.bytes += bytes;
        self.oldest_first.push_back(Cached {
            cell: cell.clone(),
            first: first.index,
            end: last.index + 1,
            bytes,
        });
        while self.bytes > self.limit
            && let Some(cached) = self.oldest_first.pop_front()
        {
            self.bytes -= cached.bytes;
            cached.cell.memory.lock().forget_payloads(cached.first..cached.end);
        }
    }
}
