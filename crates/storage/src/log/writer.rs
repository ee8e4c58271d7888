//! The one who writes: takes what all groups have queued, writes it as one batch, syncs once, and tells everyone.
//!
//! An error of a write or a sync is final: after it nothing is known about the file, so everything that waits and
//! everything that comes later gets the error, until the log is opened anew.

mod collect;
mod rotate;

use std::{
    collections::VecDeque,
    io, mem,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use meridian_rt::{clock::Instant, disk::Disk, worker::Work};

use self::collect::Moved;
pub(super) use self::rotate::begin_segment;
use super::{
    Completions, Done, LogEntry, LogOptions, LogPosition,
    batch::Batch,
    cache::Cache,
    group::{Cell, Freed, Groups},
    record::{Header, Kind, record_bytes},
    segment::{Segment, Segments},
    spare::Spares,
    stats::Counters,
    usage::Usage,
};

/// More than this is not written in one batch, unless it is a single append.
const BATCH_BYTES: u64 = 4 << 20;

/// What a group asks for.
pub(super) enum Op {
    Append { cell: Arc<Cell>, append: u64, entries: Vec<LogEntry>, done: Done },
    Vote { group: u32, vote: Bytes, done: Done },
    Committed { group: u32, committed: Bytes },
    Truncate { group: u32, after: Option<u64>, freed: Freed, done: Done },
    Purge { group: u32, upto: LogPosition, freed: Freed, done: Done },
    Remove { group: u32, freed: Freed, done: Done },
    Close { done: Done },
}

impl Op {
    /// Bytes that its records take.
    fn bytes(&self) -> u64 {
        match self {
            Op::Append { entries, .. } => entries.iter().map(|entry| record_bytes(entry.data.len())).sum(),
            Op::Vote { vote, .. } => record_bytes(vote.len()),
            Op::Committed { committed, .. } => record_bytes(committed.len()),
            Op::Truncate { .. } | Op::Purge { .. } | Op::Remove { .. } => record_bytes(0),
            Op::Close { .. } => 0,
        }
    }

    pub(super) fn into_done(self) -> Option<Done> {
        match self {
            Op::Append { done, .. }
            | Op::Vote { done, .. }
            | Op::Truncate { done, .. }
            | Op::Purge { done, .. }
            | Op::Remove { done, .. }
            | Op::Close { done } => Some(done),
            Op::Committed { .. } => None,
        }
    }
}

/// The segment being written, and where in it.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: u64,
    /// Number of the last batch.
    pub(super) batch: u32,
    /// What the file has room for without growing.
    pub(super) capacity: u64,
}

impl Active {
    fn generation(&self) -> u32 {
        self.segment.stamp.generation
    }
}

/// Why the log no longer works.
struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Failure {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.text.clone())
    }
}

pub(super) struct Writer {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    pub(super) options: LogOptions,
    pub(super) groups: Groups,
    pub(super) segments: Segments,
    pub(super) counters: Arc<Counters>,
    pub(super) spares: Spares,
    pub(super) active: Active,
    pub(super) usage: Usage,
    pub(super) cache: Cache,
    pub(super) flight: Flight,
}

/// What has been begun and not finished.
pub(super) struct Flight {
    batch: Batch,
    ops: Vec<Op>,
    /// Where the first record of each op is.
    offsets: Vec<u64>,
    moved: Vec<Moved>,
    written: bool,
    failure: Option<Failure>,
}

impl Flight {
    pub(super) fn new() -> Flight {
        Flight {
            batch: Batch::new(),
            ops: Vec::new(),
            offsets: Vec::new(),
            moved: Vec::new(),
            written: false,
            failure: None,
        }
    }
}

impl Work for Writer {
    type Item = Op;

    fn begin(&mut self, waiting: &mut VecDeque<Op>) {
        let mut bytes = 0;
        while let Some(op) = waiting.pop_front() {
            bytes += op.bytes();
            self.flight.ops.push(op);
            if waiting.front().is_some_and(|next| bytes + next.bytes() > BATCH_BYTES) {
                break;
            }
        }
        self.flight.written = false;
        if self.flight.failure.is_none() && bytes > 0 {
            match self.write(bytes) {
                Ok(()) => self.flight.written = true,
                Err(error) => self.fail("write", &error),
            }
        }
    }

    fn delay(&self) -> Duration {
        if self.flight.written { self.disk.sync_delay() } else { Duration::ZERO }
    }

    fn finish(&mut self) {
        if self.flight.written {
            let begun = Instant::now();
            match self.active.segment.file.sync() {
                Ok(()) => {
                    self.counters.synced(begun.elapsed());
                    self.account();
                    self.retire();
                    self.spares.want(self.next_capacity());
                }
                Err(error) => self.fail("sync", &error),
            }
        }
        self.complete();
    }
}

impl Writer {
    fn fail(&mut self, what: &str, error: &io::Error) {
        let text = format!("{}: {what} failed: {error}", self.active.segment.path.display());
        tracing::error!(error = %text, "the log accepts nothing more");
        self.flight.failure = Some(Failure { kind: error.kind(), text });
        self.flight.written = false;
    }

