//! Where a shard's snapshots are.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use meridian_storage::{SnapshotFile, SnapshotWriter, Snapshots};

use super::frames::Chunks;
use crate::{
    types::{Snapshot, SnapshotMeta},
    wire,
};

/// The snapshots of one shard.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(super) snapshots: Snapshots,
    pub(super) group: u32,
    /// Length of the newest snapshot, if one was written or read in this run.
    length: Arc<AtomicU64>,
}

/// A snapshot in openraft's hands.
pub(crate) enum Data {
    /// Finished: survives a restart.
    Kept(SnapshotFile),
    /// Received in full, and not the replica's newest until openraft has agreed to it: it may contradict entries that
    /// must be cut off first.
    Received(SnapshotWriter),
}

impl Shelf {
    pub(crate) fn new(snapshots: Snapshots, group: u32) -> Self {
        Shelf { snapshots, group, length: Arc::default() }
    }

    /// The newest snapshot.
    pub(crate) fn latest(&self) -> io::Result<Option<Snapshot>> {
        let Some(file) = self.snapshots.latest(self.group) else {
            return Ok(None);
        };
        let meta = wire::snapshot_meta_from_wire(file.meta())?;
        self.length.store(file.bytes(), Ordering::Relaxed);
        Ok(Some(Snapshot { meta, snapshot: Data::Kept(file) }))
    }

    pub(super) fn create(&self, meta: &SnapshotMeta) -> io::Result<SnapshotWriter> {
        self.snapshots.create(self.group, wire::snapshot_meta_to_wire(meta))
    }

    /// Makes a snapshot the newest, durably.
    pub(crate) fn keep(&self, data: Data) -> io::Result<Data> {
        let file = match data {
            Data::Kept(file) => file,
            Data::Received(writer) => writer.finish()?,
        };
        self.length.store(file.bytes(), Ordering::Relaxed);
        Ok(Data::Kept(file))
    }

    /// Length of the newest snapshot in bytes; 0 if it is not known.
    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Removes all snapshots of the shard.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.snapshots.remove_group(self.group)
    }
}

impl Data {
    /// The state machine's chunks; each block is verified when it is read.
    pub(crate) fn chunks(&self) -> io::Result<impl Iterator<Item = io::Result<Bytes>> + Send + use<>> {
        match self {
            Data::Kept(file) => Ok(Chunks::new(file.reader())),
            Data::Received(_) => Err(io::Error::other("a snapshot that is not finished")),
        }
    }
}
