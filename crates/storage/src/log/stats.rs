//! Counters of a log: written by its writer, read by whoever wants to know.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Numbers about a log since it was opened.
#[derive(Clone, Debug, Default)]
pub struct LogStats {
    /// Bytes of the entries of each group that are not purged.
    pub groups: Vec<(u32, u64)>,
    /// Segments, the one being written included.
    pub segments: u64,
    /// Bytes written to these segments.
    pub used_bytes: u64,
    /// Bytes of these that hold entries which are not purged.
    pub live_bytes: u64,
    /// Syncs, each of which ended one batch.
    pub syncs: u64,
    /// Entries appended.
    pub entries: u64,
    /// Bytes written, headers and repeated records included.
    pub written_bytes: u64,
    /// Bytes of entries that were repeated to free old segments.
    pub moved_bytes: u64,
    /// How long syncs took.
    pub sync_latency: Latency,
}

/// How often something took how long: element `n` counts what took less than 2^n microseconds, and not less than half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency(pub [u64; Latency::BUCKETS]);

impl Latency {
    /// The last bucket begins at 8 seconds.
    pub const BUCKETS: usize = 25;

    /// An upper bound of the time that `share` (0 to 1) of all took; `None` if nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        let wanted = (all as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_micros(1 << bucket))
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) segments: AtomicU64,
    pub(super) used_bytes: AtomicU64,
    pub(super) live_bytes: AtomicU64,
    pub(super) entries: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    pub(super) moved_bytes: AtomicU64,
    sync_latency: [AtomicU64; Latency::BUCKETS],
}

impl Counters {
    pub(super) fn synced(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.sync_latency[bucket.min(Latency::BUCKETS - 1)].fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> LogStats {
        let mut sync_latency = Latency::default();
        for (bucket, counter) in sync_latency.0.iter_mut().zip(&self.sync_latency) {
            *bucket = counter.load(Relaxed);
        }
        LogStats {
            groups: Vec::new(),
            segments: self.segments.load(Relaxed),
            used_bytes: self.used_bytes.load(Relaxed),
            live_bytes: self.live_bytes.load(Relaxed),
            syncs: sync_latency.0.iter().sum(),
            entries: self.entries.load(Relaxed),
            written_bytes: self.written_bytes.load(Relaxed),
            moved_bytes: self.moved_bytes.load(Relaxed),
            sync_latency,
        }
    }
}
