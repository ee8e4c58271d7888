//! The write-ahead log that all groups of a node share.
//!
//! One worker takes whatever all groups have queued, writes it at once and syncs once ([`writer`]). Each group sees its
//! own changes immediately, and is told when they are durable. The log is a row of segment files; old ones are recycled
//! when nothing in them matters any more. Opening a log reads it once and checks every byte that counts ([`recover`]).
//!
//! Invariant: what was reported durable is there after any crash, or opening is refused.

mod batch;
mod cache;
mod group;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod spare;
mod stats;
mod usage;
mod writer;

use std::{io, ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use meridian_rt::{
    disk::Disk,
    worker::{self, Sender},
};
use parking_lot::MutexGuard;

pub use self::stats::{Latency, LogStats};
use self::{
    group::{Cell, Groups, Memory},
    recover::Recovered,
    segment::Segments,
    spare::Spares,
    stats::Counters,
    writer::{Active, Op, Parts, Writer, begin_segment},
};
use crate::OpenError;

/// An entry of a group's log; clones share the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Position in the group's log.
    pub index: u64,
    /// Term of the leader that made it.
    pub term: u64,
    /// What the data is, in the words of the log's user.
    pub kind: u8,
    /// The payload, at most 1 GiB.
    pub data: Bytes,
}

/// An entry's term and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The term.
    pub term: u64,
    /// The index.
    pub index: u64,
}

/// Called once with the outcome, when an operation is durable or the log has failed.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// The outcomes of everything that one sync covered.
pub struct Completions(Vec<(Done, io::Result<()>)>);

/// Decides where [`Completions::run`] is called.
pub type Runner = Arc<dyn Fn(Completions) + Send + Sync>;

/// How a log is kept.
#[derive(Clone)]
pub struct LogOptions {
    /// Size of a segment file, once the log has grown; at most 1 GiB.
    pub segment_bytes: u64,
    /// Payloads of written entries that stay in memory, over all groups.
    pub cache_bytes: u64,
    /// Where completions run; `None`: on the log's own thread, which suits those that only wake someone.
    pub runner: Option<Runner>,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { segment_bytes: 64 << 20, cache_bytes: 64 << 20, runner: None }
    }
}

/// A node's log; clones are the same log. It is closed when the last clone and the last [`GroupLog`] are gone.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    groups: Groups,
    segments: Segments,
    counters: Arc<Counters>,
    spares: Spares,
    queue: Sender<Op>,
}

impl Log {
    /// Opens the log in a directory, which is created if it is missing, and recovers all groups.
    ///
    /// # Errors
    /// If the disk fails, or the log does not hold what it has acknowledged; the error names the file.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path, options: LogOptions) -> Result<Log, OpenError> {
        let mut options = options;
        options.segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
        disk.create_dir_all(directory).map_err(OpenError::io(directory))?;
        let recovered = recover::recover(&*disk, directory)?;
        let Recovered { groups, segments, mut usage, spares, newest } = recovered;
        let failed = || OpenError::io(directory);
        let spares =
            Spares::start(disk.clone(), directory, spares, options.segment_bytes).map_err(failed())?;
        let begin = |generation| {
            begin_segment(&*disk, directory, &spares, &segments, generation, spares.first_bytes())
        };
        let (active, rotate) = match newest {
            None => {
                spares.create_first().map_err(failed())?;
                (begin(1).map_err(failed())?, false)
            }
            Some((segment, end)) if end.sealed => {
                (begin(segment.stamp.generation + 1).map_err(failed())?, false)
            }
            Some((segment, end)) => {
                let capacity = segment.file.len().map_err(OpenError::io(&segment.path))?;
                (Active { offset: end.offset, batch: end.batch, capacity, segment }, end.remains)
            }
        };
        usage.segments.entry(active.segment.stamp.generation).or_default().used = active.offset;
        let counters = Arc::new(Counters::default());
        let mut writer = Writer::new(Parts {
            disk: disk.clone(),
            directory: directory.to_owned(),
            options,
            groups: groups.clone(),
            segments: segments.clone(),
            counters: counters.clone(),
            spares: spares.clone(),
            active,
            usage,
        });
        // Remains of a torn batch must never come to stand behind new records.
        writer.start(rotate).map_err(failed())?;
        let queue = worker::spawn("log", writer).map_err(failed())?;
        Ok(Log(Arc::new(Shared { groups, segments, counters, spares, queue })))
    }

    /// The log of one group, recovered or new.
    pub fn group(&self, group: u32) -> GroupLog {
        GroupLog { cell: self.0.groups.get_or_create(group), shared: self.0.clone() }
    }

    /// The groups of which anything is saved, in order.
    pub fn groups(&self) -> Vec<u32> {
        let cells = self.0.groups.all();
        cells.into_iter().filter(|cell| !cell.memory.lock().is_empty()).map(|cell| cell.id).collect()
    }

    /// Forgets everything about a group.
    pub fn remove_group(&self, group: u32, done: Done) {
        let group = self.group(group);
        let mut memory = group.cell.memory.lock();
        let freed = memory.remove();
        group.queue(memory, Op::Remove { group: group.cell.id, freed, done });
    }

    /// False while the disk has no room for the segment after the current one: the time to refuse writes and to free
    /// space. Asking again lets the log try again.
    pub fn has_room(&self) -> bool {
        self.0.spares.has_room()
    }

    /// Numbers about the log.
    pub fn stats(&self) -> LogStats {
        let bytes = |cell: Arc<Cell>| {
            let memory = cell.memory.lock();
            (!memory.is_empty()).then_some((cell.id, memory.bytes))
        };
        let groups = self.0.groups.all().into_iter().filter_map(bytes).collect();
        LogStats { groups, ..self.0.counters.read() }
    }

    /// Makes everything durable that was asked for, and lets all that comes later fail.
    ///
    /// # Errors
    /// If the log has failed.
    pub async fn close(&self) -> io::Result<()> {
        let (sender, closed) = tokio::sync::oneshot::channel();
        let done: Done = Box::new(move |result| drop(sender.send(result)));
        send(&self.0.queue, Op::Close { done });
        closed.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the log's worker has ended")
}