    fn write(&mut self, bytes: u64) -> io::Result<()> {
        let mut moved = self.collect()?;
        let bytes = bytes + moved.iter().map(Moved::bytes).sum::<u64>();
        if !self.fits(bytes) {
            self.rotate()?;
        }
        let flight = &mut self.flight;
        flight.batch.start(self.active.segment.stamp, self.active.batch + 1, self.active.offset);
        for moved in &mut moved {
            moved.offset = flight.batch.push(moved.header, &moved.payload);
        }
        flight.moved = moved;
        flight.offsets.clear();
        for op in &flight.ops {
            flight.offsets.push(flight.batch.end());
            encode(op, &mut flight.batch);
        }
        flight.batch.write(&*self.active.segment.file)?;
        self.counters.written_bytes.fetch_add(flight.batch.end() - self.active.offset, Relaxed);
        self.active.offset = flight.batch.end();
        self.active.batch += 1;
        Ok(())
    }

    /// Notes what the batch, now durable, has changed.
    fn account(&mut self) {
        let generation = self.active.generation();
        self.account_moved();
        for (op, &offset) in self.flight.ops.iter().zip(&self.flight.offsets) {
            match op {
                Op::Append { cell, append, entries, .. } => {
                    let live = cell.memory.lock().place(*append, entries, generation, offset);
                    self.usage.add(generation, cell.id, live);
                    self.counters.entries.fetch_add(entries.len() as u64, Relaxed);
                    self.cache.add(cell, entries);
                }
                Op::Vote { group, vote, .. } => {
                    self.usage.markers.entry(*group).or_default().vote = Some((vote.clone(), generation));
                }
                Op::Committed { group, committed } => {
                    let markers = self.usage.markers.entry(*group).or_default();
                    markers.committed = Some((committed.clone(), generation));
                }
                Op::Truncate { group, freed, .. } => self.usage.free(*group, freed),
                Op::Purge { group, upto, freed, .. } => {
                    self.usage.free(*group, freed);
                    self.usage.markers.entry(*group).or_default().purged = Some((*upto, generation));
                }
                Op::Remove { group, freed, .. } => {
                    self.usage.free(*group, freed);
                    self.usage.markers.remove(group);
                }
                Op::Close { .. } => {}
            }
        }
        self.usage.segments.entry(generation).or_default().used = self.active.offset;
    }

    /// Answers everyone whose operation was in flight, all in one go.
    fn complete(&mut self) {
        let closing = self.flight.ops.iter().any(|op| matches!(op, Op::Close { .. }));
        let failure = self.flight.failure.as_ref();
        let mut completions = Vec::with_capacity(self.flight.ops.len());
        for op in self.flight.ops.drain(..) {
            if let Some(done) = op.into_done() {
                completions.push((done, failure.map_or(Ok(()), |failure| Err(failure.error()))));
            }
        }
        if closing && failure.is_none() {
            let text = "the log is closed".to_owned();
            self.flight.failure = Some(Failure { kind: io::ErrorKind::NotConnected, text });
        }
        self.publish();
        let completions = Completions(completions);
        match &self.options.runner {
            Some(runner) => runner(completions),
            None => completions.run(),
        }
    }

    fn publish(&self) {
        self.counters.segments.store(self.usage.segments.len() as u64, Relaxed);
        self.counters.used_bytes.store(self.usage.used_bytes(), Relaxed);
        self.counters.live_bytes.store(self.usage.live_bytes(), Relaxed);
    }
}

fn encode(op: &Op, batch: &mut Batch) {
    let nothing = Bytes::new();
    match op {
        Op::Append { cell, entries, .. } => {
            for entry in entries {
                let mut header = Header::new(Kind::Entry, cell.id, entry.term, entry.index);
                header.entry_kind = entry.kind;
                batch.push(header, &entry.data);
            }
        }
        Op::Vote { group, vote, .. } => {
            batch.push(Header::new(Kind::Vote, *group, 0, 0), vote);
        }
        Op::Committed { group, committed } => {
            batch.push(Header::new(Kind::Committed, *group, 0, 0), committed);
        }
        Op::Truncate { group, after, .. } => {
            let mut header = Header::new(Kind::Truncate, *group, 0, after.unwrap_or(0));
            header.entry_kind = u8::from(after.is_none());
            batch.push(header, &nothing);
        }
        Op::Purge { group, upto, .. } => {
            batch.push(Header::new(Kind::Purge, *group, upto.term, upto.index), &nothing);
        }
        Op::Remove { group, .. } => {
            batch.push(Header::new(Kind::Remove, *group, 0, 0), &nothing);
        }
        Op::Close { .. } => {}
    }
}

/// The state of a writer that starts.
pub(super) struct Parts {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    pub(super) options: LogOptions,
    pub(super) groups: Groups,
    pub(super) segments: Segments,
    pub(super) counters: Arc<Counters>,
    pub(super) spares: Spares,
    pub(super) active: Active,
    pub(super) usage: Usage,
}

impl Writer {
    pub(super) fn new(parts: Parts) -> Writer {
        let Parts { disk, directory, options, groups, segments, counters, spares, active, usage } = parts;
        let cache = Cache::new(options.cache_bytes);
        let flight = Flight::new();
        Writer { disk, directory, options, groups, segments, counters, spares, active, usage, cache, flight }
    }

    /// Does what is due before the first batch; `rotate`: the active segment must not be continued.
    pub(super) fn start(&mut self, rotate: bool) -> io::Result<()> {
        if rotate {
            self.rotate()?;
        }
        self.retire();
        self.publish();
        self.spares.want(self.next_capacity());
        Ok(())
    }
}

/// Runs completions; kept here because only the writer makes them.
impl Completions {
    /// Tells everyone.
    pub fn run(mut self) {
        for (done, result) in mem::take(&mut self.0) {
            done(result);
        }
    }
}