fn send(queue: &Sender<Op>, op: Op) {
    if let Err(op) = queue.push(op)
        && let Some(done) = op.into_done()
    {
        done(Err(ended()));
    }
}

/// One group's part of the log; clones are the same.
#[derive(Clone)]
pub struct GroupLog {
    cell: Arc<Cell>,
    shared: Arc<Shared>,
}

/// What a group's log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// What was last given to [`GroupLog::save_vote`].
    pub vote: Option<Bytes>,
    /// What was last given to [`GroupLog::save_committed`], or before it if the log was opened since.
    pub committed: Option<Bytes>,
    /// The last entry that was purged.
    pub purged: Option<LogPosition>,
    /// The last entry; the purged one if none is left.
    pub last: Option<LogPosition>,
    /// Index of the first entry, if there is one.
    pub first_index: Option<u64>,
    /// Bytes of the entries that are not purged.
    pub bytes: u64,
}

impl GroupLog {
    /// The group's number.
    pub fn id(&self) -> u32 {
        self.cell.id
    }

    /// What the log holds, durable or not yet.
    pub fn state(&self) -> GroupState {
        let memory = self.cell.memory.lock();
        GroupState {
            vote: memory.vote.clone(),
            committed: memory.committed.clone(),
            purged: memory.purged,
            last: memory.last(),
            first_index: (!memory.slots.is_empty()).then_some(memory.first),
            bytes: memory.bytes,
        }
    }

    /// Bytes of the entries that are not purged.
    pub fn bytes(&self) -> u64 {
        self.cell.memory.lock().bytes
    }

    /// Appends entries. They are readable at once, and durable when `done` is called.
    ///
    /// They must continue the log: entries that they replace have to be truncated before. Otherwise `done` gets
    /// [`io::ErrorKind::InvalidInput`] and nothing is appended.
    pub fn append(&self, entries: Vec<LogEntry>, done: Done) {
        let mut memory = self.cell.memory.lock();
        if let Err(error) = check(&memory, &entries) {
            drop(memory);
            return done(Err(error));
        }
        let append = memory.append(&entries);
        self.queue(memory, Op::Append { cell: self.cell.clone(), append, entries, done });
    }

    /// Saves the vote; durable when `done` is called.
    pub fn save_vote(&self, vote: Bytes, done: Done) {
        let mut memory = self.cell.memory.lock();
        memory.vote = Some(vote.clone());
        self.queue(memory, Op::Vote { group: self.cell.id, vote, done });
    }

    /// Saves how far the log is committed, together with whatever is written next.
    pub fn save_committed(&self, committed: Bytes) {
        let mut memory = self.cell.memory.lock();
        memory.committed = Some(committed.clone());
        // If the worker has ended, the next operation says so.
        let _ = self.shared.queue.push_lazy(Op::Committed { group: self.cell.id, committed });
    }

    /// Removes the entries after `index`, or all for `None`.
    pub fn truncate_after(&self, index: Option<u64>, done: Done) {
        let mut memory = self.cell.memory.lock();
        let freed = memory.truncate_after(index);
        self.queue(memory, Op::Truncate { group: self.cell.id, after: index, freed, done });
    }

    /// Removes the entries up to `upto`, which need not exist: then the log continues behind it.
    pub fn purge(&self, upto: LogPosition, done: Done) {
        let mut memory = self.cell.memory.lock();
        let freed = memory.purge(upto);
        // An older position than the last leaves that one, on disk too.
        let upto = memory.purged.unwrap_or(upto);
        self.queue(memory, Op::Purge { group: self.cell.id, upto, freed, done });
    }

    /// Reads the entries in `range` that exist, in order: as many as `max_bytes` allow, but at least one.
    ///
    /// # Errors
    /// If the disk fails or no longer holds what was written.
    pub fn entries(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<LogEntry>> {
        read::entries(&self.cell, &self.shared.segments, &range, max_bytes)
    }

    /// Queues under the group's lock, so that the writer sees the order of memory.
    fn queue(&self, memory: MutexGuard<'_, Memory>, op: Op) {
        let refused = self.shared.queue.push(op);
        drop(memory);
        if let Err(op) = refused
            && let Some(done) = op.into_done()
        {
            done(Err(ended()));
        }
    }
}

fn check(memory: &Memory, entries: &[LogEntry]) -> io::Result<()> {
    let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    let Some(first) = entries.first() else { return Ok(()) };
    if !memory.accepts(first.index) {
        return refuse(format!("entry {} does not continue the log", first.index));
    }
    let mut bytes = 0_usize;
    for (entry, index) in entries.iter().zip(first.index..) {
        if entry.index != index {
            return refuse(format!("entry {} follows entry {}", entry.index, index - 1));
        }
        bytes = bytes.saturating_add(entry.data.len());
    }
    if bytes > record::PAYLOAD_MAX {
        return refuse(format!("{bytes} bytes are too many for one append"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
